//! GitLab's published description of its API.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::contract::Contract;

pub(super) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::read(include_str!("../../contract/gitlab-openapi-subset.json")));

/// GitLab's own example of an operation's answer.
pub(super) fn example(operation: &str) -> Value {
    CONTRACT.example(operation)
}

#[test]
fn the_description_refuses_what_gitlab_would() {
    let faults = |method: &str, path: &str, query: &str, body: Value| {
        CONTRACT.judge(method, path, query, &body.to_string()).map(|known| known.faults.len())
    };
    let status = "/api/v4/projects/42/statuses/abc";
    assert_eq!(faults("POST", status, "", json!({ "state": "running", "pipeline_id": 7001 })), Some(0));
    assert_eq!(faults("POST", status, "", json!({ "state": "failure" })), Some(1), "GitHub's word");
    assert_eq!(faults("POST", status, "", json!({ "state": "success", "colour": "red" })), Some(1));
    assert_eq!(faults("POST", status, "", json!({ "pipeline_id": "7001" })), Some(2), "a text, and no state");
    assert_eq!(faults("POST", "/projects/42/statuses/abc", "", json!({ "state": "success" })), None);
    assert_eq!(faults("PUT", status, "", json!({ "state": "success" })), None);
    let deployments = "/api/v4/projects/42/deployments";
    let whole = json!({ "environment": "e", "sha": "s", "ref": "r", "tag": false, "status": "running" });
    assert_eq!(faults("POST", deployments, "", whole.clone()), Some(0));
    assert_eq!(
        faults("POST", deployments, "", json!({ "environment": "e", "sha": "s", "ref": "r" })),
        Some(2)
    );
    assert_eq!(
        faults("PUT", "/api/v4/projects/42/deployments/x", "", json!({ "status": "success" })),
        Some(1)
    );
    let notes = "/api/v4/projects/42/merge_requests/12/notes";
    assert_eq!(
        faults("GET", notes, "per_page=100&page=2&activity_filter=only_comments", Value::Null),
        Some(0)
    );
    assert_eq!(faults("GET", notes, "per_page=x&colour=1&sort=up", Value::Null), Some(3));
    assert_eq!(faults("POST", notes, "", json!({ "body": "" })), Some(1));
    assert_eq!(faults("PATCH", &format!("{notes}/302"), "", json!({ "body": "b" })), None, "GitHub's method");
}
