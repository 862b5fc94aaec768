//! The form of a message, and the parts that several messages share.

use crate::core::report::Report;
use crate::core::state::Phase;

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

pub(super) const CHECK_HISTORY: &str =
    "Check the deployment history in the dashboard before you trigger again.";
pub(super) const NOTHING_TRIGGERED: &str = "Nothing was triggered.";

/// The last state, and the one before the end.
pub(super) fn state_suffix(report: &Report) -> String {
    let before = report.stages.iter().rev().find(|stage| !matches!(stage.phase, Phase::Ended(_)));
    match (report.snapshot.as_ref().filter(|seen| !seen.word.is_empty()), before) {
        (Some(seen), Some(stage)) if stage.word != seen.word => {
            format!(" (state {}, last seen {})", seen.word, stage.word)
        }
        (Some(seen), _) => format!(" (state {})", seen.word),
        _ => String::new(),
    }
}

pub(super) fn quoted(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {}", message.trim_end_matches('.')) }
}
