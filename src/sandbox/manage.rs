//! The routes that control the sandbox (`/sandbox/…`), as a platform's dashboard does: environments, hooks, history, scenarios.

use std::sync::Arc;

use serde_json::{Value, json};

use super::contract::text;
use super::deployment::UnixTime;
use super::options::{SPEEDS, StartError, find_platform, find_scenario};
use super::reply::{Content, Reply, milliseconds};
use super::request::Incoming;
use super::scenario::Scenario;
use super::store::Store;
use super::{dashboard, guard, page};

/// What is said where a hook is needed.
const NO_HOOK: &str = "No hook is enabled for this environment.";

/// Answers a request of the management, or `None` where it has no such page.
pub(super) fn answer(store: &mut Store, request: &Incoming<'_>) -> Option<Reply> {
    let segments = request.segments();
    let ([""] | ["sandbox", ..]) = segments.as_slice() else {
        return None;
    };
    if let Some(why) = guard::refusal(request, &store.page_token) {
        return Some(error(403, why));
    }
    let now = store.now();
    Some(match (request.method, segments.as_slice()) {
        ("GET", [""]) => page::answer(&store.page_token),
        ("GET", ["sandbox", "page", "events"]) => events(store),
        ("GET", ["sandbox", "page", "log", id]) => match dashboard::log(store, id, now) {
            Some(lines) => Reply::json(200, lines),
            None => error(404, "There is no such deployment."),
        },
        ("GET", ["sandbox"]) => Reply::json(200, overview(store, now)),
        ("GET", ["sandbox", "scenarios"]) => {
            Reply::json(200, store.contract.scenarios().into_iter().map(described).collect())
        }
        ("PUT", ["sandbox", "scenario"]) => set_named(request, "success", |name| {
            let found = find_scenario(store.contract, name)?;
            store.choose(found);
            Ok(described(found))
        }),
        ("PUT", ["sandbox", "speed"]) => set_speed(store, request),
        ("PUT", ["sandbox", "platform"]) => set_named(request, store.contract.platform(), |name| {
            let contract = find_platform(Some(name))?;
            store.imitate(contract);
            Ok(json!({ "name": contract.platform() }))
        }),
        ("POST", ["sandbox", "environments"]) => {
            let id = store.create_environment();
            Reply::json(201, json!({ "publicId": id, "site": store.site(&id) }))
        }
        (method, ["sandbox", "environments", id, rest @ ..]) => {
            if !store.has_environment(id) {
                return Some(error(404, "There is no such environment."));
            }
            match (method, rest) {
                ("POST", ["hook"]) => enable(store, request, id),
                ("GET", ["hook"]) => Reply::json(200, hook(store, id)),
                ("DELETE", ["hook"]) if store.revoke(id) => Reply::empty(204),
                ("DELETE", ["hook"]) => error(404, NO_HOOK),
                ("POST", ["trigger"]) => dashboard::trigger(store, id).unwrap_or_else(|| error(404, NO_HOOK)),
                ("GET", ["deployments"]) => Reply::json(200, history(store, id, now)),
                _ => error(404, "Not found."),
            }
        }
        _ => error(404, "Not found."),
    })
}

fn error(status: u16, text: &str) -> Reply {
    Reply::json(status, json!({ "error": text }))
}

/// A text field of the request's JSON body.
fn field(request: &Incoming<'_>, name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(request.body).ok()?;
    Some(body.get(name)?.as_str()?.to_owned())
}

fn described(scenario: Scenario) -> Value {
    json!({ "name": scenario["name"], "about": scenario["about"] })
}

/// Changes the sandbox to what the body names, such as `example`.
fn set_named(
    request: &Incoming<'_>,
    example: &str,
    set: impl FnOnce(&str) -> Result<Value, StartError>,
) -> Reply {
    match field(request, "name").map(|name| set(&name)) {
        None => error(400, &format!("The body must be JSON: {{\"name\": \"{example}\"}}.")),
        Some(Ok(changed)) => Reply::json(200, changed),
        Some(Err(problem)) => error(422, &problem.to_string()),
    }
}

fn set_speed(store: &mut Store, request: &Incoming<'_>) -> Reply {
    let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
    match body["speed"].as_f64() {
        None => error(400, "The body must be JSON: {\"speed\": 20}."),
        Some(speed) if !SPEEDS.contains(&speed) => error(422, &StartError::Speed(speed).to_string()),
        Some(speed) => {
            store.speed = speed;
            Reply::json(200, json!({ "speed": speed }))
        }
    }
}

/// A client of the dashboard's events, unless there are too many.
fn events(store: &Store) -> Reply {
    match Arc::clone(&store.listeners).try_acquire_owned() {
        Ok(permit) => Reply { content: Content::Events(permit), ..Reply::empty(200) },
        Err(_) => error(503, "Too many pages are open.").header("retry-after", "2"),
    }
}

fn enable(store: &mut Store, request: &Incoming<'_>, environment: &str) -> Reply {
    let forms = store.contract.hooks();
    let form = match (field(request, "generation"), forms) {
        (Some(name), _) => store.contract.hook(&name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(form) = form else {
        let body = |form: &Value| format!("{{\"generation\": \"{}\"}}", text(form, "name"));
        let bodies: Vec<String> = forms.iter().map(body).collect();
        return error(400, &format!("The body must be JSON: {}.", bodies.join(" or ")));
    };
    let url = store.enable(environment, form);
    let mut answer = hook(store, environment);
    answer["url"] = json!(url);
    Reply::json(201, answer)
}

/// What is shown of a hook after it was enabled: never its URL.
fn hook(store: &Store, environment: &str) -> Value {
    match store.hook(environment) {
        None => json!({ "enabled": false }),
        Some(hook) => json!({
            "enabled": true,
            "generation": text(hook.form, "name"),
            "enabledAt": milliseconds(hook.enabled),
        }),
    }
}

fn history(store: &Store, environment: &str, now: UnixTime) -> Value {
    let here = store.triggered(now).filter(|one| one.environment == environment);
    here.map(|one| dashboard::outline(store, one, now)).collect()
}

fn overview(store: &Store, now: UnixTime) -> Value {
    let environments = store.environments.iter().map(|one| {
        json!({
            "publicId": one.id,
            "createdAt": milliseconds(one.created),
            "site": one.site,
            "hook": hook(store, &one.id),
            "deployments": history(store, &one.id, now),
        })
    });
    json!({
        "url": store.url,
        "platform": store.contract.platform(),
        "speed": store.speed,
        "scenario": store.scenario["name"],
        "environments": environments.collect::<Value>(),
    })
}
