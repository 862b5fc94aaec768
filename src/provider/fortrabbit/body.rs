//! What fortrabbit's answers say: deployments in every documented shape, state words, errors and logs.
//!
//! Sources: the platform's deploy hook document (draft of 2026-02-18: `{"deployment":{"id","state","createdAt"}}`,
//! later `{"data":{"publicId"}}` and `{"error"}`) and its own API client (`status`, `member`, `detail`, …).

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::deploy::state::{DeploymentId, Phase, Snapshot, Verdict};
use crate::provider::time;
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
        created_at: ["createdAt", "created_at", "created"]
            .iter()
            .find_map(|key| time::read(object.get(*key)?)),
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
        let time = entry.get("time").and_then(time::read).map(time_of_day).unwrap_or_default();
        let text = entry.as_str().or_else(|| entry.get("log")?.as_str()).unwrap_or_default();
        for line in text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
            lines.push(format!("{time} {}", redactor.clean(line, 500)).trim().to_owned());
        }
    }
    lines.split_off(lines.len().saturating_sub(most))
}

/// `17:18:10`, in UTC.
fn time_of_day(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().get(11..19).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secret::HookUrl;

    fn one(body: &Value) -> Option<Described> {
        deployments(body, &Redactor::default()).into_iter().next()
    }

    #[test]
    fn every_documented_shape_names_its_deployment_and_its_generation() {
        let draft = json!({ "id": "dp_abc123", "state": "PENDING", "createdAt": 1_676_567_890_000_u64 });
        for body in [
            json!({ "deployment": draft }),
            json!({ "data": draft }),
            draft.clone(),
            json!([draft]),
            json!({ "data": [draft] }),
        ] {
            let found = one(&body).unwrap();
            assert_eq!(found.snapshot.id.as_str(), "dp_abc123");
            assert_eq!((found.snapshot.word.as_str(), found.snapshot.phase), ("PENDING", Phase::Waiting));
            assert_eq!(
                humantime::format_rfc3339(found.snapshot.created_at.unwrap()).to_string(),
                "2023-02-16T17:18:10Z"
            );
            assert_eq!(found.generation, Generation::Draft);
        }
        let live = one(&json!({ "data": { "publicId": "dp-abc123" } })).unwrap();
        assert_eq!((live.generation, live.snapshot.word.as_str()), (Generation::Live, ""));
        let api = json!({ "hydra:member": [{ "publicId": "dp-abc123", "status": "pending", "environment": "en-wjl0ai" }] });
        let api = one(&api).unwrap();
        assert_eq!((api.environment.as_deref(), api.snapshot.phase), (Some("en-wjl0ai"), Phase::Waiting));
        assert_eq!(
            one(&json!({ "publicId": "dp-a", "environment": { "publicId": "en-b" } }))
                .unwrap()
                .environment
                .unwrap(),
            "en-b"
        );
    }

    #[test]
    fn the_newest_of_a_list_comes_first() {
        let list = json!([{ "id": "dp_old", "createdAt": 1_676_567_890_000_u64 }, { "id": "dp_new", "created_at": "2023-02-16T18:18:11+01:00" }]);
        assert_eq!(one(&list).unwrap().snapshot.id.as_str(), "dp_new");
    }

    #[test]
    fn absurd_answers_name_no_deployment_and_absurd_fields_are_as_if_not_there() {
        for body in [
            json!(null),
            json!("dp_abc123"),
            json!([]),
            json!({}),
            json!({ "deployment": null }),
            json!({ "deployment": { "id": [] } }),
            json!({ "deployment": { "id": "../../users" } }),
            json!({ "deployment": { "id": "" } }),
            json!({ "data": { "publicId": { "a": 1 } } }),
            json!({ "deployment": { "id": -1 } }),
        ] {
            assert_eq!(one(&body), None, "{body}");
        }
        for time in [json!(1e300), json!(-5), json!("soon"), json!([1]), json!(u64::MAX)] {
            let found = one(&json!({ "id": 7, "state": 5, "createdAt": time })).unwrap();
            assert_eq!((found.snapshot.id.as_str(), found.snapshot.word.as_str()), ("7", ""));
            assert_eq!(found.snapshot.created_at, None, "{time}");
        }
    }

    #[test]
    fn state_words_are_known_in_every_case_and_spelling_and_unknown_ones_are_never_success() {
        let of =
            |words: &str| words.split(' ').map(|word| (word.to_owned(), phase(word))).collect::<Vec<_>>();
        for (word, phase) in of("pending QUEUED Created allocating") {
            assert_eq!(phase, Phase::Waiting, "{word}");
        }
        for (word, phase) in of("running Building DEPLOYING in_progress in-progress IN_PROGRESS post_deploy")
        {
            assert_eq!(phase, Phase::Running, "{word}");
        }
        for (word, phase) in of("success SUCCEEDED successful finished completed deployed live Ready") {
            assert_eq!(phase, Phase::Ended(Verdict::Succeeded), "{word}");
        }
        for (word, phase) in of("failed failure ERROR errored crashed") {
            assert_eq!(phase, Phase::Ended(Verdict::Failed), "{word}");
        }
        for (word, phase) in of("canceled CANCELLED aborted skipped") {
            assert_eq!(phase, Phase::Ended(Verdict::Canceled), "{word}");
        }
        assert_eq!(phase("SUPERSEDED"), Phase::Ended(Verdict::Superseded));
        for (word, phase) in of("QUANTUM_FLUX unsuccessful not_ready successish live! deactivated") {
            assert_eq!(phase, Phase::Unknown, "{word}");
        }
    }

    #[test]
    fn an_error_is_told_in_the_platforms_words_without_the_secret() {
        let hook = HookUrl::parse("https://api.fortrabbit.com/v1/deploy-hook/LONGSTRING").unwrap();
        let redactor = Redactor::new(Some(&hook), []);
        let said = |body: &Value| said(body.to_string().as_bytes(), &redactor);
        assert_eq!(said(&json!({ "error": "Environment not found." })), "Environment not found.");
        assert_eq!(said(&json!({ "error": { "message": "No hook LONGSTRING here" } })), "No hook *** here");
        assert_eq!(said(&json!({ "hydra:description": "a\u{1b}[31mb" })), "ab");
        assert_eq!(said(&json!({ "errors": { "branch": ["is gone"] } })), "is gone");
        assert_eq!(said(&json!({ "violations": [{ "message": "too short" }] })), "too short");
        assert_eq!(super::said(b"<html>502 Bad Gateway</html>", &redactor), "");
        assert!(
            is_error(&json!({ "error": "x" }))
                && !is_error(&json!({ "error": null }))
                && !is_error(&json!([]))
        );
    }

    #[test]
    fn a_log_keeps_its_end_one_clean_line_each() {
        let entry = |n: u32| json!({ "time": "2026-01-01T10:20:30Z", "log": format!("line {n}\r\n\u{1b}[1mmore\u{1b}[0m") });
        let body = json!({ "logs": (0..5).map(entry).collect::<Vec<_>>() }).to_string();
        let lines = log(body.as_bytes(), &Redactor::default(), 3);
        assert_eq!(lines, ["10:20:30 more", "10:20:30 line 4", "10:20:30 more"]);
        assert!(
            log(b"[1, 2]", &Redactor::default(), 3).is_empty()
                && log(b"no", &Redactor::default(), 3).is_empty()
        );
    }
}
