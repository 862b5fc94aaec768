//! The API of GitHub on loopback: what it stores, and what it refuses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contract;
use crate::contract::Contract;
use crate::fake_api::{Api, ApiRequest, FakeApi};
use crate::wire::Request;

/// The token the runner gives.
pub(super) const TOKEN: &str = "ghs_0123456789abcdefghijklmnopqrstuvwxyz";

/// The repository of every run.
pub(super) const REPOSITORY: &str = "octo/site";

/// Where GitHub redirects to when a repository has moved.
const MOVED: &str = "/repositories/4711";

/// The states in which a status or a deployment is finished.
const FINISHED: [&str; 4] = ["success", "failure", "error", "inactive"];

/// A running GitHub.
pub(super) type FakeGitHub = FakeApi<GitHubStore>;

/// What GitHub stores.
#[derive(Clone, Debug, Default)]
pub(super) struct GitHubStore {
    pub(super) statuses: Vec<Value>,
    /// Each check run's bodies, the creating one first.
    pub(super) checks: BTreeMap<u64, Vec<Value>>,
    /// Each deployment's body, then its statuses'.
    pub(super) deployments: BTreeMap<u64, Vec<Value>>,
    /// Each comment's pull request and texts.
    pub(super) comments: BTreeMap<u64, (u64, Vec<String>)>,
    /// The requests to the GraphQL API: each path and body.
    pub(super) graphql: Vec<(String, Value)>,
    /// What the GraphQL API answers.
    pub(super) earlier: Value,
}

impl Api for GitHubStore {
    const BASE: &'static str = "";
    const RATE_LIMITED: &'static str = "You have exceeded a secondary rate limit.";
    const TOKENS: &'static [&'static str] = &[TOKEN];

    fn contract() -> &'static Contract {
        &contract::CONTRACT
    }

    /// Wrong headers, and what GitHub refuses beside what its description says: characters of four bytes in a status, a
    /// page that is too long by its bytes, and control characters.
    fn violations(request: &Request, operation: &str) -> Vec<String> {
        let expected = [
            ("authorization", format!("Bearer {TOKEN}")),
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        let expected = if operation == "graphql" { &expected[..1] } else { &expected };
        let wrong = expected.iter().filter(|(name, value)| request.headers.get(*name) != Some(value));
        let mut violations: Vec<String> =
            wrong.map(|(name, value)| format!("{name} is not {value}")).collect();
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if body["output"].is_null() {
            for name in ["description", "context", "environment"] {
                if text(&body[name]).chars().any(|c| c > '\u{ffff}') {
                    violations.push(format!("{name} doesn't accept 4-byte Unicode"));
                }
            }
        } else if text(&body["output"]["summary"]).len() > 65_535 {
            violations.push("summary exceeds a maximum bytesize of 65535".to_owned());
        }
        if body.to_string().contains("\\u00") {
            violations.push("it holds a control character".to_owned());
        }
        violations
    }

    /// The GraphQL API, which is no part of the description, and may be asked at the same time as a report is written.
    fn undescribed(&mut self, path: &str, body: &Value) -> Option<&'static str> {
        path.ends_with("/graphql").then(|| {
            self.graphql.push((path.to_owned(), body.clone()));
            "graphql"
        })
    }

    fn is_final(body: &Value) -> bool {
        let word = |name: &str| body[name].as_str().unwrap_or_default();
        let comment = word("body").lines().nth(1).is_some_and(|line| line.starts_with("###"));
        comment || word("status") == "completed" || FINISHED.contains(&word("state"))
    }

    fn moved(path: &str) -> Option<String> {
        path.split_once(REPOSITORY).map(|(_, rest)| format!("{MOVED}{rest}"))
    }

    fn before_move(path: &str) -> Option<String> {
        path.strip_prefix(MOVED).map(|rest| format!("/repos/{REPOSITORY}{rest}"))
    }

    fn answer(&mut self, request: &ApiRequest) -> (u16, Value) {
        if request.operation == "graphql" {
            return (200, self.earlier.clone());
        }
        let mut answer = contract::example(&request.operation);
        let new = 1000 + self.checks.len() + self.deployments.len() + self.comments.len();
        let new = u64::try_from(new).expect("few");
        let body = request.body.clone();
        let text = body["body"].as_str().unwrap_or_default().to_owned();
        let id = match request.operation.as_str() {
            "repos/create-commit-status" => {
                self.statuses.push(body);
                new
            }
            "checks/create" => {
                self.checks.insert(new, vec![body]);
                new
            }
            "repos/create-deployment" => {
                self.deployments.insert(new, vec![body]);
                new
            }
            "issues/create-comment" => {
                self.comments.insert(new, (request.number(5), vec![text]));
                new
            }
            "repos/get" => new,
            "repos/get-combined-status-for-ref" => return (200, self.combined_status()),
            "repos/list-deployment-statuses" => return (200, self.deployment_statuses(request.number(5))),
            "issues/list-comments" => return (200, self.page_of_comments(request)),
            "checks/list-for-ref" => return (200, listed_checks(&self.checks, request)),
            "repos/list-deployments" => return (200, listed(&self.deployments)),
            other => {
                let id = request.number(if other == "issues/update-comment" { 6 } else { 5 });
                let found = match other {
                    "checks/update" => self.checks.get_mut(&id).map(|bodies| bodies.push(body)),
                    "repos/create-deployment-status" => {
                        self.deployments.get_mut(&id).map(|bodies| bodies.push(body))
                    }
                    "issues/update-comment" => self.comments.get_mut(&id).map(|(_, texts)| texts.push(text)),
                    _ => None,
                };
                if found.is_none() {
                    return (404, json!({ "message": "Not Found" }));
                }
                id
            }
        };
        answer["id"] = json!(id);
        (if request.method == "POST" { 201 } else { 200 }, answer)
    }
}

