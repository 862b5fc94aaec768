//! What the placeholders of a contract's templates stand for.

use std::time::Duration;

use serde_json::{Value, json};

use super::contract::text;
use super::deployment::{SandboxDeployment, TriggeredBy, UnixTime};
use super::reply::{Content, Reply, milliseconds, rfc3339};
use super::scenario;
use super::store::Store;
use super::template::{render, render_text};

/// How long before its deployment a commit was made.
const COMMITTED: Duration = Duration::from_mins(3);

/// Looks a placeholder up.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// An answer as its template says: `status`, `headers` and `body`.
pub(super) fn answer(template: &Value, lookup: Lookup<'_>) -> Reply {
    let status = template["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let reply = match template.get("body") {
        Some(body) => Reply::json(status, render(body, lookup)),
        None => Reply::empty(status),
    };
    with_headers(reply, &template["headers"], lookup)
}

/// The answer with more headers.
pub(super) fn with_headers(reply: Reply, headers: &Value, lookup: Lookup<'_>) -> Reply {
    let headers = headers.as_object().into_iter().flatten();
    headers.fold(reply, |reply, (name, value)| {
        reply.header(name, render_text(value.as_str().unwrap_or_default(), lookup))
    })
}

/// The error of this name; where the contract has none, one without a text.
pub(super) fn error(store: &Store, endpoints: &Value, name: &str, lookup: Lookup<'_>) -> Reply {
    let status = match name {
        "unauthorized" => 401,
        "wrong_method" => 405,
        _ => 404,
    };
    let unknown = json!({ "status": status });
    let template = store.contract.error(name).unwrap_or(&unknown);
    let lookup =
        |name: &str| if name == "message" { Some(json!(text(template, "message"))) } else { lookup(name) };
    let body = template.get("body").unwrap_or(&endpoints["error"]);
    Reply { content: Content::Json(render(body, &lookup)), ..answer(template, &lookup) }
}

/// The same without facts of its own.
pub(super) fn plain_error(store: &Store, endpoints: &Value, name: &str) -> Reply {
    error(store, endpoints, name, &|_| None)
}

/// What is known of a deployment in its state at this moment.
pub(super) fn of_deployment(
    store: &Store,
    deployment: &SandboxDeployment,
    state: &str,
    ended: Option<UnixTime>,
    name: &str,
) -> Option<Value> {
    let created = deployment.created;
    let mut parts = state.splitn(2, '/');
    Some(match name {
        "id" => json!(deployment.id),
        "environment" => json!(deployment.environment),
        "log_json" => {
            let item = json!({ "item": { "output": "{line}", "type": "stdout", "hidden": false } });
            json!(Value::Array(log(store, deployment, &item, store.now())).to_string())
        }
        "origin" => json!(store.contract.0["origins"][deployment.by.name()]),
        "state" => json!(state),
        "state.lower" => json!(state.to_lowercase()),
        "state.1" => json!(parts.next()),
        "state.2" => json!(parts.nth(1)),
        "created" => json!(rfc3339(created)),
        "created_ms" => json!(milliseconds(created)),
        "ended" => json!(ended.map(rfc3339)),
        "ended_ms" => json!(ended.map(milliseconds)),
        "commit" => json!(deployment.commit),
        "committed" => json!(rfc3339(created.saturating_sub(COMMITTED))),
        "deployment" => {
            let lookup = |name: &str| {
                let inner = name != "deployment";
                if inner { of_deployment(store, deployment, state, ended, name) } else { None }
            };
            render(&store.contract.0["deployment"], &lookup)
        }
        _ => match name.strip_prefix("query.") {
            Some(name) => json!(query_value(deployment, name)),
            None => json!(store.value(name)?),
        },
    })
}

/// What the trigger's URL had for this name.
fn query_value(deployment: &SandboxDeployment, name: &str) -> Option<String> {
    let TriggeredBy::Hook(url) = &deployment.by else { return None };
    let (_, query) = url.split_once('?')?;
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(given, _)| given == name);
    found.map(|(_, value)| value.into_owned())
}

/// The entries of the log; none before the deployment has been at its end for a moment.
pub(super) fn log(store: &Store, deployment: &SandboxDeployment, route: &Value, now: UnixTime) -> Vec<Value> {
    // The log can be read some seconds after the end.
    let log_after = store.contract.0["log_after"].as_f64().unwrap_or_default();
    let written = |ended: &UnixTime| now >= *ended + deployment.scaled(log_after);
    let Some(ended) = store.history(deployment, now).ended.filter(written) else {
        return Vec::new();
    };
    let entry = |(at, text): (UnixTime, &str)| {
        let line = line(store, deployment, text);
        let lookup = |name: &str| match name {
            "id" => Some(json!(deployment.id)),
            "time" => Some(json!(rfc3339(at))),
            "time_ms" => Some(json!(milliseconds(at))),
            "time_s" => Some(json!(at.as_secs())),
            "line" => Some(json!(line)),
            _ => None,
        };
        render(route.get("item").unwrap_or(&json!("{line}")), &lookup)
    };
    lines(deployment, ended).map(entry).collect()
}

/// The lines that a deployment has written until this moment, each with its own.
pub(super) fn lines(
    deployment: &SandboxDeployment,
    until: UnixTime,
) -> impl Iterator<Item = (UnixTime, &'static str)> {
    let lines = scenario::log(deployment.scenario);
    // The log's lines are spread over the time that this platform's deployment takes.
    let stretch = lines.last().map_or(1.0, |(last, _)| deployment.duration() / last);
    let at = move |second: f64| deployment.created + deployment.scaled(second * stretch);
    let lines = lines.into_iter().map(move |(second, line)| (at(second), line));
    lines.filter(move |(at, _)| *at <= until + Duration::from_micros(1))
}

/// A line of a log, with the hook's URL where the scenario repeats it.
pub(super) fn line(store: &Store, deployment: &SandboxDeployment, line: &str) -> String {
    let url = if let TriggeredBy::Hook(url) = &deployment.by { url } else { &store.url };
    line.replace("{hook}", url).replace("{long}", &"x".repeat(5_000))
}
