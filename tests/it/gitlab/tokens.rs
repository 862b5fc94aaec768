//! Which report needs which token, and the message where it is missing.

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job};
use super::{ALL, all, platform};
use crate::fake_api::Fault;

/// A run with this `report`, without an access token unless GitLab fails somehow.
async fn run(report: &str, fault: Option<Fault>) -> (FakeGitLab, Done) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 20.0).await);
    let mut job = Job::of_merge_request(&gitlab, &sandbox, report);
    match fault {
        Some(fault) => gitlab.fail("", fault, usize::MAX),
        None => job = job.without("DEPLOY_HOOK_GITLAB_TOKEN"),
    }
    let done = job.run().await;
    assert_eq!(done.end(), (1, "failed"), "{}", done.trace.text);
    (gitlab, done)
}

/// GitLab's answer where the token lacks the scope.
const INSUFFICIENT_SCOPE: Fault = Fault::Body(
    403,
    "{\"error\":\"insufficient_scope\",\"error_description\":\"The request requires higher privileges than provided by the access token.\",\"scope\":\"api\"}",
);

const FORBIDDEN: [Fault; 3] =
    [INSUFFICIENT_SCOPE, Fault::Message(401, "401 Unauthorized"), Fault::Message(403, "403 Forbidden")];

#[tokio::test]
async fn auto_writes_a_status_where_there_is_a_token_and_is_silent_where_there_is_none() {
    let (gitlab, done) = run("auto", None).await;
    assert!(gitlab.requests().is_empty(), "the job token may write none: {:?}", gitlab.requests());
    let context = done.trace.text.to_lowercase();
    assert!(!context.contains("commit status") && !context.contains("gitlab-token"), "{context}");
    assert!(!done.summary.unwrap_or_default().contains("gitlab-token"));
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "").run().await;
    assert_eq!(
        (job.verdict(), gitlab.stored().status_states()),
        ((1, "failed", vec![]), vec![vec!["running", "failed"]])
    );
}

#[tokio::test]
async fn a_token_is_found_under_its_customary_name_as_well() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").without("DEPLOY_HOOK_GITLAB_TOKEN");
    let done = job.with("GITLAB_TOKEN", super::fake_gitlab::TOKEN).run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert_eq!(gitlab.stored().status_states(), [["running", "success"]]);
}

#[tokio::test]
async fn doctor_says_of_a_token_what_is_known_and_what_its_reports_may_need() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "status,comment").args(&["doctor"]);
    let text = job.printed(job.spawn()).await.out;
    let line = text.lines().find(|line| line.contains(" gitlab-token ")).expect("a line");
    assert!(line.starts_with("✓ gitlab-token reads this project") && line.contains("Developer"), "{text}");
    let job = Job::new(&gitlab, &sandbox, "deployment").args(&["doctor"]);
    let text = job.printed(job.spawn()).await.out;
    let line = text.lines().find(|line| line.contains(" gitlab-token ")).expect("a line");
    assert!(line.contains("reads this project") && !line.contains('→'), "nothing needs it here: {text}");
    assert!(text.contains("✓ CI_JOB_TOKEN is this job's"), "{text}");
    assert!(gitlab.requests().iter().all(|request| request.method == "GET"), "{:?}", gitlab.requests());
}

/// The most common mistake.
#[tokio::test]
async fn the_jobs_own_token_under_that_name_may_no_more_than_under_its_own() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "status").without("DEPLOY_HOOK_GITLAB_TOKEN");
    let done = job.with("GITLAB_TOKEN", super::fake_gitlab::JOB_TOKEN).run().await;
    assert_eq!(done.end(), (0, "succeeded"), "{}", done.trace.text);
    assert!(gitlab.requests().is_empty(), "{:?}", gitlab.requests());
    assert!(matches!(&done.warnings()[..], [one] if one.contains("there is no gitlab-token")));
}

#[tokio::test]
async fn a_kind_that_is_named_and_has_no_token_is_one_warning_that_says_which_to_make() {
    for report in ["status", "comment"] {
        let (gitlab, done) = run(report, None).await;
        let warnings = done.warnings();
        assert_eq!(warnings.len(), 1, "{report}: {}", done.trace.text);
        for wanted in ["gitlab-token", "api", "Developer"] {
            assert!(warnings[0].contains(wanted), "{wanted}: {warnings:?}");
        }
        assert!(gitlab.requests().is_empty(), "{:?}", gitlab.requests());
    }
}

#[tokio::test]
async fn a_token_that_may_not_is_a_line_under_auto_and_one_warning_where_it_was_named() {
    all(FORBIDDEN.map(|fault| async move {
        let (auto, named) = tokio::join!(run("auto", Some(fault)), run("status", Some(fault)));
        assert_eq!(auto.1.warnings(), [""; 0], "{fault:?}: {}", auto.1.trace.text);
        let lines = auto.1.trace.lines("could not be written");
        assert_eq!(lines.len(), 1, "{fault:?}: {}", auto.1.trace.text);
        let warnings = named.1.warnings();
        assert_eq!(warnings.len(), 1, "{fault:?}: {}", named.1.trace.text);
        let refused = matches!(fault, Fault::Message(401, _)); // an invalid token, whatever its permissions
        assert!(
            refused || (warnings[0].contains("gitlab-token") && warnings[0].contains("api")),
            "{warnings:?}"
        );
        for (gitlab, _) in [&auto, &named] {
            assert_eq!(gitlab.requests().len(), 2, "{fault:?}: once at the beginning, once at the end");
        }
    }))
    .await;
}

#[tokio::test]
async fn each_kind_that_may_not_be_written_is_reported_once() {
    let (gitlab, done) = run(&format!("summary,{ALL}"), Some(INSUFFICIENT_SCOPE)).await;
    assert_eq!(done.warnings().len(), 3, "{}", done.trace.text);
    assert_eq!(gitlab.requests().len(), 6, "once at the beginning, once at the end: {:?}", gitlab.requests());
    let summary = done.summary.expect("a summary");
    assert_eq!(summary.matches("could not be written").count(), 3, "{summary}");
}

#[tokio::test]
async fn gitlab_has_no_checks_and_that_is_a_line() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    for (report, requests) in [("check", 0), ("check,status", 1)] {
        let job = Job::new(&gitlab, &sandbox, report).with("DEPLOY_HOOK_WAIT", "never");
        let before = gitlab.requests().len();
        let done = job.run().await;
        assert_eq!(done.verdict(), (0, "triggered", vec![]), "{report}: {}", done.trace.text);
        assert_eq!(done.trace.lines("check").len(), 1, "{report}: {}", done.trace.text);
        assert_eq!(gitlab.requests().len() - before, requests, "{report}");
    }
}
