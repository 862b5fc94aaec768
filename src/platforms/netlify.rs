//! Netlify: build hooks. The hook answers nothing, so the deploy gets a title of its own and is found by it.
//!
//! Sources: docs.netlify.com/configure-builds/build-hooks and netlify/open-api of 2026-05-19 (`swagger.yml`,
//! `go/porcelain/deploy.go`). That a canceled or skipped build is an `error` was seen in several repositories in 2026.

use serde_json::Value;

use super::body::{normal, reports_error, text};
use super::facts::{Facts, Need};
use super::path::parameter;
use super::platform::{Acceptance, Deployment, Platform, PlatformAccess, Request};
use crate::core::state::{Phase, Verdict};
use crate::secrets::Redactor;

/// The parameter that names a deploy.
const TITLE: &str = "trigger_title";

/// How an error message, or what follows its stage, begins where the build was canceled or skipped.
const CANCELED: [&str; 6] =
    ["canceled build", "canceled by", "build canceled", "deploy canceled", "skipped", "build skipped"];

pub(super) struct Netlify;

impl Platform for Netlify {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "netlify",
            known_by: "api.netlify.com/build_hooks/…",
            followed: "by finding it",
            hook_variables: &["NETLIFY_BUILD_HOOK_URL", "NETLIFY_BUILD_HOOK"],
            token_variables: &["NETLIFY_AUTH_TOKEN"],
            project_variables: &["NETLIFY_SITE_ID"],
            needs: &[Need::Token, Need::Project],
            host: Some("api.netlify.com"),
            hook_path: &["build_hooks"],
            list: Some("api/v1/sites/{project}/deploys?per_page=20"),
            poll: Some("api/v1/sites/{project}/deploys/{id}"),
            state: &["/state"],
            created: &["/created_at"],
            // Of one that has ended.
            ended: &["/updated_at"],
            message: &["/error_message"],
            origin: &["/title"],
            page: &["/admin_url"],
            waiting: "new pending_review accepted enqueued",
            running: "building uploading uploaded preparing prepared processing processed retrying",
            building: "building",
            succeeded: "ready",
            canceled: "",
            failed: "error rejected",
            requests_per_minute: Some(500),
            error_fields: &["message", "error", "errors"],
            names_site: true,
            dashboards: &["app.netlify.com"],
            hook_place: "Build & deploy, Continuous deployment, Build hooks of the project",
            token_prefixes: &["nfp_"],
            ..Facts::NONE
        }
    }

    /// With a title that is the run's own, behind the one that the URL may have, and `{}` as in the documents.
    fn trigger(&self, access: &PlatformAccess) -> Option<Request> {
        let hook = access.hook.as_ref()?.expose();
        let title = parameter(hook, TITLE).filter(|title| !title.is_empty());
        let title = title.map_or_else(|| access.mark.clone(), |title| format!("{title} {}", access.mark));
        let kept = hook.query().unwrap_or_default().split('&');
        let is_title = |pair: &&str| pair.split('=').next() == Some(TITLE);
        let kept: Vec<&str> = kept.filter(|pair| !pair.is_empty() && !is_title(pair)).collect();
        let mut url = hook.clone();
        url.set_query(Some(&kept.join("&")).filter(|query| !query.is_empty()).map(String::as_str));
        let body = Some(access.body.clone().unwrap_or_else(|| "{}".to_owned()));
        Some(Request { url, with_token: false, body }.query(TITLE, &title))
    }

    /// The documents name no body: any success is an acceptance, unless it reports an error.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_error = answer["code"].as_u64().is_some_and(|code| code >= 400);
        if !reports_error(&answer) && !is_error {
            return Acceptance::Unnamed { at: None };
        }
        Acceptance::reports_error(status, self.error(body, redactor))
    }

    fn advice(&self, status: u16, _: &str) -> Option<&'static str> {
        let advice = "The hook was deleted, or the URL is incomplete. Copy it again: Project configuration, Build & deploy, Build hooks.";
        matches!(status, 400 | 404 | 410 | 422).then_some(advice)
    }

    /// Every field but the id may be missing or null, as recorded answers show.
    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        value.get("state").or_else(|| value.get("site_id"))?;
        let mut deploy = Deployment::read(self.facts(), value, redactor)?;
        let snapshot = &mut deploy.snapshot;
        let word = normal(&snapshot.word);
        // There is no word for "canceled": a canceled or skipped build is an error whose message says so.
        let is_skipped = value["skipped"] == true && matches!(word.as_str(), "ready" | "error");
        if is_skipped || (word == "error" && says_canceled(&snapshot.message)) {
            snapshot.phase = Phase::Ended(Verdict::Canceled);
        }
        if snapshot.message.is_empty() && word == "pending_review" {
            "a member of the team must approve it in the dashboard".clone_into(&mut snapshot.message);
        }
        let is_production = value["context"].as_str().is_none_or(|context| context == "production");
        let site = text(value, "ssl_url", redactor, 500).filter(|_| is_production);
        snapshot.site = site.or_else(|| text(value, "deploy_ssl_url", redactor, 500));
        let page = snapshot.dashboard_url.take();
        snapshot.dashboard_url = page.map(|page| format!("{page}/deploys/{}", snapshot.id));
        Some(deploy)
    }

    fn may_be_ours(&self, access: &PlatformAccess, deployment: &Deployment) -> bool {
        self.has_our_mark(access, deployment)
    }

    fn has_our_mark(&self, access: &PlatformAccess, deployment: &Deployment) -> bool {
        let title = deployment.origin.as_deref().unwrap_or_default();
        title.split_whitespace().any(|word| word == access.mark)
    }
}

