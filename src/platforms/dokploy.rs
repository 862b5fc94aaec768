//! Dokploy, hosted by its users: webhooks of applications and compose services, whose deployments are found and followed
//! through its API.
//!
//! The webhook is made for events of git hosts. Where the source is git, it deploys for a push to its branch alone, and answers
//! anything else with 301 and no address, which curl takes for a success.
//!
//! Sources: Dokploy/dokploy v0.30.2 of 2026-08-21 (`pages/api/deploy/[refreshToken].ts`, `routers/deployment.ts`,
//! `schema/deployment.ts`).

use serde_json::Value;
use url::Url;

use super::facts::{Facts, Need};
use super::path::segments;
use super::platform::{Acceptance, Deployment, Platform, PlatformAccess, Request, StateSource};
use crate::core::state::DeploymentId;
use crate::core::trigger::RefusalReason;
use crate::secrets::{DocumentedHook, Redactor, UrlFault};

pub(super) struct Dokploy;

impl Platform for Dokploy {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "dokploy",
            // Every Dokploy has a host of its own, and its paths could be anyone's.
            known_by: "only when named",
            followed: "by finding it",
            hook_variables: &["DOKPLOY_WEBHOOK_URL", "DOKPLOY_WEBHOOK"],
            token_variables: &["DOKPLOY_API_KEY", "DOKPLOY_AUTH_TOKEN"],
            needs: &[Need::Token, Need::Project],
            token_header: Some("x-api-key"),
            log: Some("api/deployment.readLogs?deploymentId={id}&tail=100"),
            deployment: &[],
            id: &["/deploymentId"],
            message: &["/errorMessage"],
            origin: &["/title"],
            environment: &["/previewDeploymentId"],
            running: "running",
            succeeded: "done",
            failed: "error",
            // One text.
            log_fields: "logs",
            hook_place: "Deployments, Webhook URL of the application",
            ..Facts::NONE
        }
    }

    /// `/dashboard/project/{id}/environment/{id}/services/application/{id}`, on whatever host.
    fn is_page(&self, url: &Url) -> bool {
        let segments = segments(url);
        segments.starts_with(&["dashboard", "project"]) && segments.contains(&"services")
    }

    /// The last segment is the secret.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let Some(HookPath { base, path, secret }) = HookPath::of(url) else { return Ok(None) };
        let secret = secret.ok_or(UrlFault::NoSecret)?;
        let public = base.iter().chain(path).flat_map(|segment| [segment, "/"]).collect();
        Ok(Some(DocumentedHook::new(url, public, secret)))
    }

    /// `{"message"}`, which says that a deployment was put into the queue, or that a ping arrived.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let message = self.error(body, redactor).unwrap_or_default();
        if message.to_ascii_lowercase().ends_with("deployed successfully") {
            return Acceptance::Unnamed { at: None };
        }
        Acceptance::unreadable(status, Some(message), "")
    }

    /// `{"message"}`, of the API with a `code`.
    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        Some(redactor.clean(answer["message"].as_str().filter(|text| !text.trim().is_empty())?, 300))
    }

    /// Dokploy's own 301 is no redirect.
    fn refusal(&self, status: u16, body: &[u8]) -> Option<RefusalReason> {
        let is_own = status == 301 && self.error(body, &Redactor::default()).is_some();
        is_own.then_some(RefusalReason::Unprocessable)
    }

    fn advice(&self, status: u16, message: &str) -> Option<&'static str> {
        Some(match status {
            301 if message.starts_with("Branch") => {
                r#"Dokploy deploys a git source for a push to its branch alone. Send one: `headers` with `x-github-event: push`, and `body` with {"ref":"refs/heads/main"}, main being the branch."#
            }
            301 if message.starts_with("Watch Paths") => {
                r#"The service has watch paths. Name a file that matches them in `body`: {"ref":"refs/heads/main","commits":[{"modified":["src/index.js"]}]}. Or remove the watch paths in Dokploy."#
            }
            301 if message.contains("Image") => {
                "Compare image and tag of the event in `body` with those of the service in Dokploy, or send no event."
            }
            400 if message.starts_with("Automatic deployments") => {
                "Turn on Autodeploy for this service in Dokploy."
            }
            400 => {
                "If `headers` name an event, `body` must hold it. Otherwise see the logs of Dokploy itself."
            }
            404 => {
                "The token in the hook URL is wrong or was refreshed. Copy the webhook URL from the service's Deployments page again. The one of a compose service has /compose/ in it."
            }
            _ => return None,
        })
    }

    /// Where the hook is.
    fn api(&self, hook: Option<&Url>) -> Option<Url> {
        let mut api = hook?.clone();
        let base = HookPath::of(&api).map(|hook| hook.base.join("/")).unwrap_or_default();
        api.set_path(&base);
        api.set_query(None);
        Some(api)
    }

    /// The last ten.
    fn list(&self, access: &PlatformAccess, _: StateSource) -> Option<Request> {
        let hook = access.hook.as_ref().and_then(|hook| HookPath::of(hook.expose()));
        let list = match hook {
            Some(hook) if hook.path == COMPOSE => "api/deployment.allByCompose?composeId={project}",
            _ => "api/deployment.all?applicationId={project}",
        };
        Request::of_api(access, list, None)
    }

    /// There is no request for one deployment.
    fn poll(&self, access: &PlatformAccess, source: StateSource, _: &DeploymentId) -> Option<Request> {
        self.list(access, source)
    }

    /// The hook deploys no previews.
    fn in_scope(&self, _: &PlatformAccess, _: StateSource, deployment: &Deployment) -> bool {
        deployment.environment.is_none()
    }

    /// The titles that Dokploy gives what a person starts in its dashboard.
    fn may_be_ours(&self, _: &PlatformAccess, deployment: &Deployment) -> bool {
        !matches!(deployment.origin.as_deref(), Some("Manual deployment" | "Rebuild deployment"))
    }
}

