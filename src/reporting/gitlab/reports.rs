//! The run's reports at GitLab: which request creates or changes each.

use std::time::{Duration, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::{GitLabApi, TokenKind};
use super::bodies;
use super::job::{self, Job};
use crate::http::Method;
use crate::reporting::updater::rate_limiter::{RateLimiter, id};
use crate::reporting::updater::report_state::{ReportState, WriteError};
use crate::reporting::updater::search::{self, ReportRequests};
use crate::reporting::updater::worker::{Creation, ReportBackend, WriteResult};
use crate::text::{CodeHost, ReportKind};

/// So much may GitLab's clock be behind this machine's.
const SKEW: Duration = Duration::from_mins(1);

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
        search::update_or_create(self, limiter, kind, creation, state).await
    }
}

impl ReportRequests for GitLabReports {
    async fn find(&self, limiter: &mut RateLimiter, kind: ReportKind) -> Result<Vec<u64>, WriteError> {
        let found = match kind {
            ReportKind::Deployment => self.find_deployment(limiter).await?,
            ReportKind::Comment => search::find_comments(self, limiter, &self.target.name).await?,
            _ => Vec::new(),
        };
        Ok(found.iter().filter_map(|report| report["id"].as_u64()).collect())
    }

    async fn create(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        state: &ReportState,
    ) -> Result<WriteResult, WriteError> {
        let GitLabTarget { name, environment, job, .. } = &self.target;
        let (path, body, token_kind) = match kind {
            ReportKind::Status => return self.status(limiter, state).await.map(|()| WriteResult::Done(0)),
            ReportKind::Deployment => {
                (self.deployments_path(), bodies::deployment(state, environment, job), TokenKind::Job)
            }
            ReportKind::Comment => {
                (self.comments_path()?, bodies::comment(state, name, job), TokenKind::User)
            }
            // A file; and what GitLab does not have.
            ReportKind::Summary | ReportKind::Check => return Ok(WriteResult::Done(0)),
        };
        let written = limiter.write(self.api.call(Method::POST, &path, Some(&body), token_kind)).await?;
        id(&written).map(WriteResult::Done)
    }

    async fn update(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        id: u64,
        state: &ReportState,
    ) -> Result<(), WriteError> {
        let (path, body, token_kind) = match kind {
            // GitLab refuses the same state twice, and has none between the beginning and the end.
            ReportKind::Status | ReportKind::Deployment if !state.is_final() => return Ok(()),
            ReportKind::Status => return self.status(limiter, state).await,
            ReportKind::Deployment => {
                let path = format!("{}/{id}", self.deployments_path());
                (path, bodies::deployment_update(state), TokenKind::Job)
            }
            ReportKind::Comment => {
                let body = bodies::comment(state, &self.target.name, &self.target.job);
                (format!("{}/{id}", self.comments_path()?), body, TokenKind::User)
            }
            ReportKind::Summary | ReportKind::Check => return Ok(()),
        };
        match limiter.write(self.api.call(Method::PUT, &path, Some(&body), token_kind)).await {
            // It is over already: an answer was lost.
            Err(WriteError::Refused { status: 400, message, .. })
                if kind == ReportKind::Deployment && message.contains("transition") =>
            {
                Ok(())
            }
            written => written.map(drop),
        }
    }

    async fn comments(
        &self,
        limiter: &mut RateLimiter,
        size: usize,
        page: usize,
    ) -> Result<Value, WriteError> {
        let query = format!("activity_filter=only_comments&sort=asc&per_page={size}&page={page}");
        let path = format!("{}?{query}", self.comments_path()?);
        limiter.ask(self.api.call(Method::GET, &path, None, TokenKind::User)).await
    }
}

impl GitLabReports {
    async fn status(&self, limiter: &mut RateLimiter, state: &ReportState) -> Result<(), WriteError> {
        let GitLabTarget { name, job, .. } = &self.target;
        let body = bodies::status(state, name, job);
        let path = format!("/projects/{}/statuses/{}", job.project, job.sha);
        let already_written = format!("from :{} ", bodies::status_state(state.stage));
        match limiter.write(self.api.call(Method::POST, &path, Some(&body), TokenKind::User)).await {
            // A run that was killed left it so, or an answer was lost: then it says so already.
            Err(WriteError::Refused { status: 400, message, .. })
                if message.starts_with("Cannot transition status") && message.contains(&already_written) =>
            {
                Ok(())
            }
            written => written.map(drop),
        }
    }

    /// The deployment that was asked for without an answer. GitLab takes no mark of ours, but a deployment that no job has
    /// is one that the API made: one of this commit that was made since this run began is ours, and one that is still open
    /// is ours or nobody's.
    async fn find_deployment(&self, limiter: &mut RateLimiter) -> Result<Vec<Value>, WriteError> {
        let GitLabTarget { environment, job, began, .. } = &self.target;
        let name = bodies::environment(environment);
        let path = format!(
            "{}?environment={}&order_by=id&sort=desc&per_page=20",
            self.deployments_path(),
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
        Ok(found.as_array().into_iter().flatten().filter(ours).take(1).cloned().collect())
    }

    fn deployments_path(&self) -> String {
        format!("/projects/{}/deployments", self.target.job.project)
    }

    fn comments_path(&self) -> Result<String, WriteError> {
        let request = self.target.job.request.as_ref();
        let none = || WriteError::Unreachable("this job belongs to no merge request".to_owned());
        let (project, number) = request.ok_or_else(none)?;
        Ok(format!("/projects/{project}/merge_requests/{number}/notes"))
    }
}
