//! How a report is written at any code host: one that may be there already is searched for and updated, else one is created.

use serde_json::Value;

use super::rate_limiter::{RateLimiter, id};
use super::report_state::{ReportState, WriteError, mark};
use super::request::ApiRequest;
use super::worker::{Creation, Due, ReportBackend, WriteResult};
use crate::text::{CodeHost, ReportKind};

/// How many of the comments are searched for ours.
const COMMENTS: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// How many comments with our mark are tried; more cannot be ours.
const CANDIDATES: usize = 3;

/// The requests that a code host has for reports.
pub(crate) trait ReportRequests: Send + Sync + 'static {
    fn code_host(&self) -> CodeHost;

    /// The name by which comments are found again.
    fn name(&self) -> &str;

    /// The request that updates the report with this id, or without one creates it; none where there is nothing to write.
    fn write(
        &self,
        kind: ReportKind,
        id: Option<u64>,
        state: &ReportState,
    ) -> Result<Option<ApiRequest>, WriteError>;

    /// The request that reads a page of the comments, so many on each.
    fn comments(&self, size: usize, page: usize) -> Result<ApiRequest, WriteError>;

    /// Sends a request about a report of this kind.
    fn send(
        &self,
        kind: ReportKind,
        request: ApiRequest,
    ) -> impl Future<Output = Result<Value, WriteError>> + Send;

    /// The reports that may be ours; none for a kind that needs no search. Comments are searched here.
    fn find(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
    ) -> impl Future<Output = Result<Vec<Value>, WriteError>> + Send;

    /// The id of a report that is final already, so that it must not be written again.
    fn closed(
        &self,
        _limiter: &mut RateLimiter,
        _report: Due<'_>,
    ) -> impl Future<Output = Result<Option<u64>, WriteError>> + Send {
        async { Ok(None) }
    }

    /// Whether a refusal with 400 and this message says that the report has its state already.
    fn is_written(&self, _kind: ReportKind, _state: &ReportState, _message: &str) -> bool {
        false
    }
}

impl<R: ReportRequests> ReportBackend for R {
    fn code_host(&self) -> CodeHost {
        ReportRequests::code_host(self)
    }

    async fn write_report(
        &self,
        limiter: &mut RateLimiter,
        report: Due<'_>,
    ) -> Result<WriteResult, WriteError> {
        if let Some(id) = self.closed(limiter, report).await? {
            return Ok(WriteResult::Done(id));
        }
        let Due { kind, creation, state } = report;
        let is_comment = kind == ReportKind::Comment;
        if let Creation::Id(id) = creation {
            match write(self, limiter, kind, Some(id), state).await {
                Err(gone) if is_comment && gone.is_gone() => {} // somebody deleted it
                written => return written.map(|_| WriteResult::Done(id)),
            }
        }
        // A comment may be an earlier run's.
        if is_comment || creation == Creation::Maybe {
            let found = find(self, limiter, kind).await?;
            for id in found.iter().filter_map(|report| report["id"].as_u64()) {
                match write(self, limiter, kind, Some(id), state).await {
                    // Another user's, with a copied mark.
                    Err(WriteError::Refused { status: 403 | 404, message, .. })
                        if is_comment && !message.is_empty() => {}
                    written => return written.map(|_| WriteResult::Done(id)),
                }
            }
        }
        let written = write(self, limiter, kind, None, state).await?;
        Ok(match kind {
            ReportKind::Status => WriteResult::Done(0),
            _ if written.is_null() => WriteResult::Done(0),
            // It has no status yet, without which GitHub shows nothing of it.
            ReportKind::Deployment if self.code_host() != CodeHost::GitLab => {
                WriteResult::Begun(id(&written)?)
            }
            _ => WriteResult::Done(id(&written)?),
        })
    }
}

/// Updates the report with this id, or without one creates it. Null where there was nothing to write.
async fn write(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    kind: ReportKind,
    id: Option<u64>,
    state: &ReportState,
) -> Result<Value, WriteError> {
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

/// The reports that may be ours.
pub(crate) async fn find(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    kind: ReportKind,
) -> Result<Vec<Value>, WriteError> {
    if kind != ReportKind::Comment {
        return requests.find(limiter, kind).await;
    }
    let [size, small] = PAGES;
    match find_comments(requests, limiter, size).await {
        Err(WriteError::TooLarge) => find_comments(requests, limiter, small).await,
        found => found,
    }
}

/// The comments with our mark.
async fn find_comments(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    size: usize,
) -> Result<Vec<Value>, WriteError> {
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
