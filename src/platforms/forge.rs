//! Laravel Forge: deploy hooks of sites, whose deployments are found and followed through its API.
//!
//! The hook takes a label for the deployment, `forge_deploy_message`. It is left to the user: Forge gives it to the
//! deploy script instead of the commit's message, and its documents show scripts that stop because of a word there.
//!
//! Sources: forge.laravel.com/docs/sites/deployments, and the API's reference of 2025-10-19 (deployments, states, log). The
//! answers of the hook are not documented.

use serde_json::Value;
use url::Url;

use super::facts::{Facts, Need};
use super::laravel;
use super::path::{raw_parameter, segments};
use super::platform::{Deployment, Platform, PlatformAccess};
use crate::core::state::Snapshot;
use crate::secrets::{DocumentedHook, Redactor, UrlFault};

/// The host of the hooks, of the API and of the dashboard.
const HOST: &str = "forge.laravel.com";

pub(super) struct Forge;

impl Platform for Forge {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "forge",
            known_by: "forge.laravel.com/servers/…",
            hook_variables: &["FORGE_DEPLOY_HOOK", "FORGE_DEPLOY_URL"],
            token_variables: &["FORGE_API_TOKEN"],
            needs: &[Need::Token, Need::Account],
            host: Some(HOST),
            list: Some(
                "api/orgs/{account}/servers/{server}/sites/{site}/deployments?sort=-created_at&page[size]=30",
            ),
            poll: Some("api/orgs/{account}/servers/{server}/sites/{site}/deployments/{id}"),
            // For a token with the scope `site:manage-deploys`.
            log: Some("api/orgs/{account}/servers/{server}/sites/{site}/deployments/{id}/log"),
            // It does not say why one failed.
            created: &["/attributes/created_at"],
            ended: &["/attributes/ended_at"],
            waiting: "pending queued",
            running: "deploying",
            succeeded: "finished",
            failed: "failed failed_build",
            // `{"data":{"attributes":{"output"}}}`
            log_fields: "data attributes output",
            // Of each user.
            requests_per_minute: Some(60),
            hook_place: "Settings, Deployments, Deploy hook of the site",
            ..laravel::LARAVEL
        }
    }

    /// Whatever is at the same host and is no hook, whole or cut.
    fn is_page(&self, url: &Url) -> bool {
        let is_hook =
            matches!(segments(url).as_slice(), ["servers", _, "sites", _, "deploy", ..] | ["api", ..]);
        url.host_str() == Some(HOST) && !is_hook
    }

    fn owns(&self, url: &Url, any_host: bool) -> bool {
        let is_here = url.host_str() == Some(HOST) && segments(url).first() == Some(&"servers");
        is_here || (any_host && site(url).is_some() && raw_parameter(url, "token").is_some())
    }

    /// The secret is the value of `token`. The page of a site is no hook.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let segments = segments(url);
        let is_cut =
            matches!(segments.as_slice(), ["servers", _, "sites", _] | ["servers", _, "sites", _, "deploy"]);
        let Some((server, site)) = site(url) else {
            return if is_cut { Err(UrlFault::NoSecret) } else { Ok(None) };
        };
        let token =
            raw_parameter(url, "token").filter(|token| !token.is_empty()).ok_or(UrlFault::NoSecret)?;
        let public = format!("servers/{server}/sites/{site}/deploy/http?token=");
        Ok(Some(DocumentedHook::new(url, public, token)))
    }

    /// The numbers of the server and of the site.
    fn hook_id(&self, hook: &Url, name: &str) -> Option<String> {
        let (server, site) = site(hook)?;
        Some(if name == "server" { server } else { site }.to_owned())
    }

    fn advice(&self, status: u16, _: &str) -> Option<&'static str> {
        matches!(status, 300..400).then_some(
            "Forge redirects a deploy hook that it does not know: the token is wrong or was regenerated. Copy the deploy hook from the site's Settings, Deployments, and replace the secret.",
        )
    }

    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        laravel::deployment(self.facts(), value, redactor)
    }

    /// The site's page, where the hook is the real platform's: a page of each deployment is not documented.
    fn dashboard_url(&self, access: &PlatformAccess, _: Option<&Value>, _: &Snapshot) -> Option<String> {
        let hook = access.hook.as_ref().filter(|hook| hook.host() == HOST)?;
        let (server, site) = site(hook.expose())?;
        Some(format!("https://{HOST}/servers/{server}/sites/{site}"))
    }
}

