//! The states of a report: queued, in progress, completed; each kind alone and all together, for every outcome.

use serde_json::{Value, json};

use super::fake_github::{FakeGitHub, GitHubStore};
use super::runner::{HEAD, Job, PULL};
use super::{ALL, KINDS, all, platform};
use crate::common::sandbox_of;

const PAGE: &str = "https://github.example/octo/site/actions/runs/99/attempts/2";

fn words(bodies: &[Value], name: &str) -> Vec<String> {
    bodies.iter().filter_map(|body| body[name].as_str()).map(str::to_owned).collect()
}

/// The states of a report in their order, in GitHub's terms.
fn states(stored: &GitHubStore, kind: &str) -> Vec<String> {
    match kind {
        "status" => words(&stored.statuses, "state"),
        "check" => words(stored.checks.values().next().map_or(&[], Vec::as_slice), "status"),
        "deployment" => words(stored.deployments.values().next().map_or(&[], Vec::as_slice), "state"),
        _ => {
            let texts = stored.comments.values().flat_map(|(_, texts)| texts);
            texts.map(|text| text.lines().nth(1).unwrap_or_default().to_owned()).collect()
        }
    }
}

#[tokio::test]
async fn each_kind_goes_from_queued_to_in_progress_to_its_end() {
    let tell = async |kind: &str| {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 14.0).await);
        let done = Job::of_pull(&github, &sandbox, kind).run().await;
        assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
        let stored = github.stored();
        assert_eq!(stored.open(), [""; 0]);
        (states(&stored, kind), stored)
    };
    let [status, check, deployment, comment] = KINDS.map(tell);
    let (status, check, deployment, comment) = tokio::join!(status, check, deployment, comment);
    assert_eq!(status.0, ["pending", "pending", "success"]);
    assert_eq!(check.0, ["queued", "in_progress", "completed"]);
    assert!(deployment.0.ends_with(&["in_progress".to_owned(), "success".to_owned()]), "{:?}", deployment.0);
    assert_eq!(comment.0.len(), 3, "{:?}", comment.0);
    assert!(comment.0[2].starts_with("### ") && comment.0[2].contains("Succeeded"), "{:?}", comment.0);
    let bodies = check.1.checks.values().next().unwrap();
    assert_eq!((&bodies[0]["name"], &bodies[0]["head_sha"]), (&json!("Deploy"), &json!(HEAD)));
    assert_eq!(bodies[2]["conclusion"], "success");
    assert_eq!(deployment.1.deployments.len(), 1);
    assert_eq!(comment.1.comments.values().next().unwrap().0, PULL);
}

/// Vercel's answer names a job and no deployment: while the deployment is searched, the report is open.
#[tokio::test]
async fn an_accepted_trigger_opens_the_report_before_its_deployment_is_found() {
    let sandbox = sandbox_of("vercel", None, "no-deployment", 1.0).await;
    let github = FakeGitHub::start().await;
    let job = Job::of_pull(&github, &sandbox, "status").with("INPUT_API-TOKEN", &sandbox.api_token());
    let done = job.with("INPUT_TIMEOUT", "10s").run().await;
    assert_eq!((done.code, done.outputs["outcome"].as_str()), (Some(7), "lost"), "{}", done.log);
    assert_eq!(states(&github.stored(), "status"), ["pending", "error"], "{}", done.log);
}

#[tokio::test]
async fn all_together_are_written_to_their_end_and_name_the_environment() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 14.0).await);
    let job = Job::of_pull(&github, &sandbox, &format!("summary,{ALL}"));
    let job =
        job.with("INPUT_ENVIRONMENT", "staging").with("INPUT_ENVIRONMENT-URL", "https://staging.example");
    let done = job.run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    let stored = github.stored();
    assert_eq!(stored.open(), [""; 0]);
    for status in &stored.statuses {
        assert_eq!((&status["context"], &status["target_url"]), (&json!("Deploy / staging"), &json!(PAGE)));
    }
    let deployment = stored.deployments.values().next().unwrap();
    let expected = [
        ("ref", json!(HEAD)),
        ("auto_merge", json!(false)),
        ("required_contexts", json!([])),
        ("environment", json!("staging")),
    ];
    for (name, value) in expected {
        assert_eq!(deployment[0][name], value, "{name}");
    }
    for status in &deployment[1..] {
        let urls = (&status["environment_url"], &status["log_url"]);
        assert_eq!(urls, (&json!("https://staging.example/"), &json!(PAGE)));
    }
    for kind in KINDS {
        let states = states(&stored, kind);
        let ends =
            |word: &String| ["success", "completed"].contains(&word.as_str()) || word.starts_with("###");
        assert_eq!(
            states.iter().position(ends),
            Some(states.len() - 1),
            "{kind} ends once and last: {states:?}"
        );
    }
    let reported = "commit status, check run, GitHub Deployment, pull request comment.";
    assert!(done.summary.contains("Also reported as") && done.summary.contains(reported), "{}", done.summary);
    assert!(job.state()["deploy_hook_records"].contains("\"records\":[]"));
}

