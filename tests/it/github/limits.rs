//! What GitHub asks for is kept to: no request while it wants none, nothing tried in vain, and the end not lost to a
//! trouble that passed.

use std::time::Duration;

use super::fake_github::{Behaviour, FakeGitHub};
use super::runner::Job;
use super::{ALL, all, platform};

#[tokio::test]
async fn while_github_wants_no_request_there_is_none_and_the_end_is_written_after() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.behave("create-commit-status", Behaviour::Limit(429, 3), 1);
    let done = Job::of_pull(&github, &sandbox, ALL).run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    let seen = github.seen();
    let silence = seen[1].at - seen[0].at;
    assert!(silence >= Duration::from_millis(2980), "{silence:?} after {}", seen[0].operation);
    assert_eq!(github.kept().open(), [""; 0]);
}

#[tokio::test]
async fn a_limit_at_the_very_end_is_waited_out_where_there_is_time() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("forbidden", 20.0).await);
    github.behave("checks/create", Behaviour::Limit(403, 2), 1);
    let done = Job::new(&github, &sandbox, "status,check").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(3), vec![]), "{}", done.log);
    assert_eq!((github.count("checks/create"), github.kept().open()), (2, vec![]));
}

#[tokio::test]
async fn a_limit_longer_than_a_run_is_told_and_not_waited_out() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.behave("", Behaviour::Limit(429, 120), usize::MAX);
    let done = Job::of_pull(&github, &sandbox, ALL).run().await;
    assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 4), "{}", done.log);
    assert_eq!(github.seen().len(), 1, "one request was enough to know");
    assert!(done.took < Duration::from_mins(1), "{:?}", done.took);
}

#[tokio::test]
async fn a_trouble_that_passes_is_not_told() {
    all([Behaviour::Answer(500, "Server Error"), Behaviour::Close].map(|behaviour| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        github.behave("create-commit-status", behaviour, 1);
        github.behave("checks/create", behaviour, 1);
        let done = Job::new(&github, &sandbox, "status,check").run().await;
        assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
        let kept = github.kept();
        assert_eq!((kept.open(), kept.checks.len()), (vec![], 1), "{behaviour:?}");
        assert_eq!(kept.statuses.last().unwrap()["state"], "success");
    }))
    .await;
}

#[tokio::test]
async fn what_may_have_been_made_is_looked_for_and_not_made_twice() {
    let ways = [Behaviour::Lost, Behaviour::Close, Behaviour::Answer(502, "Bad Gateway")];
    let cases = ways.into_iter().flat_map(|way| ["success", "forbidden"].map(|scenario| (way, scenario)));
    let cases = cases.flat_map(|case| ["deployment", "check", "comment"].map(|kind| (case, kind)));
    all(cases.map(|((behaviour, scenario), kind)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 14.0).await);
        github.behave("create", behaviour, 1);
        let done = Job::of_pull(&github, &sandbox, kind).run().await;
        let log = format!("{kind}, {behaviour:?}, {scenario}: {}", done.log);
        assert_eq!(done.annotations("warning"), [""; 0], "{log}");
        let kept = github.kept();
        let made = kept.checks.len() + kept.deployments.len() + kept.comments.len();
        assert_eq!((made, kept.open()), (1, vec![]), "{log}");
    }))
    .await;
}

#[tokio::test]
async fn a_check_or_deployment_of_another_run_is_not_taken_for_ours() {
    all(["deployment", "check"].map(|kind| async move {
        let github = FakeGitHub::start().await;
        for _ in 0..2 {
            let sandbox = platform("forbidden", 20.0).await;
            github.behave("create", Behaviour::Close, 1);
            let done = Job::of_pull(&github, &sandbox, kind).run().await;
            assert_eq!(done.annotations("warning"), [""; 0], "{}", done.log);
        }
        assert_eq!(
            (github.kept().checks.len() + github.kept().deployments.len(), github.kept().open()),
            (2, vec![])
        );
    }))
    .await;
}

#[tokio::test]
async fn one_kind_that_is_forbidden_does_not_keep_the_others_from_being_written() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.behave("checks/", Behaviour::Answer(403, "Resource not accessible by integration"), usize::MAX);
    let done = Job::of_pull(&github, &sandbox, ALL).run().await;
    assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 1), "{}", done.log);
    assert_eq!(
        (github.count("checks/"), github.kept().open()),
        (2, vec![]),
        "once at the beginning, once at the end"
    );
    assert_eq!(github.kept().deployments.len(), 1);
}
