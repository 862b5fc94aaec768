//! The run's reports at GitHub, and at code hosts with the same API: which request creates or changes each.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::{GitHubApi, Method};
use super::bodies;
use super::target::GitHubTarget;
use crate::reporting::updater::rate_limiter::{RateLimiter, id};
use crate::reporting::updater::report_state::{ReportState, WriteError, mark};
use crate::reporting::updater::worker::{Creation, ReportBackend, WriteResult};
use crate::text::{CodeHost, ReportKind};

/// So many of a pull request's comments are searched for ours.
const COMMENTS: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// The reports of one run.
pub(super) struct GitHubReports {
    pub(super) api: GitHubApi,
    pub(super) target: GitHubTarget,
    pub(super) read_first: ReadFirst,
}

/// Whether a report is read before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadFirst {
    /// The run itself knows what it wrote.
    No,
    /// The post step knows how the run ended, but its state may be older than the last write of a report.
    Yes,
    /// It does not know how the run ended either, so it leaves every report that is final.
    WithoutVerdict,
}

impl ReportBackend for GitHubReports {
    /// GitHub asks for a second between two writes.
    const SPACING: Duration = Duration::from_secs(1);

    fn code_host(&self) -> CodeHost {
        self.api.code_host()
    }

    async fn write_report(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        creation: Creation,
        state: &ReportState,
    ) -> Result<WriteResult, WriteError> {
        let mut creation = creation;
        if self.read_first != ReadFirst::No {
            match self.closed(limiter, kind, creation, state).await {
                Ok(Some(id)) => return Ok(WriteResult::Done(id)),
                Err(error) if self.read_first == ReadFirst::WithoutVerdict => return Err(error),
                Ok(None) | Err(_) => {}
            }
            if creation == Creation::No {
                creation = Creation::Maybe;
            }
        }
        let id = match (kind, creation) {
            (ReportKind::Summary, _) => 0, // a file, not a record
            (ReportKind::Status, _) => self.status(limiter, state).await?,
            (ReportKind::Check, Creation::Id(id)) => self.check_again(limiter, state, id).await?,
            (ReportKind::Check, creation) => self.check(limiter, state, creation).await?,
            (ReportKind::Deployment, Creation::Id(id)) => self.deployment_again(limiter, state, id).await?,
            (ReportKind::Deployment, creation) => {
                return self.deployment(limiter, creation).await.map(WriteResult::Begun);
            }
            (ReportKind::Comment, Creation::Id(id)) => match self.comment_again(limiter, state, id).await {
                Err(gone) if gone.is_gone() => self.comment(limiter, state).await?, // somebody deleted it
                other => other?,
            },
            (ReportKind::Comment, _) => self.comment(limiter, state).await?,
        };
        Ok(WriteResult::Done(id))
    }
}

impl GitHubReports {
    /// The id of a report that is final already, so that it must not be written again.
    ///
    /// A check run and a deployment belong to one run. A status and a comment may be an earlier run's, so where this run
    /// has not written them they count only if they say what it would say.
    async fn closed(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        creation: Creation,
        state: &ReportState,
    ) -> Result<Option<u64>, WriteError> {
        let is_ours = matches!(creation, Creation::Id(_)) || self.read_first == ReadFirst::WithoutVerdict;
        let GitHubTarget { name, page, .. } = &self.target;
        match kind {
            ReportKind::Summary => Ok(None),
            ReportKind::Status => {
                let path = format!("/commits/{}/status?per_page=100", self.target.sha);
                let found = self.read(limiter, &path).await?;
                let body = bodies::status(state, name, page);
                let status = found["statuses"].as_array().into_iter().flatten();
                let status = status.filter(|status| status["context"] == body["context"]);
                let last = status.max_by_key(|status| status["id"].as_u64());
                // Forgejo and Gitea call the state `status`.
                let word =
                    last.map(|last| if last["state"].is_null() { &last["status"] } else { &last["state"] });
                let same = last.is_some_and(|last| last["description"] == body["description"])
                    && word == Some(&body["state"]);
                Ok(word.filter(|word| **word != "pending" && (is_ours || same)).map(|_| 0))
            }
            ReportKind::Check => {
                let check = self.find_check(limiter).await?;
                Ok(check
                    .filter(|check| check["status"] == "completed")
                    .and_then(|check| check["id"].as_u64()))
            }
            ReportKind::Deployment => {
                let id = match creation {
                    Creation::Id(id) => Some(id),
                    _ => self.find_deployment(limiter).await?,
                };
                let Some(id) = id else { return Ok(None) };
                let found = self.read(limiter, &format!("/deployments/{id}/statuses?per_page=100")).await?;
                let last = found.as_array().into_iter().flatten().max_by_key(|status| status["id"].as_u64());
                let is_final = |last: &Value| {
                    last["state"]
                        .as_str()
                        .is_some_and(|word| !matches!(word, "queued" | "pending" | "in_progress"))
                };
                Ok(last.filter(|last| is_final(last)).map(|_| id))
            }
            ReportKind::Comment => {
                let Some(pull) = self.target.pull else { return Ok(None) };
                let body = bodies::comment(state, name, page);
                let comment = self.find_comment(limiter, pull).await?;
                let is_final = |text: &str| text.lines().nth(1).is_some_and(|line| line.starts_with("### "));
                let closed = |comment: &Value| {
                    let text = comment["body"].as_str().unwrap_or_default();
                    is_final(text) && (is_ours || body["body"] == text)
                };
                Ok(comment.filter(closed).and_then(|comment| comment["id"].as_u64()))
            }
        }
    }

