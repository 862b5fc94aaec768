//! fortrabbit: both generations of its deploy hook, and its public API.
//!
//! The draft hook is read by `GET` on its own URL; the deployment of a live hook is read through the API, with a
//! token. Which generation a hook is, the body of its answer says, not its URL. A `GET` is only ever sent to a path
//! that the documents show being read, or to a hook that has just answered in the draft's form: on other platforms
//! a `GET` triggers.
//!
//! Sources: the platform's deploy hook document (draft of 2026-02-18: `{"deployment":{"id","state","createdAt"}}`,
//! later `{"data":{"publicId"}}` and `{"error"}`) and its own API client (`status`, `member`, `detail`, …).

use serde_json::Value;
use url::Url;

use super::body::{LOG_LINE, first_field, first_text, id, lines as lines_of, text};
use super::facts::Facts;
use super::path::segments;
use super::platform::{Acceptance, Deployment, Platform, PlatformAccess, ReadTarget, Request, StateSource};
use crate::core::state::{DeploymentId, Phase, Snapshot, Verdict};
use crate::http::time;
use crate::secrets::{DocumentedHook, Redactor, UrlFault};

/// The platform's host, for hooks and API alike.
const HOST: &str = "api.fortrabbit.com";

/// The fields that hold an error's text, as the platform's own clients read them.
const ERRORS: [&str; 7] =
    ["error", "detail", "description", "hydra:description", "message", "errors", "violations"];

pub(super) struct Fortrabbit;

