//! Sevalla: deployment hooks of applications, followed by the id that they answer.
//!
//! Sources: sevalla-hosting/sevalla-deploy of 2025-11-03 (the hook's answer, version 2 of the API) and
//! sevalla-hosting/cli of 2026-03-25 (version 3, states, errors). Host and path of the hook are not published, so nothing of its path is shown.

use serde_json::Value;

use super::facts::Facts;
use super::platform::{Acceptance, Platform, PlatformAccess, Request, StateSource};
use crate::core::state::DeploymentId;
use crate::secrets::Redactor;

pub(super) struct Sevalla;

impl Platform for Sevalla {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "sevalla",
            // No form of the URL is documented.
            known_by: "only when named",
            followed: "by id",
            hook_variables: &["SEVALLA_DEPLOY_HOOK"],
            token_variables: &["SEVALLA_API_TOKEN", "SEVALLA_TOKEN"],
            api_host: Some("api.sevalla.com"),
            list: Some("v3/applications/{project}/deployments?limit=20"),
            log: Some("v3/applications/{project}/deployments/{id}/logs"),
            deployments: &["/data", ""],
            deployment: &["/deployment", ""],
            // `waiting` and `inProgress` are those of the documents of Kinsta, its earlier name.
            waiting: "queued pending waiting",
            running: "building built deploying rolling_out in_progress inprogress",
            building: "building",
            succeeded: "success",
            failed: "failed",
            canceled: "cancelled canceled skipped",
            // The log is a list of objects whose fields are not documented: whatever texts there are.
            log_fields: "data logs entries message log text line output",
            error_fields: &["message", "error", "data"],
            dashboards: &["app.sevalla.com"],
            hook_place: "Settings, Deployment hook of the application",
            ..Facts::NONE
        }
    }

    /// `{"deployment":{"id","status"}}`
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_one = answer["status"].is_string() && answer["message"].is_null();
        let whole = || self.deployment(&answer, redactor).filter(|_| is_one);
        let named = self.deployment(&answer["deployment"], redactor).or_else(whole);
        let unreadable =
            || Acceptance::unreadable(status, self.error(body, redactor), "the answer names no deployment");
        named.map_or_else(unreadable, Acceptance::Named)
    }

    fn advice(&self, status: u16, _: &str) -> Option<&'static str> {
        let advice = "The hook was disabled or regenerated. Copy it again: the application's Settings, Deployment hook.";
        matches!(status, 404 | 410).then_some(advice)
    }

    /// Version 2 of the API needs no application.
    fn poll(&self, access: &PlatformAccess, _: StateSource, id: &DeploymentId) -> Option<Request> {
        let by_id = || Request::of_api(access, "v2/applications/deployments/{id}", Some(id));
        Request::of_api(access, "v3/applications/{project}/deployments/{id}", Some(id)).or_else(by_id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platforms::LogTarget;
    use crate::platforms::documented;
    use crate::secrets::HookUrl;

    #[test]
    fn an_application_that_is_named_is_read_by_the_newer_api() {
        for (project, path) in [
            (None, "/v2/applications/deployments/d-1"),
            (Some("app-1"), "/v3/applications/app-1/deployments/d-1"),
        ] {
            let access = PlatformAccess {
                api: Sevalla.api(None),
                project: project.map(str::to_owned),
                ..PlatformAccess::new(&Sevalla)
            };
            let id = DeploymentId::new("d-1").unwrap();
            let request = Sevalla.poll(&access, StateSource::Api, &id).unwrap();
            assert_eq!(request.url.path(), path);
            let log = LogTarget { source: StateSource::Api, id: &id, about: None };
            assert_eq!(Sevalla.log(&access, &log).is_some(), project.is_some());
        }
    }

    #[test]
    fn the_secret_is_masked_wherever_it_is_in_the_path_and_no_common_word_is() {
        for path in
            ["hooks/Zx9kkLONGq7W/deploy", "Zx9kkLONGq7W/a", "hooks/Zx9kkLONGq7W", "hooks/x?key=Zx9kkLONGq7W"]
        {
            let hook = HookUrl::parse(&format!("https://hooks.sevalla.example/{path}")).unwrap();
            let hook = documented(&Sevalla, hook).unwrap();
            assert_eq!(hook.label(), "https://hooks.sevalla.example/***", "{path}");
            let redactor = Redactor::new(Some(&hook), []);
            assert_eq!(
                redactor.redact("no Zx9kkLONGq7W to deploy hooks"),
                "no *** to deploy hooks",
                "{path}"
            );
        }
    }

    #[test]
    fn both_versions_of_the_api_are_read() {
        let one = json!({ "id": "d-1", "status": "built", "created_at": "2026-03-25T10:00:00Z" });
        let older = json!({ "id": "d-0", "status": "cancelled", "created_at": "2026-03-25T09:00:00Z" });
        for (body, wanted) in [
            (json!({ "deployment": { "id": "d-1", "status": "built" } }), vec!["d-1"]),
            (one.clone(), vec!["d-1"]),
            (json!({ "data": [older, one], "total": 2, "limit": 20, "offset": 0 }), vec!["d-1", "d-0"]),
            (json!({ "data": [], "total": 0 }), vec![]),
        ] {
            let found = Sevalla.deployments(&body, &Redactor::default()).unwrap();
            let ids: Vec<&str> = found.iter().map(|deployment| deployment.snapshot.id.as_str()).collect();
            assert_eq!(ids, wanted, "{body}");
        }
        let log = br#"[{"timestamp":"2026-03-25T10:00:00Z","message":"npm ci"},{"message":"exit 1"}]"#;
        assert_eq!(Sevalla.log_lines(log, &Redactor::default(), 20), ["npm ci", "exit 1"]);
    }
}
