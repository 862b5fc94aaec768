//! The image as a job's: the runner starts its entrypoint with the arguments for a shell, writes the job's script to
//! its standard input, and starts it again for the `after_script`. That makes one deployment.

use std::process::Stdio;
use std::time::{Duration, Instant};

use deploy_hook::sandbox::Sandbox;
use tokio::io::AsyncWriteExt as _;

use super::fake_gitlab::FakeGitLab;
use super::job::{DETECT, Job, Printed, files};
use super::{all, platform, signal};
use crate::common::{triggers, wait_until};

/// What the runner appends to the image's entrypoint.
const SHELL: [&str; 3] = ["sh", "-c", DETECT];

/// The files of a run.
const REPORTS: [&str; 3] = ["deploy-hook.env", "deploy-hook-summary.md", "deploy-hook-annotations.json"];

/// A job whose image is this program.
fn job(gitlab: &FakeGitLab, sandbox: &Sandbox) -> Job {
    Job::new(gitlab, sandbox, "auto").with("DEPLOY_HOOK_WAIT", "never").args(&SHELL)
}

/// Runs a job without a check of its report files.
async fn run(job: &Job) -> Printed {
    job.printed(job.spawn()).await
}

/// The report files, and when they were written.
fn reports(job: &Job) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let mut found: Vec<_> = files(&job.project())
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("deploy-hook")))
        .map(|path| {
            let written = std::fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
            (path.display().to_string(), std::fs::read(&path).expect("a file"), written)
        })
        .collect();
    found.sort();
    found
}

/// A start that did nothing and gave the reason.
fn assert_nothing_done(printed: &Printed, context: &str) {
    assert_nothing_done_with(0, printed, context);
}

/// The same with the code that the first start ended with.
fn assert_nothing_done_with(wanted: i32, printed: &Printed, context: &str) {
    let Printed { code, out, err, .. } = printed;
    assert_eq!((*code, out.as_str()), (Some(wanted), ""), "{context}: {err}");
    assert!(err.contains("after_script") && err.contains("Nothing is triggered again"), "{context}: {err}");
}

#[tokio::test]
async fn the_arguments_for_a_shell_mean_deploy() {
    let entrypoints: [&[&str]; 3] = [&[], &["deploy"], &["deploy", "--name", "Site"]];
    all(entrypoints.map(|own| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        let args: Vec<&str> = own.iter().chain(&SHELL).copied().collect();
        let done = Job::new(&gitlab, &sandbox, "auto").args(&args).run().await;
        assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{own:?}: {}", done.trace.text);
        assert_eq!(
            (triggers(&sandbox), gitlab.stored().status_states()),
            (1, vec![vec!["running", "success"]])
        );
        assert_eq!(gitlab.stored().statuses[0].bodies[0]["name"] == "Site", own.contains(&"Site"));
    }))
    .await;
}

#[tokio::test]
async fn the_tail_is_taken_off_other_commands_as_well() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let args: Vec<&str> = ["status"].iter().chain(&SHELL).copied().collect();
    assert_eq!(job(&gitlab, &sandbox).run().await.end(), (0, "triggered"));
    let printed = run(&Job::new(&gitlab, &sandbox, "auto").args(&args)).await;
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    assert!(printed.out.starts_with("dp_"), "{}", printed.out);
    assert_eq!(triggers(&sandbox), 1);
}

#[tokio::test]
async fn other_words_are_a_usage_error() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    for args in [&["sh"][..], &["sh", "-x", DETECT], &["deploy", "sh"], &["sh", "-c"]] {
        let printed = run(&Job::new(&gitlab, &sandbox, "auto").args(args)).await;
        assert_eq!(printed.code, Some(2), "{args:?}: {}", printed.err);
    }
    assert_eq!(triggers(&sandbox), 0);
    assert_eq!(job(&gitlab, &sandbox).run().await.end(), (0, "triggered"));
}

/// The runner writes the job's script there; a pipe holds 64 KiB.
#[tokio::test]
async fn a_large_script_is_taken_in_while_the_deployment_is_followed() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").args(&SHELL).with("DEPLOY_HOOK_TIMEOUT", "8s");
    let mut child = job.spawn_with(Stdio::piped());
    let mut stdin = child.stdin.take().expect("piped");
    let script = "echo 'a line of the script'\n".repeat(40_000);
    assert!(script.len() > 1024 * 1024);
    let began = Instant::now();
    let written = tokio::time::timeout(Duration::from_mins(1), stdin.write_all(script.as_bytes())).await;
    assert!(matches!(written, Ok(Ok(()))), "{written:?} after {:?}", began.elapsed());
    drop(stdin);
    let done = job.wait(child).await;
    assert_eq!(done.end(), (6, "timed-out"), "{}", done.trace.text);
    assert!(!done.trace.text.contains("a line of the script"), "{}", done.trace.text);
}

#[tokio::test]
async fn a_script_that_never_ends_delays_nothing() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").args(&SHELL);
    let mut child = job.spawn_with(Stdio::piped());
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"echo begun\n").await.expect("it is read");
    let done = job.wait(child).await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert!(done.took < Duration::from_secs(20), "{:?}", done.took);
    drop(stdin);
}

