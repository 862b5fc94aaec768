//! How long earlier deployments of the environment took: asked for once, where deployments are reported, and never
//! decisive.

use serde_json::{Value, json};

use super::fake_github::FakeGitHub;
use super::runner::Job;
use super::{all, platform};
use crate::fake_api::Fault;

fn answer() -> Value {
    let node = |ended: &str| {
        let statuses = json!([{ "state": "SUCCESS", "createdAt": ended }]);
        json!({
            "createdAt": "2026-01-01T00:00:00Z",
            "payload": "{\"deploy_hook\":\"deploy-hook-1\"}",
            "statuses": { "nodes": statuses },
        })
    };
    let nodes = ["2026-01-01T00:01:30Z", "2026-01-01T00:01:40Z", "2026-01-01T00:01:50Z"].map(node);
    json!({ "data": { "repository": { "deployments": { "nodes": nodes } } } })
}

#[tokio::test]
async fn earlier_deployments_of_the_environment_are_asked_for_once() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 14.0).await);
    github.prepare(|store| store.earlier = answer());
    let job = Job::of_pull(&github, &sandbox, "deployment").with("INPUT_ENVIRONMENT", "staging");
    let done = job.run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    let asked = github.stored().graphql;
    assert_eq!((asked.len(), asked[0].0.as_str()), (1, "/graphql"));
    let variables = json!({ "owner": "octo", "name": "site", "environment": "staging" });
    assert_eq!(asked[0].1["variables"], variables);
}

#[tokio::test]
async fn nothing_is_asked_where_no_deployment_is_reported_or_no_history_is_wanted() {
    all([("status", "auto"), ("deployment", "off")].map(|(report, history)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 14.0).await);
        let done = Job::of_pull(&github, &sandbox, report).with("INPUT_HISTORY", history).run().await;
        assert_eq!((done.code, github.stored().graphql.len()), (Some(0), 0), "{report}: {}", done.log);
    }))
    .await;
}

#[tokio::test]
async fn an_answer_that_is_late_or_no_use_changes_nothing() {
    let faults = [
        Fault::Hang,
        Fault::Close,
        Fault::Message(403, "Resource not accessible by integration"),
        Fault::Message(502, "Bad Gateway"),
        Fault::Body(200, "<html>"),
        Fault::Body(200, "{\"data\":null,\"errors\":[{\"message\":\"no\"}]}"),
        Fault::RedirectAway(302),
    ];
    all(faults.map(|fault| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 14.0).await);
        github.fail("graphql", fault, 9);
        let done = Job::of_pull(&github, &sandbox, "deployment").run().await;
        assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{fault:?}: {}", done.log);
        assert_eq!(github.stored().graphql.len(), 1, "{fault:?}");
        assert_eq!(github.stored().open(), [""; 0], "{fault:?}");
    }))
    .await;
}
