//! The run's reports at GitHub, and at code hosts with the same API: which request creates or changes each.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::GitHubApi;
use super::bodies;
use super::target::GitHubTarget;
use crate::http::Method;
use crate::reporting::updater::rate_limiter::RateLimiter;
use crate::reporting::updater::report_state::{ReportState, WriteError};
use crate::reporting::updater::request::ApiRequest;
use crate::reporting::updater::search::{self, ReportRequests};
use crate::reporting::updater::worker::{Creation, Due};
use crate::text::{CodeHost, ReportKind};

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
    WithoutOutcome,
}

impl ReportRequests for GitHubReports {
    fn code_host(&self) -> CodeHost {
        self.api.code_host()
    }

    fn name(&self) -> &str {
        &self.target.name
    }

    fn write(
        &self,
        kind: ReportKind,
        id: Option<u64>,
        state: &ReportState,
    ) -> Result<Option<ApiRequest>, WriteError> {
        let GitHubTarget { name, sha, run_url, site, .. } = &self.target;
        let (method, path, body) = match (kind, id) {
            (ReportKind::Summary, _) => return Ok(None), // a file, not a report at a code host
            // A repeated status is one more line of the same: the last one counts.
            (ReportKind::Status, _) => {
                (Method::POST, format!("/statuses/{sha}"), bodies::status(state, name, run_url))
            }
            (ReportKind::Check, None) => {
                (Method::POST, "/check-runs".to_owned(), bodies::check(state, &self.target))
            }
            (ReportKind::Check, Some(id)) => {
                (Method::PATCH, format!("/check-runs/{id}"), bodies::check_update(state, run_url))
            }
            (ReportKind::Deployment, None) => {
                (Method::POST, "/deployments".to_owned(), bodies::deployment(&self.target))
            }
            (ReportKind::Deployment, Some(id)) => {
                let site = site.as_deref().or(state.site.as_deref());
                let body = bodies::deployment_status(state, run_url, site);
                (Method::POST, format!("/deployments/{id}/statuses"), body)
            }
            (ReportKind::Comment, None) => {
                (Method::POST, self.comments_path()?, bodies::comment(state, name, run_url))
            }
            (ReportKind::Comment, Some(id)) => {
                (Method::PATCH, format!("/issues/comments/{id}"), bodies::comment(state, name, run_url))
            }
        };
        Ok(Some(ApiRequest { method, path, body: Some(body) }))
    }

    fn comments(&self, size: usize, page: usize) -> Result<ApiRequest, WriteError> {
        Ok(ApiRequest::get(format!("{}?per_page={size}&page={page}", self.comments_path()?)))
    }

    async fn send(&self, _: ReportKind, request: ApiRequest) -> Result<Value, WriteError> {
        self.api.call(&request).await
    }

    /// The reports of this very run.
    async fn find(&self, limiter: &mut RateLimiter, kind: ReportKind) -> Result<Vec<Value>, WriteError> {
        let GitHubTarget { name, sha, mark, .. } = &self.target;
        let mut found = match kind {
            ReportKind::Check => {
                let name = utf8_percent_encode(&bodies::name(name), NON_ALPHANUMERIC).to_string();
                let path = format!("/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100");
                self.read(limiter, path).await?["check_runs"].take()
            }
            ReportKind::Deployment => {
                self.read(limiter, format!("/deployments?sha={sha}&task=deploy&per_page=100")).await?
            }
            ReportKind::Summary | ReportKind::Status | ReportKind::Comment => Value::Null,
        };
        let ours = |report: &Value| {
            report["external_id"] == **mark || report["payload"].to_string().contains(mark.as_str())
        };
        let found = found.as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(found.into_iter().filter(ours).collect())
    }

    async fn closed(&self, limiter: &mut RateLimiter, report: Due<'_>) -> Result<Option<u64>, WriteError> {
        match self.read_first {
            ReadFirst::No => Ok(None),
            ReadFirst::Yes => Ok(self.find_closed(limiter, report).await.unwrap_or_default()),
            ReadFirst::WithoutOutcome => self.find_closed(limiter, report).await,
        }
    }
}

impl GitHubReports {
    /// The id of a report that is final already, so that it must not be written again.
    ///
    /// A check run and a deployment belong to one run. A status and a comment may be an earlier run's, so where this run
    /// has not written them they count only if they say what it would say.
    async fn find_closed(
        &self,
        limiter: &mut RateLimiter,
        Due { kind, creation, state }: Due<'_>,
    ) -> Result<Option<u64>, WriteError> {
        let is_ours = matches!(creation, Creation::Id(_)) || self.read_first == ReadFirst::WithoutOutcome;
        let GitHubTarget { name, run_url, .. } = &self.target;
        match kind {
            ReportKind::Summary => Ok(None),
            ReportKind::Status => {
                let path = format!("/commits/{}/status?per_page=100", self.target.sha);
                let found = self.read(limiter, path).await?;
                let body = bodies::status(state, name, run_url);
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
                let found = self.find(limiter, kind).await?;
                let check = found.first().filter(|check| check["status"] == "completed");
                Ok(check.and_then(|check| check["id"].as_u64()))
            }
            ReportKind::Deployment => {
                let id = match creation {
                    Creation::Id(id) => Some(id),
                    _ => self.find(limiter, kind).await?.iter().find_map(|found| found["id"].as_u64()),
                };
                let Some(id) = id else { return Ok(None) };
                let found = self.read(limiter, format!("/deployments/{id}/statuses?per_page=100")).await?;
                let last = found.as_array().into_iter().flatten().max_by_key(|status| status["id"].as_u64());
                let is_final = |last: &Value| {
                    last["state"]
                        .as_str()
                        .is_some_and(|word| !matches!(word, "queued" | "pending" | "in_progress"))
                };
                Ok(last.filter(|last| is_final(last)).map(|_| id))
            }
            ReportKind::Comment => {
                if self.target.pull.is_none() {
                    return Ok(None);
                }
                let body = bodies::comment(state, name, run_url);
                let is_final = |text: &str| text.lines().nth(1).is_some_and(|line| line.starts_with("### "));
                let closed = |comment: &&Value| {
                    let text = comment["body"].as_str().unwrap_or_default();
                    is_final(text) && (is_ours || body["body"] == text)
                };
                let found = search::find(self, limiter, kind).await?;
                Ok(found.first().filter(closed).and_then(|comment| comment["id"].as_u64()))
            }
        }
    }

    fn comments_path(&self) -> Result<String, WriteError> {
        let none = || WriteError::Unreachable("this run belongs to no pull request".to_owned());
        self.target.pull.map(|pull| format!("/issues/{pull}/comments")).ok_or_else(none)
    }

    /// Reads what may not be there; null where it is not.
    async fn read(&self, limiter: &mut RateLimiter, path: String) -> Result<Value, WriteError> {
        match limiter.ask(self.api.call(&ApiRequest::get(path))).await {
            Err(gone) if gone.is_gone() => Ok(Value::Null),
            read => read,
        }
    }
}
