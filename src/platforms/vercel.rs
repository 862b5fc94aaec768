//! Vercel: deploy hooks of projects with a Git repository. The hook answers a job, and the deployment is found.
//!
//! Sources: vercel.com/docs/deploy-hooks (2026-07-23) and the types of the package @vercel/sdk 1.28.35.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::body::{id, normal, oldest_first};
use super::facts::Facts;
use super::path::segments;
use super::platform::{Acceptance, Deployment, LogTarget, Platform, PlatformAccess, Request, StateSource};
use crate::core::state::DeploymentId;
use crate::http::time;
use crate::secrets::{DocumentedHook, Redactor, UrlFault};

/// The beginning of a hook's path; the project's id and the secret follow.
const PATH: [&str; 3] = ["v1", "integrations", "deploy"];

/// As long as others wait for a job's deployment: the documents name no time.
const APPEARS_WITHIN: Duration = Duration::from_mins(10);

pub(super) struct Vercel;

impl Platform for Vercel {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "vercel",
            known_by: "api.vercel.com/v1/integrations/deploy/…",
            followed: "by finding it",
            hook_variables: &["VERCEL_DEPLOY_HOOK_URL", "VERCEL_DEPLOY_HOOK"],
            token_variables: &["VERCEL_TOKEN"],
            // Only of a team.
            account_variables: &["VERCEL_TEAM_ID", "VERCEL_ORG_ID"],
            host: Some("api.vercel.com"),
            hook_path: &PATH,
            error_fields: &["error", "message", "code"],
            deployments: &["/deployments", ""],
            id: &["/uid", "/id"],
            id_prefix: "dpl_",
            state: &["/readyState", "/state", "/status"],
            created: &["/createdAt", "/created"],
            ended: &["/canceledAt", "/ready", "/deleted"],
            message: &["/errorMessage", "/readyStateReason"],
            origin: &["/source"],
            page: &["/inspectorUrl"],
            // `BLOCKED` waits for a person.
            waiting: "queued initializing",
            running: "building analyzing deploying",
            building: "building",
            succeeded: "ready",
            failed: "error blocked",
            canceled: "canceled deleted",
            hook_origin: Some("git-deploy-hook"),
            names_site: true,
            // A newer deployment of the same hook cancels the older ones.
            newer_cancels: true,
            appears_within: APPEARS_WITHIN,
            dashboards: &["vercel.com", "www.vercel.com"],
            hook_place: "Settings, Git, Deploy Hooks of the project",
            token_prefixes: &["vcp_", "vci_", "vca_", "vck_"],
            ..Facts::NONE
        }
    }

    /// The secret is the last segment. The project's id before it is none.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let segments = segments(url);
        let Some(&[project, secret]) = segments.strip_prefix(&PATH) else { return Err(UrlFault::NoSecret) };
        let is_id = project.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let public = if is_id { format!("v1/integrations/deploy/{project}/") } else { String::new() };
        Ok(Some(DocumentedHook::new(url, public, secret)))
    }

    /// The project whose hook it is.
    fn hook_id(&self, hook: &Url, _: &str) -> Option<String> {
        segments(hook).get(PATH.len()).map(|id| (*id).to_owned())
    }

    /// `{"job":{"id","state","createdAt"}}`. The job's id is no deployment's, and its time is of the platform's clock.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        if id(&answer["job"]["id"]).is_some() {
            return Acceptance::Unnamed { at: time::read(&answer["job"]["createdAt"]) };
        }
        Acceptance::unreadable(status, self.error(body, redactor), "the answer names no job")
    }

    fn advice(&self, status: u16, _: &str) -> Option<&'static str> {
        let advice = "The hook was deleted, or the URL is incomplete. Copy it again: the project's Settings, Git, Deploy Hooks.";
        (status == 404).then_some(advice)
    }

    fn list(&self, access: &PlatformAccess, _: StateSource) -> Option<Request> {
        of_team(access, "v7/deployments?projectId={project_of_hook}&limit=20", None)
    }

    fn poll(&self, access: &PlatformAccess, _: StateSource, id: &DeploymentId) -> Option<Request> {
        of_team(access, "v13/deployments/{id}", Some(id))
    }

    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        let mut found = Deployment::read(self.facts(), value, redactor)?;
        let snapshot = &mut found.snapshot;
        snapshot.message = message(&snapshot.word, value, std::mem::take(&mut snapshot.message));
        snapshot.site = site(value, redactor);
        Some(found)
    }

    fn may_cancel(&self, newer: &Deployment) -> bool {
        newer.origin.as_deref().is_none_or(|origin| Some(origin) == self.facts().hook_origin)
    }

    fn log(&self, access: &PlatformAccess, of: &LogTarget<'_>) -> Option<Request> {
        let events = "v3/deployments/{id}/events?direction=backward&limit=200&builds=1";
        of_team(access, events, Some(of.id))
    }

    /// A list of events; those with a text are lines.
    fn log_texts<'a>(&self, log: &'a Value) -> Vec<&'a str> {
        let at =
            |event: &Value| time::read(&event["created"]).or_else(|| time::read(&event["payload"]["date"]));
        let events = oldest_first(log, at);
        let text = |event: &&'a Value| event["text"].as_str().or(event["payload"]["text"].as_str());
        events.iter().filter_map(text).collect()
    }
}

