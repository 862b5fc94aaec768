//! The form of a message, and the parts of several messages.

use crate::core::report::{Report, StateSpan};
use crate::core::state::{MissingInput, Phase};
use crate::text::{RunContext, log};

/// The message for an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What happened, in one line.
    pub happened: String,
    /// What that means for the deployment.
    pub meaning: String,
    /// What to do next; may be empty.
    pub next: String,
}

impl Message {
    pub(super) fn new(
        happened: impl Into<String>,
        meaning: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { happened: happened.into(), meaning: meaning.into(), next: next.into() }
    }
}

pub(super) const CHECK_HISTORY: &str =
    "Check the deployment history in the dashboard before you trigger again.";
pub(super) const NOTHING_TRIGGERED: &str = "Nothing was triggered.";

pub(super) const READ_THROUGH_API: &str = "deployments of this hook are read through the platform's API";
pub(super) const NO_DEPLOYMENT: &str = "the platform records no deployment for this hook";

/// Inputs by their names and the variables that customarily hold them: `api-token (RENDER_API_KEY) and account`.
pub(super) fn inputs(missing: &[MissingInput]) -> String {
    let name = |missing: &MissingInput| match missing.variable {
        "" => missing.input.to_owned(),
        variable => format!("{} ({variable})", missing.input),
    };
    missing.iter().map(name).collect::<Vec<_>>().join(" and ")
}

/// That these inputs are not set.
pub(super) fn not_set(missing: &[MissingInput]) -> String {
    format!("{} {} not set", inputs(missing), if missing.len() > 1 { "are" } else { "is" })
}

/// The last state, the one before the end, and the platform's message about it.
pub(super) fn state_suffix(report: &Report) -> String {
    let message = report.snapshot.as_ref().map(|seen| quoted(&seen.message)).unwrap_or_default();
    state(report) + &message
}

fn state(report: &Report) -> String {
    match (report.snapshot.as_ref().filter(|seen| !seen.word.is_empty()), before_end(report)) {
        (Some(seen), Some(stage)) if !stage.word.is_empty() && stage.word != seen.word => {
            format!(" (state {}, last seen {})", seen.word, stage.word)
        }
        (Some(seen), _) => format!(" (state {})", seen.word),
        _ => String::new(),
    }
}

/// Whether the last state before the end is one of these.
pub(super) fn was_last_in(report: &Report, states: &str) -> bool {
    let word = before_end(report).map(|stage| stage.word.to_ascii_lowercase().replace(['-', ' '], "_"));
    word.is_some_and(|word| states.split_whitespace().any(|state| state == word))
}

/// The last state seen before the end.
fn before_end(report: &Report) -> Option<&StateSpan> {
    report.stages.iter().rev().find(|stage| !matches!(stage.phase, Phase::Ended(_)))
}

pub(super) fn quoted(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {}", message.trim_end_matches('.')) }
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

/// Which code is live after a failure: the old code after a failed build, the new code
/// after a failed post-deploy command.
pub(super) fn left_live(report: &Report, context: &RunContext) -> &'static str {
    if was_last_in(report, context.post_deploy) {
        "The last state seen was post-deploy. If a post-deploy command failed, the new code is already live."
    } else if was_last_in(report, context.building) {
        "The last state seen was the build. If the build failed, the previous code is still live."
    } else {
        "If the build failed, the previous code is still live. If a later step failed, the new code may be live already."
    }
}
