//! The states of a report at GitLab: opened once when the trigger is accepted, closed once at the end, for every outcome.

use serde_json::json;

use super::fake_gitlab::{Credential, FakeGitLab, credentials};
use super::job::{Job, PAGE, SHA};
use super::{ALL, all, platform};

#[tokio::test]
async fn a_status_is_running_once_and_over_once() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
    let done = Job::new(&gitlab, &sandbox, "status").run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    let (requests, stored) = (gitlab.requests(), gitlab.stored());
    assert_eq!(stored.status_states(), [["running", "success"]]);
    assert_eq!(
        (requests.len(), stored.refused_transitions.len()),
        (2, 0),
        "stage after stage is no news to GitLab"
    );
    for request in &requests {
        assert_eq!(request.path, format!("/api/v4/projects/42/statuses/{SHA}"));
        let body = &request.body;
        let expected = [
            ("name", json!("Deploy / production")),
            ("target_url", json!(PAGE)),
            ("pipeline_id", json!(7001)),
        ];
        for (name, value) in expected {
            assert_eq!(body[name], value, "{name}");
        }
        assert!(body["ref"].is_null() || body["ref"] == "main", "{body}");
        let text = body["description"].as_str().expect("a description");
        assert!(!text.is_empty() && text.chars().count() <= 255, "{text}");
    }
    assert_ne!(requests[0].body["description"], requests[1].body["description"]);
}

#[tokio::test]
async fn a_deployment_is_made_once_and_closed_once() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
    let done = Job::new(&gitlab, &sandbox, "deployment").run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    let (requests, stored) = (gitlab.requests(), gitlab.stored());
    assert_eq!(stored.deployment_states(), [["running", "success"]]);
    let sent: Vec<_> =
        requests.iter().map(|request| (request.method.as_str(), request.path.as_str())).collect();
    let paths = ["/api/v4/projects/42/deployments", "/api/v4/projects/42/deployments/900"];
    assert_eq!(sent, [("POST", paths[0]), ("PUT", paths[1])]);
    let whole =
        json!({ "environment": "production", "sha": SHA, "ref": "main", "tag": false, "status": "running" });
    assert_eq!(requests[0].body, whole);
}

#[tokio::test]
async fn a_tags_deployment_has_its_tag_flag() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    gitlab.prepare(|store| store.pipeline.reference = "v1.2.3".to_owned());
    let job = Job::new(&gitlab, &sandbox, "status,deployment").without("CI_COMMIT_BRANCH");
    let job = job.with("CI_COMMIT_REF_NAME", "v1.2.3").with("CI_COMMIT_TAG", "v1.2.3");
    let done = job.with("DEPLOY_HOOK_WAIT", "never").run().await;
    assert_eq!(done.verdict(), (0, "triggered", vec![]), "{}", done.trace.text);
    let stored = gitlab.stored();
    let made = &stored.deployments.values().next().expect("a deployment")[0];
    assert_eq!((&made["tag"], &made["ref"]), (&json!(true), &json!("v1.2.3")));
    assert_eq!(stored.statuses.len(), 1);
}

/// The ref of a merge request's pipeline is `refs/merge-requests/12/head`, while `CI_COMMIT_REF_NAME` is the branch: GitLab
/// finds no pipeline by its id, commit and that branch.
#[tokio::test]
async fn a_merge_requests_status_is_on_its_own_pipeline() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let done = Job::of_merge_request(&gitlab, &sandbox, "status").run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert_eq!(gitlab.stored().status_states(), [["running", "success"]]);
}

#[tokio::test]
async fn all_together_are_opened_and_closed_and_the_summary_says_so() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
    let done = Job::of_merge_request(&gitlab, &sandbox, &format!("summary,{ALL}")).run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    let stored = gitlab.stored();
    assert_eq!((stored.open(), stored.refused_transitions.len()), (vec![], 0));
    assert_eq!(
        (stored.status_states(), stored.deployment_states()),
        (vec![vec!["running", "success"]], vec![vec!["running", "success"]])
    );
    let notes = stored.own_notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].last().is_some_and(|text| text.contains("Succeeded")), "{notes:?}");
    assert!(done.summary.is_some_and(|summary| summary.contains("Also reported as")));
}

/// Ends a run this way; the final states of the status and the deployment.
async fn ended(scenario: &str, variables: &[(&str, &str)], code: i32) -> (String, String) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, 20.0).await);
    let done = Job::new(&gitlab, &sandbox, "status,deployment").with_all(variables).run().await;
    assert_eq!((done.end().0, done.warnings()), (code, vec![]), "{scenario}: {}", done.trace.text);
    let stored = gitlab.stored();
    assert_eq!((stored.open(), stored.refused_transitions.len()), (vec![], 0), "{scenario}");
    assert_eq!((stored.statuses.len(), stored.deployments.len()), (1, 1), "{scenario}");
    assert!(
        stored.status_states()[0].len() <= 2 && stored.deployment_states()[0].len() <= 2,
        "{scenario}: {stored:?}"
    );
    let status = stored.statuses[0].state().to_owned();
    assert_eq!(status == "success", code == 0, "{scenario}: a green status where the job is green");
    (status, stored.deployment_states()[0].last().copied().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_outcome_has_its_state_in_each_kind() {
    let nobody = [("DEPLOY_HOOK_URL", "http://127.0.0.1:9/v1/deploy-hook/a-secret-of-nobody")];
    let ends = tokio::join!(
        ended("success", &[], 0),
        ended("build-fails", &[], 1),
        ended("unprocessable", &[], 3),
        ended("success", &nobody, 4),
        ended("canceled", &[], 8),
        ended("canceled", &[("DEPLOY_HOOK_ON_CANCELED", "pass")], 0),
        ended("superseded", &[], 8),
        ended("stuck", &[("DEPLOY_HOOK_TIMEOUT", "5s")], 6),
        ended("success", &[("DEPLOY_HOOK_WAIT", "never")], 0),
    );
    let words = |(status, deployment): &(String, String)| format!("{status} {deployment}");
    assert_eq!(words(&ends.0), "success success");
    assert_eq!(words(&ends.1), "failed failed");
    assert_eq!(words(&ends.2), "failed failed");
    assert_eq!(words(&ends.3), "failed failed");
    assert_eq!(words(&ends.4), "canceled canceled");
    assert_eq!(words(&ends.5), "success canceled");
    assert_eq!(words(&ends.6), "canceled canceled");
    assert_eq!(ends.7.1, "canceled", "its end was not seen, and GitLab has no state for that");
    assert_eq!(words(&ends.8), "success canceled");
}

#[tokio::test]
async fn a_run_that_ends_at_once_writes_its_final_state_alone() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("forbidden", 20.0).await);
    let done = Job::of_merge_request(&gitlab, &sandbox, ALL).run().await;
    assert_eq!(done.verdict(), (3, "refused", vec![]), "{}", done.trace.text);
    let stored = gitlab.stored();
    assert_eq!((stored.open(), stored.status_states()), (vec![], vec![vec!["failed"]]), "nothing ever ran");
    assert_eq!(stored.own_notes().first().map(|texts| texts.len()), Some(1));
    assert_eq!(stored.deployment_states()[0].last(), Some(&"failed"));
}

