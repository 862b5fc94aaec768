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
pub fn early(snapshot: Option<&Snapshot>, context: &RunContext) -> Vec<(&'static str, String)> {
    let mut outputs = known(snapshot, context);
    outputs.push(("succeeded", "false".to_owned()));
    outputs.retain(|(_, value)| !value.is_empty());
    outputs
}

/// What does not depend on how the run ends.
fn known(snapshot: Option<&Snapshot>, context: &RunContext) -> Vec<(&'static str, String)> {
    let mut outputs = vec![
        ("platform", context.platform.to_owned()),
        ("environment-url", context.environment_url.clone().unwrap_or_default()),
    ];
    if let Some(snapshot) = snapshot {
        outputs.extend([
            ("deployment-id", snapshot.id.to_string()),
            ("state", snapshot.word.clone()),
            ("created-at", snapshot.created_at.map(time).unwrap_or_default()),
            ("deployment-url", snapshot.dashboard_url.clone().unwrap_or_default()),
        ]);
    }
    outputs
}

/// The outputs of a run with bad input. The others have no value.
pub fn bad_input(problems: &[String], platform: &str) -> Vec<(&'static str, String)> {
    let words: Vec<&str> = problems.iter().flat_map(|problem| problem.split_whitespace()).collect();
    vec![
        ("message", cut(&words.join(" "), MAX_MESSAGE)),
        ("platform", platform.to_owned()),
        ("succeeded", "false".to_owned()),
    ]
}

/// All outputs at the end; outputs without a value are empty.
pub fn all(report: &Report, context: &RunContext) -> Vec<(&'static str, String)> {
    let mut outputs = known(report.snapshot.as_ref(), context);
    outputs.extend([
        ("outcome", report.outcome.to_string()),
        ("message", messages::verdict(report, context).happened),
        ("duration", report.duration.as_secs().to_string()),
        ("succeeded", (report.outcome == Outcome::Succeeded).to_string()),
    ]);
    if let (None, Task::Follow(id)) = (&report.snapshot, &report.task) {
        outputs.push(("deployment-id", id.to_string()));
    }
    let value = |name: &str| outputs.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
    NAMES.iter().map(|name| (*name, value(name).unwrap_or_default())).collect()
}
