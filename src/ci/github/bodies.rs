//! What GitHub is told: the bodies of its requests, and which of its states an outcome is. Pure.
//!
//! Source: GitHub's REST API description, `2022-11-28`. A commit status and a deployment status describe
//! themselves in at most 140 characters; a check run's summary has at most 65,535.

use serde_json::{Value, json};

use crate::ci::records::standing::{Stand, Standing, mark};
use crate::deploy::state::Outcome;
use crate::render::text::cut;

/// The longest description of a status.
const DESCRIPTION: usize = 140;

/// The longest summary of a check run, with room to spare for what counts bytes.
const SUMMARY: usize = 60_000;

/// GitHub's words for how things stand.
struct Words {
    /// Commit status: `pending`, `success`, `failure`, `error`.
    status: &'static str,
    /// Check run: `queued`, `in_progress`, `completed`.
    check: &'static str,
    /// Check run: the conclusion, once there is one.
    conclusion: Option<&'static str>,
    /// Deployment status.
    deployment: &'static str,
}

fn words(stand: Stand) -> Words {
    let going = |word| Words { status: "pending", check: word, conclusion: None, deployment: word };
    let (outcome, passed) = match stand {
        Stand::Waiting => return going("queued"),
        Stand::Running => return going("in_progress"),
        Stand::Over { outcome, passed } => (outcome, passed),
    };
    let (status, conclusion, deployment) = match outcome {
        Outcome::Succeeded => ("success", "success", "success"),
        Outcome::Failed | Outcome::Refused => ("failure", "failure", "failure"),
        Outcome::Triggered | Outcome::Skipped => ("success", "neutral", "inactive"),
        Outcome::Canceled | Outcome::Superseded if passed => ("success", "neutral", "inactive"),
        Outcome::Canceled | Outcome::Superseded => ("error", "cancelled", "inactive"),
        Outcome::TimedOut => ("error", "timed_out", "error"),
        Outcome::Interrupted => ("error", "cancelled", "error"),
        Outcome::Unreachable | Outcome::Uncertain | Outcome::Lost => ("error", "failure", "error"),
    };
    Words { status, check: "completed", conclusion: Some(conclusion), deployment }
}

/// `POST /statuses/{sha}`.
pub(super) fn status(standing: &Standing, context: &str, page: &str) -> Value {
    json!({
        "state": words(standing.stand).status,
        "target_url": page,
        "description": cut(&standing.text, DESCRIPTION),
        "context": context,
    })
}

/// `PATCH /check-runs/{id}`; with [`check`]'s two fields more, `POST /check-runs`.
pub(super) fn check_update(standing: &Standing, page: &str) -> Value {
    let output = json!({ "title": cut(&standing.text, 255), "summary": cut(&standing.page, SUMMARY) });
    let words = words(standing.stand);
    let mut body = json!({ "details_url": page, "status": words.check, "output": output });
    if let Some(conclusion) = words.conclusion {
        body["conclusion"] = json!(conclusion);
    }
    body
}

/// `POST /check-runs`.
pub(super) fn check(standing: &Standing, name: &str, sha: &str, page: &str) -> Value {
    let mut body = check_update(standing, page);
    body["name"] = json!(name);
    body["head_sha"] = json!(sha);
    body
}

/// `POST /deployments`. Without the two fields GitHub would merge the default branch into the commit, or wait for
/// the very checks this run is part of.
pub(super) fn deployment(sha: &str, environment: &str, name: &str) -> Value {
    json!({
        "ref": sha,
        "task": "deploy",
        "auto_merge": false,
        "required_contexts": [],
        "environment": environment,
        "description": cut(name, DESCRIPTION),
    })
}

/// `POST /deployments/{id}/statuses`.
pub(super) fn deployment_status(standing: &Standing, page: &str, site: Option<&str>) -> Value {
    let mut body = json!({
        "state": words(standing.stand).deployment,
        "log_url": page,
        "description": cut(&standing.text, DESCRIPTION),
    });
    if let Some(site) = site {
        body["environment_url"] = json!(site);
    }
    body
}

/// `POST /issues/{number}/comments` and `PATCH /issues/comments/{id}`.
pub(super) fn comment(standing: &Standing, name: &str, page: &str) -> Value {
    let body = format!("{}\n{}\n\n[The run]({page})", mark(name), cut(&standing.page, SUMMARY));
    json!({ "body": body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_over_is_left_open_in_any_language() {
        for outcome in Outcome::ALL {
            for passed in [true, false] {
                let words = words(Stand::Over { outcome, passed });
                assert!(words.conclusion.is_some());
                assert_ne!(words.status, "pending");
                assert!(!["in_progress", "queued", "pending"].contains(&words.deployment), "{outcome}");
            }
        }
    }

    #[test]
    fn success_is_said_of_a_success_and_of_what_the_user_lets_pass() {
        let status = |outcome, passed| words(Stand::Over { outcome, passed }).status;
        for outcome in Outcome::ALL {
            let fine = matches!(outcome, Outcome::Succeeded | Outcome::Triggered | Outcome::Skipped);
            assert_eq!(status(outcome, false) == "success", fine, "{outcome}");
        }
        assert_eq!(status(Outcome::Superseded, true), "success");
        let deployment = |outcome| words(Stand::Over { outcome, passed: true }).deployment;
        assert!(
            Outcome::ALL
                .into_iter()
                .all(|outcome| (deployment(outcome) == "success") == (outcome == Outcome::Succeeded))
        );
    }
}