#[tokio::test]
async fn a_run_that_ends_at_once_writes_its_final_state_alone() {
    all([("forbidden", "auto", 3), ("success", "never", 0)].map(|(scenario, wait, code)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 20.0).await);
        let done = Job::of_pull(&github, &sandbox, ALL).with("INPUT_WAIT", wait).run().await;
        assert_eq!(done.code, Some(code), "{}", done.log);
        let stored = github.stored();
        assert_eq!(
            (stored.open(), github.requests().len()),
            (vec![], 6),
            "{scenario}: a write each, and a search"
        );
        for kind in KINDS {
            assert_eq!(states(&stored, kind).len(), 1, "{scenario}: {kind}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_triggers_nothing_leaves_no_report() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let dry = Job::of_pull(&github, &sandbox, ALL).with("INPUT_DRY-RUN", "true").run().await;
    let missing =
        Job::of_pull(&github, &sandbox, ALL).with("INPUT_HOOK-URL", "").with("INPUT_IF-MISSING", "skip");
    assert_eq!((dry.code, missing.run().await.code), (Some(0), Some(0)), "{}", dry.log);
    let requests: Vec<String> = github.requests().into_iter().map(|request| request.operation).collect();
    assert_eq!(requests, ["repos/get"], "the dry run has read what the token may read");
    assert!(dry.log.contains("✓ github-token reads octo/site"), "{}", dry.log);
}

/// Runs one scenario to its end; the final states of the status, the check and the deployment.
async fn end(scenario: &str, inputs: &[(&str, &str)], code: i32) -> [String; 3] {
    let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 20.0).await);
    let job = Job::new(&github, &sandbox, "status,check,deployment");
    let job = inputs.iter().fold(job, |job, (name, value)| job.with(name, value));
    let done = job.run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(code), vec![]), "{scenario}: {}", done.log);
    let stored = github.stored();
    assert_eq!(stored.open(), [""; 0], "{scenario}");
    let last =
        |bodies: Option<&Vec<Value>>| bodies.and_then(|bodies| bodies.last()).cloned().unwrap_or_default();
    let [check, deployment] = [last(stored.checks.values().next()), last(stored.deployments.values().next())];
    let status = last(Some(&stored.statuses));
    [&status["state"], &check["conclusion"], &deployment["state"]]
        .map(|word| word.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_outcome_has_its_word_in_each_kind() {
    let stuck = [("INPUT_TIMEOUT", "5s")];
    let nobody = [("INPUT_HOOK-URL", "http://127.0.0.1:9/v1/deploy-hook/a-secret-of-nobody")];
    let pass = [("INPUT_ON-CANCELED", "pass")];
    let ends = tokio::join!(
        end("build-fails", &[], 1),
        end("canceled", &[], 8),
        end("canceled", &pass, 0),
        end("superseded", &[], 8),
        end("stuck", &stuck, 6),
        end("unprocessable", &[], 3),
        end("success", &nobody, 4),
        end("success", &[("INPUT_WAIT", "never")], 0),
    );
    assert_eq!(ends.0, ["failure", "failure", "failure"]);
    assert_eq!(ends.1, ["error", "cancelled", "inactive"]);
    assert_eq!(ends.2, ["success", "neutral", "inactive"]);
    assert_eq!(ends.3, ["error", "cancelled", "inactive"]);
    assert_eq!(ends.4, ["error", "timed_out", "error"]);
    assert_eq!(ends.5, ["failure", "failure", "failure"]);
    assert_eq!(ends.6, ["error", "failure", "error"]);
    assert_eq!(ends.7, ["success", "neutral", "inactive"]);
}