/// The path of an application's hook, below the base, and of a compose service's.
const APPLICATION: &[&str] = &["api", "deploy"];
const COMPOSE: &[&str] = &["api", "deploy", "compose"];

/// The parts of a hook's path.
struct HookPath<'a> {
    /// What is in front of Dokploy's own paths.
    base: Vec<&'a str>,
    /// [`APPLICATION`] or [`COMPOSE`].
    path: &'static [&'static str],
    /// What follows, unless it was cut off.
    secret: Option<&'a str>,
}

impl<'a> HookPath<'a> {
    fn of(url: &'a Url) -> Option<Self> {
        let segments = segments(url);
        let (before, path, secret) = match segments.as_slice() {
            [before @ .., "api", "deploy", "compose", secret] => (before, COMPOSE, Some(*secret)),
            [before @ .., "api", "deploy", "compose"] => (before, COMPOSE, None),
            [before @ .., "api", "deploy", secret] => (before, APPLICATION, Some(*secret)),
            [before @ .., "api", "deploy"] => (before, APPLICATION, None),
            _ => return None,
        };
        Some(Self { base: before.to_vec(), path, secret })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secrets::HookUrl;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn access(hook: &str) -> PlatformAccess {
        PlatformAccess {
            hook: Some(HookUrl::parse(hook).unwrap()),
            api: Dokploy.api(Some(&url(hook))),
            project: Some("app-1".to_owned()),
            ..PlatformAccess::new(&Dokploy)
        }
    }

    #[test]
    fn a_hook_ends_in_its_token_below_any_base() {
        for (path, public) in [
            ("api/deploy/Zx9kkLONG", Ok(Some("api/deploy/"))),
            ("api/deploy/Zx9kkLONG/", Ok(Some("api/deploy/"))),
            ("api/deploy/compose/Zx9kkLONG", Ok(Some("api/deploy/compose/"))),
            ("paas/api/deploy/Zx9kkLONG", Ok(Some("paas/api/deploy/"))),
            ("a/b/api/deploy/compose/Zx9kkLONG", Ok(Some("a/b/api/deploy/compose/"))),
            ("api/deploy", Err(UrlFault::NoSecret)),
            ("api/deploy/", Err(UrlFault::NoSecret)),
            ("api/deploy/compose", Err(UrlFault::NoSecret)),
            ("api/v1/deploy?uuid=Zx9kkLONG", Ok(None)),
            ("deploy/Zx9kkLONG", Ok(None)),
            ("api/deploy/Zx9kkLONG/more/parts", Ok(None)),
        ] {
            let hook = Dokploy.hook(&url(&format!("https://dokploy.example.com/{path}")));
            let is_secret = |hook: &DocumentedHook| hook.secrets == ["Zx9kkLONG"];
            assert!(!matches!(&hook, Ok(Some(hook)) if !is_secret(hook)), "{path}: {hook:?}");
            assert_eq!(
                hook.map(|hook| hook.map(|hook| hook.public)),
                public.map(|public| public.map(str::to_owned)),
                "{path}"
            );
        }
    }

    #[test]
    fn the_api_is_where_the_hook_is() {
        for (hook, api) in [
            ("https://dokploy.example.com/api/deploy/Zx9kkLONG", "https://dokploy.example.com/"),
            ("https://dokploy.example.com/api/deploy/compose/Zx9kkLONG?x=y", "https://dokploy.example.com/"),
            ("https://example.com:8443/paas/api/deploy/Zx9kkLONG", "https://example.com:8443/paas"),
            ("http://127.0.0.1:3000/a/b/api/deploy/Zx9kkLONG", "http://127.0.0.1:3000/a/b"),
            ("https://dokploy.example.com/hooks/Zx9kkLONG", "https://dokploy.example.com/"),
        ] {
            assert_eq!(Dokploy.api(Some(&url(hook))).unwrap().as_str(), api);
        }
        assert_eq!(Dokploy.api(None), None);
    }

    #[test]
    fn a_list_is_of_an_application_or_of_a_compose_service() {
        for (hook, wanted) in [
            (
                "https://x.example/api/deploy/Zx9kkLONG",
                "https://x.example/api/deployment.all?applicationId=app-1",
            ),
            (
                "https://x.example/paas/api/deploy/compose/Zx9kkLONG",
                "https://x.example/paas/api/deployment.allByCompose?composeId=app-1",
            ),
        ] {
            let mut access = access(hook);
            let list = Dokploy.list(&access, StateSource::Api);
            assert_eq!(list.as_ref().unwrap().url.as_str(), wanted);
            let id = DeploymentId::new("d1").unwrap();
            assert_eq!(Dokploy.poll(&access, StateSource::Api, &id), list, "one is read from the list");
            access.project = None;
            assert_eq!(Dokploy.list(&access, StateSource::Api), None);
        }
    }

    #[test]
    fn only_what_says_that_it_was_queued_is_an_acceptance() {
        let accepts = |body: &str| match Dokploy.acceptance(200, body.as_bytes(), &Redactor::default()) {
            Acceptance::Unnamed { .. } => true,
            Acceptance::Unclear(_) => false,
            other => panic!("{body}: {other:?}"),
        };
        for (message, accepted) in [
            ("Application deployed successfully", true),
            ("Compose deployed successfully", true),
            ("APPLICATION DEPLOYED SUCCESSFULLY", true),
            ("Ping received, webhook is active", false),
            ("Application not deployed", false),
            ("", false),
        ] {
            assert_eq!(accepts(&json!({ "message": message }).to_string()), accepted, "{message}");
        }
        for body in ["", "<html>deployed successfully", "null", "{}", r#"{"message":42}"#, "[]"] {
            assert!(!accepts(body), "{body}");
        }
    }

    #[test]
    fn a_refusal_of_its_own_is_no_redirect_and_has_advice() {
        let own = |status: u16, body: &str| Dokploy.refusal(status, body.as_bytes());
        assert_eq!(own(301, r#"{"message":"Branch Not Match"}"#), Some(RefusalReason::Unprocessable));
        for (status, body) in
            [(301, ""), (301, "<html>"), (301, "{}"), (302, "{}"), (404, r#"{"message":"x"}"#)]
        {
            assert_eq!(own(status, body), None, "{status} {body}");
        }
        for (status, message, word) in [
            (301, "Branch Not Match", "x-github-event: push"),
            (301, "Watch Paths Not Match", "modified"),
            (301, "Application Docker Image Name Not Found", "image"),
            (
                301,
                "Application Image Tag (latest) doesn't match request event payload Image Tag (v2).",
                "image",
            ),
            (400, "Automatic deployments are disabled for this application", "Autodeploy"),
            (400, "Automatic deployments are disabled for this compose", "Autodeploy"),
            (400, "Error deploying Application", "`body`"),
            (404, "Application Not Found", "token"),
            (404, "Compose Not Found", "token"),
        ] {
            let advice = Dokploy.advice(status, message).unwrap_or_default();
            assert!(advice.contains(word), "{message}: {advice}");
        }
        assert_eq!(Dokploy.advice(301, ""), None, "a redirect of a proxy");
        assert_eq!(Dokploy.advice(302, "Branch Not Match"), None);
    }

    #[test]
    fn previews_and_what_a_person_started_are_not_ours() {
        let access = access("https://x.example/api/deploy/Zx9kkLONG");
        for (title, preview, in_scope, ours) in [
            (json!("NEW CHANGES"), json!(null), true, true),
            (json!("Fix the header"), json!(""), true, true),
            (json!(null), json!(null), true, true),
            (json!("Manual deployment"), json!(null), true, false),
            (json!("Rebuild deployment"), json!(null), true, false),
            (json!("Fix the header"), json!("preview-1"), false, true),
        ] {
            let body = json!([{ "deploymentId": "d1", "status": "running", "title": title, "previewDeploymentId": preview }]);
            let found = Dokploy.deployments(&body, &Redactor::default()).unwrap();
            assert_eq!(Dokploy.in_scope(&access, StateSource::Api, &found[0]), in_scope, "{body}");
            assert_eq!(Dokploy.may_be_ours(&access, &found[0]), ours, "{body}");
        }
    }

    #[test]
    fn only_a_list_of_deployments_says_what_is_there() {
        let read = |body: Value| Dokploy.deployments(&body, &Redactor::default()).map(|found| found.len());
        assert_eq!(read(json!([])), Some(0));
        assert_eq!(
            read(json!([{ "deploymentId": "d1" }, { "deploymentId": "d2", "status": null }])),
            Some(2)
        );
        for foreign in [
            json!(null),
            json!({}),
            json!({ "deploymentId": "d1", "status": "done" }),
            json!([{}]),
            json!([1]),
            json!([null]),
        ] {
            assert_eq!(read(foreign.clone()), None, "{foreign}");
        }
    }

    #[test]
    fn why_it_failed_is_the_message() {
        let body = json!([{ "deploymentId": "d1", "status": "error", "errorMessage": "exit\u{1b}[31m code 1", "createdAt": "never" }]);
        let found = Dokploy.deployments(&body, &Redactor::default()).unwrap();
        assert_eq!((found[0].snapshot.message.as_str(), found[0].unreadable_time), ("exit code 1", true));
    }
}
