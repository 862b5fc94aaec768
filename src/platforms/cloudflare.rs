//! Cloudflare: deploy hooks of Workers Builds and of Pages, followed through one API.
//!
//! Sources: developers.cloudflare.com/workers/ci-cd/builds/deploy-hooks and its API reference (2026-04-01),
//! developers.cloudflare.com/pages/configuration/deploy-hooks (2026-04-21), the package cloudflare 7.3.0 (Pages). That
//! the hook of Pages answers the deployment's id is what a third party's action reads (2026-02-21).

use serde_json::Value;
use url::Url;

use super::body::{cleaned, id, normal, reports_error, text, texts_at};
use super::facts::{Facts, Need};
use super::path::segments;
use super::platform::{Acceptance, Deployment, Platform, PlatformAccess, one_or_list};
use crate::core::state::{Phase, Snapshot, Verdict};
use crate::core::trigger::{RefusalReason, ResponseError, Unclear};
use crate::secrets::Redactor;

/// The host of the pages for people.
const DASHBOARD: &str = "dash.cloudflare.com";

/// What both have in common.
const CLOUDFLARE: Facts = Facts {
    followed: "by id",
    host: Some("api.cloudflare.com"),
    token_variables: &["CLOUDFLARE_API_TOKEN"],
    account_variables: &["CLOUDFLARE_ACCOUNT_ID"],
    needs: &[Need::Token, Need::Account],
    dashboards: &[DASHBOARD],
    token_prefixes: &["cfut_", "cfat_", "cfk_"],
    ..Facts::NONE
};

pub(super) struct Workers;

pub(super) struct Pages;

impl Platform for Workers {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "cloudflare-workers",
            known_by: "api.cloudflare.com/client/v4/workers/builds/deploy_hooks/…",
            hook_variables: &["CLOUDFLARE_DEPLOY_HOOK_URL"],
            hook_path: &["client", "v4", "workers", "builds", "deploy_hooks"],
            poll: Some("client/v4/accounts/{account}/builds/builds/{id}"),
            log: Some("client/v4/accounts/{account}/builds/builds/{id}/logs"),
            hook_place: "Workers & Pages, the Worker, Settings, Builds, Deploy Hooks",
            ..CLOUDFLARE
        }
    }

    /// The pages of Pages have that word in their path.
    fn is_page(&self, url: &Url) -> bool {
        url.host_str() == Some(DASHBOARD) && !segments(url).contains(&"pages")
    }

    /// `{"success","errors","result":{"build_uuid","already_exists"}}`: of two triggers before the build begins, the
    /// second one gets the build of the first.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(refused) = refused(status, &answer, redactor) {
            return refused;
        }
        let Some(mut build) = build(&answer["result"], redactor) else {
            return Acceptance::unreadable(status, None, "the answer names no build");
        };
        if answer["result"]["already_exists"] == true {
            // Documented of a build that has not begun.
            if !matches!(build.snapshot.phase, Phase::Waiting) {
                let message = format!("it names {}, which is {}", build.snapshot.id, build.snapshot.word);
                return Acceptance::unreadable(status, None, &message);
            }
            "an earlier trigger's build that has not begun yet".clone_into(&mut build.snapshot.message);
        }
        Acceptance::Named(build)
    }

    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String> {
        error(body, redactor)
    }

    fn refusal(&self, _: u16, body: &[u8]) -> Option<RefusalReason> {
        reason(&serde_json::from_slice(body).unwrap_or_default())
    }

    fn advice(&self, _: u16, message: &str) -> Option<&'static str> {
        let advice = "The hook was deleted, or the URL is incomplete. Copy it again: the Worker's Settings, Builds, Deploy Hooks.";
        message.eq_ignore_ascii_case("not found").then_some(advice)
    }

    fn deployments(&self, body: &Value, redactor: &Redactor) -> Option<Vec<Deployment>> {
        Some(vec![build(&body["result"], redactor)?])
    }

    /// `{"result":{"lines":[[epoch, text]]}}`
    fn log_texts<'a>(&self, log: &'a Value) -> Vec<&'a str> {
        texts_at(&log["result"]["lines"], 1)
    }
}

