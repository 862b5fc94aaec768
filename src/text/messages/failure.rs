//! What to do about a failed deployment, and what it left live.

use crate::core::report::Report;
use crate::core::state::Phase;
use crate::text::log;

/// What to do about a failure: the log says what failed, has an end to read, or is in the dashboard.
pub(super) fn to_fix(report: &Report) -> &'static str {
    let explained = report.snapshot.as_ref().is_some_and(|seen| !seen.message.is_empty());
    match log::cause(&report.log) {
        Some(_) => "Fix the error that the log shows, and deploy again.",
        None if !report.log.is_empty() => "Read the end of the log, fix the error, and deploy again.",
        None if explained => "Fix the reported error, and deploy again. The dashboard has the log.",
        None => "Read the log in the dashboard, fix the error, and deploy again.",
    }
}

/// Which code is live after a failure: the old code after a failed build, the new code
/// after a failed post-deploy command.
pub(super) fn left_live(report: &Report) -> &'static str {
    let last = report.stages.iter().rev().find(|stage| !matches!(stage.phase, Phase::Ended(_)));
    let word = last.map(|stage| stage.word.to_ascii_lowercase()).unwrap_or_default();
    if word.contains("post") {
        "The last state seen was post-deploy. If a post-deploy command failed, the new code is already live."
    } else if word.contains("build") {
        "The last state seen was the build. If the build failed, the previous code is still live."
    } else {
        "If the build failed, the previous code is still live. If a later step failed, the new code may be live already."
    }
}
