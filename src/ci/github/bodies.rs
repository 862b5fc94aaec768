//! What GitHub is told: the bodies of its requests, and which of its states an outcome is. Pure.
//!
//! Source: GitHub's REST API description, `2022-11-28`. A commit status and a deployment status describe
//! themselves in at most 140 characters; a check run's summary has at most 65,535.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::deploy::state::{Outcome, Phase};
use crate::render::markdown::escape;
use crate::render::text::cut;

/// The longest description of a status.
const DESCRIPTION: usize = 140;

/// The longest summary of a check run, with room to spare for what counts bytes.
const SUMMARY: usize = 60_000;

/// What a comment's mark holds encoded: all that could end its markup, so that no two names share a mark.
const MARKUP: &AsciiSet = &NON_ALPHANUMERIC.remove(b' ').remove(b'/').remove(b'_').remove(b'.');

/// How things stand, in every language GitHub has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Commit status: `pending`, `success`, `failure`, `error`.
    status: &'static str,
    /// Check run: `queued`, `in_progress`, `completed`.
    check: &'static str,
    /// Check run: the conclusion, once there is one.
    conclusion: Option<&'static str>,
    /// Deployment status.
    deployment: &'static str,
    /// One line.
    pub(super) text: String,
    /// The whole story in Markdown.
    pub(super) page: String,
}

impl Standing {
    /// Not over: queued at first, in progress later.
    pub(super) fn going(phase: Phase, text: String) -> Self {
        let word = if phase == Phase::Waiting { "queued" } else { "in_progress" };
        let page = escape(&text);
        Self { status: "pending", check: word, conclusion: None, deployment: word, text, page }
    }

    /// Over. `passed`: whether the step passes, which settings may decide.
    pub(super) fn over(outcome: Outcome, passed: bool, text: String, page: String) -> Self {
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
        Self { status, check: "completed", conclusion: Some(conclusion), deployment, text, page }
    }

    /// Whether GitHub has the same word for both.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.deployment, self.conclusion) == (other.deployment, other.conclusion)
    }

    /// Whether nothing more will come.
    pub(super) fn is_final(&self) -> bool {
        self.conclusion.is_some()
    }
}

/// `POST /statuses/{sha}`.
pub(super) fn status(standing: &Standing, context: &str, page: &str) -> Value {
    json!({
        "state": standing.status,
        "target_url": page,
        "description": cut(&standing.text, DESCRIPTION),
        "context": context,
    })
}

/// `PATCH /check-runs/{id}`; with [`check`]'s two fields more, `POST /check-runs`.
pub(super) fn check_update(standing: &Standing, page: &str) -> Value {
    let output = json!({ "title": cut(&standing.text, 255), "summary": cut(&standing.page, SUMMARY) });
    let mut body = json!({ "details_url": page, "status": standing.check, "output": output });
    if let Some(conclusion) = standing.conclusion {
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
        "state": standing.deployment,
        "log_url": page,
        "description": cut(&standing.text, DESCRIPTION),
    });
    if let Some(site) = site {
        body["environment_url"] = json!(site);
    }
    body
}

/// The mark by which a comment is found again; invisible to readers.
pub(super) fn comment_mark(name: &str) -> String {
    format!("<!-- deploy-hook: {} -->", utf8_percent_encode(name, MARKUP))
}

/// `POST /issues/{number}/comments` and `PATCH /issues/comments/{id}`.
pub(super) fn comment(standing: &Standing, name: &str, page: &str) -> Value {
    let body = format!("{}\n{}\n\n[The run]({page})", comment_mark(name), cut(&standing.page, SUMMARY));
    json!({ "body": body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_over_is_left_open_in_any_language() {
        for outcome in Outcome::ALL {
            for passed in [true, false] {
                let standing = Standing::over(outcome, passed, "text".to_owned(), String::new());
                assert!(standing.is_final());
                assert_ne!(standing.status, "pending");
                assert!(!["in_progress", "queued", "pending"].contains(&standing.deployment), "{outcome}");
            }
        }
    }

    #[test]
    fn success_is_said_of_a_success_and_of_what_the_user_lets_pass() {
        let status = |outcome, passed| Standing::over(outcome, passed, String::new(), String::new()).status;
        for outcome in Outcome::ALL {
            let fine = matches!(outcome, Outcome::Succeeded | Outcome::Triggered | Outcome::Skipped);
            assert_eq!(status(outcome, false) == "success", fine, "{outcome}");
        }
        assert_eq!(status(Outcome::Superseded, true), "success");
        let deployment = |outcome| Standing::over(outcome, true, String::new(), String::new()).deployment;
        assert!(
            Outcome::ALL
                .into_iter()
                .all(|outcome| (deployment(outcome) == "success") == (outcome == Outcome::Succeeded))
        );
    }

    #[test]
    fn a_comments_mark_cannot_end_its_own_markup_and_is_one_names_alone() {
        let names = ["Deploy / a --> <b>", "Deploy / a-b", "Deploy / ab", "Deploy / a%2Db", "Größe", "Gre"];
        let marks = names.map(comment_mark);
        for (n, mark) in marks.iter().enumerate() {
            assert_eq!((mark.matches("--").count(), mark.matches('>').count()), (2, 1), "{mark}");
            assert!(marks[n + 1..].iter().all(|other| !other.starts_with(mark.as_str())), "{mark}");
        }
        assert_eq!(marks[1], "<!-- deploy-hook: Deploy / a%2Db -->");
    }
}
