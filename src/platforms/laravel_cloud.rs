//! Laravel Cloud: deploy hooks of environments, whose deployments are found and followed through its API.
//!
//! Sources: cloud.laravel.com/docs/deployments, the vendor's `OpenAPI` document of 2026-02-08 (deployments, states), and
//! laravel/cloud-cli (the log). The answers of the hook are not documented: public repositories recorded a redirect to the
//! sign-in page for an unknown hook, and a 404.

use serde_json::Value;
use url::Url;

use super::facts::Facts;
use super::laravel;
use super::path::{parameter, segments};
use super::platform::{Deployment, Platform, PlatformAccess, Request, StateSource};
use crate::secrets::{DocumentedHook, Redactor, UrlFault};

/// The host of the hooks and of the API.
const HOST: &str = "cloud.laravel.com";

pub(super) struct LaravelCloud;

impl Platform for LaravelCloud {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "laravel-cloud",
            known_by: "cloud.laravel.com/deploy/…",
            hook_variables: &["LARAVEL_CLOUD_DEPLOY_HOOK"],
            token_variables: &["LARAVEL_CLOUD_API_TOKEN"],
            host: Some(HOST),
            poll: Some("api/deployments/{id}"),
            log: Some("api/deployments/{id}/logs"),
            // When it was made is not there, only when it began.
            created: &["/attributes/started_at"],
            ended: &["/attributes/finished_at"],
            message: &["/attributes/failure_reason"],
            // A build that succeeded is deployed next.
            waiting: "pending build.pending build.created build.queued",
            running: "build.running build.succeeded deployment.pending deployment.created deployment.queued \
                      deployment.running",
            building: "build.running",
            succeeded: "deployment.succeeded",
            failed: "build.failed failed deployment.failed",
            // `{"data":{"build":{"steps":[{"description","output"}]},"deploy":…}}`, and what other logs commonly have.
            log_fields: "data attributes logs log build deploy steps description output message text",
            hook_place: "Settings, Deployments, Deploy hook of the environment",
            ..laravel::LARAVEL
        }
    }

    /// Whatever is at the same host and is no hook, whole or cut.
    fn is_page(&self, url: &Url) -> bool {
        url.host_str() == Some(HOST) && !matches!(segments(url).first(), Some(&("deploy" | "api")))
    }

    fn owns(&self, url: &Url, any_host: bool) -> bool {
        let is_here = url.host_str() == Some(HOST) && segments(url).first() == Some(&"deploy");
        is_here || (any_host && environment(url).is_some())
    }

    /// The last segment is the secret.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let segments = segments(url);
        if let ["deploy", id] = segments[..]
            && is_uuid(id)
        {
            return Err(UrlFault::NoSecret);
        }
        let (Some(id), Some(secret)) = (environment(url), segments.last()) else { return Ok(None) };
        Ok(Some(DocumentedHook::new(url, format!("deploy/{id}/"), secret)))
    }

    /// The environment that the hook deploys.
    fn hook_id(&self, hook: &Url, _: &str) -> Option<String> {
        environment(hook).map(str::to_owned)
    }

    fn advice(&self, status: u16, _: &str) -> Option<&'static str> {
        Some(match status {
            300..400 => {
                "Laravel Cloud redirects to its sign-in page where the hook is unknown, disabled or regenerated. Copy the deploy hook from the environment's Settings, Deployments, and replace the secret."
            }
            404 | 405 => {
                "The hook is wrong or was deleted: copy it from the environment's Settings, Deployments, again. If it is right, this environment's hook wants GET, which deploy-hook does not send."
            }
            422 => "Check `commit_hash` in the hook URL: the commit must belong to the environment's branch.",
            _ => return None,
        })
    }

    /// The API may know the environment by another id than the hook's URL has: `project` can name it.
    fn list(&self, access: &PlatformAccess, _: StateSource) -> Option<Request> {
        let id = if access.project.is_some() { "{project}" } else { "{environment}" };
        Request::of_api(access, &format!("api/environments/{id}/deployments"), None)
    }

    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        laravel::deployment(self.facts(), value, redactor)
    }

    /// One of another commit than the hook's URL names is not ours.
    fn may_be_ours(&self, access: &PlatformAccess, deployment: &Deployment) -> bool {
        let wanted = access.hook.as_ref().and_then(|hook| parameter(hook.expose(), "commit_hash"));
        let [wanted, found] =
            [wanted, deployment.origin.clone()].map(|hash| hash.map(|hash| hash.to_lowercase()));
        wanted
            .zip(found)
            .is_none_or(|(wanted, found)| wanted.starts_with(&found) || found.starts_with(&wanted))
    }
}

/// The environment that the hook deploys.
fn environment(hook: &Url) -> Option<&str> {
    match segments(hook)[..] {
        ["deploy", id, _] if is_uuid(id) => Some(id),
        _ => None,
    }
}