    /// Reads what may not be there; null where it is not.
    async fn read(&self, limiter: &mut RateLimiter, path: &str) -> Result<Value, WriteError> {
        match limiter.ask(self.api.call(Method::Get, path, &Value::Null)).await {
            Err(gone) if gone.is_gone() => Ok(Value::Null),
            read => read,
        }
    }

    /// A repeated status is one more line of the same: the last one counts.
    async fn status(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<u64, WriteError> {
        let body = bodies::status(state, &self.target.name, &self.target.page);
        let path = format!("/statuses/{}", self.target.sha);
        limiter.write(self.api.call(Method::Post, &path, &body)).await.map(|_| 0)
    }

    async fn check(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        creation: Creation,
    ) -> Result<u64, WriteError> {
        let body = bodies::check(state, &self.target);
        if creation == Creation::Maybe
            && let Some(check) = self.find_check(limiter).await?
            && let Some(id) = check["id"].as_u64()
        {
            return self.check_again(limiter, state, id).await;
        }
        id(&limiter.write(self.api.call(Method::Post, "/check-runs", &body)).await?)
    }

    /// The check run of this very run.
    async fn find_check(&self, limiter: &mut RateLimiter) -> Result<Option<Value>, WriteError> {
        let GitHubTarget { name, sha, mark, .. } = &self.target;
        let name = utf8_percent_encode(&bodies::name(name), NON_ALPHANUMERIC).to_string();
        let path = format!("/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100");
        let mut found = self.read(limiter, &path).await?;
        let found = found["check_runs"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(found.into_iter().find(|check| check["external_id"] == **mark))
    }

    async fn check_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::check_update(state, &self.target.page);
        limiter.write(self.api.call(Method::Patch, &format!("/check-runs/{id}"), &body)).await.map(|_| id)
    }

    /// Makes a GitHub Deployment. It has no status yet, without which GitHub shows nothing of it.
    async fn deployment(&self, limiter: &mut RateLimiter, creation: Creation) -> Result<u64, WriteError> {
        let body = bodies::deployment(&self.target);
        if creation == Creation::Maybe
            && let Some(id) = self.find_deployment(limiter).await?
        {
            return Ok(id);
        }
        id(&limiter.write(self.api.call(Method::Post, "/deployments", &body)).await?)
    }

    /// The GitHub Deployment of this very run.
    async fn find_deployment(&self, limiter: &mut RateLimiter) -> Result<Option<u64>, WriteError> {
        let GitHubTarget { sha, mark, .. } = &self.target;
        let found = self.read(limiter, &format!("/deployments?sha={sha}&task=deploy&per_page=100")).await?;
        let ours = |deployment: &&Value| deployment["payload"].to_string().contains(mark.as_str());
        let found = found.as_array().and_then(|list| list.iter().find(ours));
        Ok(found.and_then(|deployment| deployment["id"].as_u64()))
    }

    async fn deployment_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::deployment_status(
            state,
            &self.target.page,
            self.target.site.as_deref().or(state.site.as_deref()),
        );
        let path = format!("/deployments/{id}/statuses");
        limiter.write(self.api.call(Method::Post, &path, &body)).await.map(|_| id)
    }

    async fn comment(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<u64, WriteError> {
        let Some(pull) = self.target.pull else {
            return Err(WriteError::Unreachable("this run belongs to no pull request".to_owned()));
        };
        let comment = self.find_comment(limiter, pull).await?;
        if let Some(id) = comment.and_then(|comment| comment["id"].as_u64()) {
            return self.comment_again(limiter, state, id).await;
        }
        let body = bodies::comment(state, &self.target.name, &self.target.page);
        id(&limiter.write(self.api.call(Method::Post, &format!("/issues/{pull}/comments"), &body)).await?)
    }

    async fn comment_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::comment(state, &self.target.name, &self.target.page);
        limiter
            .write(self.api.call(Method::Patch, &format!("/issues/comments/{id}"), &body))
            .await
            .map(|_| id)
    }

    /// The comment an earlier run left, by its mark.
    async fn find_comment(&self, limiter: &mut RateLimiter, pull: u64) -> Result<Option<Value>, WriteError> {
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
    ) -> Result<Option<Value>, WriteError> {
        let mark = mark(&self.target.name);
        for page in 1..=COMMENTS / size {
            let path = format!("/issues/{pull}/comments?per_page={size}&page={page}");
            let found = limiter.ask(self.api.call(Method::Get, &path, &Value::Null)).await?;
            let comments = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let ours =
                |comment: &&Value| comment["body"].as_str().is_some_and(|body| body.starts_with(&mark));
            if let Some(comment) = comments.iter().find(ours) {
                return Ok(Some(comment.clone()));
            }
            // Forgejo and Gitea have no pages here and would answer with the same one for ever.
            if comments.len() < size || self.code_host() != CodeHost::GitHub {
                break;
            }
        }
        Ok(None)
    }
}
