//! The job's own time limit: the run ends before the runner kills it, and gives the reason.

use std::time::{Duration, SystemTime};

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job};
use super::{all, platform};

/// The time so many seconds ago.
fn ago(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(SystemTime::now() - Duration::from_secs(seconds)).to_string()
}

async fn run(scenario: &str, speed: f64, variables: &[(&str, &str)]) -> (FakeGitLab, Done) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, speed).await);
    let done = Job::new(&gitlab, &sandbox, "auto").with_all(variables).run().await;
    (gitlab, done)
}

/// The run ended before the job's limit, and its message names the remedy.
fn assert_shortened(done: &Done, gitlab: &FakeGitLab, before: Duration) {
    let text = &done.trace.text;
    assert_eq!(done.end(), (6, "timed-out"), "{text}");
    assert!(done.took < before, "{:?}: {text}", done.took);
    let first = text.lines().take_while(|line| !line.contains("Triggered deployment"));
    assert!(first.into_iter().any(|line| line.contains("time limit")), "reported at the start: {text}");
    let next = text.lines().find(|line| line.contains("Next:")).expect("what to do");
    assert!(next.contains("job") && (next.contains("timeout") || next.contains("time limit")), "{next}");
    assert!(!next.contains("increase `timeout`"), "that would change nothing: {next}");
    assert_eq!(gitlab.stored().open(), [""; 0], "there was time to close the reports");
    assert!(done.summary.as_ref().is_some_and(|summary| summary.contains("Timed out")));
}

#[tokio::test]
async fn the_run_ends_before_the_job_is_killed() {
    let started = ago(0);
    let variables =
        [("CI_JOB_TIMEOUT", "30"), ("CI_JOB_STARTED_AT", started.as_str()), ("DEPLOY_HOOK_TIMEOUT", "15m")];
    let (gitlab, done) = run("stuck", 1.0, &variables).await;
    assert_shortened(&done, &gitlab, Duration::from_secs(28));
    assert!(done.trace.text.contains("polls"), "there was time to follow: {}", done.trace.text);
}

#[tokio::test]
async fn the_time_the_job_has_used_up_counts() {
    let started = ago(70);
    let variables = [("CI_JOB_TIMEOUT", "100"), ("CI_JOB_STARTED_AT", started.as_str())];
    let (gitlab, done) = run("stuck", 1.0, &variables).await;
    assert_shortened(&done, &gitlab, Duration::from_secs(28));
}

#[tokio::test]
async fn the_scripts_time_limit_counts_as_well() {
    let (gitlab, done) = run("stuck", 1.0, &[("RUNNER_SCRIPT_TIMEOUT", "12s")]).await;
    assert_shortened(&done, &gitlab, Duration::from_secs(12));
}

#[tokio::test]
async fn a_limit_that_leaves_enough_or_makes_no_sense_changes_nothing() {
    let (now, soon) =
        (ago(0), humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_hours(24)));
    let (old, soon) = (ago(86_400 * 3), soon.to_string());
    let cases = [
        [("CI_JOB_TIMEOUT", "3600"), ("CI_JOB_STARTED_AT", now.as_str())],
        [("CI_JOB_TIMEOUT", "3600"), ("CI_JOB_STARTED_AT", "yesterday")],
        [("CI_JOB_TIMEOUT", "3600"), ("CI_JOB_STARTED_AT", old.as_str())],
        [("CI_JOB_TIMEOUT", "3600"), ("CI_JOB_STARTED_AT", soon.as_str())],
        [("CI_JOB_TIMEOUT", "never"), ("CI_JOB_STARTED_AT", now.as_str())],
        [("CI_JOB_TIMEOUT", "0"), ("CI_JOB_STARTED_AT", now.as_str())],
        [("CI_JOB_TIMEOUT", "-30"), ("CI_JOB_STARTED_AT", now.as_str())],
        [("CI_JOB_TIMEOUT", "99999999999999999999"), ("CI_JOB_STARTED_AT", now.as_str())],
        [("RUNNER_SCRIPT_TIMEOUT", "soon"), ("CI_JOB_STARTED_AT", now.as_str())],
        [("RUNNER_SCRIPT_TIMEOUT", "2h"), ("CI_JOB_STARTED_AT", now.as_str())],
    ];
    let cases = cases.map(|case| case.map(|(name, value)| (name, value.to_owned())));
    let unchanged = all(cases.map(|case| async move {
        let case = case.each_ref().map(|(name, value)| (*name, value.as_str()));
        let (_gitlab, done) = run("success", 20.0, &case).await;
        assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{case:?}: {}", done.trace.text);
        assert!(!done.trace.text.contains("time limit"), "{case:?}: {}", done.trace.text);
    }));
    let limit = [("CI_JOB_TIMEOUT", "100"), ("CI_JOB_STARTED_AT", now.as_str())];
    let ((), (_gitlab, control)) = tokio::join!(unchanged, run("success", 20.0, &limit));
    assert_eq!(control.end(), (0, "succeeded"));
    assert!(control.trace.text.contains("time limit"), "less than 15m: {}", control.trace.text);
}

#[tokio::test]
async fn a_shorter_timeout_of_the_users_own_stays_the_reason() {
    let started = ago(0);
    let variables =
        [("CI_JOB_TIMEOUT", "60"), ("CI_JOB_STARTED_AT", started.as_str()), ("DEPLOY_HOOK_TIMEOUT", "5s")];
    let (_gitlab, done) = run("stuck", 1.0, &variables).await;
    assert_eq!(done.end(), (6, "timed-out"), "{}", done.trace.text);
    assert!(done.took < Duration::from_secs(40), "{:?}", done.took);
    assert!(!done.trace.text.contains("time limit"), "{}", done.trace.text);
    assert!(done.trace.text.contains("increase `timeout`"), "{}", done.trace.text);
}
