//! Cancellation as GitLab does it: SIGTERM, and ten seconds later the container is gone. What is open says so within five.

use std::time::{Duration, Instant};

use tokio::process::Child;

use super::fake_gitlab::{Behaviour, FakeGitLab};
use super::job::{Done, Job};
use super::{ALL, all, pause, platform, signal};

/// Comes back once GitLab has seen so many requests.
async fn until(gitlab: &FakeGitLab, requests: usize) {
    let begun = Instant::now();
    while gitlab.seen().len() < requests {
        assert!(begun.elapsed() < Duration::from_mins(1), "never came: {:?}", gitlab.seen());
        pause(20).await;
    }
}

/// Ends a run by a signal and waits for its end. Left to itself the run would go on for a quarter of an hour.
async fn interrupt(job: &Job, child: Child, name: &str, code: i32) -> Done {
    signal(&child, name);
    let done = job.wait(child).await;
    assert_eq!(done.end(), (code, "interrupted"), "{}", done.trace.text);
    assert!(done.took < Duration::from_mins(1), "{:?}: {}", done.took, done.trace.text);
    assert!(done.output("DEPLOYMENT_ID").starts_with("dp_"), "{:?}", done.dotenv);
    done
}

#[tokio::test]
async fn all_three_are_closed_though_gitlab_is_slow() {
    all([("TERM", 143), ("INT", 130)].map(|(name, code)| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
        let job = Job::of_merge_request(&gitlab, &sandbox, &format!("summary,{ALL}"));
        let child = job.spawn();
        until(&gitlab, 4).await; // status, deployment, the note's search and the note
        pause(300).await;
        assert_eq!((gitlab.kept().open().len(), gitlab.kept().told().len()), (2, 1));
        gitlab.slow(800);
        let done = interrupt(&job, child, name, code).await;
        let kept = gitlab.kept();
        assert_eq!((done.warnings(), kept.open()), (vec![], vec![]), "{}", done.trace.text);
        assert_eq!((kept.said()[0].len(), kept.deployed()), (2, vec![vec!["running", "canceled"]]));
        assert_ne!(kept.statuses[0].state(), "success");
        assert!(kept.told()[0].last().is_some_and(|text| text.contains("Interrupted")), "{kept:?}");
        assert!(done.summary.is_some_and(|summary| summary.contains("Interrupted")));
    }))
    .await;
}

#[tokio::test]
async fn a_dry_run_that_is_interrupted_leaves_no_record() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    gitlab.behave("", Behaviour::Hang, usize::MAX);
    let job = Job::of_merge_request(&gitlab, &sandbox, ALL).with("DEPLOY_HOOK_DRY_RUN", "true");
    let child = job.spawn();
    until(&gitlab, 1).await; // it looks at a token, and waits
    signal(&child, "TERM");
    let done = job.wait(child).await;
    assert_eq!(done.end(), (143, "interrupted"), "{}", done.trace.text);
    assert!(gitlab.seen().iter().all(|seen| seen.method == "GET"), "{:?}", gitlab.seen());
}

#[tokio::test]
async fn a_signal_in_the_midst_of_opening_closes_what_is_open() {
    all((1..=4).map(|requests| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
        gitlab.slow(400);
        let job = Job::of_merge_request(&gitlab, &sandbox, ALL);
        let child = job.spawn();
        until(&gitlab, requests).await; // the last of them is not answered yet
        interrupt(&job, child, "TERM", 143).await;
        assert_eq!(gitlab.kept().open(), [""; 0], "after {requests}");
    }))
    .await;
}

#[tokio::test]
async fn a_gitlab_that_stopped_answering_does_not_hold_up_the_end() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
    let job = Job::of_merge_request(&gitlab, &sandbox, ALL);
    let child = job.spawn();
    until(&gitlab, 4).await;
    pause(300).await;
    gitlab.behave("", Behaviour::Hang, usize::MAX);
    let done = interrupt(&job, child, "TERM", 143).await;
    assert_eq!(done.warnings().len(), 3, "{}", done.trace.text);
    assert!(gitlab.seen().len() >= 7, "the end of each was tried");
}

#[tokio::test]
async fn a_signal_while_the_trigger_is_repeated_says_that_nothing_was_triggered() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("always-rate-limited", 0.1).await);
    let job = Job::new(&gitlab, &sandbox, "auto");
    let child = job.spawn();
    let begun = Instant::now();
    while sandbox.requests().iter().all(|request| request.method != "POST") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the trigger is sent");
        pause(20).await;
    }
    pause(300).await;
    signal(&child, "TERM");
    let done = job.wait(child).await;
    assert_eq!(done.end(), (143, "interrupted"), "{}", done.trace.text);
    assert!(done.trace.text.contains("Nothing was triggered"), "{}", done.trace.text);
    assert_eq!(gitlab.kept().open(), [""; 0]);
}