impl Platform for Pages {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "cloudflare-pages",
            known_by: "api.cloudflare.com/client/v4/pages/webhooks/deploy_hooks/…",
            hook_variables: &["CLOUDFLARE_PAGES_DEPLOY_HOOK_URL", "CLOUDFLARE_PAGES_DEPLOY_HOOK"],
            hook_path: &["client", "v4", "pages", "webhooks", "deploy_hooks"],
            needs: &[Need::Token, Need::Account, Need::Project],
            list: Some("client/v4/accounts/{account}/pages/projects/{project}/deployments"),
            poll: Some("client/v4/accounts/{account}/pages/projects/{project}/deployments/{id}"),
            log: Some("client/v4/accounts/{account}/pages/projects/{project}/deployments/{id}/history/logs"),
            hook_origin: Some("deploy_hook"),
            names_site: true,
            hook_place: "Workers & Pages, the project, Settings, Builds, Deploy hooks",
            ..CLOUDFLARE
        }
    }

    /// The answer is not documented: any success is an acceptance, with the deployment's id if it holds one.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(refused) = refused(status, &answer, redactor) {
            return refused;
        }
        deployment(&answer["result"], redactor).map_or(Acceptance::Unnamed { at: None }, Acceptance::Named)
    }

    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String> {
        error(body, redactor)
    }

    fn refusal(&self, _: u16, body: &[u8]) -> Option<RefusalReason> {
        reason(&serde_json::from_slice(body).unwrap_or_default())
    }

    fn is_account(&self, id: &str) -> bool {
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    fn deployments(&self, body: &Value, redactor: &Redactor) -> Option<Vec<Deployment>> {
        one_or_list(&body["result"], &|value| deployment(value, redactor))
    }

    /// `{"result":{"data":[{"ts","line"}]}}`
    fn log_texts<'a>(&self, log: &'a Value) -> Vec<&'a str> {
        texts_at(&log["result"]["data"], "line")
    }

    fn dashboard_url(
        &self,
        access: &PlatformAccess,
        _: Option<&Value>,
        snapshot: &Snapshot,
    ) -> Option<String> {
        let (account, project) = (access.account.as_deref()?, access.project.as_deref()?);
        Some(format!("https://dash.cloudflare.com/{account}/pages/view/{project}/{}", snapshot.id))
    }
}

/// `{"success":false,"errors":[{"code","message"}]}`
fn error(body: &[u8], redactor: &Redactor) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(cleaned(answer["errors"].get(0)?, "message", redactor, 300)).filter(|_| answer["success"] == false)
}

/// The kind of the first error. The documents decide by its code, not by the HTTP status.
fn reason(answer: &Value) -> Option<RefusalReason> {
    Some(match answer["errors"][0]["code"].as_u64()? {
        12000 => RefusalReason::NotFound,
        12051 => RefusalReason::RateLimited,
        12005 | 10000 | 9109 => RefusalReason::Forbidden,
        _ => return None,
    })
}

/// The platform's own refusal inside a success status. It is unclear what one without an error means.
fn refused(status: u16, answer: &Value, redactor: &Redactor) -> Option<Acceptance> {
    let first = answer["errors"].get(0);
    let message = first.map(|first| cleaned(first, "message", redactor, 300)).unwrap_or_default();
    if first.is_some() && answer["success"] == false {
        return Some(Acceptance::Refused(reason(answer).unwrap_or(RefusalReason::Other), message));
    }
    let unclear = Acceptance::Unclear(Unclear { why: ResponseError::BodyReportsError(status), message });
    reports_error(answer).then_some(unclear)
}

/// A build of Workers Builds. Its state is the status, and once it has stopped, the outcome behind it.
fn build(value: &Value, redactor: &Redactor) -> Option<Deployment> {
    let status = cleaned(value, "status", redactor, 64);
    let outcome = cleaned(value, "build_outcome", redactor, 64);
    let is_stopped = normal(&status) == "stopped" && !outcome.is_empty();
    let word = if is_stopped { format!("{status}/{outcome}") } else { status };
    let phase = match normal(&word).as_str() {
        "" | "queued" | "initializing" => Phase::Waiting,
        "running" | "stopped" => Phase::Running,
        "stopped/success" => Phase::Ended(Verdict::Succeeded),
        "stopped/fail" | "stopped/terminated" => Phase::Ended(Verdict::Failed),
        "stopped/cancelled" | "stopped/canceled" | "stopped/skipped" => Phase::Ended(Verdict::Canceled),
        _ => Phase::Unknown,
    };
    let id = id(&value["build_uuid"])?;
    let mut build = Deployment::of_api(id, word, phase, &value["created_on"], &value["stopped_on"]);
    build.snapshot.site = text(value, "preview_url", redactor, 500);
    Some(build)
}

