//! The management of the platform, which its dashboard does: environments, hooks, history, scenarios.

use serde_json::{Value, json};

use super::{
    Generation,
    deployment::{Deployment, Source},
    page,
    platform::{Moment, Platform},
    reply::{Content, Dialect, Reply, milliseconds},
    scenario,
    server::Call,
    table::SCENARIOS,
};

/// Answers a call of the management, or `None` where it has no such page.
pub(super) fn answer(platform: &mut Platform, call: &Call<'_>) -> Option<Reply> {
    let ([""] | ["sandbox", ..]) = call.segments else {
        return None;
    };
    // A page of another site, whose name was pointed at this machine, must not read or change anything here.
    let local = call.host.is_some_and(is_loopback)
        && call.origin.is_none_or(|origin| origin.strip_prefix("http://").is_some_and(is_loopback));
    if !local {
        return Some(error(403, "The management answers on loopback names only, such as 127.0.0.1."));
    }
    let now = platform.now();
    Some(match (call.method, call.segments) {
        ("GET", [""]) => Reply { content: Content::Html(page::render(platform, now)), ..Reply::empty(200) }
            .header("content-security-policy", &"default-src 'none'; style-src 'unsafe-inline'"),
        ("GET", ["sandbox"]) => Reply::json(200, overview(platform, now)),
        ("GET", ["sandbox", "scenarios"]) => Reply::json(
            200,
            SCENARIOS.iter().map(|one| json!({ "name": one.name, "about": one.about })).collect(),
        ),
        ("PUT", ["sandbox", "scenario"]) => set_scenario(platform, call),
        ("POST", ["sandbox", "environments"]) => {
            Reply::json(201, json!({ "publicId": platform.create_environment() }))
        }
        (method, ["sandbox", "environments", id, rest @ ..]) => {
            if !platform.has_environment(id) {
                return Some(error(404, "There is no such environment."));
            }
            match (method, rest) {
                ("POST", ["hook"]) => enable(platform, call, id),
                ("GET", ["hook"]) => Reply::json(200, hook(platform, id)),
                ("DELETE", ["hook"]) if platform.revoke(id) => Reply::empty(204),
                ("DELETE", ["hook"]) => error(404, "No hook is enabled for this environment."),
                ("GET", ["deployments"]) => Reply::json(200, history(platform, id, now)),
                _ => error(404, "Not found."),
            }
        }
        _ => error(404, "Not found."),
    })
}

fn error(status: u16, text: &str) -> Reply {
    Dialect::Live.error(status, text)
}

/// Whether a `Host` value, with or without a port, names this machine by itself.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A text field of the request's JSON body.
fn field(call: &Call<'_>, name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(call.body).ok()?;
    Some(body.get(name)?.as_str()?.to_owned())
}

fn set_scenario(platform: &mut Platform, call: &Call<'_>) -> Reply {
    let Some(name) = field(call, "name") else {
        return error(400, "The body must be JSON: {\"name\": \"success\"}.");
    };
    match scenario::find(&name) {
        Some(found) => {
            platform.choose(found);
            Reply::json(200, json!({ "name": found.name, "about": found.about }))
        }
        None => error(422, &super::StartError::unknown_scenario(&name).to_string()),
    }
}

fn enable(platform: &mut Platform, call: &Call<'_>, environment: &str) -> Reply {
    let generation = field(call, "generation").and_then(|name| Generation::from_name(&name));
    let Some(generation) = generation else {
        return error(
            400,
            "The body must be JSON: {\"generation\": \"draft\"} or {\"generation\": \"live\"}.",
        );
    };
    let url = platform.enable(environment, generation);
    let mut answer = hook(platform, environment);
    answer["url"] = json!(url);
    Reply::json(201, answer)
}

/// What is shown of a hook after it was enabled: never its URL.
fn hook(platform: &Platform, environment: &str) -> Value {
    match platform.hook(environment) {
        None => json!({ "enabled": false }),
        Some(hook) => json!({
            "enabled": true,
            "generation": hook.generation.name(),
            "enabledAt": milliseconds(hook.enabled),
        }),
    }
}

fn history(platform: &Platform, environment: &str, now: Moment) -> Value {
    let here = platform.triggered(now).filter(|one| one.environment == environment);
    here.map(|one| entry(platform, one, now)).collect()
}

fn entry(platform: &Platform, deployment: &Deployment, now: Moment) -> Value {
    let course = platform.course(deployment, now);
    let states = course.states.iter();
    let states: Value =
        states.map(|(state, at)| json!({ "state": state, "at": milliseconds(*at) })).collect();
    json!({
        "id": deployment.id,
        "trigger": trigger_name(deployment),
        "scenario": deployment.scenario.name,
        "state": course.state(),
        "createdAt": milliseconds(deployment.created),
        "endedAt": course.ended.map(milliseconds),
        "supersededBy": course.superseded_by,
        "states": states,
    })
}

/// `hook`, `api` or `git`.
pub(super) fn trigger_name(deployment: &Deployment) -> &'static str {
    match deployment.source {
        Source::Hook(_) => "hook",
        Source::Api => "api",
        Source::Git => "git",
    }
}

fn overview(platform: &Platform, now: Moment) -> Value {
    let environments = platform.environments.iter().map(|one| {
        json!({
            "publicId": one.id,
            "createdAt": milliseconds(one.created),
            "hook": hook(platform, &one.id),
            "deployments": history(platform, &one.id, now),
        })
    });
    json!({
        "url": platform.url,
        "speed": platform.speed,
        "scenario": platform.scenario.name,
        "environments": environments.collect::<Value>(),
    })
}
