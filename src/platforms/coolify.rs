//! Coolify, hosted by its users: deploy webhooks with a token, followed by the id that they answer.
//!
//! Sources: coollabsio/coolify of 2026-08-22 (`DeployController.php`, `bootstrap/helpers/applications.php`,
//! `ApplicationDeploymentStatus.php`, `openapi.yaml`) and coolify.io/docs/core/automation/deploy-webhooks.

use serde_json::Value;
use url::Url;

use super::body::{cleaned, last_lines};
use super::facts::Facts;
use super::path::{parameter, segments};
use super::platform::{Acceptance, Deployment, Platform, PlatformAccess, Request, StateSource};
use crate::core::state::Snapshot;
use crate::core::trigger::RefusalReason;
use crate::secrets::{DocumentedHook, HookUrl, Redactor, UrlFault, secrets_of_query};

/// The path of a deployment in the API.
const DEPLOYMENT: &str = "api/v1/deployments/{id}";

pub(super) struct Coolify;

impl Platform for Coolify {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "coolify",
            known_by: "the path /api/v1/deploy?uuid=…",
            followed: "by id",
            hook_variables: &["COOLIFY_WEBHOOK_URL", "COOLIFY_WEBHOOK"],
            token_variables: &["COOLIFY_TOKEN", "COOLIFY_API_TOKEN"],
            newer_cancels: true,
            list: Some("api/v1/deployments/applications/{uuid}?take=20"),
            poll: Some(DEPLOYMENT),
            // The log is a field of the deployment, for a token that may read sensitive data.
            log: Some(DEPLOYMENT),
            deployments: &["/deployments", ""],
            id: &["/deployment_uuid"],
            environment: &["/pull_request_id"],
            page: &["/deployment_url"],
            waiting: "queued",
            running: "in_progress",
            succeeded: "finished",
            failed: "failed",
            canceled: "cancelled_by_user cancelled canceled",
            // The documented default of an instance.
            requests_per_minute: Some(200),
            error_fields: &["message", "error", "errors"],
            // A trigger is a call of the API: one by git or in the dashboard is not ours.
            hook_origin: Some("api"),
            trigger_needs_token: true,
            hook_place: "Webhooks, Deploy Webhook of the resource",
            ..Facts::NONE
        }
    }

    /// `/project/{id}/environment/{id}/application/{id}`, on whatever host.
    fn is_page(&self, url: &Url) -> bool {
        matches!(
            segments(url).as_slice(),
            ["project", _, "environment", ..] | ["project", _, _, "application", ..]
        )
    }

    /// Every Coolify has a host of its own, so the path and the query decide.
    fn owns(&self, url: &Url, _: bool) -> bool {
        segments(url).ends_with(&["api", "v1", "deploy"]) && parameter(url, "uuid").is_some()
    }

    /// The URL holds no secret: the token in the header is one.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let resource = parameter(url, "uuid").filter(|uuid| !uuid.is_empty());
        let Some(resource) = resource.filter(|uuid| !uuid.contains(',') && parameter(url, "tag").is_none())
        else {
            return Err(UrlFault::OtherKind(
                "deploys more than one resource or none, and one run follows one deployment",
                "Give the deploy webhook of one resource, with one uuid, and a step for each resource.",
            ));
        };
        let is_id = resource.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let path = url.path().trim_start_matches('/');
        let public = if is_id { format!("{path}?uuid={resource}") } else { String::new() };
        let secrets = secrets_of_query(url.query().unwrap_or_default());
        let secrets = secrets.into_iter().filter(|secret| *secret != resource).collect();
        Ok(Some(DocumentedHook { url: url.clone(), public, secrets }))
    }

    /// The resource that the hook deploys is in its query.
    fn hook_id(&self, hook: &Url, name: &str) -> Option<String> {
        parameter(hook, name)
    }

    fn trigger(&self, access: &PlatformAccess) -> Option<Request> {
        let hook = access.hook.as_ref()?;
        Some(Request { with_token: true, body: access.body.clone(), ..Request::of_hook(hook) })
    }

    /// `{"deployments":[{"message","resource_uuid","deployment_uuid"}]}`. Of a duplicate the id is made up and never
    /// stored; a service or a database has none; and a refusal may come with 200.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let unclear = || {
            let message = self.error(body, redactor);
            Acceptance::unreadable(status, message, "the answer names no deployment, or several")
        };
        let entries = answer["deployments"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [entry] = entries else { return unclear() };
        let message = cleaned(entry, "message", redactor, 300);
        let words = message.to_ascii_lowercase();
        match self.deployment(entry, redactor) {
            _ if words.starts_with("unauthorized") => Acceptance::Refused(RefusalReason::Forbidden, message),
            _ if words.starts_with("pull request") && words.contains("not found") => {
                Acceptance::Refused(RefusalReason::NotFound, message)
            }
            _ if words.starts_with("deployment already queued") => Acceptance::Queued,
            Some(mut deployment) => {
                deployment.snapshot.message = message;
                Acceptance::Named(deployment)
            }
            None if words.contains("queue is full") => {
                Acceptance::Refused(RefusalReason::RateLimited, message)
            }
            None if entry["deployment_uuid"].is_null() && !message.is_empty() => Acceptance::Untracked,
            None => unclear(),
        }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Option<RefusalReason> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_token = status == 400 && answer["message"].as_str().is_some_and(|text| text.contains("token"));
        is_token.then_some(RefusalReason::Forbidden)
    }

    fn advice(&self, status: u16, message: &str) -> Option<&'static str> {
        Some(match status {
            429 if message.contains("queue is full") => {
                "Wait until the deployments of this server have ended, or raise its limit of queued deployments."
            }
            200..300 if message.contains("not found") => {
                "Check the number of the pull request in the hook URL."
            }
            200..300 | 401 | 403 => {
                "Check that the API is enabled (Settings, Advanced), that the token is of the team that owns the resource, and that it has the abilities `deploy` and `read`."
            }
            400 if message.contains("token") => "Check the API token: Keys & Tokens, API tokens.",
            404 => {
                "The uuid names no resource of the token's team. Copy the deploy webhook from the resource's page again."
            }
            _ => return None,
        })
    }

    /// Where the hook is.
    fn api(&self, hook: Option<&Url>) -> Option<Url> {
        let hook = hook?;
        let base = hook.path().split("/api/v1/").next().unwrap_or_default();
        hook.join(if base.is_empty() { "/" } else { base }).ok()
    }

    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        let origin = match (&value["is_api"], &value["is_webhook"]) {
            (Value::Bool(true), _) => Some("api"),
            (_, Value::Bool(true)) => Some("git"),
            (Value::Bool(false), _) => Some("dashboard"),
            _ => None,
        };
        let found = Deployment::read(self.facts(), value, redactor)?;
        Some(Deployment { origin: origin.map(str::to_owned), ..found })
    }

    /// A preview belongs to its pull request alone.
    fn in_scope(&self, access: &PlatformAccess, _: StateSource, deployment: &Deployment) -> bool {
        let hook = access.hook.as_ref().map(HookUrl::expose);
        let pull = hook.and_then(|hook| parameter(hook, "pr").or_else(|| parameter(hook, "pull_request_id")));
        let ours = pull.filter(|pull| !pull.is_empty()).unwrap_or_else(|| "0".to_owned());
        deployment.environment.as_ref().is_none_or(|its| *its == ours)
    }

    /// A push to git names its commit, which a trigger does not: it is never the one that is queued already.
    fn may_be_joined(&self, deployment: &Deployment) -> bool {
        deployment.origin.as_deref() != Some("git")
    }

    /// `{"logs":"[{\"output\",\"hidden\"}]"}`
    fn log_lines(&self, body: &[u8], redactor: &Redactor, most: usize) -> Vec<String> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let logs = body["logs"].as_str().and_then(|logs| serde_json::from_str(logs).ok());
        let logs: Value = logs.unwrap_or_else(|| body["logs"].clone());
        let entries = logs.as_array().map(Vec::as_slice).unwrap_or_default();
        let shown = entries.iter().filter(|entry| entry["hidden"] != true);
        last_lines(shown.filter_map(|entry| entry["output"].as_str()), redactor, most)
    }

    /// `deployment_url` is a path at the instance.
    fn dashboard_url(
        &self,
        access: &PlatformAccess,
        _: Option<&Value>,
        snapshot: &Snapshot,
    ) -> Option<String> {
        let page = access.api.as_ref()?.join(snapshot.dashboard_url.as_deref()?).ok()?;
        Some(page)
            .filter(|page| Some(page.origin()) == access.api.as_ref().map(Url::origin))
            .map(String::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepted(message: &str, uuid: &Value) -> Acceptance {
        let entry = json!({ "message": message, "resource_uuid": "rrr", "deployment_uuid": uuid });
        let body = json!({ "deployments": [entry] }).to_string();
        Coolify.acceptance(200, body.as_bytes(), &Redactor::default())
    }

    #[test]
    fn a_hook_deploys_one_resource() {
        for (query, is_one) in [
            ("uuid=rrr&force=false", true),
            ("force=true&uuid=rrr", true),
            ("uuid=a,b", false),
            ("uuid=a%2Cb", false),
            ("uuid=", false),
            ("uuid=a&tag=web", false),
        ] {
            let url = format!("https://coolify.example.com/api/v1/deploy?{query}").parse().unwrap();
            assert!(Coolify.owns(&url, false), "{query}");
            assert_eq!(Coolify.hook(&url).is_ok(), is_one, "{query}");
        }
    }

    #[test]
    fn the_api_is_where_the_hook_is() {
        for (hook, api) in [
            ("https://coolify.example.com/api/v1/deploy?uuid=r", "https://coolify.example.com/"),
            ("https://example.com:8443/paas/api/v1/deploy?uuid=r", "https://example.com:8443/paas"),
            ("http://127.0.0.1:8000/api/v1/deploy?uuid=r", "http://127.0.0.1:8000/"),
        ] {
            let found = Coolify.api(Some(&hook.parse().unwrap())).unwrap();
            assert_eq!(found.as_str(), api);
        }
    }

    #[test]
    fn what_a_success_status_says_is_read_from_its_message() {
        let refused = |message: &str| match accepted(message, &Value::Null) {
            Acceptance::Refused(why, _) => Some(why),
            _ => None,
        };
        assert!(matches!(
            accepted("Application app deployment queued.", &json!("ddd")),
            Acceptance::Named(_)
        ));
        assert_eq!(accepted("Deployment already queued for this commit.", &json!("nnn")), Acceptance::Queued);
        assert_eq!(
            accepted("Service app started. It could take a while.", &json!(null)),
            Acceptance::Untracked
        );
        let denied = refused("Unauthorized to deploy this application.");
        assert_eq!(denied, Some(RefusalReason::Forbidden));
        assert_eq!(refused("Pull request 7 not found."), Some(RefusalReason::NotFound));
    }

    #[test]
    fn hidden_lines_of_the_log_stay_hidden() {
        let logs = json!([{ "output": "one\ntwo", "hidden": false }, { "output": "docker login -p secret", "hidden": true }, { "output": null }]);
        for body in [json!({ "logs": logs.to_string() }), json!({ "logs": logs })] {
            let lines = Coolify.log_lines(body.to_string().as_bytes(), &Redactor::default(), 200);
            assert_eq!(lines, ["one", "two"]);
        }
    }

    #[test]
    fn the_page_is_at_the_instance() {
        let access = PlatformAccess {
            api: "https://coolify.example.com/".parse().ok(),
            ..PlatformAccess::new(&Coolify)
        };
        for (path, page) in [
            (
                "/project/p/environment/e/application/a/deployment/d",
                Some("https://coolify.example.com/project/p/environment/e/application/a/deployment/d"),
            ),
            ("//evil.example/x", None),
            ("https://evil.example/x", None),
        ] {
            let value = json!({ "deployment_uuid": "d", "deployment_url": path });
            let found = Coolify.deployments(&value, &Redactor::default()).unwrap();
            assert_eq!(Coolify.dashboard_url(&access, None, &found[0].snapshot).as_deref(), page, "{path}");
        }
    }
}
