//! How a report is written at any code host: one that may be there already is searched for and updated, else one is created.

use serde_json::Value;

use super::rate_limiter::RateLimiter;
use super::report_state::{ReportState, WriteError, mark};
use super::worker::{Creation, ReportBackend, WriteResult};
use crate::text::{CodeHost, ReportKind};

/// How many of the comments are searched for ours.
const COMMENTS: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// How many comments with our mark are tried; more cannot be ours.
const CANDIDATES: usize = 3;

/// The requests that a code host has for reports.
pub(in crate::reporting) trait ReportRequests: ReportBackend + Sync {
    /// The ids of the reports that may be ours; none for a kind that needs no search.
    fn find(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
    ) -> impl Future<Output = Result<Vec<u64>, WriteError>> + Send;

    /// Creates a report.
    fn create(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        state: &ReportState,
    ) -> impl Future<Output = Result<WriteResult, WriteError>> + Send;

    /// Updates the report with this id.
    fn update(
        &self,
        limiter: &mut RateLimiter,
        kind: ReportKind,
        id: u64,
        state: &ReportState,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Reads a page of the comments, so many on each.
    fn comments(
        &self,
        limiter: &mut RateLimiter,
        size: usize,
        page: usize,
    ) -> impl Future<Output = Result<Value, WriteError>> + Send;
}

/// Writes one report.
pub(in crate::reporting) async fn update_or_create(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    kind: ReportKind,
    creation: Creation,
    state: &ReportState,
) -> Result<WriteResult, WriteError> {
    let is_comment = kind == ReportKind::Comment;
    if let Creation::Id(id) = creation {
        match requests.update(limiter, kind, id, state).await {
            Err(gone) if is_comment && gone.is_gone() => {} // somebody deleted it
            written => return written.map(|()| WriteResult::Done(id)),
        }
    }
    // A comment may be an earlier run's.
    if is_comment || creation == Creation::Maybe {
        for id in requests.find(limiter, kind).await? {
            match requests.update(limiter, kind, id, state).await {
                // Another user's, with a copied mark.
                Err(WriteError::Refused { status: 403 | 404, message, .. })
                    if is_comment && !message.is_empty() => {}
                written => return written.map(|()| WriteResult::Done(id)),
            }
        }
    }
    requests.create(limiter, kind, state).await
}

/// The comments with the mark of this name.
pub(in crate::reporting) async fn find_comments(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    name: &str,
) -> Result<Vec<Value>, WriteError> {
    let [size, small] = PAGES;
    match find_comments_by(requests, limiter, name, size).await {
        Err(WriteError::TooLarge) => find_comments_by(requests, limiter, name, small).await,
        found => found,
    }
}

async fn find_comments_by(
    requests: &impl ReportRequests,
    limiter: &mut RateLimiter,
    name: &str,
    size: usize,
) -> Result<Vec<Value>, WriteError> {
    let mark = mark(name);
    let ours = |comment: &&Value| {
        comment["system"] != true && comment["body"].as_str().is_some_and(|body| body.starts_with(&mark))
    };
    for page in 1..=COMMENTS / size {
        let answer = requests.comments(limiter, size, page).await?;
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
