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
            building: "building build",
            post_deploy: "post_deploy post_deploying",
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
mod tests;
