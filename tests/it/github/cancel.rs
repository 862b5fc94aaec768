//! Cancellation as the runner does it: every open report is closed within five seconds of the first signal.

use std::time::Duration;

use tokio::process::Child;

use super::fake_github::FakeGitHub;
use super::runner::{Job, PULL};
use super::{ALL, all, pause, platform, signal};
use crate::fake_api::Fault;

/// Interrupts a run and waits for its end. Without the signal it would take 15 minutes.
async fn interrupt(job: &Job, child: Child, name: &str, code: i32) -> super::runner::Done {
    signal(&child, name);
    let done = job.wait(child).await;
    assert_eq!(done.code, Some(code), "{}", done.log);
    assert!(done.took < Duration::from_mins(1), "{:?}: {}", done.took, done.log);
    assert_eq!(done.outputs["outcome"], "interrupted");
    done
}

#[tokio::test]
async fn all_four_are_closed_while_each_answer_takes_its_time() {
    all([("INT", 130), ("TERM", 143)].map(|(name, code)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let child = job.spawn();
        github.wait_for(6).await; // status, check, deployment and its status, the comment's search and the comment
        pause(300).await;
        assert_eq!((github.stored().open().len(), github.stored().comments.len()), (3, 1));
        github.delay(100);
        let done = interrupt(&job, child, name, code).await;
        assert_eq!((done.annotations("warning"), github.stored().open()), (vec![], vec![]), "{}", done.log);
        let comment = github.stored().comments.into_values().next().unwrap().1;
        assert!(comment.last().unwrap().contains("Interrupted"), "{comment:?}");
        assert!(job.state()["deploy_hook_records"].contains("\"records\":[]"), "{:?}", job.state());
    }))
    .await;
}

#[tokio::test]
async fn a_signal_in_the_midst_of_opening_closes_what_is_open() {
    all((1..=5).map(|requests| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
        github.delay(150);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let child = job.spawn();
        github.wait_for(requests).await; // the last of them is not answered yet
        interrupt(&job, child, "INT", 130).await;
        assert_eq!(github.stored().open(), [""; 0], "after {requests}");
    }))
    .await;
}

#[tokio::test]
async fn a_github_that_stopped_answering_does_not_delay_the_end() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
    let job = Job::of_pull(&github, &sandbox, ALL);
    let child = job.spawn();
    github.wait_for(6).await;
    pause(300).await;
    github.fail("", Fault::Hang, usize::MAX);
    let done = interrupt(&job, child, "INT", 130).await;
    assert_eq!(done.annotations("warning").len(), 4, "{}", done.log);
    assert!(github.requests().len() >= 10, "the end of each was tried");
}

#[tokio::test]
async fn a_request_that_hangs_when_the_signal_comes_does_not_use_up_the_others_time() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
    github.fail("issues/list-comments", Fault::Hang, 1);
    let job = Job::of_pull(&github, &sandbox, ALL);
    let child = job.spawn();
    github.wait_for(5).await;
    interrupt(&job, child, "INT", 130).await;
    let stored = github.stored();
    assert_eq!((stored.open(), stored.statuses.last().unwrap()["state"].as_str()), (vec![], Some("error")));
    assert!(stored.comments.values().all(|(pull, _)| *pull == PULL));
}

#[tokio::test]
async fn a_second_signal_ends_the_run_at_once_with_its_own_code() {
    let signals = [
        ("INT", "TERM", 143),
        ("TERM", "INT", 130),
        ("INT", "INT", 130),
        ("HUP", "QUIT", 143),
        ("QUIT", "INT", 130),
    ];
    all(signals.map(|(first, second, code)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
        let job = Job::of_pull(&github, &sandbox, "status");
        let child = job.spawn();
        github.wait_for(1).await;
        github.fail("", Fault::Hang, usize::MAX);
        signal(&child, first);
        github.wait_for(2).await; // the final write, which is not answered
        signal(&child, second);
        let done = job.wait(child).await;
        assert_eq!(done.code, Some(code), "{first}, then {second}: {}", done.log);
        // Not waited for: a run that goes on to its end would say that the report could not be written.
        assert_eq!(done.annotations("warning"), [""; 0], "{first}, then {second}: {}", done.log);
    }))
    .await;
}
