//! What the core asks of the world: a platform to trigger and read, and somebody to tell.

use std::time::Duration;

use super::report::Event;
use super::schedule::{RateHint, RateLimit};
use super::state::{DeploymentId, Snapshot};
use super::trigger::TriggerResult;

/// A hosting platform, seen through one hook.
///
/// Every method is one request at most, and none of them retries or waits: when to ask again is the core's business.
/// `limit` is the time that is left for the request; a method may take less, never more. Texts that come back are
/// cleaned and hold no secret.
#[expect(async_fn_in_trait, reason = "one thread, one runtime: no caller needs `Send`")]
pub trait DeployTarget {
    /// Reads what is there before the trigger, so that an unclear answer can be settled later.
    /// Does nothing where reading is not documented.
    async fn snapshot(&mut self, limit: Duration) -> SnapshotResult;

    /// Sends the `POST` to the hook, once, on a connection of its own.
    async fn trigger(&mut self, limit: Duration) -> TriggerResult;

    /// Looks for our deployment among those that are there: after an unclear answer, where
    /// [`DeployTarget::snapshot`] said [`SnapshotResult::Known`], and after an acceptance that named none, where
    /// [`DeployTarget::can_follow`] says so.
    async fn find(&mut self, limit: Duration) -> LookupResult;

    /// Whether the deployment just accepted can be followed.
    fn can_follow(&self) -> Result<(), CannotFollow>;

    /// How long the platform may take to show a deployment after it accepted a trigger and named none.
    fn appears_within(&self) -> Duration;

    /// Reads the state of this deployment.
    async fn poll(&mut self, id: &DeploymentId, limit: Duration) -> Poll;

    /// Reads the log of an ended deployment.
    async fn log(&mut self, id: &DeploymentId, limit: Duration) -> Log;

    /// Whether the platform may report a success before its last commands ran: then it is read once more before it
    /// becomes the verdict.
    fn success_may_be_early(&self) -> bool;

    /// The platform's documented limit on the reads above, as they would be made now.
    fn rate_limit(&self) -> Option<RateLimit>;
}

/// Somebody who is told what happens, while it happens.
#[expect(async_fn_in_trait, reason = "one thread, one runtime: no caller needs `Send`")]
pub trait Reporter {
    /// Takes note of an event. A reporter's own trouble never reaches the core: the deployment happened all the same.
    async fn tell(&mut self, elapsed: Duration, event: &Event);
}

/// What the reading before the trigger found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotResult {
    /// The platform named the deployments that are there, so a new one can be told from an old one.
    Known,
    /// Nothing was read, or nothing that the platform itself said.
    Unknown,
    /// The platform refuses the token (401 or 403 in its own form).
    Denied {
        /// The HTTP status.
        status: u16,
        /// The platform's own words, cleaned.
        said: String,
    },
}

/// What looking for our deployment found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// A deployment made since we asked: ours.
    Ours(Snapshot),
    /// Nothing new, or nothing readable, yet.
    NotYet(RateHint),
    /// More than one deployment may be ours.
    Several,
    /// There is no documented way to find out.
    Never,
}

/// Why a deployment cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotFollow {
    /// The hook cannot be read, the platform's API can, and no token for it was given.
    NeedsToken,
    /// It is nobody's whose hooks are known to be readable.
    UnknownPlatform,
}

/// One look at a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What was seen.
    pub result: PollResult,
    /// How fast the platform wants us to go on.
    pub rate_hint: RateHint,
}

/// What a look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// Our deployment.
    Ours(Snapshot),
    /// A newer deployment in its place.
    Newer(Snapshot),
    /// No deployment, or one older than ours: it is not there (yet).
    NotThere,
    /// The platform does not let us read: 401, 403. Asking again would only count against us.
    Denied {
        /// The HTTP status.
        status: u16,
        /// The platform's own words, cleaned.
        said: String,
        /// Whether the request carried the API's token.
        with_token: bool,
    },
    /// Not a usable answer: no connection, 429, 5xx, a body that is not what it should be.
    Failed {
        /// What was wrong with it, cleaned.
        said: String,
    },
}

/// What asking for a log brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// Its lines, cleaned; the last ones where there were too many.
    Lines(Vec<String>),
    /// Not there yet.
    NotYet(RateHint),
    /// This platform, or this access to it, has none.
    None,
}