#[tokio::test]
async fn a_run_that_triggers_nothing_leaves_no_report() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let missing = Job::of_merge_request(&gitlab, &sandbox, ALL).with("DEPLOY_HOOK_URL", "");
    let missing = missing.with("DEPLOY_HOOK_IF_MISSING", "skip").run().await;
    assert_eq!((missing.verdict(), gitlab.requests().len()), ((0, "skipped", vec![]), 0));
    let dry = Job::of_merge_request(&gitlab, &sandbox, ALL).with("DEPLOY_HOOK_DRY_RUN", "true").run().await;
    assert_eq!(dry.verdict(), (0, "skipped", vec![]), "{}", dry.trace.text);
    let read: Vec<_> = gitlab.requests().into_iter().map(|request| (request.method, request.path)).collect();
    let [job, project] =
        ["/api/v4/job", "/api/v4/projects/42"].map(|path| ("GET".to_owned(), path.to_owned()));
    assert_eq!(read, [job, project], "what each token is, without writing anything");
    assert_eq!(credentials(&gitlab), [Credential::Job, Credential::Access]);
    let read = read.len();
    let control =
        Job::of_merge_request(&gitlab, &sandbox, "status").with("DEPLOY_HOOK_WAIT", "never").run().await;
    assert_eq!((control.end(), gitlab.requests().len() - read), ((0, "triggered"), 1));
}

/// A run that was killed could close nothing, and GitLab does not let a running status run again.
#[tokio::test]
async fn a_status_that_an_earlier_run_left_running_is_taken_over() {
    all(["running", "pending"].map(|left| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
        gitlab.prepare(|store| store.add_status("Deploy / production", left));
        let done = Job::new(&gitlab, &sandbox, "status").run().await;
        assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
        assert!(!done.trace.text.contains("Cannot transition"), "it is no failure: {}", done.trace.text);
        let stored = gitlab.stored();
        assert_eq!((stored.statuses.len(), stored.statuses[0].state()), (1, "success"), "{stored:?}");
        assert!(gitlab.count("Statuses") <= 2, "{:?}", gitlab.requests());
    }))
    .await;
}

#[tokio::test]
async fn a_status_that_is_over_makes_room_for_the_next_runs() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 14.0).await);
    for _ in 0..2 {
        let done = Job::new(&gitlab, &sandbox, "status").run().await;
        assert_eq!(done.verdict(), (1, "failed", vec![]), "{}", done.trace.text);
    }
    assert_eq!(gitlab.stored().status_states(), [["running", "failed"], ["running", "failed"]]);
}

/// GitLab would answer 404 to the job's pipeline beside another commit.
#[tokio::test]
async fn a_chosen_commit_and_name_go_before_the_jobs_own() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let other = "ABCDEF0123456789ABCDEF0123456789ABCDEF01";
    let job =
        Job::new(&gitlab, &sandbox, "status").with("DEPLOY_HOOK_SHA", other).with("DEPLOY_HOOK_NAME", "Site");
    let done = job.run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    let stored = gitlab.stored();
    assert_eq!(stored.status_states(), [["running", "success"]]);
    assert_eq!(stored.statuses[0].sha, other.to_lowercase());
    assert!(stored.statuses[0].bodies.iter().all(|body| body["name"] == "Site"), "{stored:?}");
}

#[tokio::test]
async fn each_request_has_the_right_token() {
    const OWN: &str = "CI_JOB_TOKEN";
    const GIVEN: &str = "DEPLOY_HOOK_GITLAB_TOKEN";
    let run = async |without: &[&str]| {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
        let job = Job::of_merge_request(&gitlab, &sandbox, "deployment");
        let done = without.iter().fold(job, |job, name| job.without(name)).run().await;
        assert_eq!(done.end(), (0, "succeeded"));
        (credentials(&gitlab), done.warnings().len())
    };
    let (both, own, given, none) = tokio::join!(run(&[]), run(&[GIVEN]), run(&[OWN]), run(&[OWN, GIVEN]));
    for used in [both, own] {
        assert_eq!(used, (vec![Credential::Job; 2], 0), "the job's own goes first");
    }
    assert_eq!(given, (vec![Credential::Access; 2], 0));
    assert_eq!(none, (vec![], 1), "without any token there is nothing to send, and a warning");
}
