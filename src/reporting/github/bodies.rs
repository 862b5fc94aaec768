//! The bodies of requests to GitHub, and which of its states an outcome is. Pure.
//!
//! Source: GitHub's REST API description, `2022-11-28`. A commit status and a deployment status describe
//! themselves in at most 140 characters, none of them beyond the Basic Multilingual Plane; a check run's summary has at
//! most 65,535 bytes.

use octocrab::models::StatusState;
use octocrab::models::repos::DeploymentStatusState;
use octocrab::params::checks::{CheckRunConclusion, CheckRunStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::state::Outcome;
use crate::reporting::updater::api_text::{self, LONGEST, without_nulls};
use crate::reporting::updater::report_state::{ReportStage, ReportState};

/// What the reports are about.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct GitHubTarget {
    /// Context of the status, name of the check.
    pub(super) name: String,
    pub(super) sha: String,
    /// The URL of the run's page; empty where it is not known.
    pub(super) run_url: String,
    /// The environment of a GitHub Deployment.
    pub(super) environment: String,
    pub(super) site: Option<String>,
    /// The pull request of the comment.
    pub(super) pull: Option<u64>,
    /// Marks this run's reports, so that one is found again whose creation was not answered.
    pub(super) mark: String,
}

/// The longest description of a status.
const DESCRIPTION: usize = 140;

/// The longest name of a status, a check or an environment.
const NAME: usize = 255;

/// The text where there is none.
const NOTHING: &str = "Deploy";

/// The state of a run in GitHub's words. A check run has a conclusion once it is completed.
struct States {
    status: StatusState,
    check: CheckRunStatus,
    conclusion: Option<CheckRunConclusion>,
    deployment: DeploymentStatusState,
}

fn states(stage: ReportStage) -> States {
    use {CheckRunConclusion as Conclusion, DeploymentStatusState as Deployment, StatusState as Status};
    let going = |check, deployment| States { status: Status::Pending, check, conclusion: None, deployment };
    let (outcome, passed) = match stage {
        ReportStage::Waiting => return going(CheckRunStatus::Queued, Deployment::Queued),
        ReportStage::Running => return going(CheckRunStatus::InProgress, Deployment::InProgress),
        ReportStage::Over { outcome, passed } => (outcome, passed),
    };
    let (status, conclusion, deployment) = match outcome {
        Outcome::Succeeded => (Status::Success, Conclusion::Success, Deployment::Success),
        Outcome::Failed | Outcome::Unverified | Outcome::Refused => {
            (Status::Failure, Conclusion::Failure, Deployment::Failure)
        }
        Outcome::Triggered | Outcome::Skipped => (Status::Success, Conclusion::Neutral, Deployment::Inactive),
        Outcome::Canceled | Outcome::Superseded if passed => {
            (Status::Success, Conclusion::Neutral, Deployment::Inactive)
        }
        Outcome::Canceled | Outcome::Superseded => {
            (Status::Error, Conclusion::Cancelled, Deployment::Inactive)
        }
        Outcome::TimedOut => (Status::Error, Conclusion::TimedOut, Deployment::Error),
        Outcome::Interrupted => (Status::Error, Conclusion::Cancelled, Deployment::Error),
        Outcome::Unreachable | Outcome::Uncertain | Outcome::Lost => {
            (Status::Error, Conclusion::Failure, Deployment::Error)
        }
    };
    States { status, check: CheckRunStatus::Completed, conclusion: Some(conclusion), deployment }
}

fn description(text: &str) -> String {
    api_text::plain_line(text, DESCRIPTION, NOTHING)
}

pub(super) fn name(name: &str) -> String {
    api_text::line(name, NAME, NOTHING)
}

/// `POST /statuses/{sha}`.
pub(super) fn status(state: &ReportState, target: &GitHubTarget) -> Value {
    without_nulls(json!({
        "state": states(state.stage).status,
        "target_url": api_text::link(&target.run_url),
        "description": description(&state.text),
        "context": api_text::plain_line(&target.name, NAME, NOTHING),
    }))
}

/// `PATCH /check-runs/{id}`; with [`check`]'s three fields more, `POST /check-runs`.
pub(super) fn check_update(state: &ReportState, target: &GitHubTarget) -> Value {
    let title = api_text::line(&state.text, NAME, NOTHING);
    let summary = api_text::markdown(&state.markdown, LONGEST);
    let summary = if summary.trim().is_empty() { title.clone() } else { summary };
    let states = states(state.stage);
    without_nulls(json!({
        "details_url": api_text::link(&target.run_url),
        "status": states.check,
        "conclusion": states.conclusion,
        "output": { "title": title, "summary": summary },
    }))
}