/// A deployment of Pages. Its state is a stage and its status: the one that failed or was canceled, else the latest. Each
/// earlier stage also ends with `success`.
fn deployment(value: &Value, redactor: &Redactor) -> Option<Deployment> {
    let stages = value["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_end = |stage: &&Value| {
        let status = normal(stage["status"].as_str().unwrap_or_default());
        matches!(status.as_str(), "failure" | "canceled" | "cancelled")
    };
    let stage = stages.iter().find(is_end).unwrap_or(&value["latest_stage"]);
    let (name, status) = (cleaned(stage, "name", redactor, 64), cleaned(stage, "status", redactor, 64));
    let skipped = cleaned(value, "skip_reason", redactor, 64);
    let word = if name.is_empty() && status.is_empty() { String::new() } else { format!("{name}/{status}") };
    let phase = match (normal(&name).as_str(), normal(&status).as_str()) {
        _ if normal(&skipped) == "superseded_queued_build" => Phase::Ended(Verdict::Superseded),
        _ if value["is_skipped"] == true => Phase::Ended(Verdict::Canceled),
        (_, "failure") => Phase::Ended(Verdict::Failed),
        (_, "canceled" | "cancelled" | "skipped") => Phase::Ended(Verdict::Canceled),
        ("deploy", "success") => Phase::Ended(Verdict::Succeeded),
        ("", "") | ("queued", "idle" | "active") => Phase::Waiting,
        ("queued" | "initialize" | "clone_repo" | "build" | "deploy", "idle" | "active" | "success") => {
            Phase::Running
        }
        _ => Phase::Unknown,
    };
    let alias = value["aliases"][0].as_str().filter(|_| value["environment"] == "production");
    let site = alias.or_else(|| value["url"].as_str()).map(|site| redactor.clean(site, 500));
    let ended = if matches!(phase, Phase::Ended(_)) { &stage["ended_on"] } else { &Value::Null };
    let id = id(&value["id"])?;
    let mut deployment = Deployment::of_api(id, word, phase, &value["created_on"], ended);
    deployment.snapshot.message = skipped;
    deployment.snapshot.site = site;
    deployment.origin = value["deployment_trigger"]["type"].as_str().map(|kind| redactor.clean(kind, 64));
    Some(deployment)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(value: &Value) -> (String, Phase) {
        let found = Pages.deployments(&json!({ "result": value }), &Redactor::default()).unwrap();
        (found[0].snapshot.word.clone(), found[0].snapshot.phase)
    }

    #[test]
    fn a_stage_that_ended_badly_counts_wherever_it_is() {
        let stages = |first: &str| json!([{ "name": "queued", "status": first }, { "name": "build", "status": "idle" }]);
        let latest = json!({ "name": "queued", "status": "active" });
        let of = |first: &str| page(&json!({ "id": "1", "latest_stage": latest, "stages": stages(first) }));
        assert_eq!(of("active"), ("queued/active".to_owned(), Phase::Waiting));
        assert_eq!(of("canceled"), ("queued/canceled".to_owned(), Phase::Ended(Verdict::Canceled)));
        assert_eq!(of("failure"), ("queued/failure".to_owned(), Phase::Ended(Verdict::Failed)));
    }

    #[test]
    fn a_skipped_deployment_is_canceled_or_superseded() {
        let latest = json!({ "name": "deploy", "status": "success" });
        for (reason, verdict) in [
            (json!("path_config"), Verdict::Canceled),
            (json!(null), Verdict::Canceled),
            (json!("superseded_queued_build"), Verdict::Superseded),
            (json!("SUPERSEDED-queued_build"), Verdict::Superseded),
        ] {
            let value =
                json!({ "id": "1", "latest_stage": latest, "is_skipped": true, "skip_reason": reason });
            assert_eq!(page(&value).1, Phase::Ended(verdict), "{reason}");
        }
    }

    #[test]
    fn the_code_of_the_error_decides_and_not_the_status() {
        for (code, wanted) in [
            (12000, RefusalReason::NotFound),
            (12051, RefusalReason::RateLimited),
            (12005, RefusalReason::Forbidden),
            (1, RefusalReason::Other),
        ] {
            let body =
                json!({ "success": false, "errors": [{ "code": code, "message": "No" }], "result": null });
            for platform in [&Workers as &dyn Platform, &Pages] {
                let found = platform.acceptance(200, body.to_string().as_bytes(), &Redactor::default());
                assert_eq!(found, Acceptance::Refused(wanted, "No".to_owned()), "{}", platform.name());
            }
        }
    }

    #[test]
    fn an_answer_that_says_no_without_an_error_is_no_acceptance() {
        for body in [
            json!({ "success": false, "errors": [], "result": { "build_uuid": "1", "id": "1" } }),
            json!({ "success": false, "errors": null, "result": { "build_uuid": "1", "id": "1" } }),
            json!({ "success": false, "result": { "build_uuid": "1", "id": "1" } }),
        ] {
            for platform in [&Workers as &dyn Platform, &Pages] {
                let found = platform.acceptance(200, body.to_string().as_bytes(), &Redactor::default());
                assert!(matches!(found, Acceptance::Unclear(_)), "{}: {body}", platform.name());
            }
        }
    }

    #[test]
    fn an_outcome_counts_only_once_the_build_has_stopped() {
        for (status, outcome, word, phase) in [
            ("running", json!("success"), "running", Phase::Running),
            ("queued", json!("fail"), "queued", Phase::Waiting),
            ("STOPPED", json!("Success"), "STOPPED/Success", Phase::Ended(Verdict::Succeeded)),
            ("stopped", json!(null), "stopped", Phase::Running),
        ] {
            let value = json!({ "build_uuid": "1", "status": status, "build_outcome": outcome });
            let found = build(&value, &Redactor::default()).unwrap().snapshot;
            assert_eq!((found.word.as_str(), found.phase), (word, phase), "{value}");
        }
    }
}
