//! Outside of a GitLab job, the variables of a GitLab job are ignored.

use std::path::PathBuf;

use super::fake_gitlab::FakeGitLab;
use super::job::{DETECT, Job, Printed, files};
use super::{ALL, all, platform};

/// A run that need not end as a GitLab job's does.
async fn run(job: &Job) -> Printed {
    job.printed(job.spawn()).await
}

fn assert_no_gitlab(job: &Job, gitlab: &FakeGitLab, printed: &Printed) {
    assert!(gitlab.requests().is_empty(), "{:?}", gitlab.requests());
    assert_eq!(files(&job.project()), Vec::<PathBuf>::new());
    for text in [&printed.out, &printed.err] {
        assert!(!text.contains("section_start:") && !text.contains("production"), "{text}");
        assert!(!text.contains("time limit"), "{text}");
    }
}

fn job(gitlab: &FakeGitLab, sandbox: &deploy_hook::sandbox::Sandbox, report: &str) -> Job {
    Job::of_merge_request(gitlab, sandbox, report).with_all(&[
        ("CI_ENVIRONMENT_URL", "https://site.example/"),
        ("CI_JOB_TIMEOUT", "21"),
        ("CI_JOB_STARTED_AT", "2026-01-01T00:00:00Z"),
        ("RUNNER_SCRIPT_TIMEOUT", "1s"),
    ])
}

#[tokio::test]
async fn without_gitlab_ci_none_of_it_happens() {
    all(["", "false", "0"].map(|value| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        let job = job(&gitlab, &sandbox, &format!("summary,{ALL}")).with("GITLAB_CI", value);
        let printed = run(&job).await;
        assert_eq!((printed.code, printed.out.as_str()), (Some(0), ""), "{}", printed.err);
        assert!(
            printed.err.contains("succeeded after") && !printed.err.contains('\u{1b}'),
            "{}",
            printed.err
        );
        assert_no_gitlab(&job, &gitlab, &printed);
        let posts = sandbox.requests().iter().filter(|request| request.method == "POST").count();
        assert_eq!(posts, 1);
        let control =
            Job::of_merge_request(&gitlab, &sandbox, ALL).with("DEPLOY_HOOK_WAIT", "never").run().await;
        assert_eq!(control.end(), (0, "triggered"));
        assert!(!gitlab.requests().is_empty(), "with it, all of it does");
    }))
    .await;
}

#[tokio::test]
async fn without_gitlab_ci_a_shells_arguments_are_a_usage_error() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    for args in [&["sh", "-c", DETECT][..], &["status", "sh", "-c", DETECT], &["deploy", "sh", "-c", DETECT]]
    {
        let job = job(&gitlab, &sandbox, "auto").without("GITLAB_CI").args(args);
        let printed = run(&job).await;
        assert_eq!(printed.code, Some(2), "{args:?}: {}", printed.err);
        assert_no_gitlab(&job, &gitlab, &printed);
    }
    assert!(sandbox.requests().is_empty());
    let control =
        job(&gitlab, &sandbox, "none").without("RUNNER_SCRIPT_TIMEOUT").with("DEPLOY_HOOK_WAIT", "never");
    assert_eq!(control.args(&["sh", "-c", DETECT]).run().await.end(), (0, "triggered"));
}

/// A run of a workflow whose environment holds a GitLab job's variables, and the same without them.
#[tokio::test]
async fn in_a_github_run_they_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let mut runs = Vec::new();
    for with in [true, false] {
        let job =
            job(&gitlab, &sandbox, "auto").with("GITHUB_ACTIONS", "true").without("DEPLOY_HOOK_GITLAB_TOKEN");
        let output = folder.path().join(format!("output-{with}"));
        std::fs::write(&output, "").unwrap();
        let mut job =
            job.with("GITHUB_OUTPUT", &output.display().to_string()).with("DEPLOY_HOOK_DRY_RUN", "true");
        if !with {
            let gitlabs = ["GITLAB_CI", "GITLAB_USER_LOGIN", "RUNNER_SCRIPT_TIMEOUT"];
            job = gitlabs.into_iter().fold(job, Job::without).without_prefix("CI_");
        }
        let printed = run(&job).await;
        assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""), "{}", printed.out);
        assert_no_gitlab(&job, &gitlab, &printed);
        let outputs = std::fs::read_to_string(&output).unwrap();
        let outputs: Vec<String> =
            outputs.lines().filter(|line| !line.contains("ghadelimiter")).map(str::to_owned).collect();
        runs.push((plain(&printed.out), outputs.len()));
    }
    assert_eq!(runs[0], runs[1]);
}

/// A log without its times.
fn plain(log: &str) -> Vec<String> {
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    log.lines().map(|line| line.split(digits).collect::<String>()).collect()
}
