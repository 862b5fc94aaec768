//! What a run does next, and the result of it.

use std::time::Duration;

use super::site::SiteAnswer;
use super::state::DeploymentId;
use super::traits::{Log, LookupResult, Poll, SnapshotResult};
use super::trigger::TriggerResult;

/// What to do next. A request carries the time that is left for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Read what is there before the trigger.
    Snapshot(Duration),
    /// Send the trigger.
    Trigger(Duration),
    /// Look for our deployment, which no answer named.
    Find(Duration),
    /// Read the state of our deployment.
    Poll(DeploymentId, Duration),
    /// Request the page that is verified; the platform named this address of the site.
    Verify(Option<String>, Duration),
    /// Read the log of our deployment.
    Log(DeploymentId, Duration),
    /// Wait until this long after the start of the run.
    Wait(Duration),
    /// Nothing is left to do.
    End,
}

/// The result of an action.
pub(super) enum ActionResult {
    Snapshot(SnapshotResult),
    Trigger(TriggerResult),
    Find(LookupResult),
    Poll(Poll),
    Site(SiteAnswer),
    Log(Log),
    Waited,
}