/// The numbers of the server and of the site that the hook deploys.
fn site(hook: &Url) -> Option<(&str, &str)> {
    let is_number = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
    match segments(hook)[..] {
        ["servers", server, "sites", site, "deploy", "http"] if is_number(server) && is_number(site) => {
            Some((server, site))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::state::DeploymentId;
    use crate::platforms::StateSource;
    use crate::secrets::HookUrl;

    const HOOK: &str = "https://forge.laravel.com/servers/12/sites/34/deploy/http?token=Zx9kkLONGSTRING";

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    /// What somebody has who follows: a hook, and an organization.
    fn access(hook: &str) -> PlatformAccess {
        let hook = HookUrl::parse(hook).unwrap();
        PlatformAccess {
            hook: Some(hook),
            api: Forge.api(None),
            account: Some("a b/../c".to_owned()),
            ..PlatformAccess::new(&Forge)
        }
    }

    #[test]
    fn a_hook_is_a_path_with_its_token() {
        let is_fault = |path: &str| match Forge.hook(&url(&format!("https://forge.laravel.com/{path}"))) {
            Ok(Some(hook)) => {
                assert_eq!(hook.secrets.last().unwrap(), "abc%2Fdef", "{path}");
                None
            }
            Ok(None) => Some("not documented"),
            Err(UrlFault::NoSecret) => Some("no secret"),
            Err(fault) => panic!("{path}: {fault:?}"),
        };
        for (path, fault) in [
            ("servers/12/sites/34/deploy/http?token=abc%2Fdef", None),
            ("servers/12/sites/34/deploy/http/?token=abc%2Fdef", None),
            ("servers/12/sites/34/deploy/http?env=x&token=abc%2Fdef&forge_deploy_branch=main", None),
            ("servers/12/sites/34/deploy/http?token=old&token=abc%2Fdef", None), // PHP reads the last one
            ("servers/12/sites/34/deploy/http?token=", Some("no secret")),
            ("servers/12/sites/34/deploy/http?env=x", Some("no secret")),
            ("servers/12/sites/34/deploy/http", Some("no secret")),
            ("servers/12/sites/34/deploy", Some("no secret")),
            ("servers/12/sites/34", Some("no secret")), // the page of the site
            ("servers/12/deploy?token=abc", Some("not documented")),
            ("servers/Zx9kkLONG/sites/34/deploy/http?token=abc", Some("not documented")),
        ] {
            assert_eq!(is_fault(path), fault, "{path}");
        }
    }

    #[test]
    fn a_hook_is_known_by_its_host_and_elsewhere_by_its_whole_path() {
        for (hook, here, any_host) in [
            (HOOK, true, true),
            ("https://forge.laravel.com/servers/12/sites/34", true, true),
            ("https://forge.laravel.com/api/v1/servers", false, false),
            ("https://127.0.0.1/servers/12/sites/34/deploy/http?token=a", false, true),
            ("https://127.0.0.1/servers/12/sites/34/deploy/http?key=a", false, false),
            ("https://127.0.0.1/servers/a/sites/34/deploy/http?token=a", false, false),
            ("https://forge.laravel.com.example/servers/12/sites/34/deploy/http?token=a", false, true),
        ] {
            assert_eq!(
                (Forge.owns(&url(hook), false), Forge.owns(&url(hook), true)),
                (here, any_host),
                "{hook}"
            );
        }
    }

    /// A label in the hook's URL would change what the deploy script reads as the commit's message.
    #[test]
    fn what_is_triggered_is_the_hook_as_it_was_given() {
        for hook in [HOOK.to_owned(), format!("{HOOK}&forge_deploy_message=Nightly%20build&env=a+b")] {
            let request = Forge.trigger(&access(&hook)).unwrap();
            assert_eq!(
                (request.url.as_str(), request.with_token, request.body),
                (hook.as_str(), false, None)
            );
        }
    }

    #[test]
    fn requests_need_the_site_and_the_organization_and_an_organization_is_one_segment() {
        let id = DeploymentId::new("59000526").unwrap();
        let path = |access: &PlatformAccess| {
            let request = Forge.poll(access, StateSource::Api, &id)?;
            Some(request.url.path().to_owned())
        };
        let mut access = access(HOOK);
        let wanted = "/api/orgs/a%20b%2F..%2Fc/servers/12/sites/34/deployments/59000526";
        assert_eq!(path(&access).as_deref(), Some(wanted));
        access.account = None;
        assert_eq!(path(&access), None);
        assert_eq!(Forge.list(&access, StateSource::Api), None);
        assert_eq!(access.missing().len(), 2, "a token and an account");
    }

    #[test]
    fn the_page_is_the_sites_at_the_real_platform() {
        let id = DeploymentId::new("1").unwrap();
        let body = serde_json::json!({ "data": { "id": id.as_str(), "type": "deployments" } });
        let snapshot = Forge.deployments(&body, &Redactor::default()).unwrap().remove(0).snapshot;
        let page = |hook: &str| Forge.dashboard_url(&access(hook), None, &snapshot);
        assert_eq!(page(HOOK).as_deref(), Some("https://forge.laravel.com/servers/12/sites/34"));
        assert_eq!(page("http://127.0.0.1/servers/12/sites/34/deploy/http?token=abcdef"), None);
    }
}
