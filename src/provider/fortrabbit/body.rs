//! What fortrabbit's answers say: deployments in every documented shape, state words, errors and logs.
//!
//! Sources: the platform's deploy hook document (draft of 2026-02-18: `{"deployment":{"id","state","createdAt"}}`,
//! later `{"data":{"publicId"}}` and `{"error"}`) and its own API client (`status`, `member`, `detail`, …).

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::deploy::state::{DeploymentId, Phase, Snapshot, Verdict};
use crate::secret::Redactor;

/// Which generation of hook spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// `{"deployment":{"id"}}`: the hook itself can be read.
    Draft,
    /// `{"data":{"publicId"}}`: the deployment is read through the public API.
    Live,
}

/// A deployment as an answer describes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Described {
    pub(super) snapshot: Snapshot,
    pub(super) generation: Generation,
    /// The id of its environment, where it names one.
    pub(super) environment: Option<String>,
}

/// Every deployment an answer describes, the newest first where it gives their times.
pub(super) fn deployments(body: &Value, redactor: &Redactor) -> Vec<Described> {
    let wrapped =
        ["deployment", "data", "deployments", "member", "hydra:member"].iter().find_map(|key| body.get(key));
    let inner = wrapped.filter(|value| value.is_object() || value.is_array()).unwrap_or(body);
    let mut found: Vec<Described> = match inner {
        Value::Array(list) => list.iter().filter_map(|value| described(value, redactor)).collect(),
        value => described(value, redactor).into_iter().collect(),
    };
    found.sort_by_key(|deployment| std::cmp::Reverse(deployment.snapshot.created_at));
    found
}

fn described(value: &Value, redactor: &Redactor) -> Option<Described> {
    let object = value.as_object()?;
    let public = object.get("publicId").and_then(id);
    let generation = if public.is_some() { Generation::Live } else { Generation::Draft };
    let id = public.or_else(|| object.get("id").and_then(id))?;
    let word = ["state", "status"].iter().find_map(|key| object.get(*key)?.as_str()).unwrap_or_default();
    let word = redactor.clean(word, 64);
    let environment = object
        .get("environment")
        .and_then(|value| value.as_str().or_else(|| value.get("publicId")?.as_str()));
    let snapshot = Snapshot {
        id,
        phase: phase(&word),
        word,
        created_at: object.get("createdAt").and_then(time),
        page: None,
    };
    Some(Described { snapshot, generation, environment: environment.map(str::to_owned) })
}

fn id(value: &Value) -> Option<DeploymentId> {
    match value {
        Value::String(text) => DeploymentId::new(text),
        Value::Number(number) => DeploymentId::new(&number.as_u64()?.to_string()),
        _ => None,
    }
}

/// Milliseconds since the epoch as documented; RFC 3339 is understood too. Anything absurd is as if it were not there.
fn time(value: &Value) -> Option<SystemTime> {
    const YEAR_9999: u64 = 253_402_300_799_000;
    match value {
        Value::Number(number) => {
            let millis = number.as_u64().filter(|millis| *millis <= YEAR_9999)?;
            Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        }
        Value::String(text) => humantime::parse_rfc3339_weak(text).ok(),
        _ => None,
    }
}

/// What a state word means. The set is open: the documents name `PENDING` alone.
pub(super) fn phase(word: &str) -> Phase {
    let word = word.to_ascii_lowercase().replace(['-', ' '], "_");
    match word.as_str() {
        "" | "pending" | "queued" | "queue" | "created" | "allocating" | "allocation" | "allocated"
        | "waiting" | "scheduled" | "accepted" | "new" => Phase::Waiting,
        "running" | "building" | "build" | "built" | "deploying" | "deploy" | "in_progress" | "started"
        | "starting" | "syncing" | "code_sync" | "post_deploy" | "post_deploying" | "processing"
        | "preparing" => Phase::Running,
        "success" | "succeeded" | "successful" | "finished" | "completed" | "complete" | "deployed"
        | "live" | "ready" | "done" => Phase::Ended(Verdict::Succeeded),
        "failed" | "failure" | "error" | "errored" | "crashed" | "build_failed" | "deploy_failed" => {
            Phase::Ended(Verdict::Failed)
        }
        "canceled" | "cancelled" | "aborted" | "skipped" => Phase::Ended(Verdict::Canceled),
        "superseded" => Phase::Ended(Verdict::Superseded),
        _ => Phase::Unknown,
    }
}

/// The platform's own words in an error's body: the first text in the fields its clients look at.
pub(super) fn said(body: &[u8], redactor: &Redactor) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return String::new(); // a gateway's HTML page says nothing worth showing
    };
    error_text(&body).map(|text| redactor.clean(text, 300)).unwrap_or_default()
}

/// Whether an answer holds nothing but an error.
pub(super) fn is_error(body: &Value) -> bool {
    body.as_object().is_some_and(|object| error_field(object).is_some_and(|value| !value.is_null()))
}

fn error_field(object: &Map<String, Value>) -> Option<&Value> {
    ["error", "detail", "description", "hydra:description", "message", "errors", "violations"]
        .iter()
        .find_map(|key| object.get(*key))
}

fn error_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(list) => list.iter().find_map(error_text),
        Value::Object(object) => {
            let named = error_field(object).and_then(error_text);
            named.or_else(|| object.values().find_map(|value| value.as_array().and(error_text(value))))
        }
        _ => None,
    }
}

/// The lines of `{"logs":[{"time","log"}]}`: the last `most` of them, each cleaned and prefixed with its time of day.
pub(super) fn log(body: &[u8], redactor: &Redactor, most: usize) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = body.get("logs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut lines = Vec::new();
    for entry in entries {
        let time =
            entry.get("time").and_then(Value::as_str).and_then(|time| time.get(11..19)).unwrap_or_default();
        let time = redactor.clean(time, 8);
        let text = entry.as_str().or_else(|| entry.get("log")?.as_str()).unwrap_or_default();
        for line in text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
            lines.push(format!("{time} {}", redactor.clean(line, 500)).trim().to_owned());
        }
    }
    lines.split_off(lines.len().saturating_sub(most))
}
