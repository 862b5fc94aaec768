//! What each route of a contract does: starts a deployment, or reads.

use serde_json::{Value, json};

use super::contract::text;
use super::deployment::{SandboxDeployment, TriggeredBy, UnixTime};
use super::reply::Reply;
use super::request::Incoming;
use super::store::Store;
use super::template::render;
use super::wire::Fault;
use super::{facts, form};

/// A route that a request fits, with what the placeholders of its path stand for.
pub(super) struct Match {
    pub(super) endpoints: &'static Value,
    pub(super) route: &'static Value,
    pub(super) captures: Vec<(&'static str, String)>,
}

impl Match {
    fn get(&self, name: &str) -> Option<&str> {
        self.captures.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// The environment that a request is about, where its path or its hook names one; else the name of an error.
pub(super) fn environment(store: &Store, matched: &Match) -> Result<Option<String>, &'static str> {
    let named = matched.get("environment");
    if let Some(secret) = matched.get("secret") {
        let hook = store.hook_of(secret, matched.route["hook"].as_str(), named).ok_or("unknown_hook")?;
        return if hook.revoked.is_none() { Ok(Some(hook.environment.clone())) } else { Err("revoked_hook") };
    }
    let refused = |error, otherwise| if store.contract.error(error).is_some() { error } else { otherwise };
    for (name, value) in &matched.captures {
        let kind = if *name == "id" { "deployment" } else { name };
        let is_well_formed = store.contract.forms(kind).any(|form| form::matches(form, value));
        match *name {
            "id" if !is_well_formed => return Err(refused("malformed_deployment", "unknown_deployment")),
            "environment" if !is_well_formed => {
                return Err(refused("malformed_environment", "unknown_environment"));
            }
            "environment" if !store.has_environment(value) => return Err("unknown_environment"),
            "environment" | "id" => {}
            other if store.value(other) != Some(value) => return Err("not_found"),
            _ => {}
        }
    }
    Ok(named.map(str::to_owned))
}

/// Does what the route is for.
pub(super) fn perform(
    store: &mut Store,
    matched: &Match,
    environment: Option<&str>,
    request: &Incoming<'_>,
) -> Reply {
    let (route, now) = (matched.route, store.now());
    let reply = match text(route, "does") {
        "trigger" => return trigger(store, matched, environment.unwrap_or_default(), request),
        "answer" => {
            let lookup = |name: &str| match name {
                "environment" => environment.map(Value::from),
                name => store.value(name).map(Value::from),
            };
            return facts::answer(answer_of(store, route), &lookup);
        }
        "list" => list(store, route, environment, now),
        _ => {
            // Without an id it is the newest one. So is the log's, where it is not kept by deployment.
            let id = matched.get("id");
            let is_named = |one: &&SandboxDeployment| match id {
                Some(id) => one.id == id,
                None => Some(one.environment.as_str()) == environment,
            };
            let named = store.deployments(now).into_iter().find(is_named);
            one(store, matched, named, now)
        }
    };
    read(store, matched, reply)
}

/// The answer of a route in the present scenario.
fn answer_of(store: &Store, route: &'static Value) -> &'static Value {
    route["instead"].get(text(store.scenario, "name")).unwrap_or(&route["answer"])
}

/// Every deployment, or every one of this environment.
fn list(store: &Store, route: &'static Value, environment: Option<&str>, now: UnixTime) -> Reply {
    let whole = json!("{deployment}");
    let item = route.get("item").unwrap_or(&whole);
    let here = |one: &&SandboxDeployment| environment.is_none_or(|id| id == one.environment);
    let all = store.deployments(now).into_iter().filter(here);
    let described = all.filter(|one| one.can_be_read(now)).map(|one| {
        let history = store.history(one, now);
        render(item, &|name| facts::of_deployment(store, one, history.state(), history.ended, name))
    });
    let described: Value = described.collect();
    facts::answer(answer_of(store, route), &|name| match name {
        "deployments" => Some(described.clone()),
        "environment" => environment.map(Value::from),
        name => store.value(name).map(Value::from),
    })
}

/// One deployment, or its log.
fn one(store: &Store, matched: &Match, found: Option<&SandboxDeployment>, now: UnixTime) -> Reply {
    let (endpoints, route) = (matched.endpoints, matched.route);
    let Some(one) = found.filter(|one| one.can_be_read(now)) else {
        let missing = if text(route, "does") == "newest" { "no_deployment" } else { "unknown_deployment" };
        return facts::plain_error(store, endpoints, missing);
    };
    let history = store.history(one, now);
    let log = if text(route, "does") == "log" { facts::log(store, one, route, now) } else { Vec::new() };
    facts::answer(answer_of(store, route), &|name| match name {
        "log" => Some(json!(log)),
        "log_text" => Some(log.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n").into()),
        name => facts::of_deployment(store, one, history.state(), history.ended, name),
    })
}

/// Triggers a deployment, as far as the scenario lets it.
fn trigger(store: &mut Store, matched: &Match, environment: &str, request: &Incoming<'_>) -> Reply {
    let (endpoints, route) = (matched.endpoints, matched.route);
    let fault = text(store.scenario, "on_trigger");
    store.triggers = store.triggers.saturating_add(1);
    if store.limits_trigger() {
        return refused(store, endpoints, "rate_limited", 2.0);
    }
    match fault {
        "nothing-started" => return Reply::fault(Fault::Close),
        "reset" => return Reply::fault(Fault::Reset),
        "redirect" if !request.redirected => {
            return Reply::empty(307).header("location", format!("/redirected{}", request.target()));
        }
        error if store.contract.error(error).is_some() => return refused(store, endpoints, error, 60.0),
        _ => {}
    }
    let contract = store.contract;
    let form = route["hook"].as_str().and_then(|name| contract.hook(name));
    let id_form = form.map_or_else(|| contract.form("deployment"), |form| contract.deployment_id(form));
    let is_hook = std::ptr::eq(endpoints, contract.of_hook());
    let url = format!("{}{}", store.url, request.target());
    let by = if is_hook { TriggeredBy::Hook(url) } else { TriggeredBy::Api };
    let number = store.deploy(environment, by, id_form);
    let deployment = store.at(number);
    let state = deployment.stages.first().map_or("", |(state, _)| state);
    let reply = facts::answer(answer_of(store, route), &|name| {
        facts::of_deployment(store, deployment, state, None, name)
    });
    match fault {
        "answer-lost" => Reply::fault(Fault::Close),
        "delayed" => Reply { delay: store.scaled(20.0), ..reply },
        how => reply.damaged(how, &route["absurd"]),
    }
}

/// Counts a read and does to its answer what the scenario wants.
fn read(store: &mut Store, matched: &Match, reply: Reply) -> Reply {
    let endpoints = matched.endpoints;
    store.reads = store.reads.saturating_add(1);
    match text(store.scenario, "on_read") {
        "limit-third" if store.reads.is_multiple_of(3) => refused(store, endpoints, "rate_limited", 1.0),
        "burst" if (3..=6).contains(&store.reads) => facts::plain_error(store, endpoints, "unavailable"),
        "dead" => facts::plain_error(store, endpoints, "unavailable"),
        how => reply.damaged(how, &matched.route["absurd"]),
    }
}

/// The error of this name, which asks for a pause. Whole seconds are all that `Retry-After` can say, so that a quick
/// sandbox says 0.
fn refused(store: &Store, endpoints: &Value, error: &str, seconds: f64) -> Reply {
    let wait = store.scaled(seconds).as_secs();
    facts::error(store, endpoints, error, &|name| (name == "retry_after").then(|| json!(wait)))
}
