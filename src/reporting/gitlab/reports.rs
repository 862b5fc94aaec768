//! The run's reports at GitLab: which request creates or changes each.

use std::time::{Duration, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::GitLabApi;
use super::bodies;
use super::job::Job;
use crate::http::{Method, time};
use crate::reporting::updater::rate_limiter::RateLimiter;
use crate::reporting::updater::report_state::{ApiResult, ReportState, WriteError};
use crate::reporting::updater::requests::{ApiRequest, ReportRequests};
use crate::text::{CodeHost, ReportKind};

/// So much may GitLab's clock be behind this machine's.
const SKEW: Duration = Duration::from_mins(1);

/// What the reports at GitLab are about.
pub(super) struct GitLabTarget {
    /// Name of the status, by which the comment is found again as well.
    pub(super) name: String,
    pub(super) environment: String,
    pub(super) job: Job,
    pub(super) began: SystemTime,
}

/// The requests of the reports at GitLab.
pub(super) struct GitLabReports {
    pub(super) api: GitLabApi,
    pub(super) target: GitLabTarget,
}

impl ReportRequests for GitLabReports {
    fn code_host(&self) -> CodeHost {
        CodeHost::GitLab
    }

    fn name(&self) -> &str {
        &self.target.name
    }

    fn write(&self, kind: ReportKind, id: Option<u64>, state: &ReportState) -> ApiResult<Option<ApiRequest>> {
        let GitLabTarget { name, environment, job, .. } = &self.target;
        let (post, put) = (Method::POST, Method::PUT);
        let request = match (kind, id) {
            // A file; and what GitLab does not have.
            (ReportKind::Summary | ReportKind::Check, _) => return Ok(None),
            // GitLab refuses the same state twice, and has none between the beginning and the end.
            (ReportKind::Status | ReportKind::Deployment, Some(_)) if !state.is_final() => return Ok(None),
            (ReportKind::Status, _) => {
                let path = format!("/projects/{}/statuses/{}", job.project, job.sha);
                ApiRequest::new(post, path, bodies::status(state, name, job))
            }
            (ReportKind::Deployment, None) => {
                ApiRequest::new(post, self.deployments_path(), bodies::deployment(state, environment, job))
            }
            (ReportKind::Deployment, Some(id)) => {
                let path = format!("{}/{id}", self.deployments_path());
                ApiRequest::new(put, path, bodies::deployment_update(state))
            }
            (ReportKind::Comment, None) => {
                ApiRequest::new(post, self.comments_path()?, bodies::comment(state, name, job))
            }
            (ReportKind::Comment, Some(id)) => {
                let path = format!("{}/{id}", self.comments_path()?);
                ApiRequest::new(put, path, bodies::comment(state, name, job))
            }
        };
        Ok(Some(request))
    }

    fn comments(&self, size: usize, page: usize) -> ApiResult<ApiRequest> {
        let query = format!("activity_filter=only_comments&sort=asc&per_page={size}&page={page}");
        Ok(ApiRequest::get(format!("{}?{query}", self.comments_path()?)))
    }

    async fn send(&self, kind: ReportKind, request: ApiRequest) -> ApiResult {
        self.api.call(kind, &request).await
    }

    /// The deployment that was asked for without an answer. GitLab takes no mark of ours, but a deployment that no job has
    /// is one that the API made: one of this commit that was made since this run began is ours, and one that is still open
    /// is ours or nobody's.
    async fn find(&self, limiter: &mut RateLimiter, kind: ReportKind) -> ApiResult<Vec<Value>> {
        if kind != ReportKind::Deployment {
            return Ok(Vec::new());
        }
        let GitLabTarget { environment, job, began, .. } = &self.target;
        let name = bodies::environment(environment);
        let path = format!(
            "{}?environment={}&order_by=id&sort=desc&per_page=20",
            self.deployments_path(),
            utf8_percent_encode(&name, NON_ALPHANUMERIC)
        );
        let found = limiter.ask(self.send(kind, ApiRequest::get(path))).await?;
        let is_open = |one: &Value| matches!(one["status"].as_str(), Some("created" | "running"));
        let is_new = |one: &Value| {
            let creation = time::read(&one["created_at"]);
            creation.is_some_and(|creation| creation + SKEW >= *began)
        };
        let ours = |one: &&Value| {
            let of_commit = one["sha"] == *job.head && one["ref"] == *job.reference;
            of_commit && one["deployable"].is_null() && (is_open(one) || is_new(one))
        };
        Ok(found.as_array().into_iter().flatten().filter(ours).take(1).cloned().collect())
    }

    /// A run that was killed left it so, or an answer was lost.
    fn is_written(&self, kind: ReportKind, state: &ReportState, message: &str) -> bool {
        match kind {
            ReportKind::Status => {
                let already_written = format!("from :{} ", bodies::status_state(state.stage));
                message.starts_with("Cannot transition status") && message.contains(&already_written)
            }
            // It is over already.
            ReportKind::Deployment => message.contains("transition"),
            _ => false,
        }
    }
}

impl GitLabReports {
    fn deployments_path(&self) -> String {
        format!("/projects/{}/deployments", self.target.job.project)
    }

    fn comments_path(&self) -> ApiResult<String> {
        let request = self.target.job.request.as_ref();
        let none = || WriteError::Unreachable("this job belongs to no merge request".to_owned());
        let (project, number) = request.ok_or_else(none)?;
        Ok(format!("/projects/{project}/merge_requests/{number}/notes"))
    }
}
