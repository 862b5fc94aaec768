//! What the dashboard shows and does beyond the management: the whole state, with the hooks' URLs, and a trigger by button.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde_json::{Value, json};

use super::contract::text;
use super::deployment::{SandboxDeployment, UnixTime};
use super::reply::{Content, Reply, milliseconds};
use super::request::Incoming;
use super::store::{SandboxHook, Store};
use super::wire::Fault;
use super::{endpoints, facts, options};

/// How many deployments of an environment are shown, the newest.
const SHOWN: usize = 20;

/// How many characters of an answer are shown.
const ANSWER: usize = 600;

/// Everything that the page shows, but for the scenarios' descriptions and the logs, which it asks for.
pub(super) fn state(store: &Store, now: UnixTime) -> Value {
    let all = store.deployments(now);
    let environments = store.environments.iter().map(|one| {
        let here = || all.iter().filter(|deployment| deployment.environment == one.id);
        let shown = here().take(SHOWN).map(|deployment| entry(store, deployment, now));
        json!({
            "id": one.id,
            "site": one.site,
            "hook": store.hook(&one.id).map(|hook| described(store, hook)),
            "deployments": shown.collect::<Value>(),
            "older": here().count().saturating_sub(SHOWN),
        })
    });
    let forms = store.contract.hooks().iter().map(|form| form["name"].clone());
    json!({
        "url": store.url,
        "platform": store.contract.platform(),
        "platforms": options::platforms(),
        "speed": store.speed,
        "scenario": store.scenario["name"],
        "hooks": forms.collect::<Value>(),
        "environments": environments.collect::<Value>(),
    })
}

/// A hook that is enabled, with the commands that trigger it.
fn described(store: &Store, hook: &SandboxHook) -> Value {
    let credential = store.credential(store.contract.of_hook());
    let header = credential.map(|(name, value)| format!(" -H '{name}: {value}'")).unwrap_or_default();
    let (token, api) = if store.contract.of_api().is_some() {
        (format!(" DEPLOY_HOOK_API_TOKEN='{}'", store.token), format!(" --api-url {}", store.url))
    } else {
        (String::new(), String::new())
    };
    let ids =
        ["account", "project"].iter().filter_map(|name| Some(format!(" --{name} {}", store.value(name)?)));
    let (url, platform, ids) = (&hook.url, store.contract.platform(), ids.collect::<String>());
    let command =
        format!("DEPLOY_HOOK_URL='{url}'{token} deploy-hook deploy --platform {platform}{api}{ids}");
    json!({
        "form": text(hook.form, "name"),
        "enabledAt": milliseconds(hook.enabled),
        "url": hook.url,
        "curl": format!("curl -X POST{header} '{}'", hook.url),
        "command": command,
    })
}

/// A deployment as the history shows it.
pub(super) fn outline(store: &Store, deployment: &SandboxDeployment, now: UnixTime) -> Value {
    let history = store.history(deployment, now);
    let states = history.states.iter();
    let states: Value =
        states.map(|(state, at)| json!({ "state": state, "at": milliseconds(*at) })).collect();
    json!({
        "id": deployment.id,
        "trigger": deployment.by.name(),
        "scenario": deployment.scenario["name"],
        "state": history.state(),
        "createdAt": milliseconds(deployment.created),
        "endedAt": history.ended.map(milliseconds),
        "supersededBy": history.superseded_by,
        "states": states,
    })
}

/// The same with what each state means, how long it takes, and how long its log is.
fn entry(store: &Store, deployment: &SandboxDeployment, now: UnixTime) -> Value {
    let history = store.history(deployment, now);
    let ends = deployment.stages.last().is_some_and(|(state, _)| store.contract.is_final(state));
    let mut entry = outline(store, deployment, now);
    entry["meaning"] = store.contract.meaning(history.state()).into();
    for (shown, (state, _)) in entry["states"].as_array_mut().into_iter().flatten().zip(&history.states) {
        shown["meaning"] = store.contract.meaning(state).into();
    }
    entry["takes"] = json!(ends.then(|| milliseconds(deployment.scaled(deployment.duration()))));
    entry["lines"] = facts::lines(deployment, history.ended.unwrap_or(now)).count().into();
    entry
}

/// The lines that the deployment of this id has written so far.
pub(super) fn log(store: &Store, id: &str, now: UnixTime) -> Option<Value> {
    let deployment = store.deployments(now).into_iter().find(|one| one.id == id)?;
    let until = store.history(deployment, now).ended.unwrap_or(now);
    Some(facts::lines(deployment, until).map(|(_, line)| facts::line(store, deployment, line)).collect())
}

/// Sends the environment's hook what a client would, and tells what a client would get. `None` if no hook is enabled. The answer
/// is made here rather than sent to the browser, which would follow a redirect and repeat a `POST` after a reset.
pub(super) fn trigger(store: &mut Store, environment: &str) -> Option<Reply> {
    let uri: Uri = store.hook(environment)?.url.strip_prefix(&store.url)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static("deploy-hook-dashboard"));
    if let Some((name, value)) = store.credential(store.contract.of_hook()) {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    let reply = endpoints::answer(store, &Incoming::new("POST", &uri, &headers, &[]));
    let body = match &reply.content {
        Content::Json(body) if !body.is_null() => body.to_string(),
        Content::Text(_, text) => text.clone(),
        _ => String::new(),
    };
    let (end, kept) = match reply.fault {
        Some(Fault::Close) => (Some("closed"), 0),
        Some(Fault::Reset) => (Some("reset"), 0),
        Some(Fault::CutBody(kept) | Fault::Cut(kept)) => (Some("cut"), kept.min(ANSWER)),
        None => (None, ANSWER),
    };
    let shown: String = body.chars().take(kept).collect();
    let answer = json!({
        "status": reply.visible_status(),
        "connection": end,
        "body": shown,
        "isWhole": shown.len() == body.len(),
    });
    Some(Reply { delay: reply.delay, ..Reply::json(200, answer) })
}
