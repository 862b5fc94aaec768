//! What the log of a failed deployment adds to its messages.

use super::message::Message;
use super::verdict;
use crate::core::report::Report;
use crate::text::format::cut;
use crate::text::{RunContext, log};

/// The longest line of a log in an annotation, in characters. GitHub cuts an annotation at 4,096.
const MAX_QUOTED: usize = 200;

/// The text of an annotation: what happened, the lines of the log that say why, what it means and what to do.
#[must_use]
pub fn annotation(report: &Report, context: &RunContext) -> String {
    let Message { happened, meaning, next } = verdict(report, context);
    let cause = log::cause(&report.log).and_then(|lines| report.log.get(lines)).unwrap_or_default();
    let advice = [meaning, next].join(" ");
    let mut lines = vec![happened];
    lines.extend(cause.iter().map(|line| format!("│ {}", cut(line, MAX_QUOTED))));
    if cause.is_empty() {
        [lines.remove(0), advice].join(" ")
    } else {
        lines.push(advice);
        lines.join("\n")
    }
    .trim_end()
    .to_owned()
}

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