impl Platform for Fortrabbit {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "fortrabbit",
            known_by: "api.fortrabbit.com",
            followed: "by id",
            hook_variables: &["FORTRABBIT_DEPLOY_HOOK_URL"],
            token_variables: &["FRBIT_TOKEN", "FORTRABBIT_API_TOKEN"],
            host: Some(HOST),
            log: Some("v1/deployments/{id}/logs"),
            id: &["/publicId", "/id"],
            created: &["/createdAt", "/created_at", "/created"],
            ended: &[],
            environment: &["/environment", "/environment/publicId"],
            // The set of states is open: the documents name `PENDING` alone.
            waiting: "pending queued queue created allocating allocation allocated waiting scheduled accepted new",
            running: "running building build built deploying deploy in_progress started starting syncing \
                      code_sync post_deploy post_deploying processing preparing",
            succeeded: "success succeeded successful finished completed complete deployed live ready done",
            failed: "failed failure error errored crashed build_failed deploy_failed",
            canceled: "canceled cancelled aborted skipped",
            superseded: "superseded",
            // Per token, and shared with whatever else uses it.
            requests_per_minute: Some(20),
            // A success can be reported before the post-deploy commands ran.
            success_may_be_early: true,
            dashboards: &["dash.fortrabbit.com"],
            hook_place: "Deployment, Deploy hook of the environment",
            token_prefixes: &["frbit-at-"],
            ..Facts::NONE
        }
    }

    fn owns(&self, url: &Url, any_host: bool) -> bool {
        url.host_str() == Some(HOST) || (any_host && (is_readable_path(url) || is_live_path(url)))
    }

    /// The last segment is the secret. The documents show a doubled slash before it, which is read as one.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let segments = segments(url);
        let is_cut = url.host_str() == Some(HOST) && is_beginning(&segments);
        if is_cut || is_documented(&[segments.as_slice(), &["secret"]].concat()) {
            return Err(UrlFault::NoSecret);
        }
        let (Some((secret, public)), true) = (segments.split_last(), is_documented(&segments)) else {
            return Ok(None);
        };
        let public = public.iter().flat_map(|segment| [segment, "/"]).collect();
        let mut hook = DocumentedHook::new(url, public, secret);
        let path = segments.join("/");
        if url.path().strip_prefix('/') != Some(&path) {
            hook.url.set_path(&path);
        }
        Ok(Some(hook))
    }

    /// Exactly one deployment must be named.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let unclear = |reason| Acceptance::unreadable(status, None, reason);
        let Ok(answer) = serde_json::from_slice(body) else {
            return unclear("the answer is not JSON");
        };
        let mut found = self.deployments(&answer, redactor).unwrap_or_default();
        match (found.pop(), found.is_empty()) {
            (Some(deployment), true) => Acceptance::Named(deployment),
            (Some(_), false) => unclear("the answer names more than one deployment"),
            (None, _) => {
                let message = self.error(body, redactor).filter(|message| !message.is_empty());
                Acceptance::unreadable(status, message, "the answer names no deployment")
            }
        }
    }

    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        first_field(&answer, &ERRORS)?;
        let text = first_text(&answer, &ERRORS).unwrap_or_default();
        Some(redactor.clean(text, 300))
    }

    fn source(&self, access: &PlatformAccess, of: ReadTarget<'_>) -> Option<StateSource> {
        let api = access.token.as_ref().map(|_| StateSource::Api);
        let hook =
            access.hook.as_ref().filter(|hook| is_readable_path(hook.expose())).map(|_| StateSource::Hook);
        match of {
            ReadTarget::Any => hook.or(api),
            ReadTarget::Id(id) if id.as_str().starts_with("dp_") => hook.or(api),
            ReadTarget::Id(_) => api.or(hook),
            // A hook that has just answered with the draft's whole body can be read whatever its path.
            ReadTarget::Accepted(Deployment { source: StateSource::Hook, snapshot, .. }) => {
                let is_draft = access.hook.is_some() && !snapshot.word.is_empty();
                hook.or(is_draft.then_some(StateSource::Hook))
            }
            ReadTarget::Accepted(_) => api,
        }
    }

    fn list(&self, access: &PlatformAccess, source: StateSource) -> Option<Request> {
        match source {
            StateSource::Hook => access.hook.as_ref().map(Request::of_hook),
            StateSource::Api => Request::of_api(access, "v1/deployments", None),
        }
    }

    /// A draft hook shows its newest deployment alone.
    fn poll(&self, access: &PlatformAccess, source: StateSource, id: &DeploymentId) -> Option<Request> {
        match source {
            StateSource::Hook => self.list(access, source),
            StateSource::Api => Request::of_api(access, "v1/deployments/{id}", Some(id)),
        }
    }

    /// An empty answer does not say that there is none: it may come from anything.
    fn deployments(&self, body: &Value, redactor: &Redactor) -> Option<Vec<Deployment>> {
        let named = body.get("deployment").filter(|value| value.is_object() || value.is_array());
        let wrapped = ["data", "deployments", "member", "hydra:member"].iter().find_map(|key| body.get(key));
        let wrapped = wrapped.filter(|value| value.is_object() || value.is_array());
        let read = |value| deployment(value, named.is_some(), redactor);
        let mut found: Vec<Deployment> = match named.or(wrapped).unwrap_or(body) {
            Value::Array(list) => list.iter().filter_map(read).collect(),
            value => read(value).into_iter().collect(),
        };
        found.sort_by_key(Deployment::newest_first);
        Some(found).filter(|found| !found.is_empty())
    }

    /// The hook shows its own environment alone, the API's list every one of the token's.
    fn in_scope(&self, access: &PlatformAccess, source: StateSource, deployment: &Deployment) -> bool {
        let ours = access.hook.as_ref().and_then(|hook| environment(hook.expose()));
        source == StateSource::Hook || (ours.is_some() && deployment.environment.as_deref() == ours)
    }

    /// `{"logs":[{"time","log"}]}`, each line with its time of day.
    fn log_lines(&self, body: &[u8], redactor: &Redactor, most: usize) -> Vec<String> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let entries = body.get("logs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut lines = Vec::new();
        for entry in entries {
            let time = entry.get("time").and_then(time::read).map(time::of_day).unwrap_or_default();
            let text = entry.as_str().or_else(|| entry.get("log")?.as_str()).unwrap_or_default();
            for line in lines_of(text) {
                lines.push(format!("{time} {}", redactor.clean_line(line, LOG_LINE)));
            }
        }
        lines.split_off(lines.len().saturating_sub(most))
    }

    /// The dashboard's page, where the hook is the real platform's.
    fn dashboard_url(&self, access: &PlatformAccess, _: Option<&Value>, _: &Snapshot) -> Option<String> {
        let hook = access.hook.as_ref().filter(|hook| hook.host() == HOST)?;
        let id = environment(hook.expose())?;
        Some(format!("https://dash.fortrabbit.com/environments/{id}/deployment"))
    }
}

