//! The run's records at GitHub, and at forges that speak its language: which request makes or changes each.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, Verb};
use super::bodies;
use crate::core::state::Outcome;
use crate::reporting::updater::api_text;
use crate::reporting::updater::rate_limiter::{RateLimiter, id};
use crate::reporting::updater::report_state::{ReportState, WriteError, mark};
use crate::reporting::updater::worker::{Created, OpenReports, ReportBackend, WriteResult};
use crate::text::{CodeHost, ReportKind};

/// So many of a pull request's comments are searched for ours.
const COMMENTS: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// The longest page that is carried to the post step: it gets it as a variable of its environment.
const CARRIED: usize = 16 * 1024;

/// What the records are about.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Subject {
    /// Context of the status, name of the check.
    pub(super) name: String,
    /// The commit.
    pub(super) sha: String,
    /// The run's page; empty where it is not known.
    pub(super) page: String,
    /// The environment of a GitHub Deployment.
    pub(super) environment: String,
    /// The deployed site.
    pub(super) site: Option<String>,
    /// The pull request of the comment.
    pub(super) pull: Option<u64>,
    /// By what a record is found again that was asked for without an answer: this run's alone.
    pub(super) mark: String,
}

/// What is open, as the post step must know it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Open {
    /// What the records are about.
    pub(super) subject: Subject,
    /// Each record that is not closed.
    pub(super) records: OpenReports,
}

/// How the run ended, as the post step must know it: it is saved before any record says so.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct End {
    outcome: String,
    passed: bool,
    text: String,
    page: String,
}

/// The records of one run.
pub(super) struct GitHubReports {
    pub(super) api: Api,
    pub(super) subject: Subject,
}

impl ReportBackend for GitHubReports {
    /// GitHub's guidance for whoever writes.
    const SPACING: Duration = Duration::from_secs(1);

    fn code_host(&self) -> CodeHost {
        self.api.code_host()
    }

    async fn file(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        made: Created,
        state: &ReportState,
    ) -> Result<WriteResult, WriteError> {
        let id = match (kind, made) {
            (ReportKind::Summary, _) => 0, // a file, not a record
            (ReportKind::Status, _) => self.status(limiter, state).await?,
            (ReportKind::Check, Created::As(id)) => self.check_again(limiter, state, id).await?,
            (ReportKind::Check, made) => self.check(limiter, state, made).await?,
            (ReportKind::Deployment, Created::As(id)) => self.deployment_again(limiter, state, id).await?,
            (ReportKind::Deployment, made) => {
                return self.deployment(limiter, made).await.map(WriteResult::Begun);
            }
            (ReportKind::Comment, Created::As(id)) => match self.comment_again(limiter, state, id).await {
                Err(gone) if gone.is_gone() => self.comment(limiter, state).await?, // somebody deleted it
                other => other?,
            },
            (ReportKind::Comment, _) => self.comment(limiter, state).await?,
        };
        Ok(WriteResult::Done(id))
    }
}

impl GitHubReports {
    /// A repeated status is one more line of the same: the last one counts.
    async fn status(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<u64, WriteError> {
        let body = bodies::status(state, &self.subject.name, &self.subject.page);
        let path = format!("/statuses/{}", self.subject.sha);
        limiter.write(self.api.call(Verb::Post, &path, &body)).await.map(|_| 0)
    }

    async fn check(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        made: Created,
    ) -> Result<u64, WriteError> {
        let Subject { name, sha, mark, .. } = &self.subject;
        let body = bodies::check(state, &self.subject);
        let name = utf8_percent_encode(&bodies::name(name), NON_ALPHANUMERIC).to_string();
        let path = format!("/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100");
        let ours = |check: &Value| check["external_id"] == **mark;
        if made == Created::Perhaps
            && let Some(id) = self.find(limiter, &path, |found| found["check_runs"].as_array(), ours).await?
        {
            return self.check_again(limiter, state, id).await;
        }
        id(&limiter.write(self.api.call(Verb::Post, "/check-runs", &body)).await?)
    }

    async fn check_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::check_update(state, &self.subject.page);
        limiter.write(self.api.call(Verb::Patch, &format!("/check-runs/{id}"), &body)).await.map(|_| id)
    }

    /// Makes a GitHub Deployment. It has no status yet, without which GitHub shows nothing of it.
    async fn deployment(&self, limiter: &mut RateLimiter, made: Created) -> Result<u64, WriteError> {
        let Subject { sha, mark, .. } = &self.subject;
        let body = bodies::deployment(&self.subject);
        let path = format!("/deployments?sha={sha}&task=deploy&per_page=100");
        let ours = |deployment: &Value| deployment["payload"].to_string().contains(mark.as_str());
        if made == Created::Perhaps
            && let Some(id) = self.find(limiter, &path, Value::as_array, ours).await?
        {
            return Ok(id);
        }
        id(&limiter.write(self.api.call(Verb::Post, "/deployments", &body)).await?)
    }

