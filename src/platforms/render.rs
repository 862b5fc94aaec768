//! Render: deploy hooks of services, followed through its API by the id that the hook answers.
//!
//! Sources: render.com/docs/deploy-hooks (the answers of the hook), the public `OpenAPI` document of 2026-08-03 (deploys,
//! services, logs) and render-oss/cli of 2026-08-21 (`live` and `deactivated` are both a success).

use serde_json::Value;
use url::Url;

use super::body::oldest_first;
use super::facts::Facts;
use super::path::{raw_parameter, segments};
use super::platform::{Acceptance, LogTarget, Platform, PlatformAccess, Request};
use crate::core::state::Snapshot;
use crate::http::time;
use crate::secrets::{DocumentedHook, Redactor, UrlFault};

/// The host of the hooks and of the API.
const HOST: &str = "api.render.com";

pub(super) struct Render;

impl Platform for Render {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "render",
            known_by: "api.render.com/deploy/srv-…",
            followed: "by id",
            hook_variables: &["RENDER_DEPLOY_HOOK_URL", "RENDER_DEPLOY_HOOK"],
            token_variables: &["RENDER_API_KEY"],
            host: Some(HOST),
            list: Some("v1/services/{service}/deploys?limit=20"),
            poll: Some("v1/services/{service}/deploys/{id}"),
            about: Some("v1/services/{service}"),
            // A list of `{deploy, cursor}`, or one deploy.
            id: &["/deploy/id", "/id"],
            id_prefix: "dep-",
            state: &["/deploy/status", "/status"],
            created: &["/deploy/createdAt", "/createdAt"],
            ended: &["/deploy/finishedAt", "/finishedAt"],
            origin: &["/deploy/trigger", "/trigger"],
            // `deactivated` was live, and a later deploy has replaced it.
            waiting: "created queued",
            running: "build_in_progress pre_deploy_in_progress update_in_progress",
            building: "build_in_progress",
            succeeded: "live deactivated",
            failed: "build_failed pre_deploy_failed update_failed",
            error_fields: &["message", "error"],
            hook_origin: Some("deploy_hook"),
            names_site: true,
            // With the policy "Override" a newer deploy cancels the running one.
            newer_cancels: true,
            dashboards: &["dashboard.render.com"],
            hook_place: "Settings, Deploy Hook of the service",
            token_prefixes: &["rnd_"],
            ..Facts::NONE
        }
    }

    fn owns(&self, url: &Url, any_host: bool) -> bool {
        let has_kind = |id: &str| id.split_once('-').is_some_and(|(kind, _)| kind.len() == 3);
        match segments(url).as_slice() {
            ["deploy", ..] if url.host_str() == Some(HOST) => true,
            ["deploy", id] => any_host && has_kind(id) && raw_parameter(url, "key").is_some(),
            _ => false,
        }
    }

    /// The secret is the value of `key`. A Blueprint's hook (`exs-`) deploys nothing unless `render.yaml` has changed.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let ["deploy", id] = segments(url)[..] else { return Ok(None) };
        if id.to_ascii_lowercase().starts_with("exs-") {
            return Err(UrlFault::OtherKind(
                "is the hook of a Blueprint, which syncs render.yaml and deploys nothing by itself",
                "Copy the deploy hook of a service: its Settings, Deploy Hook (…/deploy/srv-…?key=…).",
            ));
        }
        let key = raw_parameter(url, "key").filter(|key| !key.is_empty()).ok_or(UrlFault::NoSecret)?;
        let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let public = if is_id { format!("deploy/{id}?key=") } else { String::new() };
        Ok(Some(DocumentedHook::new(url, public, key)))
    }

    /// The service that the hook deploys.
    fn hook_id(&self, hook: &Url, _: &str) -> Option<String> {
        match segments(hook)[..] {
            ["deploy", id] => Some(id.to_owned()),
            _ => None,
        }
    }

    /// 200 names the deploy. 202 names none: another one is running, and ours begins after it.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        match (self.deployment(&answer, redactor), status) {
            (Some(deploy), _) => Acceptance::Named(deploy),
            (None, 202) if body.trim_ascii().is_empty() || answer.is_object() => {
                Acceptance::Unnamed { at: None }
            }
            (None, _) => {
                Acceptance::unreadable(status, self.error(body, redactor), "the answer names no deploy")
            }
        }
    }

    fn advice(&self, status: u16, _: &str) -> Option<&'static str> {
        Some(match status {
            400 => {
                "Check the parameters `ref` and `imgURL` of the hook URL: the image may differ from the service's only in its tag or digest."
            }
            401 => {
                "The key in the hook URL is wrong or was regenerated. Copy the deploy hook from the service's Settings again and replace the secret."
            }
            404 => {
                "The service does not exist, or the commit in `ref` was not found. Copy the deploy hook from the service's Settings again."
            }
            409 => {
                "The service is suspended, or the workspace cannot deploy. Resume the service in the dashboard."
            }
            _ => return None,
        })
    }

    /// The service's build log of the last hour: it is not kept by deploy.
    fn log(&self, access: &PlatformAccess, of: &LogTarget<'_>) -> Option<Request> {
        let (owner, hook) = (of.about?["ownerId"].as_str()?, access.hook.as_ref()?);
        let logs = Request::of_api(access, "v1/logs", None)?.query("ownerId", owner);
        let logs = logs.query("resource", &self.hook_id(hook.expose(), "service")?);
        Some(logs.query("type", "build").query("limit", "100"))
    }

    /// `{"logs":[{"message","timestamp"}]}`, the newest first.
    fn log_texts<'a>(&self, log: &'a Value) -> Vec<&'a str> {
        let entries = oldest_first(&log["logs"], |entry| time::read(&entry["timestamp"]));
        entries.iter().filter_map(|entry| entry["message"].as_str()).collect()
    }

    /// The service's page in the dashboard: a page of each deploy is not documented.
    fn dashboard_url(&self, _: &PlatformAccess, about: Option<&Value>, _: &Snapshot) -> Option<String> {
        Some(about?["dashboardUrl"].as_str()?.to_owned())
    }

    fn site(&self, about: Option<&Value>, _: &Snapshot) -> Option<String> {
        Some(about?["serviceDetails"]["url"].as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(url: &str) -> Option<UrlFault> {
        Render.hook(&url.parse().unwrap()).err()
    }

    #[test]
    fn only_the_hook_of_a_service_deploys() {
        assert_eq!(fault("https://api.render.com/deploy/srv-abc123?key=LONGSTRING"), None);
        assert_eq!(fault("https://api.render.com/deploy/crn-abc123?key=LONGSTRING"), None);
        for blueprint in ["exs-abc123?key=LONGSTRING", "exs-abc123"] {
            let fault = fault(&format!("https://api.render.com/deploy/{blueprint}"));
            assert!(matches!(fault, Some(UrlFault::OtherKind(..))), "{fault:?}");
        }
        for cut in ["srv-abc123", "srv-abc123?", "srv-abc123?key=", "srv-abc123?ref=main"] {
            assert_eq!(
                fault(&format!("https://api.render.com/deploy/{cut}")),
                Some(UrlFault::NoSecret),
                "{cut}"
            );
        }
    }

    #[test]
    fn a_deploy_by_git_is_not_ours_and_one_without_a_trigger_may_be() {
        let access = PlatformAccess::new(&Render);
        for (trigger, ours) in [
            (json!("deploy_hook"), true),
            (json!("new_commit"), false),
            (json!("api"), false),
            (json!(null), true),
        ] {
            let list = json!([{ "deploy": { "id": "dep-1", "status": "created", "trigger": trigger } }]);
            let found = Render.deployments(&list, &Redactor::default()).unwrap();
            assert_eq!(Render.may_be_ours(&access, &found[0]), ours, "{trigger}");
        }
    }

    #[test]
    fn only_the_platforms_own_form_says_what_is_there() {
        let read = |body: Value| Render.deployments(&body, &Redactor::default()).map(|found| found.len());
        assert_eq!(read(json!([])), Some(0));
        assert_eq!(read(json!({ "id": "dep-1", "status": "live" })), Some(1));
        for foreign in [
            json!(null),
            json!({}),
            json!({ "message": "maintenance" }),
            json!([{}]),
            json!([1]),
            json!({ "id": "srv-1" }),
        ] {
            assert_eq!(read(foreign.clone()), None, "{foreign}");
        }
    }
}