#[tokio::test]
async fn the_after_script_triggers_nothing_and_leaves_the_reports() {
    all([("success", 0, "success"), ("build-fails", 1, "failed")].map(
        |(scenario, code, status)| async move {
            let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, 20.0).await);
            let job = Job::new(&gitlab, &sandbox, "auto").args(&SHELL);
            let done = job.run().await;
            assert_eq!((done.code, triggers(&sandbox)), (Some(code), 1), "{}", done.trace.text);
            let (left, asked, written) = (reports(&job), sandbox.requests().len(), gitlab.requests().len());
            assert_eq!(left.len(), 3);
            assert_nothing_done_with(code, &run(&job).await, "the same environment, as the runner gives it");
            let job = job.with("CI_JOB_STATUS", status);
            assert_nothing_done(&run(&job).await, status);
            assert_eq!(
                (sandbox.requests().len(), gitlab.requests().len()),
                (asked, written),
                "no request was sent"
            );
            assert_eq!(reports(&job), left);
        },
    ))
    .await;
}

/// After a cancel the runner makes a new container for the `after_script`, without anything that the first one left.
#[tokio::test]
async fn an_after_script_in_a_new_container_triggers_nothing_either() {
    all(["success", "failed", "canceled"].map(|status| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        let job = job(&gitlab, &sandbox).with("CI_JOB_STATUS", status);
        assert_nothing_done(&run(&job).await, status);
        assert_eq!(
            (reports(&job).len(), sandbox.requests().len(), gitlab.requests().len()),
            (0, 0, 0),
            "{status}"
        );
        let job = job.with("CI_JOB_STATUS", "running");
        assert_eq!((job.run().await.end(), triggers(&sandbox)), ((0, "triggered"), 1), "the job itself");
    }))
    .await;
}

#[tokio::test]
async fn a_canceled_jobs_after_script_leaves_what_the_cancel_wrote() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").args(&SHELL);
    let child = job.spawn();
    wait_until("the first request", || !gitlab.requests().is_empty()).await;
    signal(&child, "TERM");
    assert_eq!(job.wait(child).await.end(), (143, "interrupted"));
    let left = reports(&job);
    let job = job.with("CI_JOB_STATUS", "canceled");
    assert_nothing_done(&run(&job).await, "canceled");
    assert_eq!((reports(&job), triggers(&sandbox)), (left, 1));
}

#[tokio::test]
async fn another_job_in_the_same_folder_deploys() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let first = job(&gitlab, &sandbox);
    assert_eq!(first.run().await.end(), (0, "triggered"));
    let retried = first.with("CI_JOB_ID", "5006");
    assert_eq!((retried.run().await.end(), triggers(&sandbox)), ((0, "triggered"), 2));
    assert_nothing_done(&run(&retried).await, "its own after_script");
    assert_eq!(triggers(&sandbox), 2);
}

/// A runner that has lost the container starts the script again: without a verdict it must not be green.
#[tokio::test]
async fn a_start_after_one_that_never_ended_is_uncertain() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").args(&SHELL);
    // With GIT_STRATEGY none the folder is as the last job on this machine left it.
    let older = REPORTS.map(|name| job.project().join(name));
    for path in &older {
        std::fs::write(path, "an older job's").expect("it can be written");
    }
    let child = job.spawn();
    wait_until("the first request", || triggers(&sandbox) != 0).await;
    signal(&child, "KILL");
    drop(child);
    for path in older {
        assert_ne!(std::fs::read(path).unwrap_or_default(), b"an older job's");
    }
    let again = run(&job).await;
    assert_eq!(again.code, Some(5), "{}", again.err);
    assert!(again.err.contains("did not finish"), "{}", again.err);
    assert_eq!(triggers(&sandbox), 1);
}

/// A script of the image with a shell may deploy twice, for example to two environments.
#[tokio::test]
async fn two_deploys_in_a_script_are_two() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = job(&gitlab, &sandbox).args(&["deploy"]);
    for n in 1..=2 {
        assert_eq!((job.run().await.end(), triggers(&sandbox)), ((0, "triggered"), n));
    }
    let of_image = job.args(&SHELL);
    assert_eq!(
        (of_image.run().await.end(), triggers(&sandbox)),
        ((0, "triggered"), 3),
        "they left no marker"
    );
    assert_nothing_done(&run(&of_image).await, "this one did");
}

/// Without the marker file, a second start would trigger again.
#[tokio::test]
async fn where_no_marker_can_be_written_nothing_is_sent() {
    for number in ["", "../5005"] {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        let done = job(&gitlab, &sandbox).with("CI_JOB_ID", number).run().await;
        assert_eq!(done.code, Some(2), "{number}: {}", done.trace.text);
        assert!(done.trace.text.contains("Nothing was sent"), "{}", done.trace.text);
        assert_eq!(done.output("SUCCEEDED"), "false");
        assert_eq!((sandbox.requests().len(), gitlab.requests().len()), (0, 0), "{number}");
    }
}