    async fn deployment_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::deployment_status(state, &self.subject.page, self.subject.site.as_deref());
        let path = format!("/deployments/{id}/statuses");
        limiter.write(self.api.call(Verb::Post, &path, &body)).await.map(|_| id)
    }

    async fn comment(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<u64, WriteError> {
        let Some(pull) = self.subject.pull else {
            return Err(WriteError::Unreachable("this run belongs to no pull request".to_owned()));
        };
        if let Some(id) = self.find_comment(limiter, pull).await? {
            return self.comment_again(limiter, state, id).await;
        }
        let body = bodies::comment(state, &self.subject.name, &self.subject.page);
        id(&limiter.write(self.api.call(Verb::Post, &format!("/issues/{pull}/comments"), &body)).await?)
    }

    async fn comment_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::comment(state, &self.subject.name, &self.subject.page);
        limiter.write(self.api.call(Verb::Patch, &format!("/issues/comments/{id}"), &body)).await.map(|_| id)
    }

    /// The comment an earlier run left, by its mark.
    async fn find_comment(&self, limiter: &mut RateLimiter, pull: u64) -> Result<Option<u64>, WriteError> {
        let [size, small] = PAGES;
        match self.find_comment_by(limiter, pull, size).await {
            Err(WriteError::TooLarge) => self.find_comment_by(limiter, pull, small).await,
            found => found,
        }
    }

    async fn find_comment_by(
        &self,
        limiter: &mut RateLimiter,
        pull: u64,
        size: usize,
    ) -> Result<Option<u64>, WriteError> {
        let mark = mark(&self.subject.name);
        for page in 1..=COMMENTS / size {
            let path = format!("/issues/{pull}/comments?per_page={size}&page={page}");
            let found = limiter.ask(self.api.call(Verb::Get, &path, &Value::Null)).await?;
            let comments = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let ours =
                |comment: &&Value| comment["body"].as_str().is_some_and(|body| body.starts_with(&mark));
            if let Some(comment) = comments.iter().find(ours) {
                return Ok(comment["id"].as_u64());
            }
            // Forgejo and Gitea know no pages here and would answer with the same one for ever.
            if comments.len() < size || self.code_host() != CodeHost::GitHub {
                break;
            }
        }
        Ok(None)
    }

    /// A record of this very run that was made without an answer.
    async fn find(
        &self,
        limiter: &mut RateLimiter,
        path: &str,
        list: impl Fn(&Value) -> Option<&Vec<Value>>,
        ours: impl Fn(&Value) -> bool,
    ) -> Result<Option<u64>, WriteError> {
        match limiter.ask(self.api.call(Verb::Get, path, &Value::Null)).await {
            Ok(found) => Ok(list(&found).and_then(|list| list.iter().find(|one| ours(one))?["id"].as_u64())),
            Err(gone) if gone.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The state as it is carried to the post step.
pub(super) fn to_state(open: &Open) -> String {
    json!(open).to_string()
}

/// The state as the post step finds it; what could steer a request elsewhere is none.
pub(super) fn from_state(state: &str) -> Option<Open> {
    let open: Open = serde_json::from_str(state).ok()?;
    Some(open).filter(|open| !open.records.is_empty() && api_text::commit(&open.subject.sha).is_some())
}

/// The end as it is carried to the post step; `None` for a run that goes on.
pub(super) fn to_end(state: &ReportState) -> Option<String> {
    let (outcome, passed) = state.end()?;
    let (text, page) = (state.text.clone(), api_text::page(&state.page, CARRIED));
    Some(json!(End { outcome: outcome.to_string(), passed, text, page }).to_string())
}

/// The end as the post step finds it.
pub(super) fn from_end(state: &str) -> Option<ReportState> {
    let End { outcome, passed, text, page } = serde_json::from_str(state).ok()?;
    let outcome = Outcome::ALL.into_iter().find(|known| known.to_string() == outcome)?;
    Some(ReportState::over(outcome, passed, text, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_could_steer_a_request_is_none() {
        let state = |sha: &str, records: OpenReports| {
            let subject = Subject { sha: sha.to_owned(), ..Subject::default() };
            to_state(&Open { subject, records })
        };
        let (sha, records) = ("a".repeat(40), vec![(ReportKind::Check, Created::As(7))]);
        assert_eq!(from_state(&state(&sha, records.clone())).unwrap().records, records);
        assert!(from_state(&state("../../../user/keys", records)).is_none());
        assert!(from_state(&state(&sha, Vec::new())).is_none());
        let crooked = state(&sha, vec![(ReportKind::Check, Created::As(7))]).replace('7', "\"../7\"");
        assert!(from_state(&crooked).is_none() && from_state("{").is_none());
    }

    #[test]
    fn the_end_is_carried_whole_but_for_a_page_that_is_too_long() {
        for outcome in Outcome::ALL {
            let state = ReportState::over(outcome, true, "It ended.".to_owned(), "### Ended".to_owned());
            assert_eq!(from_end(&to_end(&state).unwrap()), Some(state));
        }
        let long = ReportState::over(Outcome::Failed, false, String::new(), "\n".repeat(100_000));
        assert!(to_end(&long).unwrap().len() < 64 * 1024, "an environment has no room for more");
        for none in ["", "{}", r#"{"outcome":"live","passed":true,"text":"","page":""}"#] {
            assert_eq!(from_end(none), None);
        }
    }
}
