//! The hook's URL and the tokens are passwords: GitLab never gets the platform's, the platform never GitLab's, and nobody
//! reads any of them. What is checked of every run is in [`super::job`] and [`super::fake_gitlab`].

use crate::common::Generation;

use super::fake_gitlab::{FakeGitLab, JOB_TOKEN, TOKEN};
use super::job::Job;
use super::{ALL, all, platform, start_sandbox};
use crate::fake_api::Fault;
use crate::server::answers_of_ours;

#[tokio::test]
async fn a_gitlab_that_repeats_what_it_was_sent_leaks_nothing() {
    all([400, 401, 403, 404, 422, 500].map(|status| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        gitlab.fail("", Fault::Echo(status), usize::MAX);
        let done = Job::of_merge_request(&gitlab, &sandbox, &format!("summary,{ALL}"))
            .args(&["deploy", "-v"])
            .run()
            .await;
        assert_eq!((done.end(), done.warnings().len()), ((0, "succeeded"), 3), "{}", done.trace.text);
        assert!(done.trace.text.contains("***"), "it was repeated: {}", done.trace.text);
    }))
    .await;
}

#[tokio::test]
async fn a_platform_that_repeats_the_hook_does_not_get_it_to_gitlab() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, start_sandbox("echo", Generation::Live, 20.0).await);
    let job = Job::of_merge_request(&gitlab, &sandbox, &format!("summary,{ALL}"))
        .with_api_token(&sandbox.api_token());
    let done = job.run().await;
    assert_eq!(done.verdict(), (1, "failed", vec![]), "{}", done.trace.text);
    let stored = gitlab.stored();
    let end = stored.own_notes()[0].last().expect("the end");
    assert!(end.contains("DEPLOY_HOOK_URL=***") && done.trace.text.contains("DEPLOY_HOOK_URL=***"), "{end}");
}

/// A platform's text that holds one of GitLab's tokens, as a careless build prints its environment.
#[tokio::test]
async fn a_build_log_that_holds_a_token_of_gitlabs_is_shown_with_stars() {
    let log = format!("env: CI_JOB_TOKEN={JOB_TOKEN} GITLAB_TOKEN={TOKEN}");
    let answer =
        serde_json::json!({ "data": { "publicId": "dp-abc123", "status": "FAILED" }, "logs": [log] });
    let (gitlab, server) = (FakeGitLab::start().await, answers_of_ours(answer.to_string()).await);
    let job = Job::through(&gitlab, &server.hook(), &format!("summary,{ALL}")).in_merge_request(&gitlab);
    let job = job.with("DEPLOY_HOOK_API_URL", &format!("http://{}", server.address));
    let done = job.with_api_token("frbit-at-1-0123456789abcdef0123").run().await;
    assert_eq!(done.verdict(), (1, "failed", vec![]), "{}", done.trace.text);
    assert!(done.trace.text.contains("CI_JOB_TOKEN=***") && done.trace.text.contains("GITLAB_TOKEN=***"));
    for head in server.heads() {
        assert!(!head.contains(TOKEN) && !head.contains(JOB_TOKEN), "the platform got a token: {head}");
    }
    assert!(gitlab.count("Notes") > 0, "and GitLab got a note");
}

#[tokio::test]
async fn a_token_in_the_wrong_place_is_not_repeated() {
    let cases =
        [("DEPLOY_HOOK_TIMEOUT", TOKEN), ("DEPLOY_HOOK_SHA", JOB_TOKEN), ("DEPLOY_HOOK_REPORT", TOKEN)];
    all(cases.map(|(name, token)| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        let done = Job::new(&gitlab, &sandbox, "auto").with(name, token).run().await;
        assert_eq!((done.code, gitlab.requests().len()), (Some(2), 0), "{}", done.trace.text);
    }))
    .await;
}
