//! What a GitLab job already knows: its environment and the environment's address.

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job};
use super::{all, platform};
use crate::cli::run::OUTPUTS;

const SITE: &str = "https://site.example/";

async fn run(variables: &[(&str, &str)]) -> (FakeGitLab, Done) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 400.0).await);
    let job = Job::new(&gitlab, &sandbox, "summary,status,deployment").without("CI_ENVIRONMENT_NAME");
    let done = job.with("DEPLOY_HOOK_WAIT", "never").with_all(variables).run().await;
    assert_eq!(done.verdict(), (0, "triggered", vec![]), "{variables:?}: {}", done.trace.text);
    (gitlab, done)
}

#[tokio::test]
async fn the_jobs_environment_is_the_default_everywhere() {
    let (gitlab, done) = run(&[("CI_ENVIRONMENT_NAME", "review/topic"), ("CI_ENVIRONMENT_URL", SITE)]).await;
    assert_eq!(done.output("ENVIRONMENT_URL"), SITE);
    assert!(done.summary.is_some_and(|summary| summary.contains("review/topic") && summary.contains(SITE)));
    assert!(done.trace.text.contains("Deploying review/topic"), "{}", done.trace.text);
    let stored = gitlab.stored();
    assert_eq!(stored.statuses[0].bodies[0]["name"], "Deploy / review/topic");
    assert_eq!(stored.deployments.values().next().expect("a deployment")[0]["environment"], "review/topic");
}

#[tokio::test]
async fn what_the_user_says_goes_before_it() {
    let variables = [
        ("CI_ENVIRONMENT_NAME", "review"),
        ("CI_ENVIRONMENT_URL", "https://review.example/"),
        ("DEPLOY_HOOK_ENVIRONMENT", "staging"),
        ("DEPLOY_HOOK_ENVIRONMENT_URL", SITE),
    ];
    let (gitlab, done) = run(&variables).await;
    assert_eq!(done.output("ENVIRONMENT_URL"), SITE);
    assert_eq!(gitlab.stored().statuses[0].bodies[0]["name"], "Deploy / staging");
    let (gitlab, _) = run(&[]).await;
    assert_eq!(gitlab.stored().statuses[0].bodies[0]["name"], "Deploy", "where nobody says anything");
}

#[tokio::test]
async fn a_long_address_stays_whole() {
    let url = format!("{SITE}{}", "long/".repeat(60));
    let (_, done) = run(&[("CI_ENVIRONMENT_URL", &url)]).await;
    assert_eq!(done.output("ENVIRONMENT_URL"), url);
    assert_eq!(done.links.first().map(|link| link.1.as_str()), Some(url.as_str()));
}

/// `environment: url: $DEPLOY_HOOK_ENVIRONMENT_URL` is how the dotenv report is used; in the job itself it is not there yet.
#[tokio::test]
async fn an_address_that_is_none_yet_is_ignored() {
    let none = [
        "$DEPLOY_HOOK_ENVIRONMENT_URL",
        "https://$CI_ENVIRONMENT_SLUG.example",
        "https://",
        "site",
        "ftp://x.example/",
    ];
    all(none.map(|url| async move {
        let (_, done) = run(&[("CI_ENVIRONMENT_URL", url)]).await;
        assert!(
            done.links.is_empty() && done.output("ENVIRONMENT_URL").is_empty(),
            "{url}: {:?}",
            done.dotenv
        );
    }))
    .await;
    let (_, control) = run(&[("CI_ENVIRONMENT_URL", SITE)]).await;
    assert_eq!((control.links.len(), control.output("ENVIRONMENT_URL")), (1, SITE));
}

/// A dotenv report's variables are set in later jobs of the pipeline, the next deployment included.
#[tokio::test]
async fn an_earlier_jobs_report_is_not_taken_for_this_ones_input() {
    let earlier =
        [("DEPLOY_HOOK_ENVIRONMENT_URL", "https://earlier.example/"), ("DEPLOY_HOOK_OUTCOME", "succeeded")];
    let (_, done) = run(&earlier).await;
    assert_eq!(done.output("ENVIRONMENT_URL"), "");
    let (_, done) = run(&[earlier[0], earlier[1], ("CI_ENVIRONMENT_URL", SITE)]).await;
    assert_eq!(done.output("ENVIRONMENT_URL"), SITE);
    let (_, done) = run(&earlier[..1]).await;
    assert_eq!(done.output("ENVIRONMENT_URL"), "https://earlier.example/", "alone it is what the user says");
}

#[tokio::test]
async fn all_outputs_of_an_earlier_job_together_change_nothing() {
    let (_, first) = run(&[("CI_ENVIRONMENT_NAME", "production"), ("CI_ENVIRONMENT_URL", SITE)]).await;
    let earlier: Vec<(&str, &str)> =
        first.dotenv.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(earlier.len(), OUTPUTS.len());
    let (_, second) = run(&earlier).await;
    assert_eq!(second.output("ENVIRONMENT_URL"), "");
    assert_ne!(second.output("DEPLOYMENT_ID"), first.output("DEPLOYMENT_ID"));
}