/// Whether this is a UUID: anything else in its place might be a secret of another platform.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secrets::HookUrl;

    const ID: &str = "9f0a1b2c-3d4e-4f5a-8b6c-7d8e9f0a1b2c";

    #[test]
    fn a_hook_is_an_environment_and_a_secret() {
        for (path, is_known, is_cut, any_host) in [
            (format!("deploy/{ID}/Zx9kkLONG"), true, false, true),
            (format!("deploy/{ID}/Zx9kkLONG/?commit_hash=0123456"), true, false, true),
            (format!("deploy/{ID}"), false, true, false),
            (format!("deploy/{ID}/"), false, true, false),
            ("deploy/Zx9kkLONG/Zx9kkLONG".to_owned(), false, false, false),
            (format!("deploy/{ID}/Zx9kkLONG/more"), false, false, false),
            ("deploy/srv-0123456789?key=abc".to_owned(), false, false, false),
        ] {
            let url: Url = format!("https://cloud.laravel.com/{path}").parse().unwrap();
            let hook = LaravelCloud.hook(&url);
            assert_eq!(matches!(hook, Ok(Some(_))), is_known, "{path}");
            assert_eq!(hook == Err(UrlFault::NoSecret), is_cut, "{path}");
            assert!(LaravelCloud.owns(&url, false), "{path}");
            let elsewhere: Url = format!("https://127.0.0.1/{path}").parse().unwrap();
            let owned = (LaravelCloud.owns(&elsewhere, false), LaravelCloud.owns(&elsewhere, true));
            assert_eq!(owned, (false, any_host), "{path}");
        }
    }

    #[test]
    fn the_environment_is_the_hooks_unless_it_is_named() {
        let hook = HookUrl::parse(&format!("https://cloud.laravel.com/deploy/{ID}/Zx9kkLONG")).unwrap();
        let mut access = PlatformAccess { api: LaravelCloud.api(None), ..PlatformAccess::new(&LaravelCloud) };
        let list = |access: &PlatformAccess| {
            Some(LaravelCloud.list(access, StateSource::Api)?.url.path().to_owned())
        };
        assert_eq!(list(&access), None, "without a hook");
        access.hook = Some(hook);
        assert_eq!(list(&access), Some(format!("/api/environments/{ID}/deployments")));
        access.project = Some("env-1".to_owned());
        assert_eq!(list(&access).as_deref(), Some("/api/environments/env-1/deployments"));
    }

    #[test]
    fn one_of_another_commit_than_the_hook_names_is_not_ours() {
        for (query, attributes, ours) in [
            ("", json!({ "commit_hash": "bbb222" }), true),
            ("?commit_hash=", json!({ "commit_hash": "bbb222" }), true),
            ("?commit_hash=aaa111", json!({ "commit_hash": "aaa111" }), true),
            ("?commit_hash=AAA1", json!({ "commit_hash": "aaa111" }), true),
            ("?commit_hash=aaa111", json!({ "commit": { "hash": "aaa111" } }), true),
            ("?commit_hash=aaa111", json!({ "commit_hash": null }), true),
            ("?commit_hash=aaa111", json!({ "commit_hash": "" }), true),
            ("?commit_hash=aaa111", json!({ "commit_hash": "bbb222" }), false),
            ("?commit_hash=aaa111", json!({ "commit": { "hash": "bbb222" } }), false),
        ] {
            let hook =
                HookUrl::parse(&format!("https://cloud.laravel.com/deploy/{ID}/Zx9kkLONG{query}")).unwrap();
            let access = PlatformAccess { hook: Some(hook), ..PlatformAccess::new(&LaravelCloud) };
            let body = json!({ "data": { "id": "depl-1", "type": "deployments", "attributes": attributes } });
            let found = LaravelCloud.deployments(&body, &Redactor::default()).unwrap();
            assert_eq!(LaravelCloud.may_be_ours(&access, &found[0]), ours, "{query} {body}");
        }
    }

    #[test]
    fn why_it_failed_is_cleaned_and_may_not_be_there() {
        for (reason, message) in [
            (json!("The health\u{1b}[31m check\nfailed."), "The health check failed."),
            (json!(null), ""),
            (json!(["x"]), ""),
        ] {
            let attributes = json!({ "status": "failed", "failure_reason": reason });
            let body = json!({ "data": { "id": "depl-1", "type": "deployments", "attributes": attributes } });
            let found = LaravelCloud.deployments(&body, &Redactor::default()).unwrap();
            assert_eq!(found[0].snapshot.message, message);
        }
    }

    #[test]
    fn a_redirect_and_a_404_have_advice_of_their_own() {
        let advice = |status: u16| LaravelCloud.advice(status, "").unwrap_or_default();
        for status in [300, 301, 302, 303, 307, 308] {
            assert!(advice(status).contains("unknown, disabled or regenerated"), "{status}");
        }
        for status in [404, 405] {
            assert!(advice(status).contains("wants GET"), "{status}");
        }
        assert_eq!((advice(401), advice(429), advice(200)), ("", "", ""));
    }
}
