//! GitHub's limits: no request while it asks for a pause, no useless attempts, and the final state is written after a
//! temporary failure.

use std::time::Duration;

use super::fake_github::FakeGitHub;
use super::runner::Job;
use super::{ALL, all, platform};
use crate::fake_api::Fault;

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_the_final_state_is_written_after() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.fail("create-commit-status", Fault::RateLimit(429, 3), 1);
    let done = Job::of_pull(&github, &sandbox, ALL).run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    let requests = github.requests();
    let silence = requests[1].at - requests[0].at;
    assert!(silence >= Duration::from_millis(2980), "{silence:?} after {}", requests[0].operation);
    assert_eq!(github.stored().open(), [""; 0]);
}

#[tokio::test]
async fn a_limit_at_the_very_end_is_waited_out_where_there_is_time() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("forbidden", 20.0).await);
    github.fail("checks/create", Fault::RateLimit(403, 2), 1);
    let done = Job::new(&github, &sandbox, "status,check").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(3), vec![]), "{}", done.log);
    assert_eq!((github.count("checks/create"), github.stored().open()), (2, vec![]));
}

#[tokio::test]
async fn a_limit_longer_than_a_run_is_reported_and_not_waited_out() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.fail("", Fault::RateLimit(429, 120), usize::MAX);
    let done = Job::of_pull(&github, &sandbox, ALL).run().await;
    assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 4), "{}", done.log);
    assert_eq!(github.requests().len(), 1, "one request was enough to know");
    assert!(done.took < Duration::from_mins(1), "{:?}", done.took);
}

#[tokio::test]
async fn a_temporary_failure_is_not_reported() {
    all([Fault::Message(500, "Server Error"), Fault::Close].map(|fault| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        github.fail("create-commit-status", fault, 1);
        github.fail("checks/create", fault, 1);
        let done = Job::new(&github, &sandbox, "status,check").run().await;
        assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
        let stored = github.stored();
        assert_eq!((stored.open(), stored.checks.len()), (vec![], 1), "{fault:?}");
        assert_eq!(stored.statuses.last().unwrap()["state"], "success");
    }))
    .await;
}

#[tokio::test]
async fn what_may_have_been_made_is_looked_for_and_not_made_twice() {
    let ways = [Fault::AnswerLost, Fault::Close, Fault::Message(502, "Bad Gateway")];
    let cases = ways.into_iter().flat_map(|way| ["success", "forbidden"].map(|scenario| (way, scenario)));
    let cases = cases.flat_map(|case| ["deployment", "check", "comment"].map(|kind| (case, kind)));
    all(cases.map(|((fault, scenario), kind)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 14.0).await);
        github.fail("create", fault, 1);
        let done = Job::of_pull(&github, &sandbox, kind).run().await;
        let log = format!("{kind}, {fault:?}, {scenario}: {}", done.log);
        assert_eq!(done.annotations("warning"), [""; 0], "{log}");
        let stored = github.stored();
        let made = stored.checks.len() + stored.deployments.len() + stored.comments.len();
        assert_eq!((made, stored.open()), (1, vec![]), "{log}");
    }))
    .await;
}

#[tokio::test]
async fn a_check_or_deployment_of_another_run_is_not_taken_for_ours() {
    all(["deployment", "check"].map(|kind| async move {
        let github = FakeGitHub::start().await;
        for _ in 0..2 {
            let sandbox = platform("forbidden", 20.0).await;
            github.fail("create", Fault::Close, 1);
            let done = Job::of_pull(&github, &sandbox, kind).run().await;
            assert_eq!(done.annotations("warning"), [""; 0], "{}", done.log);
        }
        assert_eq!(
            (github.stored().checks.len() + github.stored().deployments.len(), github.stored().open()),
            (2, vec![])
        );
    }))
    .await;
}

#[tokio::test]
async fn one_kind_that_is_forbidden_does_not_keep_the_others_from_being_written() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.fail("checks/", Fault::Message(403, "Resource not accessible by integration"), usize::MAX);
    let done = Job::of_pull(&github, &sandbox, ALL).run().await;
    assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 1), "{}", done.log);
    assert_eq!(
        (github.count("checks/"), github.stored().open()),
        (2, vec![]),
        "once at the beginning, once at the end"
    );
    assert_eq!(github.stored().deployments.len(), 1);
}

#[tokio::test]
async fn a_summary_that_github_would_not_show_is_left_out() {
    const LARGEST: usize = 1024 * 1024;
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    for (room, fits) in [(100_000, true), (100, false)] {
        let theirs = "x".repeat(LARGEST - room);
        let job = Job::new(&github, &sandbox, "summary").with("INPUT_WAIT", "never");
        let done = job.unfinished("summary", &theirs).run().await;
        let [added, warnings] = [done.summary.len() - theirs.len(), done.annotations("warning").len()];
        assert!(done.summary.starts_with(&theirs) && done.summary.len() <= LARGEST);
        assert_eq!((done.code, added > 0, warnings), (Some(0), fits, usize::from(!fits)), "{}", done.log);
        assert!(fits || done.annotations("warning")[0].contains("larger than 1 MiB"), "{}", done.log);
    }
}
