//! GitHub's published description of its API.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::contract::Contract;

pub(super) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::read(include_str!("../../contract/github-openapi-subset.json")));

/// GitHub's own example of an operation's answer.
pub(super) fn example(operation: &str) -> Value {
    CONTRACT.example(operation)
}

#[test]
fn the_description_refuses_what_github_would() {
    let faults = |method: &str, path: &str, query: &str, body: Value| {
        CONTRACT.judge(method, path, query, &body.to_string()).map(|known| known.faults.len())
    };
    let status = "/repos/o/r/statuses/abc";
    assert_eq!(faults("POST", status, "", json!({ "state": "pending", "description": null })), Some(0));
    assert_eq!(
        faults("POST", status, "", json!({ "state": "pending", "description": "x".repeat(141) })),
        Some(1)
    );
    assert_eq!(faults("POST", status, "", json!({ "state": "running", "target_url": "x" })), Some(2));
    assert_eq!(faults("POST", status, "", json!({ "state": "error", "colour": "red" })), Some(1));
    assert_eq!(faults("PUT", status, "", json!({ "state": "error" })), None);
    let comments = "/repos/o/r/issues/7/comments";
    assert_eq!(faults("GET", comments, "per_page=100&page=2", Value::Null), Some(0));
    assert_eq!(faults("GET", comments, "per_page=x&colour=1", Value::Null), Some(2));
    assert_eq!(faults("GET", "/repos/o/r/issues/x/comments", "", Value::Null), Some(1));
    let checks = "/repos/o/r/check-runs";
    let completed = json!({ "name": "n", "head_sha": "s", "status": "completed" });
    assert_eq!(faults("POST", checks, "", completed), Some(1), "completed needs a conclusion");
}
