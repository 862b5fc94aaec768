//! How a report is written at any code host: one that may be there already is searched for and updated, else one is created.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api_text::mark;
use super::rate_limiter::RateLimiter;
use super::report_state::{ApiResult, ReportState, WriteError};
use crate::http::Method;
use crate::text::{CodeHost, ReportKind};

/// How many of the comments are searched for ours.
const COMMENTS: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// How many comments with our mark are tried; more cannot be ours.
const CANDIDATES: usize = 3;

/// One request below the API's base.
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The path, with its query.
    pub(crate) path: String,
    /// What is sent as JSON.
    pub(crate) body: Option<Value>,
}

impl ApiRequest {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    pub(crate) fn new(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body) }
    }
}

/// Whether a report is there.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Creation {
    /// It is not there.
    No,
    /// It was asked for and no answer came: it has to be looked for before it is made again.
    Maybe,
    /// It is there; the code host's id of it, 0 for one that has none.
    Id(u64),
}

/// The open reports: the kind of each, and whether it is there.
pub(crate) type OpenReports = Vec<(ReportKind, Creation)>;

/// A report that is to be written: its kind, whether it is there, and the state that it is to have.
#[derive(Clone, Copy)]
pub(crate) struct Due<'a> {
    pub(crate) kind: ReportKind,
    pub(crate) creation: Creation,
    pub(crate) state: &'a ReportState,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteResult {
    /// It is written; the code host's id of it, 0 for one that has none.
    Done(u64),
    /// It is created and does not have the state yet: it must be written once more, and closed whatever happens.
    Begun(u64),
}

/// The requests that a code host has for reports.
pub(crate) trait ReportRequests: Send + Sync + 'static {
    fn code_host(&self) -> CodeHost;

    /// The name by which comments are found again.
    fn name(&self) -> &str;

    /// The request that updates the report with this id, or without one creates it; none where there is nothing to write.
    fn write(&self, kind: ReportKind, id: Option<u64>, state: &ReportState) -> ApiResult<Option<ApiRequest>>;

    /// The request that reads a page of the comments, so many on each.
    fn comments(&self, size: usize, page: usize) -> ApiResult<ApiRequest>;

    /// Sends a request about a report of this kind.
    fn send(&self, kind: ReportKind, request: ApiRequest) -> impl Future<Output = ApiResult> + Send;

    /// The reports that may be ours; none for a kind that needs no search. Comments are searched by [`find_comments`].
    fn find(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
    ) -> impl Future<Output = ApiResult<Vec<Value>>> + Send;

    /// The id of a report that is final already, so that it must not be written again.
    fn closed(
        &self,
        _limiter: &mut RateLimiter,
        _report: Due<'_>,
    ) -> impl Future<Output = ApiResult<Option<u64>>> + Send {
        async { Ok(None) }
    }

    /// Whether a refusal with 400 and this message says that the report has its state already.
    fn is_written(&self, _kind: ReportKind, _state: &ReportState, _message: &str) -> bool {
        false
    }

    /// Saves what is open, whenever that changes, where another process may have to close it.
    fn save_open(&self, _reports: OpenReports) {}
}

/// Writes one report: creates it where it is not there yet.
pub(super) async fn write_report(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    report: Due<'_>,
) -> ApiResult<WriteResult> {
    if let Some(id) = requests.closed(limiter, report).await? {
        return Ok(WriteResult::Done(id));
    }
    let Due { kind, creation, state } = report;
    let is_comment = kind == ReportKind::Comment;
    if let Creation::Id(id) = creation {
        match write(requests, limiter, kind, Some(id), state).await {
            Err(gone) if is_comment && gone.is_gone() => {} // somebody deleted it
            written => return written.map(|_| WriteResult::Done(id)),
        }
    }
    // A comment may be an earlier run's.
    if is_comment || creation == Creation::Maybe {
        let found = if is_comment {
            find_comments(requests, limiter).await?
        } else {
            requests.find(limiter, kind).await?
        };
        for id in found.iter().filter_map(|report| report["id"].as_u64()) {
            match write(requests, limiter, kind, Some(id), state).await {
                // Another user's, with a copied mark.
                Err(WriteError::Refused { status: 403 | 404, message, .. })
                    if is_comment && !message.is_empty() => {}
                written => return written.map(|_| WriteResult::Done(id)),
            }
        }
    }
    let written = write(requests, limiter, kind, None, state).await?;
    if kind == ReportKind::Status || written.is_null() {
        return Ok(WriteResult::Done(0));
    }
    let none = || WriteError::Unreachable("its answer has no id".to_owned());
    let id = written["id"].as_u64().ok_or_else(none)?;
    // A new GitHub Deployment has no status yet, without which GitHub shows nothing of it.
    let is_begun = kind == ReportKind::Deployment && requests.code_host() != CodeHost::GitLab;
    Ok(if is_begun { WriteResult::Begun(id) } else { WriteResult::Done(id) })
}

/// Updates the report with this id, or without one creates it. Null where there was nothing to write.
async fn write(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    kind: ReportKind,
    id: Option<u64>,
    state: &ReportState,
) -> ApiResult {
    let Some(request) = requests.write(kind, id, state)? else { return Ok(Value::Null) };
    match limiter.write(requests.send(kind, request)).await {
        Err(WriteError::Refused { status: 400, message, .. })
            if requests.is_written(kind, state, &message) =>
        {
            Ok(Value::Null)
        }
        written => written,
    }
}

/// The comments with our mark.
pub(crate) async fn find_comments(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
) -> ApiResult<Vec<Value>> {
    let [size, small] = PAGES;
    match find_comments_by(requests, limiter, size).await {
        Err(WriteError::TooLarge) => find_comments_by(requests, limiter, small).await,
        found => found,
    }
}

async fn find_comments_by(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    size: usize,
) -> ApiResult<Vec<Value>> {
    let mark = mark(requests.name());
    let ours = |comment: &&Value| {
        comment["system"] != true && comment["body"].as_str().is_some_and(|body| body.starts_with(&mark))
    };
    for page in 1..=COMMENTS / size {
        let request = requests.comments(size, page)?;
        let answer = limiter.ask(requests.send(ReportKind::Comment, request)).await?;
        let comments = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let found: Vec<Value> = comments.iter().filter(ours).take(CANDIDATES).cloned().collect();
        let is_last = match requests.code_host() {
            CodeHost::GitHub => comments.len() < size,
            // Comments that the token may not read are missing from their page, so a short one need not be the last.
            CodeHost::GitLab => comments.is_empty(),
            // They have no pages here, and would answer with the same one for ever.
            CodeHost::Forgejo | CodeHost::Gitea => true,
        };
        if is_last || !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
