//! A GitHub that refuses, redirects, breaks or says nothing: the outcome, exit code and outputs are as without it.

use std::time::Duration;

use serde_json::json;

use super::fake_github::{Behaviour, FakeGitHub};
use super::runner::{Done, Job, pull_request};
use super::{ALL, KINDS, platform};

/// How much longer than without GitHub a run may take, with room for a busy machine.
const BOUND: Duration = Duration::from_mins(1);

const FORBIDDEN: Behaviour = Behaviour::Answer(403, "Resource not accessible by integration");

const PERMISSIONS: [&str; 4] =
    ["statuses: write", "checks: write", "deployments: write", "pull-requests: write"];

/// Runs a deployment of a few seconds with a GitHub that behaves like this.
async fn meet(kind: &str, behaviour: Option<Behaviour>) -> (FakeGitHub, Done) {
    let (github, sandbox) = (FakeGitHub::start().await, platform("build-fails", 20.0).await);
    if let Some(behaviour) = behaviour {
        github.behave("", behaviour, usize::MAX);
    }
    let done = Job::of_pull(&github, &sandbox, kind).run().await;
    (github, done)
}

/// Meets every bad behaviour with one kind.
async fn meet_all(kind: &str, permission: &str) {
    let (_, without) = meet("none", None).await;
    let permitted = [FORBIDDEN, Behaviour::Answer(404, "Not Found")];
    let lasting = [Behaviour::Answer(422, "Validation Failed"), Behaviour::Away(301), Behaviour::Away(307)];
    let passing = [
        Behaviour::Limit(429, 60),
        Behaviour::Limit(403, 60),
        Behaviour::Answer(500, "Server Error"),
        Behaviour::Answer(502, "<html>"),
        Behaviour::Hang,
        Behaviour::Close,
    ];
    let mut runs = Vec::new();
    for behaviour in permitted.into_iter().chain(lasting).chain(passing) {
        let kind = kind.to_owned();
        runs.push((behaviour, tokio::spawn(async move { meet(&kind, Some(behaviour)).await })));
    }
    for (n, (behaviour, run)) in runs.into_iter().enumerate() {
        let (github, done) = run.await.expect("the contract holds");
        let told = format!("{kind} with {behaviour:?}: {}", done.log);
        assert_eq!((done.code, done.lasting_outputs()), (without.code, without.lasting_outputs()), "{told}");
        assert!(done.took < without.took + BOUND, "{:?}, without {:?}: {told}", done.took, without.took);
        let warnings = done.annotations("warning");
        assert_eq!(warnings.len(), 1, "{told}");
        assert!(warnings[0].ends_with("This does not change the outcome."), "{told}");
        assert_eq!(warnings[0].contains(&format!("Add `{permission}` to")), n < permitted.len(), "{told}");
        // What lasts is met once at the beginning and once at the end, and a limit is not tried against.
        let most = match behaviour {
            Behaviour::Limit(..) => 1,
            Behaviour::Away(_) | Behaviour::Answer(403 | 404, _) => 2,
            _ => usize::MAX,
        };
        assert!(github.seen().len() <= most, "asked again in vain, {}: {told}", github.seen().len());
        let limited = matches!(behaviour, Behaviour::Limit(..));
        assert!(!limited || warnings[0].contains("rate limit"), "{told}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_written_changes_nothing() {
    let [status, check, deployment, comment] = [0, 1, 2, 3].map(|n| meet_all(KINDS[n], PERMISSIONS[n]));
    tokio::join!(status, check, deployment, comment);
}

#[tokio::test]
async fn all_kinds_at_once_are_told_one_by_one_and_delay_the_run_no_longer() {
    let (_, without) = meet("none", None).await;
    let all = format!("summary,{ALL}");
    let (forbidden, hanging) = tokio::join!(meet(&all, Some(FORBIDDEN)), meet(&all, Some(Behaviour::Hang)));
    for (_, done) in [&forbidden, &hanging] {
        assert_eq!((done.code, done.lasting_outputs()), (without.code, without.lasting_outputs()));
        assert_eq!(done.annotations("warning").len(), 4, "{}", done.log);
        assert!(done.took < without.took + BOUND, "{:?}", done.took);
    }
    for permission in PERMISSIONS {
        assert_eq!(forbidden.1.log.matches(permission).count(), 1, "{}", forbidden.1.log);
        assert!(forbidden.1.summary.contains(permission), "{}", forbidden.1.summary);
    }
}

#[tokio::test]
async fn what_was_not_named_is_a_line_and_no_annotation() {
    let (_, done) = meet("auto", Some(FORBIDDEN)).await;
    assert_eq!((done.code, done.annotations("warning")), (Some(1), vec![]), "{}", done.log);
    let line = "The commit status could not be written: GitHub answered 403: Resource not accessible by integration. \
                Add `statuses: write` to the job's `permissions:`. This does not change the outcome.";
    assert_eq!(done.log.matches(line).count(), 1, "{}", done.log);
}

#[tokio::test]
async fn forks_and_dependabot_are_told_why_and_not_what_would_not_help() {
    let run = async |event: &str, head: Option<&str>, actor: &str| {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        github.behave("", FORBIDDEN, usize::MAX);
        let job = Job::new(&github, &sandbox, "summary,status").event(event, &pull_request(head));
        job.with("GITHUB_ACTOR", actor).with("INPUT_WAIT", "never").run().await
    };
    let own = Some("octo/site");
    let (fork, deleted, dependabot, target) = tokio::join!(
        run("pull_request", Some("stranger/site"), "stranger"),
        run("pull_request", None, "stranger"),
        run("pull_request", own, "dependabot[bot]"),
        run("pull_request_target", Some("stranger/site"), "stranger"),
    );
    for done in [fork, deleted, dependabot] {
        assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 1), "{}", done.log);
        assert!(done.log.contains("forks and from Dependabot get a read-only token"), "{}", done.log);
        assert!(!done.log.contains("Add `") && !done.summary.contains("statuses: write"), "{}", done.summary);
    }
    assert!(target.log.contains("Add `statuses: write`"), "its token is the base's: {}", target.log);
}

#[tokio::test]
async fn without_a_token_a_named_kind_is_a_warning() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let job = Job::new(&github, &sandbox, "status,check")
        .with("INPUT_GITHUB-TOKEN", "")
        .with("INPUT_WAIT", "never");
    let done = job.run().await;
    assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 2), "{}", done.log);
    assert!(done.log.contains("there is no github-token") && github.seen().is_empty(), "{}", done.log);
}

#[tokio::test]
async fn a_refused_token_is_not_taken_for_a_missing_permission() {
    let (_, done) = meet("status", Some(Behaviour::Answer(401, "Bad credentials"))).await;
    assert_eq!(done.code, Some(1));
    let line = "GitHub answered 401: Bad credentials. Check that `github-token` is complete and has not expired or been revoked. This does not change the outcome.";
    assert!(done.log.contains(line), "{}", done.log);
}

#[tokio::test]
async fn a_repository_that_moved_is_followed_within_the_api_alone() {
    let moved = |status| meet(ALL, Some(Behaviour::Moved(status)));
    let (permanently, for_now) = tokio::join!(moved(301), moved(307));
    for (github, done) in [permanently, for_now] {
        assert_eq!((done.code, done.annotations("warning")), (Some(1), vec![]), "{}", done.log);
        let kept = github.kept();
        assert_eq!((kept.open(), kept.comments.len()), (vec![], 1));
        assert_eq!(kept.statuses.last().unwrap()["state"], json!("failure"));
    }
}