impl GitHubStore {
    /// Somebody's comment on a pull request.
    pub(super) fn add_comment(&mut self, id: u64, pull: u64, text: &str) {
        self.comments.insert(id, (pull, vec![text.to_owned()]));
    }

    /// The reports that look unfinished on the page of the commit or pull request.
    pub(super) fn open(&self) -> Vec<String> {
        let mut open = Vec::new();
        if let Some(last) = self.statuses.last().filter(|last| last["state"] == "pending") {
            open.push(format!("status: {last}"));
        }
        let checks = self.checks.values().filter_map(|bodies| bodies.last());
        open.extend(checks.filter(|last| last["status"] != "completed").map(|last| format!("check: {last}")));
        let deployments = self.deployments.values().filter_map(|bodies| bodies.last());
        let unfinished = |last: &&Value| !FINISHED.contains(&last["state"].as_str().unwrap_or_default());
        open.extend(deployments.filter(unfinished).map(|last| format!("deployment: {last}")));
        open
    }

    /// The last status of each context.
    fn combined_status(&self) -> Value {
        let mut last = BTreeMap::new();
        for (id, status) in self.statuses.iter().enumerate() {
            let mut status = status.clone();
            status["id"] = json!(id);
            last.insert(status["context"].to_string(), status);
        }
        json!({ "statuses": last.into_values().collect::<Vec<_>>() })
    }

    /// A deployment's statuses, the newest first.
    fn deployment_statuses(&self, id: u64) -> Value {
        let statuses = self.deployments.get(&id).and_then(|bodies| bodies.get(1..));
        let one = |(id, status): (usize, &Value)| {
            let mut status = status.clone();
            status["id"] = json!(id);
            status
        };
        statuses.unwrap_or_default().iter().enumerate().rev().map(one).collect()
    }

    /// A page of a pull request's comments.
    fn page_of_comments(&self, request: &ApiRequest) -> Value {
        let (size, page) =
            (request.query_number("per_page").unwrap_or(30), request.query_number("page").unwrap_or(1));
        let example = contract::example("issues/list-comments")[0].clone();
        let all = self.comments.iter().filter(|(_, (pull, _))| *pull == request.number(5));
        let page = all.skip(size * (page - 1)).take(size).map(|(id, (_, texts))| {
            let mut comment = example.clone();
            comment["id"] = json!(id);
            comment["body"] = json!(texts.last());
            comment
        });
        page.collect()
    }
}

/// What was created, by its creating body, the newest first.
fn listed(created: &BTreeMap<u64, Vec<Value>>) -> Value {
    let one = |(id, bodies): (&u64, &Vec<Value>)| {
        let mut shown = bodies[0].clone();
        shown["id"] = json!(id);
        // The last status of a check run; a deployment has statuses of its own.
        shown["status"] = bodies.last().map(|last| last["status"].clone()).unwrap_or_default();
        shown
    };
    created.iter().rev().map(one).collect()
}

fn listed_checks(checks: &BTreeMap<u64, Vec<Value>>, request: &ApiRequest) -> Value {
    let mut found = listed(checks);
    let name = request.query_value("check_name").unwrap_or_default();
    found.as_array_mut().expect("a list").retain(|check| check["name"] == name);
    json!({ "total_count": 1, "check_runs": found })
}
