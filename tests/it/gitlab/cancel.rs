//! Cancellation as GitLab does it: SIGTERM, and ten seconds later the container is gone. Open reports are closed within five.

use crate::common::{triggers, wait_until};
use std::time::Duration;

use tokio::process::Child;

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job};
use super::{ALL, all, pause, platform, signal};
use crate::fake_api::Fault;

/// Ends a run by a signal and waits for its end. Without the signal it would take 15 minutes.
async fn interrupt(job: &Job, child: Child, name: &str, code: i32) -> Done {
    signal(&child, name);
    let done = job.wait(child).await;
    assert_eq!(done.end(), (code, "interrupted"), "{}", done.trace.text);
    assert!(done.took < Duration::from_mins(1), "{:?}: {}", done.took, done.trace.text);
    assert!(done.output("DEPLOYMENT_ID").starts_with("dp_"), "{:?}", done.dotenv);
    done
}

#[tokio::test]
async fn all_three_are_closed_while_each_answer_takes_its_time() {
    all([("TERM", 143), ("INT", 130)].map(|(name, code)| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
        let job = Job::of_merge_request(&gitlab, &sandbox, &format!("summary,{ALL}"));
        let child = job.spawn();
        gitlab.wait_for(4).await; // status, deployment, the note's search and the note
        pause(300).await;
        assert_eq!((gitlab.stored().open().len(), gitlab.stored().own_notes().len()), (2, 1));
        gitlab.delay(300);
        let done = interrupt(&job, child, name, code).await;
        let stored = gitlab.stored();
        assert_eq!((done.warnings(), stored.open()), (vec![], vec![]), "{}", done.trace.text);
        assert_eq!(
            (stored.status_states()[0].len(), stored.deployment_states()),
            (2, vec![vec!["running", "canceled"]])
        );
        assert_ne!(stored.statuses[0].state(), "success");
        assert!(stored.own_notes()[0].last().is_some_and(|text| text.contains("Interrupted")), "{stored:?}");
        assert!(done.summary.is_some_and(|summary| summary.contains("Interrupted")));
    }))
    .await;
}

#[tokio::test]
async fn an_interrupted_dry_run_leaves_no_report() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    gitlab.fail("", Fault::Hang, usize::MAX);
    let job = Job::of_merge_request(&gitlab, &sandbox, ALL).with("DEPLOY_HOOK_DRY_RUN", "true");
    let child = job.spawn();
    gitlab.wait_for(1).await; // it checks a token, and waits
    signal(&child, "TERM");
    let done = job.wait(child).await;
    assert_eq!(done.end(), (143, "interrupted"), "{}", done.trace.text);
    assert!(gitlab.requests().iter().all(|request| request.method == "GET"), "{:?}", gitlab.requests());
}

#[tokio::test]
async fn a_signal_in_the_midst_of_opening_closes_what_is_open() {
    all((1..=4).map(|requests| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
        gitlab.delay(150);
        let job = Job::of_merge_request(&gitlab, &sandbox, ALL);
        let child = job.spawn();
        gitlab.wait_for(requests).await; // the last of them is not answered yet
        interrupt(&job, child, "TERM", 143).await;
        assert_eq!(gitlab.stored().open(), [""; 0], "after {requests}");
    }))
    .await;
}

#[tokio::test]
async fn a_gitlab_that_stopped_answering_does_not_delay_the_end() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
    let job = Job::of_merge_request(&gitlab, &sandbox, ALL);
    let child = job.spawn();
    gitlab.wait_for(4).await;
    pause(300).await;
    gitlab.fail("", Fault::Hang, usize::MAX);
    let done = interrupt(&job, child, "TERM", 143).await;
    assert_eq!(done.warnings().len(), 3, "{}", done.trace.text);
    assert!(gitlab.requests().len() >= 7, "the end of each was tried");
}

#[tokio::test]
async fn a_signal_while_the_trigger_is_repeated_says_that_nothing_was_triggered() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("always-rate-limited", 0.1).await);
    let job = Job::new(&gitlab, &sandbox, "auto");
    let child = job.spawn();
    wait_until("the trigger", || triggers(&sandbox) > 0).await;
    pause(300).await;
    signal(&child, "TERM");
    let done = job.wait(child).await;
    assert_eq!(done.end(), (143, "interrupted"), "{}", done.trace.text);
    assert!(done.trace.text.contains("Nothing was triggered"), "{}", done.trace.text);
    assert_eq!(gitlab.stored().open(), [""; 0]);
}