/// Whether an error's message says that nothing was built. A build's own output may hold such words too.
fn says_canceled(message: &str) -> bool {
    let message = message.to_ascii_lowercase().replace("cancelled", "canceled");
    let stage = message.split_once("': ").map_or(message.as_str(), |(_, rest)| rest);
    let begins = |text: &str| CANCELED.iter().any(|words| text.starts_with(words));
    !message.contains("exit code")
        && (begins(&message) || begins(stage) || stage.starts_with("no content change"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secrets::HookUrl;

    fn access(hook: &str) -> PlatformAccess {
        let mark = "deploy-hook-0a1b2c3d".to_owned();
        PlatformAccess { hook: HookUrl::parse(hook).ok(), mark, ..PlatformAccess::new(&Netlify) }
    }

    #[test]
    fn the_trigger_has_a_title_of_its_own_behind_the_users() {
        const HOOK: &str = "https://api.netlify.com/build_hooks/64b0c0ffee64b0c0ffee0001";
        for (query, sent) in [
            ("", "?trigger_title=deploy-hook-0a1b2c3d"),
            ("?clear_cache=true", "?clear_cache=true&trigger_title=deploy-hook-0a1b2c3d"),
            (
                "?trigger_title=By+hand&trigger_branch=a%2Fb",
                "?trigger_branch=a%2Fb&trigger_title=By+hand+deploy-hook-0a1b2c3d",
            ),
            ("?trigger_title=", "?trigger_title=deploy-hook-0a1b2c3d"),
            ("?trigger_title", "?trigger_title=deploy-hook-0a1b2c3d"),
        ] {
            let request = Netlify.trigger(&access(&format!("{HOOK}{query}"))).unwrap();
            assert_eq!(request.url.as_str(), format!("{HOOK}{sent}"), "{query}");
            assert_eq!((request.body.as_deref(), request.with_token), (Some("{}"), false));
        }
        let own = PlatformAccess { body: Some("hello".to_owned()), ..access(HOOK) };
        assert_eq!(Netlify.trigger(&own).unwrap().body.as_deref(), Some("hello"));
    }

    #[test]
    fn only_a_deploy_with_our_title_is_ours() {
        for (title, ours) in [
            (json!("deploy-hook-0a1b2c3d"), true),
            (json!("By hand deploy-hook-0a1b2c3d"), true),
            (json!("deploy-hook-0a1b2c3d4"), false),
            (json!("By hand"), false),
            (json!(null), false),
        ] {
            let body = json!([{ "id": "64b0", "state": "new", "title": title }]);
            let found = Netlify.deployments(&body, &Redactor::default()).unwrap();
            assert_eq!(
                Netlify.may_be_ours(&access("https://api.netlify.com/build_hooks/64b0"), &found[0]),
                ours,
                "{title}"
            );
        }
    }

    #[test]
    fn an_error_may_be_a_cancellation_and_a_skipped_build_is_one() {
        for (state, message, skipped, verdict) in [
            ("error", "Build script returned non-zero exit code: 2", false, Verdict::Failed),
            (
                "error",
                "Failed during stage 'checking build content for changes': Canceled build due to no content change",
                false,
                Verdict::Canceled,
            ),
            ("error", "Canceled build", false, Verdict::Canceled),
            ("error", "Cancelled by user", false, Verdict::Canceled),
            ("error", "Skipped", false, Verdict::Canceled),
            (
                "error",
                "Failed during stage 'building site': Build canceled by user",
                false,
                Verdict::Canceled,
            ),
            (
                "error",
                "Build script returned non-zero exit code: 2: 3 failed, 2 skipped",
                false,
                Verdict::Failed,
            ),
            (
                "error",
                "Failed during stage 'building site': src/canceled-orders.ts: type error",
                false,
                Verdict::Failed,
            ),
            ("error", "", true, Verdict::Canceled),
            ("error", "", false, Verdict::Failed),
            ("rejected", "", false, Verdict::Failed),
            ("ready", "", false, Verdict::Succeeded),
        ] {
            let body = json!({ "id": "64b0", "state": state, "error_message": message, "skipped": skipped });
            let found = Netlify.deployments(&body, &Redactor::default()).unwrap();
            assert_eq!(found[0].snapshot.phase, Phase::Ended(verdict), "{state}: {message}");
        }
    }

    #[test]
    fn a_deploy_that_waits_for_a_review_says_so() {
        for (state, says) in [("pending_review", true), ("Pending-Review", true), ("new", false)] {
            let body = json!({ "id": "64b0", "state": state, "error_message": null });
            let found = Netlify.deployments(&body, &Redactor::default()).unwrap().remove(0).snapshot;
            assert_eq!(found.phase, Phase::Waiting, "{state}");
            assert_eq!(found.message.contains("must approve it"), says, "{state}");
        }
    }

    #[test]
    fn the_site_is_that_of_its_context() {
        let of = |context: Value| {
            let body = json!({ "id": "64b0", "state": "ready", "context": context, "ssl_url": "https://a.example", "deploy_ssl_url": "https://1--a.example" });
            Netlify.deployments(&body, &Redactor::default()).unwrap().remove(0).snapshot.site
        };
        assert_eq!(of(json!("production")).as_deref(), Some("https://a.example"));
        assert_eq!(of(json!(null)).as_deref(), Some("https://a.example"));
        assert_eq!(of(json!("branch-deploy")).as_deref(), Some("https://1--a.example"));
    }
}
