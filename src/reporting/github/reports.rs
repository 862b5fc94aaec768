//! The run's reports at GitHub, and at code hosts with the same API: which request creates or changes each.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::GitHubApi;
use super::bodies::{self, GitHubTarget};
use super::post_state::StateFile;
use crate::http::Method;
use crate::reporting::updater::rate_limiter::RateLimiter;
use crate::reporting::updater::report_state::{ApiResult, ReportState, WriteError};
use crate::reporting::updater::requests::{
    ApiRequest, Creation, Due, OpenReports, ReportRequests, find_comments,
};
use crate::text::{CodeHost, ReportKind};

/// The requests of the reports at GitHub.
pub(super) struct GitHubReports {
    pub(super) api: GitHubApi,
    pub(super) target: GitHubTarget,
    pub(super) read_first: ReadFirst,
    pub(super) state: StateFile,
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
        self.api.code_host
    }

    fn name(&self) -> &str {
        &self.target.name
    }

    fn write(&self, kind: ReportKind, id: Option<u64>, state: &ReportState) -> ApiResult<Option<ApiRequest>> {
        let (target, sha) = (&self.target, &self.target.sha);
        let request = match (kind, id) {
            (ReportKind::Summary, _) => return Ok(None), // a file, not a report at a code host
            // A repeated status is one more line of the same: the last one counts.
            (ReportKind::Status, _) => post(format!("/statuses/{sha}"), bodies::status(state, target)),
            (ReportKind::Check, None) => post("/check-runs", bodies::check(state, target)),
            (ReportKind::Check, Some(id)) => {
                patch(format!("/check-runs/{id}"), bodies::check_update(state, target))
            }
            (ReportKind::Deployment, None) => post("/deployments", bodies::deployment(target)),
            (ReportKind::Deployment, Some(id)) => {
                post(format!("/deployments/{id}/statuses"), bodies::deployment_status(state, target))
            }
            (ReportKind::Comment, None) => post(self.comments_path()?, bodies::comment(state, target)),
            (ReportKind::Comment, Some(id)) => {
                patch(format!("/issues/comments/{id}"), bodies::comment(state, target))
            }
        };
        Ok(Some(request))
    }

    fn comments(&self, size: usize, page: usize) -> ApiResult<ApiRequest> {
        Ok(ApiRequest::get(format!("{}?per_page={size}&page={page}", self.comments_path()?)))
    }

    async fn send(&self, _: ReportKind, request: ApiRequest) -> ApiResult {
        self.api.call(&request).await
    }

    /// The reports of this very run.
    async fn find(&self, limiter: &mut RateLimiter, kind: ReportKind) -> ApiResult<Vec<Value>> {
        let GitHubTarget { name, sha, mark, .. } = &self.target;
        let found = match kind {
            ReportKind::Check => {
                let name = utf8_percent_encode(&bodies::name(name), NON_ALPHANUMERIC).to_string();
                let path = format!("/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100");
                self.read(limiter, path).await?["check_runs"].clone()
            }
            ReportKind::Deployment => {
                self.read(limiter, format!("/deployments?sha={sha}&task=deploy&per_page=100")).await?
            }
            ReportKind::Summary | ReportKind::Status | ReportKind::Comment => Value::Null,
        };
        let ours = |report: &Value| {
            report["external_id"] == **mark || report["payload"].to_string().contains(mark.as_str())
        };
        Ok(found.as_array().into_iter().flatten().filter(|report| ours(report)).cloned().collect())
    }

    async fn closed(&self, limiter: &mut RateLimiter, report: Due<'_>) -> ApiResult<Option<u64>> {
        match self.read_first {
            ReadFirst::No => Ok(None),
            ReadFirst::Yes => Ok(self.find_closed(limiter, report).await.unwrap_or_default()),
            ReadFirst::WithoutOutcome => self.find_closed(limiter, report).await,
        }
    }

    fn save_open(&self, reports: OpenReports) {
        self.state.save_open(&self.target, reports);
    }
}

/// The one of a list that was made last.
fn newest(list: &Value, of: impl Fn(&Value) -> bool) -> Option<&Value> {
    let list = list.as_array().into_iter().flatten().filter(|one| of(one));
    list.max_by_key(|one| one["id"].as_u64())
}

fn post(path: impl Into<String>, body: Value) -> ApiRequest {
    ApiRequest::new(Method::POST, path, body)
}

fn patch(path: String, body: Value) -> ApiRequest {
    ApiRequest::new(Method::PATCH, path, body)
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
    ) -> ApiResult<Option<u64>> {
        let is_ours = matches!(creation, Creation::Id(_)) || self.read_first == ReadFirst::WithoutOutcome;
        match kind {
            ReportKind::Summary => Ok(None),
            ReportKind::Status => {
                let path = format!("/commits/{}/status?per_page=100", self.target.sha);
                let found = self.read(limiter, path).await?;
                let body = bodies::status(state, &self.target);
                let Some(last) = newest(&found["statuses"], |status| status["context"] == body["context"])
                else {
                    return Ok(None);
                };
                // Forgejo and Gitea call the state `status`.
                let word = if last["state"].is_null() { &last["status"] } else { &last["state"] };
                let same = last["description"] == body["description"] && *word == body["state"];
                Ok((*word != "pending" && (is_ours || same)).then_some(0))
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
                let word = newest(&found, |_| true).and_then(|last| last["state"].as_str());
                let is_final = |word| !matches!(word, "queued" | "pending" | "in_progress");
                Ok(word.is_some_and(is_final).then_some(id))
            }
            ReportKind::Comment => {
                if self.target.pull.is_none() {
                    return Ok(None);
                }
                let body = bodies::comment(state, &self.target);
                let is_final = |text: &str| text.lines().nth(1).is_some_and(|line| line.starts_with("### "));
                let closed = |comment: &&Value| {
                    let text = comment["body"].as_str().unwrap_or_default();
                    is_final(text) && (is_ours || body["body"] == text)
                };
                let found = find_comments(self, limiter).await?;
                Ok(found.first().filter(closed).and_then(|comment| comment["id"].as_u64()))
            }
        }
    }

    fn comments_path(&self) -> ApiResult<String> {
        let none = || WriteError::Unreachable("this run belongs to no pull request".to_owned());
        self.target.pull.map(|pull| format!("/issues/{pull}/comments")).ok_or_else(none)
    }

    /// Reads what may not be there; null where it is not.
    async fn read(&self, limiter: &mut RateLimiter, path: String) -> ApiResult {
        match limiter.ask(self.api.call(&ApiRequest::get(path))).await {
            Err(gone) if gone.is_gone() => Ok(Value::Null),
            read => read,
        }
    }
}
