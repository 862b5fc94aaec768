//! Cloudflare: deploy hooks of Workers Builds and of Pages, followed through one API.
//!
//! Sources: developers.cloudflare.com/workers/ci-cd/builds/deploy-hooks and its API reference (2026-04-01),
//! developers.cloudflare.com/pages/configuration/deploy-hooks (2026-04-21), the package cloudflare 7.3.0 (Pages). That
//! the hook of Pages answers the deployment's id is what a third party's action reads (2026-02-21).

use serde_json::Value;
use url::Url;

use super::body::{cleaned, normal, reports_error, text};
use super::facts::{Facts, Need};
use super::path::segments;
use super::platform::{Acceptance, Deployment, Platform, PlatformAccess};
use crate::core::state::{Phase, Snapshot, Verdict};
use crate::core::trigger::{RefusalReason, ResponseError, Unclear};
use crate::http::time;
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
    deployments: &["/result"],
    deployment: &["/result"],
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
            id: &["/build_uuid"],
            created: &["/created_on"],
            ended: &["/stopped_on"],
            site: &["/preview_url"],
            waiting: "queued initializing",
            running: "running stopped",
            succeeded: "stopped/success",
            failed: "stopped/fail stopped/terminated",
            canceled: "stopped/cancelled stopped/canceled stopped/skipped",
            // `{"result":{"lines":[[epoch, text]]}}`
            log_fields: "result lines",
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
        let Some(mut build) = self.deployment(&answer["result"], redactor) else {
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

    /// Its state is the status, and once it has stopped, the outcome behind it.
    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        let mut build = Deployment::read(self.facts(), value, redactor)?;
        let outcome = text(value, "build_outcome", redactor, 64);
        if let (Some(outcome), "stopped") = (outcome, normal(&build.snapshot.word).as_str()) {
            build.snapshot.word = format!("{}/{outcome}", build.snapshot.word);
            build.snapshot.phase = self.facts().phase(&build.snapshot.word);
        }
        Some(build)
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
            created: &["/created_on"],
            message: &["/skip_reason"],
            origin: &["/deployment_trigger/type"],
            site: &["/url"],
            // `{"result":{"data":[{"ts","line"}]}}`
            log_fields: "result data line",
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
        self.deployment(&answer["result"], redactor)
            .map_or(Acceptance::Unnamed { at: None }, Acceptance::Named)
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

    /// Its state is a stage and its status: the one that failed or was canceled, else the latest. Each earlier stage also
    /// ends with `success`.
    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        let mut found = Deployment::read(self.facts(), value, redactor)?;
        let stages = value["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_end = |stage: &&Value| {
            let status = normal(stage["status"].as_str().unwrap_or_default());
            matches!(status.as_str(), "failure" | "canceled" | "cancelled")
        };
        let stage = stages.iter().find(is_end).unwrap_or(&value["latest_stage"]);
        let (name, status) = (cleaned(stage, "name", redactor, 64), cleaned(stage, "status", redactor, 64));
        let snapshot = &mut found.snapshot;
        snapshot.phase = match (normal(&name).as_str(), normal(&status).as_str()) {
            _ if normal(&snapshot.message) == "superseded_queued_build" => Phase::Ended(Verdict::Superseded),
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
        snapshot.word = [name, status].join("/");
        if snapshot.word == "/" {
            snapshot.word.clear();
        }
        if let Some(alias) = value["aliases"][0].as_str().filter(|_| value["environment"] == "production") {
            snapshot.site = Some(redactor.clean(alias, 500));
        }
        found.ended_at = time::read(&stage["ended_on"]);
        Some(found)
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
            let found = Workers.deployment(&value, &Redactor::default()).unwrap().snapshot;
            assert_eq!((found.word.as_str(), found.phase), (word, phase), "{value}");
        }
    }
}
