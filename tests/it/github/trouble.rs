//! A GitHub that refuses, redirects, fails or does not answer: the outcome, exit code and outputs are as without it.

use std::time::Duration;

use serde_json::json;

use super::fake_github::FakeGitHub;
use super::runner::{Done, Job, pull_request};
use super::{ALL, KINDS, all, platform};
use crate::fake_api::Fault;

/// How much longer than without GitHub a run may take, with room for a busy machine.
const BOUND: Duration = Duration::from_mins(1);

const FORBIDDEN: Fault = Fault::Message(403, "Resource not accessible by integration");

const PERMISSIONS: [&str; 4] =
    ["statuses: write", "checks: write", "deployments: write", "pull-requests: write"];

/// Runs a deployment of a few seconds with a GitHub that fails like this.
async fn meet(kind: &str, fault: Option<Fault>) -> (FakeGitHub, Done) {
    let (github, sandbox) = (FakeGitHub::start().await, platform("build-fails", 20.0).await);
    if let Some(fault) = fault {
        github.fail("", fault, usize::MAX);
    }
    let done = Job::of_pull(&github, &sandbox, kind).run().await;
    (github, done)
}

/// Tries every fault with one kind of report.
async fn try_all_faults(kind: &str, permission: &str) {
    let (_, without) = meet("none", None).await;
    let permitted = [FORBIDDEN, Fault::Message(404, "Not Found")];
    let lasting =
        [Fault::Message(422, "Validation Failed"), Fault::RedirectAway(301), Fault::RedirectAway(307)];
    let passing = [
        Fault::RateLimit(429, 60),
        Fault::RateLimit(403, 60),
        Fault::Message(500, "Server Error"),
        Fault::Message(502, "<html>"),
        Fault::Hang,
        Fault::Close,
    ];
    let mut runs = Vec::new();
    for fault in permitted.into_iter().chain(lasting).chain(passing) {
        let kind = kind.to_owned();
        runs.push((fault, tokio::spawn(async move { meet(&kind, Some(fault)).await })));
    }
    for (n, (fault, run)) in runs.into_iter().enumerate() {
        let (github, done) = run.await.expect("the contract holds");
        let context = format!("{kind} with {fault:?}: {}", done.log);
        assert_eq!(
            (done.code, done.lasting_outputs()),
            (without.code, without.lasting_outputs()),
            "{context}"
        );
        assert!(done.took < without.took + BOUND, "{:?}, without {:?}: {context}", done.took, without.took);
        let warnings = done.annotations("warning");
        assert_eq!(warnings.len(), 1, "{context}");
        assert!(warnings[0].ends_with("This does not change the outcome."), "{context}");
        assert_eq!(warnings[0].contains(&format!("Add `{permission}` to")), n < permitted.len(), "{context}");
        // A lasting refusal is met at the beginning and at the end; a rate limit stops all requests.
        let most = match fault {
            Fault::RateLimit(..) => 1,
            Fault::RedirectAway(_) | Fault::Message(403 | 404, _) => 2,
            _ => usize::MAX,
        };
        assert!(github.requests().len() <= most, "useless requests, {}: {context}", github.requests().len());
        let limited = matches!(fault, Fault::RateLimit(..));
        assert!(!limited || warnings[0].contains("rate limit"), "{context}");
    }
}

#[tokio::test]
async fn a_report_that_cannot_be_written_changes_nothing() {
    let [status, check, deployment, comment] = [0, 1, 2, 3].map(|n| try_all_faults(KINDS[n], PERMISSIONS[n]));
    tokio::join!(status, check, deployment, comment);
}

/// What a search for a report may be answered by a server that is not what it seems.
const FOREIGN: [&str; 6] = ["[]", "[null]", r#"["x"]"#, "[[]]", "{}", r#"{"check_runs":[5],"statuses":"x"}"#];

#[tokio::test]
async fn a_search_that_is_answered_in_any_form_finds_nothing_and_changes_nothing() {
    all(FOREIGN.map(|form| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        // An answer that is lost makes the run look for what it asked for.
        for creation in ["checks/create", "repos/create-deployment", "issues/create-comment"] {
            github.fail(creation, Fault::Close, 1);
        }
        for search in ["list", "get-combined"] {
            github.fail(search, Fault::Body(200, form), usize::MAX);
        }
        let job = Job::of_pull(&github, &sandbox, ALL);
        let done = job.run().await;
        assert_eq!(done.code, Some(0), "{form}: {}", done.log);
        let post = job.post().await;
        assert_eq!(post.code, Some(0), "{form}: {}", post.log);
        let searches = github.requests().iter().filter(|sent| sent.operation.contains("list")).count();
        assert!(searches >= 3, "{form}: {searches}: {}", done.log);
        let stored = github.stored();
        let made = [stored.checks.len(), stored.deployments.len(), stored.comments.len()];
        assert_eq!(made, [1, 1, 1], "{form}: {}", done.log);
    }))
    .await;
}

#[tokio::test]
async fn all_kinds_at_once_are_reported_one_by_one_and_delay_the_run_no_longer() {
    let (_, without) = meet("none", None).await;
    let all = format!("summary,{ALL}");
    let (forbidden, hanging) = tokio::join!(meet(&all, Some(FORBIDDEN)), meet(&all, Some(Fault::Hang)));
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
async fn forks_and_dependabot_get_the_reason_and_no_useless_advice() {
    let run = async |event: &str, head: Option<&str>, actor: &str| {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        github.fail("", FORBIDDEN, usize::MAX);
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
    assert!(done.log.contains("there is no github-token") && github.requests().is_empty(), "{}", done.log);
}

#[tokio::test]
async fn a_refused_token_is_not_taken_for_a_missing_permission() {
    let (_, done) = meet("status", Some(Fault::Message(401, "Bad credentials"))).await;
    assert_eq!(done.code, Some(1));
    let line = "GitHub answered 401: Bad credentials. Check that `github-token` is complete and has not expired or been revoked. This does not change the outcome.";
    assert!(done.log.contains(line), "{}", done.log);
}

#[tokio::test]
async fn a_repository_that_moved_is_followed_within_the_api_alone() {
    let moved = |status| meet(ALL, Some(Fault::Moved(status)));
    let (permanently, for_now) = tokio::join!(moved(301), moved(307));
    for (github, done) in [permanently, for_now] {
        assert_eq!((done.code, done.annotations("warning")), (Some(1), vec![]), "{}", done.log);
        let stored = github.stored();
        assert_eq!((stored.open(), stored.comments.len()), (vec![], 1));
        assert_eq!(stored.statuses.last().unwrap()["state"], json!("failure"));
    }
}
