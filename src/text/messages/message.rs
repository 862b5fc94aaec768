//! The form of a message, and the parts that several messages share.

use crate::core::report::Report;
use crate::core::state::{MissingInput, Phase};

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
    pub(super) fn new(happened: impl Into<String>, meaning: impl Into<String>, next: &str) -> Self {
        Self { happened: happened.into(), meaning: meaning.into(), next: next.to_owned() }
    }
}

pub(super) const CHECK_HISTORY: &str =
    "Check the deployment history in the dashboard before you trigger again.";
pub(super) const NOTHING_TRIGGERED: &str = "Nothing was triggered.";

pub(super) const READ_THROUGH_API: &str = "deployments of this hook are read through the platform's API";
pub(super) const NO_DEPLOYMENT: &str = "the platform keeps no deployment of what this hook starts";

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
