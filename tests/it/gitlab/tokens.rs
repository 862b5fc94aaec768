//! What may be written with which token, and what a reader is told where it may not.

use super::fake_gitlab::{Behaviour, FakeGitLab};
use super::job::{Done, Job};
use super::{ALL, all, platform};

/// A run with this `report`, without an access token unless GitLab behaves in some way.
async fn run(report: &str, behaviour: Option<Behaviour>) -> (FakeGitLab, Done) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 20.0).await);
    let mut job = Job::of_merge_request(&gitlab, &sandbox, report);
    match behaviour {
        Some(behaviour) => gitlab.behave("", behaviour, usize::MAX),
        None => job = job.without("DEPLOY_HOOK_GITLAB_TOKEN"),
    }
    let done = job.run().await;
    assert_eq!(done.end(), (1, "failed"), "{}", done.trace.text);
    (gitlab, done)
}

const FORBIDDEN: [Behaviour; 3] =
    [Behaviour::Scope, Behaviour::Answer(401, "401 Unauthorized"), Behaviour::Answer(403, "403 Forbidden")];

#[tokio::test]
async fn auto_writes_a_status_where_there_is_a_token_and_is_silent_where_there_is_none() {
    let (gitlab, done) = run("auto", None).await;
    assert!(gitlab.seen().is_empty(), "the job token may write none: {:?}", gitlab.seen());
    let told = done.trace.text.to_lowercase();
    assert!(!told.contains("commit status") && !told.contains("gitlab-token"), "{told}");
    assert!(!done.summary.unwrap_or_default().contains("gitlab-token"));
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "").run().await;
    assert_eq!(
        (job.verdict(), gitlab.kept().said()),
        ((1, "failed", vec![]), vec![vec!["running", "failed"]])
    );
}

#[tokio::test]
async fn a_token_is_found_under_its_customary_name_as_well() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").without("DEPLOY_HOOK_GITLAB_TOKEN");
    let done = job.with("GITLAB_TOKEN", super::fake_gitlab::TOKEN).run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert_eq!(gitlab.kept().said(), [["running", "success"]]);
}

#[tokio::test]
async fn doctor_says_of_a_token_what_is_known_and_what_its_records_may_need() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "status,comment").args(&["doctor"]);
    let told = job.printed(job.spawn()).await.out;
    let line = told.lines().find(|line| line.contains(" gitlab-token ")).expect("a line");
    assert!(line.starts_with("✓ gitlab-token reads this project") && line.contains("Developer"), "{told}");
    let job = Job::new(&gitlab, &sandbox, "deployment").args(&["doctor"]);
    let told = job.printed(job.spawn()).await.out;
    let line = told.lines().find(|line| line.contains(" gitlab-token ")).expect("a line");
    assert!(line.contains("reads this project") && !line.contains('→'), "nothing needs it here: {told}");
    assert!(told.contains("✓ CI_JOB_TOKEN is this job's"), "{told}");
    assert!(gitlab.seen().iter().all(|seen| seen.method == "GET"), "{:?}", gitlab.seen());
}

/// The commonest mistake there is.
#[tokio::test]
async fn the_jobs_own_token_under_that_name_may_no_more_than_under_its_own() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "status").without("DEPLOY_HOOK_GITLAB_TOKEN");
    let done = job.with("GITLAB_TOKEN", super::fake_gitlab::JOB_TOKEN).run().await;
    assert_eq!(done.end(), (0, "succeeded"), "{}", done.trace.text);
    assert!(gitlab.seen().is_empty(), "{:?}", gitlab.seen());
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
        assert!(gitlab.seen().is_empty(), "{:?}", gitlab.seen());
    }
}

#[tokio::test]
async fn a_token_that_may_not_is_a_line_under_auto_and_one_warning_where_it_was_named() {
    all(FORBIDDEN.map(|behaviour| async move {
        let (auto, named) = tokio::join!(run("auto", Some(behaviour)), run("status", Some(behaviour)));
        assert_eq!(auto.1.warnings(), [""; 0], "{behaviour:?}: {}", auto.1.trace.text);
        let lines = auto.1.trace.lines("could not be written");
        assert_eq!(lines.len(), 1, "{behaviour:?}: {}", auto.1.trace.text);
        let warnings = named.1.warnings();
        assert_eq!(warnings.len(), 1, "{behaviour:?}: {}", named.1.trace.text);
        let refused = matches!(behaviour, Behaviour::Answer(401, _)); // a token that is none, whatever it may do
        assert!(
            refused || (warnings[0].contains("gitlab-token") && warnings[0].contains("api")),
            "{warnings:?}"
        );
        for (gitlab, _) in [&auto, &named] {
            assert_eq!(gitlab.seen().len(), 2, "{behaviour:?}: once at the beginning, once at the end");
        }
    }))
    .await;
}

#[tokio::test]
async fn each_kind_that_may_not_be_written_is_told_once() {
    let (gitlab, done) = run(&format!("summary,{ALL}"), Some(Behaviour::Scope)).await;
    assert_eq!(done.warnings().len(), 3, "{}", done.trace.text);
    assert_eq!(gitlab.seen().len(), 6, "once at the beginning, once at the end: {:?}", gitlab.seen());
    let summary = done.summary.expect("a summary");
    assert_eq!(summary.matches("could not be written").count(), 3, "{summary}");
}

#[tokio::test]
async fn gitlab_has_no_checks_and_that_is_a_line() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    for (report, requests) in [("check", 0), ("check,status", 1)] {
        let job = Job::new(&gitlab, &sandbox, report).with("DEPLOY_HOOK_WAIT", "never");
        let before = gitlab.seen().len();
        let done = job.run().await;
        assert_eq!(done.verdict(), (0, "triggered", vec![]), "{report}: {}", done.trace.text);
        assert_eq!(done.trace.lines("check").len(), 1, "{report}: {}", done.trace.text);
        assert_eq!(gitlab.seen().len() - before, requests, "{report}");
    }
}