/// Reads a team's deployments, where an account was given: its id, or its slug. A personal account's id in
/// `VERCEL_ORG_ID` is neither, and its token needs none.
fn of_team(access: &PlatformAccess, template: &str, id: Option<&DeploymentId>) -> Option<Request> {
    let request = Request::of_api(access, template, id)?;
    Some(match access.account.as_deref() {
        Some(team) if team.starts_with("team_") => request.query("teamId", team),
        Some(slug) if !is_user(slug) => request.query("slug", slug),
        _ => request,
    })
}

/// Whether this is the id of a personal account: `usr_…`, or 24 letters and digits.
fn is_user(account: &str) -> bool {
    let is_bare = account.len() == 24 && account.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_bare || account.starts_with("usr_") || account.starts_with("user_")
}

/// The alias, once the deployment has it, else the deployment's own address.
fn site(value: &Value, redactor: &Redactor) -> Option<String> {
    let alias = value["alias"][0].as_str().filter(|_| value["aliasAssigned"] == true);
    let host = alias.or_else(|| value["url"].as_str())?;
    Some(format!("https://{}", redactor.clean(host.trim_start_matches("https://"), 255)))
}

/// Why it did not succeed: what the platform says, and who must do what.
fn message(word: &str, value: &Value, given: String) -> String {
    match normal(word).as_str() {
        "blocked" => {}
        "deleted" if given.is_empty() => return "the deployment was deleted".to_owned(),
        _ => return given,
    }
    let who = match value["seatBlock"]["blockCode"].as_str() {
        Some("COMMIT_AUTHOR_REQUIRED") => {
            "the commit's author needs a Vercel account that is a member of the team"
        }
        Some("TEAM_ACCESS_REQUIRED") => "an owner of the team must give the commit's author access",
        _ => "a member of the team must unblock it in the dashboard",
    };
    if given.is_empty() { who.to_owned() } else { format!("{given}; {who}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::state::{Phase, Verdict};

    fn one(value: &Value) -> Deployment {
        Vercel.deployments(value, &Redactor::default()).unwrap().remove(0)
    }

    #[test]
    fn a_team_is_named_by_its_id_or_its_slug_and_a_personal_account_not_at_all() {
        for (account, query) in [
            (None, ""),
            (Some("team_a1B2"), "teamId=team_a1B2"),
            (Some("my-team"), "slug=my-team"),
            (Some("abcdefghijklmnopqrstuvwx"), ""),
            (Some("usr_a1B2"), ""),
            (Some("user_a1B2"), ""),
            (Some("user-group"), "slug=user-group"),
        ] {
            let access = PlatformAccess {
                api: Vercel.api(None),
                account: account.map(str::to_owned),
                ..PlatformAccess::new(&Vercel)
            };
            let id = DeploymentId::new("dpl_1").unwrap();
            let request = Vercel.poll(&access, StateSource::Api, &id).unwrap();
            assert_eq!(request.url.query().unwrap_or_default(), query, "{account:?}");
        }
    }

    #[test]
    fn a_blocked_deployment_says_who_must_act() {
        for (code, wanted) in [
            ("COMMIT_AUTHOR_REQUIRED", "commit's author needs"),
            ("TEAM_ACCESS_REQUIRED", "an owner of the team"),
            ("SOMETHING_ELSE", "a member of the team"),
        ] {
            let blocked =
                one(&json!({ "id": "dpl_1", "readyState": "BLOCKED", "seatBlock": { "blockCode": code } }));
            assert_eq!(blocked.snapshot.phase, Phase::Ended(Verdict::Failed));
            assert!(blocked.snapshot.message.contains(wanted), "{code}: {}", blocked.snapshot.message);
        }
    }

    #[test]
    fn a_deleted_deployment_says_so() {
        for (state, given, message) in [
            ("DELETED", json!(null), "the deployment was deleted"),
            ("deleted", json!("Deleted by someone"), "Deleted by someone"),
            ("CANCELED", json!(null), ""),
        ] {
            let found = one(&json!({ "id": "dpl_1", "readyState": state, "readyStateReason": given }));
            assert_eq!(found.snapshot.phase, Phase::Ended(Verdict::Canceled), "{state}");
            assert_eq!(found.snapshot.message, message, "{state}");
        }
    }

    #[test]
    fn a_deployment_of_git_is_not_ours() {
        let access = PlatformAccess::new(&Vercel);
        for (source, ours) in [
            (json!("git-deploy-hook"), true),
            (json!("git"), false),
            (json!("cli"), false),
            (json!(null), true),
        ] {
            let found = one(&json!({ "uid": "dpl_1", "source": source }));
            assert_eq!(Vercel.may_be_ours(&access, &found), ours, "{source}");
        }
    }

    #[test]
    fn the_site_is_the_alias_once_it_is_assigned() {
        for (value, site) in [
            (json!({ "uid": "dpl_1", "url": "a-1.vercel.app" }), Some("https://a-1.vercel.app")),
            (
                json!({ "uid": "dpl_1", "url": "a-1.vercel.app", "alias": ["www.example.com"], "aliasAssigned": false }),
                Some("https://a-1.vercel.app"),
            ),
            (
                json!({ "uid": "dpl_1", "url": "a-1.vercel.app", "alias": ["www.example.com"], "aliasAssigned": true }),
                Some("https://www.example.com"),
            ),
            (json!({ "uid": "dpl_1", "url": null }), None),
        ] {
            assert_eq!(one(&value).snapshot.site.as_deref(), site, "{value}");
        }
    }
}