/// Whether a path is one of those that the documents show, in which the last segment is the secret.
fn is_documented(segments: &[&str]) -> bool {
    let id = match segments {
        ["v1", "deploy-hook", _] => return true,
        ["v1", "deploy", id, "deploy-hook", _]
        | ["v1", "webhooks", "environments", id, "deploy", _]
        | ["webhooks", "environments", id, "deploy", _] => id,
        _ => return false,
    };
    // As `en-wjl0ai`. Anything else in its place might be a secret of another platform.
    let of_id =
        |part: &str| (1..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    id.split_once('-').is_some_and(|(kind, rest)| kind.len() == 2 && of_id(kind) && of_id(rest))
}

/// Whether a path is one of those that the documents show, ending before the secret.
fn is_beginning(segments: &[&str]) -> bool {
    matches!(
        segments.strip_prefix(&["v1"]).unwrap_or(segments),
        ["deploy-hook" | "deploy" | "webhooks"]
            | ["deploy", _]
            | ["deploy", _, "deploy-hook"]
            | ["webhooks", "environments"]
            | ["webhooks", "environments", _]
            | ["webhooks", "environments", _, "deploy"]
    )
}

/// Whether the documents show this path being read with `GET`.
fn is_readable_path(url: &Url) -> bool {
    matches!(
        segments(url).as_slice(),
        ["v1", "deploy-hook", _]
            | ["v1", "deploy", _, "deploy-hook", _]
            | ["v1", "webhooks", "environments", _, "deploy", _]
    )
}

/// Whether this is the path of a live hook, which is only ever triggered.
fn is_live_path(url: &Url) -> bool {
    matches!(segments(url).as_slice(), ["webhooks", "environments", _, "deploy", _])
}

/// The id of the hook's environment, where its URL holds one.
fn environment(url: &Url) -> Option<&str> {
    let segments = segments(url);
    let mut pairs = segments.array_windows();
    let [_, named] = pairs.find(|[before, _]| matches!(*before, "environments" | "deploy"))?;
    named.chars().all(|c| c.is_ascii_alphanumeric() || c == '-').then_some(*named)
}

/// Reads one deployment. `named`: it is the value of `deployment`. Elsewhere an object with an `id` may be anything, such
/// as a notice of maintenance, so it must have the fields of a deployment.
fn deployment(value: &Value, named: bool, redactor: &Redactor) -> Option<Deployment> {
    const NOTICE: [&str; 5] = ["error", "errors", "message", "detail", "violations"];
    let mut found = Deployment::read(Fortrabbit.facts(), value, redactor)?;
    let snapshot = &mut found.snapshot;
    snapshot.word = state_word(value, redactor);
    snapshot.phase = Fortrabbit.facts().phase(&snapshot.word);
    let is_of_api = value.get("publicId").and_then(id).is_some();
    if !is_of_api {
        found.source = StateSource::Hook;
    }
    let form = ["dp_", "dp-", "de-"].iter().any(|prefix| snapshot.id.as_str().starts_with(prefix));
    let state = value.get("state").is_some() && !snapshot.word.is_empty() && snapshot.phase != Phase::Unknown;
    let is_deployment =
        first_field(value, &NOTICE).is_none() && (form || state || snapshot.created_at.is_some());
    Some(found).filter(|_| named || is_of_api || is_deployment)
}

/// The state's word: both `state` and `status` are seen. Where they differ, a known word counts before an unknown one,
/// and among the known ones success counts last, so that it is never read too early.
fn state_word(value: &Value, redactor: &Redactor) -> String {
    let words = ["state", "status"].iter().filter_map(|key| text(value, key, redactor, 64));
    let certainty = |word: &String| match Fortrabbit.facts().phase(word) {
        Phase::Waiting | Phase::Running => 0,
        Phase::Ended(verdict) if verdict != Verdict::Succeeded => 1,
        Phase::Ended(_) => 2,
        Phase::Unknown => 3,
    };
    words.min_by_key(certainty).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platforms;
    use crate::secrets::{HookUrl, Token};

    fn hook(url: &str) -> Result<HookUrl, UrlFault> {
        platforms::documented(&Fortrabbit, HookUrl::parse(url)?)
    }

    fn one(body: &Value) -> Option<Deployment> {
        Fortrabbit.deployments(body, &Redactor::default())?.into_iter().next()
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
            assert_eq!(found.source, StateSource::Hook);
        }
        let live = one(&json!({ "data": { "publicId": "dp-abc123" } })).unwrap();
        assert_eq!((live.source, live.snapshot.word.as_str()), (StateSource::Api, ""));
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
            let found = one(&json!({ "deployment": { "id": 7, "state": 5, "createdAt": time } })).unwrap();
            assert_eq!((found.snapshot.id.as_str(), found.snapshot.word.as_str()), ("7", ""));
            assert!(found.unreadable_time, "{time}");
            assert_eq!(found.snapshot.created_at, None, "{time}");
        }
    }

    #[test]
    fn an_error_is_reported_in_the_platforms_words_without_the_secret() {
        let hook = hook("https://api.fortrabbit.com/v1/deploy-hook/LONGSTRING").unwrap();
        let redactor = Redactor::new(Some(&hook), []);
        let message =
            |body: &Value| Fortrabbit.error(body.to_string().as_bytes(), &redactor).unwrap_or_default();
        assert_eq!(message(&json!({ "error": "Environment not found." })), "Environment not found.");
        assert_eq!(
            message(&json!({ "error": { "message": "No hook LONGSTRING here" } })),
            "No hook *** here"
        );
        assert_eq!(message(&json!({ "hydra:description": "a\u{1b}[31mb" })), "ab");
        assert_eq!(message(&json!({ "errors": { "branch": ["is gone"] } })), "is gone");
        assert_eq!(message(&json!({ "violations": [{ "message": "too short" }] })), "too short");
        for foreign in
            ["<html>502 Bad Gateway</html>", "", "[]", "null", r#"{"ray":"8c"}"#, r#"{"error":null}"#]
        {
            assert_eq!(Fortrabbit.error(foreign.as_bytes(), &redactor), None, "{foreign}");
        }
    }

    #[test]
    fn a_log_keeps_its_end_one_clean_line_each() {
        let entry = |n: u32| json!({ "time": "2026-01-01T10:20:30Z", "log": format!("line {n}\r\n\u{1b}[1mmore\u{1b}[0m") });
        let body = json!({ "logs": (0..5).map(entry).collect::<Vec<_>>() }).to_string();
        let log = |body: &str| Fortrabbit.log_lines(body.as_bytes(), &Redactor::default(), 3);
        let lines = log(&body);
        assert_eq!(lines, ["10:20:30 more", "10:20:30 line 4", "10:20:30 more"]);
        assert!(log("[1, 2]").is_empty() && log("no").is_empty());
    }

    fn access(hook: &str, token: bool) -> PlatformAccess {
        let token = if token { Token::parse("frbit-at-00ff00ff") } else { None };
        let api = Fortrabbit.api(None);
        PlatformAccess { hook: self::hook(hook).ok(), token, api, ..PlatformAccess::new(&Fortrabbit) }
    }

    const LIVE: &str = "https://api.fortrabbit.com/webhooks/environments/en-a/deploy/LONGSTRING";

    #[test]
    fn a_documented_hook_is_shown_up_to_its_secret_and_sent_with_single_slashes() {
        const URL: &str =
            "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/Zx9-kk_LONGSTRING%2Fq";
        for pasted in [URL.to_owned(), format!("{URL}/"), URL.replace("/en-wjl0ai/", "//en-wjl0ai//")] {
            let hook = hook(&pasted).unwrap();
            assert_eq!(hook.expose().as_str(), URL, "{pasted}");
            assert_eq!(hook.label(), "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/***");
        }
        for (url, label) in [
            (
                "https://api.fortrabbit.com/v1/deploy-hook//LONGSTRING?key=abc",
                "https://api.fortrabbit.com/v1/deploy-hook/***",
            ),
            (
                "http://127.0.0.1:80/v1/deploy/en-a/deploy-hook/LONG",
                "http://127.0.0.1/v1/deploy/en-a/deploy-hook/***",
            ),
            (
                "https://api.staging.example/v1/deploy-hook//LONG",
                "https://api.staging.example/v1/deploy-hook/***",
            ),
            ("https://api.fortrabbit.com/v9/Zx9kkLONG/deploy", "https://api.fortrabbit.com/***"),
            (
                "https://api.fortrabbit.com/v1/deploy/Zx9kkLONG/deploy-hook/on",
                "https://api.fortrabbit.com/***",
            ),
        ] {
            assert_eq!(hook(url).unwrap().label(), label, "{url}");
        }
        let redactor = Redactor::new(
            Some(&hook("https://api.fortrabbit.com/v1/deploy-hook/LONG?key=Zx9k").unwrap()),
            [],
        );
        assert_eq!(redactor.redact("LONG Zx9k deploy-hook v1"), "*** *** deploy-hook v1");
    }

    #[test]
    fn a_hook_that_ends_before_its_secret_is_cut_off() {
        for path in [
            "v1/deploy-hook/",
            "v1/deploy/en-wjl0ai",
            "v1/deploy/en-wjl0ai/deploy-hook/",
            "webhooks/environments/",
            "webhooks/environments/en-wjl0ai",
            "webhooks/environments/production-abc123/",
            "webhooks/environments/production-abc123/deploy",
            "v1/webhooks/environments/en-wjl0ai",
        ] {
            let url = format!("https://api.fortrabbit.com/{path}").parse().unwrap();
            assert_eq!(Fortrabbit.hook(&url), Err(UrlFault::NoSecret), "{path}");
        }
    }

    #[test]
    fn the_hooks_that_are_known_to_be_readable_are_read_and_no_other() {
        for path in ["v1/deploy-hook", "v1/deploy/en-a/deploy-hook", "v1/webhooks/environments/en-a/deploy"] {
            let access = access(&format!("https://api.fortrabbit.com/{path}/LONGSTRING"), true);
            assert_eq!(Fortrabbit.source(&access, ReadTarget::Any), Some(StateSource::Hook), "{path}");
        }
        assert_eq!(Fortrabbit.source(&access(LIVE, true), ReadTarget::Any), Some(StateSource::Api));
        assert_eq!(Fortrabbit.source(&access(LIVE, false), ReadTarget::Any), None);
    }

    #[test]
    fn a_hook_that_has_just_answered_with_the_drafts_whole_body_is_readable_whatever_its_path() {
        let live = access(LIVE, false);
        let id_alone = one(&json!({ "id": "dp_abc123" })).unwrap();
        assert_eq!(Fortrabbit.source(&live, ReadTarget::Accepted(&id_alone)), None);
        let draft = one(&json!({ "id": "dp_abc123", "state": "PENDING" })).unwrap();
        assert_eq!(Fortrabbit.source(&live, ReadTarget::Accepted(&draft)), Some(StateSource::Hook));
        let named = one(&json!({ "publicId": "dp-abc123" })).unwrap();
        assert_eq!(Fortrabbit.source(&live, ReadTarget::Accepted(&named)), None);
        assert_eq!(
            Fortrabbit.source(&access(LIVE, true), ReadTarget::Accepted(&named)),
            Some(StateSource::Api)
        );
    }

    #[test]
    fn state_and_status_are_both_read_and_success_counts_last() {
        let word = |body: Value| one(&json!({ "deployment": body })).unwrap().snapshot.word;
        assert_eq!(word(json!({ "id": 1, "state": null, "status": "pending" })), "pending");
        assert_eq!(word(json!({ "id": 1, "state": "", "status": "failed" })), "failed");
        assert_eq!(word(json!({ "id": 1, "state": "BUILDING", "status": "success" })), "BUILDING");
        assert_eq!(word(json!({ "id": 1, "state": "SUCCEEDED", "status": "failed" })), "failed");
        assert_eq!(word(json!({ "id": 1, "state": "ENABLED", "status": "deployed" })), "deployed");
        assert_eq!(word(json!({ "id": 1 })), "");
    }

    #[test]
    fn an_object_with_an_id_is_a_deployment_only_where_it_looks_like_one() {
        for notice in [
            json!({ "id": "req_1", "message": "maintenance" }),
            json!({ "error": "maintenance", "id": "abc123" }),
            json!({ "status": "maintenance", "id": "abc123" }),
            json!({ "status": "success", "id": "req_2", "message": "maintenance" }),
            json!({ "state": "maintenance", "id": "abc123" }),
            json!({ "data": { "id": 17, "text": "maintenance" } }),
            json!({ "data": { "id": "maintenance-1", "type": "banner" } }),
            json!({ "id": 42, "name": "login" }),
            json!([{ "id": 42, "name": "login" }]),
            json!({ "member": [{ "id": "dp_abc123", "error": "gone" }] }),
        ] {
            assert_eq!(one(&notice), None, "{notice}");
        }
        for deployment in [
            json!({ "deployment": { "id": "abc123" } }),
            json!({ "data": { "publicId": "x-1", "message": "a commit's" } }),
            json!({ "id": "dp_abc123" }),
            json!({ "id": "dp_abc123", "state": "POLISHING" }),
            json!({ "id": "abc123", "state": "PENDING" }),
            json!({ "id": "abc123", "createdAt": 1_676_567_890_000_u64 }),
            json!([{ "id": "de-abc123", "status": "pending" }]),
        ] {
            assert!(one(&deployment).is_some(), "{deployment}");
        }
    }
}
