//! How long earlier GitHub Deployments of the environment took, by one request of its GraphQL API.
//!
//! Sources: GitHub's GraphQL schema (`Repository.deployments`, `Deployment.statuses`) and the runner's `GITHUB_GRAPHQL_URL`.
//! Octocrab's `graphql` would ask at `/api/v3/graphql` of a GitHub Enterprise Server, which has it at `/api/graphql`.
//! Nothing of it can fail a run: what is not answered is not known.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::event::WorkflowRun;
use crate::core::history::History;
use crate::http::{Credential, Http};
use crate::secrets::Token;

/// How long the request may take; nothing waits for it.
const LIMIT: Duration = Duration::from_secs(10);

/// The newest deployments of an environment, and the newest states of each.
const QUERY: &str = "query($owner:String!,$name:String!,$environment:String!){repository(owner:$owner,name:$name){\
    deployments(first:30,environments:[$environment],orderBy:{field:CREATED_AT,direction:DESC}){\
    nodes{createdAt payload statuses(first:10){nodes{state createdAt}}}}}}";

/// What is asked, and where the answer goes.
pub(super) struct EarlierDeployments {
    url: Url,
    body: Value,
    http: Http,
    token: Token,
    pub(super) found: Arc<OnceLock<History>>,
}

impl EarlierDeployments {
    /// Those of the environment that the run's own deployment will be in; `None` where the API has no such address.
    pub(super) fn new(http: &Http, run: &WorkflowRun, token: &Token, environment: &str) -> Option<Self> {
        let (owner, name) = run.repository.split_once('/')?;
        let mut url = Url::parse(&run.api).ok()?;
        // `https://api.github.com/graphql`, `https://HOST/api/graphql`
        let base = url.path().trim_end_matches('/').trim_end_matches("/v3").to_owned();
        url.set_path(&format!("{base}/graphql"));
        let variables = json!({ "owner": owner, "name": name, "environment": environment });
        let body = json!({ "query": QUERY, "variables": variables });
        Some(Self { url, body, http: http.clone(), token: token.clone(), found: Arc::default() })
    }

    /// Asks once, in the background.
    pub(super) fn ask(self) {
        tokio::spawn(async move {
            let (token, body) = (Some(Credential::Bearer(&self.token)), Some(&self.body));
            let answer = self.http.send(Method::POST, &self.url, token, body, LIMIT).await;
            let bytes = answer.ok().filter(|answer| answer.status == 200).and_then(|answer| answer.body.ok());
            let answer = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            let _ = self.found.set(durations(&answer.unwrap_or_default()));
        });
    }
}

/// How long those deployments took that earlier runs reported: from their creation to their first final state. Others
/// contain whatever else their job did.
fn durations(answer: &Value) -> History {
    let time = |value: &Value| humantime::parse_rfc3339_weak(value.as_str()?).ok();
    let took = |deployment: &Value| {
        let is_ours = deployment["payload"].to_string().contains("deploy_hook");
        let created = time(&deployment["createdAt"]).filter(|_| is_ours)?;
        let statuses = deployment["statuses"]["nodes"].as_array()?;
        let is_final = |status: &&Value| matches!(status["state"].as_str(), Some("SUCCESS" | "FAILURE"));
        let ended = statuses.iter().filter(is_final).filter_map(|status| time(&status["createdAt"])).min()?;
        ended.duration_since(created).ok()
    };
    let deployments = answer["data"]["repository"]["deployments"]["nodes"].as_array();
    History::new(deployments.into_iter().flatten().filter_map(took))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(payload: &str, created: &str, statuses: &[(&str, &str)]) -> Value {
        let statuses: Vec<Value> =
            statuses.iter().map(|(state, at)| json!({ "state": state, "createdAt": at })).collect();
        json!({ "payload": payload, "createdAt": created, "statuses": { "nodes": statuses } })
    }

    #[test]
    fn a_deployment_took_until_its_first_final_state() {
        let ours = r#"{"deploy_hook":"deploy-hook-1"}"#;
        let nodes = [
            node(
                ours,
                "2026-01-01T00:00:00Z",
                &[
                    ("INACTIVE", "2026-01-02T00:00:00Z"),
                    ("SUCCESS", "2026-01-01T00:01:40Z"),
                    ("IN_PROGRESS", "2026-01-01T00:00:01Z"),
                ],
            ),
            node(ours, "2026-01-01T00:00:00Z", &[("FAILURE", "2026-01-01T00:00:30Z")]),
            node(ours, "2026-01-01T00:00:00Z", &[("ERROR", "2026-01-01T00:15:00Z")]),
            node(ours, "2026-01-01T00:00:00Z", &[("IN_PROGRESS", "2026-01-01T00:00:01Z")]),
            node(ours, "2026-01-01T00:00:00Z", &[("SUCCESS", "2025-01-01T00:00:30Z")]),
            node(ours, "soon", &[("SUCCESS", "2025-01-01T00:00:30Z")]),
            node("{}", "2026-01-01T00:00:00Z", &[("SUCCESS", "2026-01-01T00:09:00Z")]),
        ];
        let answer = json!({ "data": { "repository": { "deployments": { "nodes": nodes } } } });
        assert_eq!(durations(&answer), History::new([100, 30].map(Duration::from_secs)));
    }

    #[test]
    fn any_other_answer_says_nothing() {
        for answer in [
            json!(null),
            json!([]),
            json!({ "data": null, "errors": [{ "message": "Resource not accessible by integration" }] }),
            json!({ "data": { "repository": null } }),
            json!({ "data": { "repository": { "deployments": { "nodes": [null, 1, {}, { "statuses": 1 }] } } } }),
        ] {
            assert!(durations(&answer).is_empty(), "{answer}");
        }
    }
}
