//! Which commit is reported on, for every event that starts a workflow; context and name.

use serde_json::{Value, json};

use super::fake_github::{FakeGitHub, REPOSITORY};
use super::platform;
use super::runner::{HEAD, Job, SHA, pull_request};

/// The commit of the status that a run of this event leaves.
async fn reported(event: &str, payload: Value, inputs: &[(&str, &str)]) -> (String, Value) {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let job = Job::new(&github, &sandbox, "auto").event(event, &payload).with("INPUT_WAIT", "never");
    let done = inputs.iter().fold(job, |job, (name, value)| job.with(name, value)).run().await;
    assert_eq!(done.code, Some(0), "{event}: {}", done.log);
    let requests = github.requests();
    assert_eq!(requests.len(), 1, "{event}");
    (requests[0].path.rsplit('/').next().unwrap_or_default().to_owned(), requests[0].body.clone())
}

#[tokio::test]
async fn the_commit_is_the_one_the_event_is_about() {
    let pull = pull_request(Some(REPOSITORY));
    let of_pull = || pull.clone();
    let run = json!({ "workflow_run": { "head_sha": HEAD, "name": "CI", "pull_requests": [] } });
    let group = json!({ "merge_group": { "head_sha": HEAD, "base_sha": SHA } });
    let (push, schedule, by_hand, dispatch, release) = tokio::join!(
        reported("push", json!({ "after": SHA }), &[]),
        reported("schedule", json!({ "schedule": "17 4 * * *" }), &[]),
        reported("workflow_dispatch", json!({ "inputs": {}, "ref": "refs/heads/main" }), &[]),
        reported("repository_dispatch", json!({ "action": "publish", "client_payload": {} }), &[]),
        reported("release", json!({ "release": { "tag_name": "v1", "target_commitish": "main" } }), &[]),
    );
    for (event, sha) in
        [push, schedule, by_hand, dispatch, release].into_iter().map(|(sha, _)| sha).enumerate()
    {
        assert_eq!(sha, SHA, "event {event}");
    }
    let (head, target, after, queue) = tokio::join!(
        reported("pull_request", of_pull(), &[]),
        reported("pull_request_target", of_pull(), &[]),
        reported("workflow_run", run, &[]),
        reported("merge_group", group, &[]),
    );
    for (event, sha) in [head, target, after, queue].into_iter().map(|(sha, _)| sha).enumerate() {
        assert_eq!(sha, HEAD, "event {event}");
    }
}

#[tokio::test]
async fn a_chosen_commit_and_name_go_before_all_others() {
    let other = "ABCDEF0123456789ABCDEF0123456789ABCDEF01";
    let payload = pull_request(Some(REPOSITORY));
    let named = [("INPUT_SHA", other), ("INPUT_NAME", "Site"), ("INPUT_ENVIRONMENT", "x")];
    let shown = [("INPUT_ENVIRONMENT", "production")];
    let (named, shown, plain) = tokio::join!(
        reported("pull_request", payload, &named),
        reported("push", json!({}), &shown),
        reported("push", json!({}), &[]),
    );
    assert_eq!((named.0, named.1["context"].as_str()), (other.to_lowercase(), Some("Site")));
    assert_eq!(shown.1["context"], "Deploy / production");
    assert_eq!(plain.1["context"], "Deploy");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_falls_back_to_the_runs_own_commit() {
    let (sha, _) = reported("pull_request", json!(["not", "an", "event"]), &[]).await;
    assert_eq!(sha, SHA);
}

#[tokio::test]
async fn a_long_description_is_cut_at_a_word() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("unprocessable", 20.0).await);
    let hook = format!("{}/v1/deploy-hook/{}", sandbox.url(), "unknown".repeat(8));
    let done = Job::new(&github, &sandbox, "status").with("INPUT_HOOK-URL", &hook).run().await;
    assert_eq!(done.code, Some(3), "{}", done.log);
    let done = Job::new(&github, &sandbox, "status").run().await;
    assert_eq!(done.code, Some(3), "{}", done.log);
    for status in github.stored().statuses {
        let text = status["description"].as_str().unwrap().to_owned();
        assert!(!text.is_empty() && text.chars().count() <= 140, "{text}");
        assert!(!text.ends_with(' ') && !text.contains("unknownunknown"), "{text}");
    }
}
