//! Cancellation as the runner does it: everything that is open says so within five seconds of the first signal.

use std::time::{Duration, Instant};

use tokio::process::Child;

use super::fake_github::{Behaviour, FakeGitHub};
use super::runner::{Job, PULL};
use super::{ALL, all, pause, platform, signal};

/// Comes back once GitHub has seen so many requests.
async fn until(github: &FakeGitHub, requests: usize) {
    let begun = Instant::now();
    while github.seen().len() < requests {
        assert!(begun.elapsed() < Duration::from_mins(1), "never came: {:?}", github.seen());
        pause(20).await;
    }
}

/// Interrupts a run and waits for its end. Left to itself the run would go on for a quarter of an hour.
async fn interrupt(job: &Job, child: Child, name: &str, code: i32) -> super::runner::Done {
    signal(&child, name);
    let done = job.wait(child).await;
    assert_eq!(done.code, Some(code), "{}", done.log);
    assert!(done.took < Duration::from_mins(1), "{:?}: {}", done.took, done.log);
    assert_eq!(done.outputs["outcome"], "interrupted");
    done
}

#[tokio::test]
async fn all_four_are_closed_though_github_is_slow() {
    all([("INT", 130), ("TERM", 143)].map(|(name, code)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let child = job.spawn();
        until(&github, 6).await; // status, check, deployment and its status, the comment's search and the comment
        pause(300).await;
        assert_eq!((github.kept().open().len(), github.kept().comments.len()), (3, 1));
        github.slow(800);
        let done = interrupt(&job, child, name, code).await;
        assert_eq!((done.annotations("warning"), github.kept().open()), (vec![], vec![]), "{}", done.log);
        let comment = github.kept().comments.into_values().next().unwrap().1;
        assert!(comment.last().unwrap().contains("Interrupted"), "{comment:?}");
        assert!(job.state()["deploy_hook_records"].contains("\"records\":[]"), "{:?}", job.state());
    }))
    .await;
}

#[tokio::test]
async fn a_signal_in_the_midst_of_opening_closes_what_is_open() {
    all((1..=5).map(|requests| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
        github.slow(400);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let child = job.spawn();
        until(&github, requests).await; // the last of them is not answered yet
        interrupt(&job, child, "INT", 130).await;
        assert_eq!(github.kept().open(), [""; 0], "after {requests}");
    }))
    .await;
}

#[tokio::test]
async fn a_github_that_stopped_answering_does_not_hold_up_the_end() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
    let job = Job::of_pull(&github, &sandbox, ALL);
    let child = job.spawn();
    until(&github, 6).await;
    pause(300).await;
    github.behave("", Behaviour::Hang, usize::MAX);
    let done = interrupt(&job, child, "INT", 130).await;
    assert_eq!(done.annotations("warning").len(), 4, "{}", done.log);
    assert!(github.seen().len() >= 10, "the end of each was tried");
}

#[tokio::test]
async fn a_request_that_hangs_when_the_signal_comes_does_not_use_up_the_others_time() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("stuck", 1.0).await);
    github.behave("issues/list-comments", Behaviour::Hang, 1);
    let job = Job::of_pull(&github, &sandbox, ALL);
    let child = job.spawn();
    until(&github, 5).await;
    interrupt(&job, child, "INT", 130).await;
    let kept = github.kept();
    assert_eq!((kept.open(), kept.statuses.last().unwrap()["state"].as_str()), (vec![], Some("error")));
    assert!(kept.comments.values().all(|(pull, _)| *pull == PULL));
}
