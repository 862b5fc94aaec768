//! The post step: closes what a killed run left open, with the state the run saved, and does nothing else.

use std::collections::BTreeSet;

use super::fake_github::FakeGitHub;
use super::runner::Job;
use super::{ALL, all, pause, platform, signal};
use crate::fake_api::Fault;

/// A run that was killed once GitHub had received so many requests; the number of requests to the platform by then.
async fn killed(github: &FakeGitHub, requests: usize) -> (Job, deploy_hook::sandbox::Sandbox, usize) {
    let sandbox = platform("stuck", 1.0).await;
    let job = Job::of_pull(github, &sandbox, ALL);
    let child = job.spawn();
    github.wait_for(requests).await;
    pause(300).await;
    signal(&child, "KILL");
    assert_eq!(job.wait(child).await.code, None);
    let asked = sandbox.requests().len();
    (job, sandbox, asked)
}

#[tokio::test]
async fn whatever_was_open_when_the_run_was_killed_is_closed() {
    all([1, 2, 3, 6].map(|requests| async move {
        let github = FakeGitHub::start().await;
        let (job, sandbox, asked) = killed(&github, requests).await;
        assert!(!github.stored().open().is_empty());
        let done = job.post().await;
        assert_eq!((done.code, github.stored().open()), (Some(0), vec![]), "after {requests}: {}", done.log);
        assert_eq!(sandbox.requests().len(), asked, "the post step never asks the platform");
        let closed = done.log.lines().filter(|line| line.starts_with("Closed the ")).count();
        let kinds: BTreeSet<String> =
            github.requests().into_iter().map(|request| request.operation).collect();
        let opened = ["status", "checks/create", "create-deployment", "create-comment"];
        let opened = opened.iter().filter(|what| kinds.iter().any(|kind| kind.ends_with(*what))).count();
        assert!(closed > 0 && closed <= opened.max(1), "after {requests}: {}", done.log);
        assert!(done.annotations("warning").is_empty() && done.annotations("error").is_empty());
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_closed_its_reports_leaves_nothing_to_do() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let job = Job::of_pull(&github, &sandbox, ALL).with("INPUT_WAIT", "never");
    assert_eq!(job.run().await.code, Some(0));
    let (before, asked) = (github.requests().len(), sandbox.requests().len());
    let done = job.post().await;
    assert_eq!(
        (done.code, github.requests().len(), sandbox.requests().len()),
        (Some(0), before, asked),
        "{}",
        done.log
    );
}

#[tokio::test]
async fn a_run_that_opened_nothing_leaves_nothing_to_do() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let bad = Job::of_pull(&github, &sandbox, ALL).with("INPUT_TIMEOUT", "soon");
    assert_eq!(bad.run().await.code, Some(2));
    let done = bad.post().await;
    assert_eq!(
        (done.code, done.annotations("error")),
        (Some(0), vec![]),
        "one report is enough: {}",
        done.log
    );
    let summary = Job::of_pull(&github, &sandbox, "summary").with("INPUT_WAIT", "never");
    assert_eq!(summary.run().await.code, Some(0));
    assert_eq!(summary.post().await.code, Some(0));
    assert_eq!((github.requests().len(), sandbox.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_state_that_names_no_report_sends_nothing() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    for state in ["", "deploy_hook_records={}", "deploy_hook_records=[{}]", "deploy_hook_records=no JSON"] {
        let done = Job::of_pull(&github, &sandbox, ALL).unfinished("state", state).post().await;
        let requests = (github.requests().len(), sandbox.requests().len());
        assert_eq!((done.code, requests), (Some(0), (0, 0)), "{state}: {}", done.log);
    }
}

#[tokio::test]
async fn a_post_step_that_cannot_close_says_so_and_passes() {
    let github = FakeGitHub::start().await;
    let (job, _sandbox, _) = killed(&github, 6).await;
    github.fail("checks/", Fault::Message(403, "Resource not accessible by integration"), usize::MAX);
    github.fail("create-deployment-status", Fault::Hang, usize::MAX);
    let done = job.post().await;
    assert_eq!(
        (done.code, done.log.matches("This does not change the outcome.").count()),
        (Some(0), 2),
        "{}",
        done.log
    );
    let other = job.unfinished("state", "deploy_hook_records={").with("GITHUB_STATE", "/nowhere");
    assert_eq!(other.post().await.code, Some(0));
}

#[tokio::test]
async fn a_killed_runs_state_does_not_hold_its_secrets() {
    let github = FakeGitHub::start().await;
    let (job, sandbox, _) = killed(&github, 2).await;
    let state = format!("{:?}", job.state());
    let secret = sandbox.hook_url();
    let secret = secret.rsplit('/').next().expect("a secret");
    assert!(!state.contains(secret) && !state.contains(super::fake_github::TOKEN), "{state}");
}

#[tokio::test]
async fn a_state_that_an_earlier_tool_left_unfinished_is_still_read() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let job =
        Job::of_pull(&github, &sandbox, ALL).with("INPUT_WAIT", "never").unfinished("state", "theirs=1");
    assert_eq!(job.run().await.code, Some(0));
    let state = job.state();
    assert_eq!(state["theirs"], "1");
    assert!(state.contains_key("deploy_hook_records") && state.contains_key("deploy_hook_end"), "{state:?}");
}

#[cfg(target_os = "linux")] // `prlimit`
#[tokio::test]
async fn a_state_that_could_not_be_saved_never_undoes_what_the_run_wrote() {
    all((1..=14).map(|n| async move {
        let limit = n * 400;
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 8.0).await);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let done = job.wait(job.spawn_under(&format!("--fsize={limit}"))).await;
        assert_eq!((done.code, github.stored().open()), (Some(0), vec![]), "{limit}: {}", done.log);
        let stored = github.stored();
        let saved =
            job.state().get("deploy_hook_records").is_some_and(|state| state.contains("\"records\":[]"));
        let warnings: Vec<_> =
            done.annotations("warning").into_iter().filter(|text| text.contains("file state")).collect();
        // The longer verdict may fail to be saved where the shorter list of open reports still fits.
        assert!(if saved { warnings.len() <= 1 } else { warnings.len() == 1 }, "{limit}: {}", done.log);
        let post = job.post().await;
        assert_eq!(post.code, Some(0), "{limit}: {}", post.log);
        let after = github.stored();
        assert_eq!(
            (after.statuses.last(), after.checks, after.deployments, after.comments),
            (stored.statuses.last(), stored.checks, stored.deployments, stored.comments),
            "{limit}: {}",
            post.log
        );
    }))
    .await;
}

#[tokio::test]
async fn a_state_file_that_is_none_is_warned_of_once_and_changes_nothing() {
    all(["/dev/full", "/nowhere/state", "/tmp"].map(|path| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        let job = Job::of_pull(&github, &sandbox, "status,check").with("GITHUB_STATE", path);
        let done = job.run().await;
        let warnings = done.annotations("warning");
        assert_eq!((done.code, warnings.len()), (Some(0), 1), "{path}: {}", done.log);
        assert!(warnings[0].contains("post step cannot close"), "{warnings:?}");
        assert_eq!(github.stored().open(), [""; 0]);
    }))
    .await;
}