/// `POST /check-runs`.
pub(super) fn check(state: &ReportState, target: &GitHubTarget) -> Value {
    let mut body = check_update(state, target);
    body["name"] = json!(name(&target.name));
    body["head_sha"] = json!(target.sha);
    body["external_id"] = json!(target.mark);
    body
}

/// `POST /deployments`. Without the two fields GitHub would merge the default branch into the commit, or wait for
/// the very checks this run is part of.
pub(super) fn deployment(target: &GitHubTarget) -> Value {
    json!({
        "ref": target.sha,
        "task": "deploy",
        "auto_merge": false,
        "required_contexts": [],
        "environment": api_text::plain_line(&target.environment, NAME, "production"),
        "description": description(&target.name),
        "payload": { "deploy_hook": target.mark },
    })
}

/// `POST /deployments/{id}/statuses`.
pub(super) fn deployment_status(state: &ReportState, target: &GitHubTarget) -> Value {
    let site = target.site.as_deref().or(state.site.as_deref());
    without_nulls(json!({
        "state": states(state.stage).deployment,
        "log_url": api_text::link(&target.run_url),
        "description": description(&state.text),
        "environment_url": site.and_then(api_text::link),
    }))
}

/// `POST /issues/{number}/comments` and `PATCH /issues/comments/{id}`.
pub(super) fn comment(state: &ReportState, target: &GitHubTarget) -> Value {
    json!({ "body": api_text::comment(&target.name, &state.markdown, ("The run", &target.run_url)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_over_is_left_open_in_any_language() {
        for outcome in Outcome::ALL {
            for passed in [true, false] {
                let States { status, check, conclusion, deployment } =
                    states(ReportStage::Over { outcome, passed });
                assert!(conclusion.is_some() && status != StatusState::Pending);
                let words = json!([check, deployment]).to_string();
                assert!(!words.contains("in_progress") && !words.contains("queued"), "{outcome}: {words}");
            }
        }
    }

    #[test]
    fn whatever_a_platform_says_is_made_into_what_github_takes() {
        for text in ["", "🚀", "\u{0}\u{7}", "state 🚀 LIVE\u{0}\n", &"ü🚀 ".repeat(400)] {
            let state = ReportState::finished(Outcome::Failed, false, text.to_owned(), text.repeat(100));
            let page =
                ["https://github.com/o/r/actions/runs/1", "", "javascript:x", &"https://x".repeat(400)];
            for page in page {
                let target = GitHubTarget {
                    name: text.to_owned(),
                    environment: text.to_owned(),
                    run_url: page.to_owned(),
                    site: Some(page.to_owned()),
                    ..GitHubTarget::default()
                };
                let (status, deployment) = (status(&state, &target), deployment(&target));
                let more_notices = deployment_status(&state, &target);
                for (body, fields) in [
                    (&status, &["description", "context"][..]),
                    (&deployment, &["description", "environment"]),
                    (&more_notices, &["description"]),
                ] {
                    for field in fields {
                        let text = body[*field].as_str().unwrap();
                        let most = if *field == "description" { 140 } else { 255 };
                        assert!((1..=most).contains(&text.chars().count()), "{field}: {text}");
                        assert!(text.chars().all(|c| c < '\u{fffe}' && !c.is_control()), "{field}: {text}");
                    }
                }
                let is_link = page.starts_with("https://github");
                let links =
                    [&status["target_url"], &more_notices["log_url"], &more_notices["environment_url"]];
                assert!(links.iter().all(|link| link.is_string() == is_link), "{page}: {links:?}");
                let check = check(&state, &target);
                let [title, summary] =
                    ["title", "summary"].map(|field| check["output"][field].as_str().unwrap());
                assert!(!title.is_empty() && title.chars().count() <= 255 && summary.len() <= 65_535);
                assert!(!summary.is_empty() && !summary.contains('\0'));
                let comment = comment(&state, &target);
                assert!(comment["body"].as_str().unwrap().chars().count() <= 65_536);
            }
        }
    }

    #[test]
    fn a_success_and_what_the_user_lets_pass_are_reported_as_success() {
        let status = |outcome, passed| states(ReportStage::Over { outcome, passed }).status;
        for outcome in Outcome::ALL {
            let fine = matches!(outcome, Outcome::Succeeded | Outcome::Triggered | Outcome::Skipped);
            assert_eq!(status(outcome, false) == StatusState::Success, fine, "{outcome}");
        }
        assert_eq!(status(Outcome::Superseded, true), StatusState::Success);
        for outcome in Outcome::ALL {
            let deployment = states(ReportStage::Over { outcome, passed: true }).deployment;
            let is_success = deployment == DeploymentStatusState::Success;
            assert_eq!(is_success, outcome == Outcome::Succeeded, "{outcome}");
        }
    }
}
