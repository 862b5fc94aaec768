//! The run's reports at GitLab: which request creates or changes each.

use std::time::{Duration, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::{GitLabApi, TokenKind};
use super::bodies;
use super::job::{self, Job};
use crate::http::Method;
use crate::reporting::updater::rate_limiter::{RateLimiter, id};
use crate::reporting::updater::report_state::{ReportState, WriteError, mark};
use crate::reporting::updater::worker::{Creation, ReportBackend, WriteResult};
use crate::text::{CodeHost, ReportKind};

/// How many of a merge request's comments are searched for ours.
const NOTES: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// So much may GitLab's clock be behind this machine's.
const SKEW: Duration = Duration::from_mins(1);

/// How many comments with our mark are tried; more cannot be ours.
const CANDIDATES: usize = 3;

/// What the reports are about.
pub(super) struct GitLabTarget {
    /// Name of the status, by which the comment is found again as well.
    pub(super) name: String,
    /// The environment of the deployment.
    pub(super) environment: String,
    /// The job.
    pub(super) job: Job,
    /// When this run began.
    pub(super) began: SystemTime,
}

/// The reports of one run.
pub(super) struct GitLabReports {
    pub(super) api: GitLabApi,
    pub(super) target: GitLabTarget,
}

impl ReportBackend for GitLabReports {
    /// GitLab asks for no pause.
    const SPACING: Duration = Duration::ZERO;

    fn code_host(&self) -> CodeHost {
        CodeHost::GitLab
    }

    async fn write_report(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        creation: Creation,
        state: &ReportState,
    ) -> Result<WriteResult, WriteError> {
        let id = match (kind, creation) {
            // GitLab refuses the same state twice, and has none between the beginning and the end.
            (ReportKind::Status | ReportKind::Deployment, Creation::Id(id)) if !state.is_final() => id,
            (ReportKind::Status, _) => self.status(limiter, state).await?,
            (ReportKind::Deployment, Creation::Id(id)) => self.deployment_again(limiter, state, id).await?,
            (ReportKind::Deployment, creation) => self.deployment(limiter, state, creation).await?,
            (ReportKind::Comment, Creation::Id(id)) => match self.note_again(limiter, state, id).await {
                Err(gone) if gone.is_gone() => self.comment(limiter, state).await?, // somebody deleted it
                other => other?,
            },
            (ReportKind::Comment, _) => self.comment(limiter, state).await?,
            (ReportKind::Summary | ReportKind::Check, _) => 0, // a file; and what GitLab does not have
        };
        Ok(WriteResult::Done(id))
    }
}

impl GitLabReports {
    async fn status(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<u64, WriteError> {
        let GitLabTarget { name, job, .. } = &self.target;
        let body = bodies::status(state, name, job);
        let path = format!("/projects/{}/statuses/{}", job.project, job.sha);
        let written = limiter.write(self.api.call(Method::POST, &path, Some(&body), TokenKind::User)).await;
        let already_written = format!("from :{} ", bodies::status_state(state.stage));
        match written {
            // A run that was killed left it so, or an answer was lost: then it says so already.
            Err(WriteError::Refused { status: 400, message, .. })
                if message.starts_with("Cannot transition status") && message.contains(&already_written) => {}
            other => drop(other?),
        }
        Ok(0)
    }

    async fn deployment(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        creation: Creation,
    ) -> Result<u64, WriteError> {
        let GitLabTarget { environment, job, .. } = &self.target;
        if creation == Creation::Maybe
            && let Some((id, status)) = self.find_deployment(limiter).await?
        {
            let is_current = status == bodies::deployment_status(state.stage);
            return if is_current { Ok(id) } else { self.deployment_again(limiter, state, id).await };
        }
        let body = bodies::deployment(state, environment, job);
        let path = format!("/projects/{}/deployments", job.project);
        id(&limiter.write(self.api.call(Method::POST, &path, Some(&body), TokenKind::Job)).await?)
    }

    async fn deployment_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::deployment_update(state);
        let path = format!("/projects/{}/deployments/{id}", self.target.job.project);
        match limiter.write(self.api.call(Method::PUT, &path, Some(&body), TokenKind::Job)).await {
            // It is over already: an answer was lost.
            Err(WriteError::Refused { status: 400, message, .. }) if message.contains("transition") => Ok(id),
            written => written.map(|_| id),
        }
    }

    /// The deployment that was asked for without an answer, and its state. GitLab takes no mark of ours, but a deployment
    /// that no job has is one that the API made: one of this commit that was made since this run began is ours, and one
    /// that is still open is ours or nobody's.
    async fn find_deployment(&self, limiter: &mut RateLimiter) -> Result<Option<(u64, String)>, WriteError> {
        let GitLabTarget { environment, job, began, .. } = &self.target;
        let name = bodies::environment(environment);
        let path = format!(
            "/projects/{}/deployments?environment={}&order_by=id&sort=desc&per_page=20",
            job.project,
            utf8_percent_encode(&name, NON_ALPHANUMERIC)
        );
        let found = limiter.ask(self.api.call(Method::GET, &path, None, TokenKind::Job)).await?;
        let is_open = |one: &Value| matches!(one["status"].as_str(), Some("created" | "running"));
        let is_new = |one: &Value| {
            let creation = one["created_at"].as_str().and_then(job::time);
            creation.is_some_and(|creation| creation + SKEW >= *began)
        };
        let ours = |one: &&Value| {
            let of_commit = one["sha"] == *job.head && one["ref"] == *job.reference;
            of_commit && one["deployable"].is_null() && (is_open(one) || is_new(one))
        };
        let one = found.as_array().and_then(|list| list.iter().find(ours));
        Ok(one.and_then(|one| Some((one["id"].as_u64()?, one["status"].as_str()?.to_owned()))))
    }

    async fn comment(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<u64, WriteError> {
        let comments = self.comments()?;
        for id in self.find_notes(limiter, &comments).await? {
            match self.note_again(limiter, state, id).await {
                // Another user's, with a copied mark.
                Err(WriteError::Refused { status: 403 | 404, .. }) => {}
                other => return other,
            }
        }
        let body = bodies::comment(state, &self.target.name, &self.target.job);
        id(&limiter.write(self.api.call(Method::POST, &comments, Some(&body), TokenKind::User)).await?)
    }

    async fn note_again(
        &self,
        limiter: &mut RateLimiter,
        state: &ReportState,
        id: u64,
    ) -> Result<u64, WriteError> {
        let body = bodies::comment(state, &self.target.name, &self.target.job);
        let path = format!("{}/{id}", self.comments()?);
        limiter.write(self.api.call(Method::PUT, &path, Some(&body), TokenKind::User)).await.map(|_| id)
    }

    /// The comments that have our mark: that of an earlier run is among them.
    async fn find_notes(&self, limiter: &mut RateLimiter, comments: &str) -> Result<Vec<u64>, WriteError> {
        let [size, small] = PAGES;
        match self.find_notes_by(limiter, comments, size).await {
            Err(WriteError::TooLarge) => self.find_notes_by(limiter, comments, small).await,
            found => found,
        }
    }

    async fn find_notes_by(
        &self,
        limiter: &mut RateLimiter,
        comments: &str,
        size: usize,
    ) -> Result<Vec<u64>, WriteError> {
        let mark = mark(&self.target.name);
        let ours = |comment: &&Value| {
            comment["system"] != true && comment["body"].as_str().is_some_and(|body| body.starts_with(&mark))
        };
        let mut found = Vec::new();
        for page in 1..=NOTES / size {
            let path =
                format!("{comments}?activity_filter=only_comments&sort=asc&per_page={size}&page={page}");
            let answer = limiter.ask(self.api.call(Method::GET, &path, None, TokenKind::User)).await?;
            let on_page = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            found.extend(on_page.iter().filter(ours).filter_map(|comment| comment["id"].as_u64()));
            // Comments that the token may not read are missing from their page, so a short page need not be the last.
            if on_page.is_empty() || !found.is_empty() {
                break;
            }
        }
        found.truncate(CANDIDATES);
        Ok(found)
    }

    fn comments(&self) -> Result<String, WriteError> {
        let request = self.target.job.request.as_ref();
        let none = || WriteError::Unreachable("this job belongs to no merge request".to_owned());
        let (project, number) = request.ok_or_else(none)?;
        Ok(format!("/projects/{project}/merge_requests/{number}/notes"))
    }
}
