//! What the user chose for a run.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use super::history::History;
use super::schedule::Timing;

/// Whether the deployment is followed after the trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Where it can be read.
    Auto,
    /// In any case: not being able to is a failure.
    Always,
    /// Not at all.
    Never,
}

/// The verification of a page after the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verify {
    /// How long that may take. `None`: a time after the platform's success, and the run's whole timeout where the
    /// deployment is not followed.
    pub timeout: Option<Duration>,
}

/// What the user chose for a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether to follow.
    pub wait: Wait,
    /// Deadline of the whole, from the trigger.
    pub timeout: Duration,
    /// Deadline of the whole, from the run's beginning, where something outside sets one.
    pub limit: Option<Duration>,
    /// The page that must answer before the run ends well.
    pub verify: Option<Verify>,
    /// A fixed pause between polls; `None` is adaptive.
    pub interval: Option<Duration>,
    /// How long a deployment takes, where the user says it.
    pub expected: Option<Duration>,
    /// How long earlier deployments took, as far as it is known beforehand.
    pub history: History,
    /// The same from where it is read while the run goes on.
    pub late_history: Arc<OnceLock<History>>,
    /// Whether what the platform says of earlier deployments counts as well.
    pub learns: bool,
    /// The core's own durations.
    pub timing: Timing,
    /// When the run begins, by this machine's clock.
    pub started: SystemTime,
    /// Seed of the random numbers for the jitter.
    pub seed: u64,
}
