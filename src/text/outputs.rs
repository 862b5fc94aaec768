//! The outputs of a run. Their names are part of the public interface.

use super::format::{cut, time};
use super::{RunContext, messages};
use crate::core::report::{Report, Task};
use crate::core::state::{Outcome, Snapshot};

/// Names of all outputs, in the order of the table in `docs/reference.md`.
pub const NAMES: [&str; 10] = [
    "outcome",
    "message",
    "platform",
    "deployment-id",
    "state",
    "created-at",
    "duration",
    "environment-url",
    "deployment-url",
    "succeeded",
];

/// The maximum length of a message about bad input, in characters: it may have many problems.
const MAX_MESSAGE: usize = 1000;

/// The outputs that are known while a deployment is in progress.
#[must_use]
pub fn early(snapshot: Option<&Snapshot>, context: &RunContext) -> Vec<(&'static str, String)> {
    let mut outputs = vec![
        ("platform", context.platform.to_owned()),
        ("environment-url", context.environment_url.clone().unwrap_or_default()),
        ("succeeded", "false".to_owned()),
    ];
    if let Some(snapshot) = snapshot {
        outputs.extend([
            ("deployment-id", snapshot.id.to_string()),
            ("state", snapshot.word.clone()),
            ("created-at", snapshot.created_at.map(time).unwrap_or_default()),
            ("deployment-url", snapshot.page.clone().unwrap_or_default()),
        ]);
    }
    outputs.retain(|(_, value)| !value.is_empty());
    outputs
}

/// The outputs of a run with bad input. The others have no value.
#[must_use]
pub fn bad_input(problems: &[String], platform: &str) -> Vec<(&'static str, String)> {
    let words: Vec<&str> = problems.iter().flat_map(|problem| problem.split_whitespace()).collect();
    vec![
        ("message", cut(&words.join(" "), MAX_MESSAGE)),
        ("platform", platform.to_owned()),
        ("succeeded", "false".to_owned()),
    ]
}

/// All outputs at the end; outputs without a value are empty.
#[must_use]
pub fn all(report: &Report, context: &RunContext) -> Vec<(&'static str, String)> {
    let seen = report.snapshot.as_ref();
    let followed = match &report.task {
        Task::Follow(id) => Some(id.to_string()),
        Task::Deploy => None,
    };
    let value = |name: &str| match name {
        "outcome" => report.outcome.to_string(),
        "message" => messages::verdict(report, context).happened,
        "platform" => context.platform.to_owned(),
        "deployment-id" => {
            seen.map(|seen| seen.id.to_string()).or_else(|| followed.clone()).unwrap_or_default()
        }
        "state" => seen.map(|seen| seen.word.clone()).unwrap_or_default(),
        "created-at" => seen.and_then(|seen| seen.created_at).map(time).unwrap_or_default(),
        "duration" => report.duration.as_secs().to_string(),
        "environment-url" => context.environment_url.clone().unwrap_or_default(),
        "deployment-url" => seen.and_then(|seen| seen.page.clone()).unwrap_or_default(),
        "succeeded" => (report.outcome == Outcome::Succeeded).to_string(),
        _ => String::new(),
    };
    NAMES.iter().map(|name| (*name, value(name))).collect()
}
