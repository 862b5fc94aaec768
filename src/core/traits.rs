//! The traits that the core calls: `DeployTarget` to trigger and read, `SiteCheck` for the page, `Reporter` for events.

use std::time::Duration;

use super::history::History;
use super::rate::{Budget, RateHint};
use super::report::Event;
use super::site::SiteAnswer;
use super::state::{CannotFollow, DeploymentId, ReadDenied, Snapshot};
use super::trigger::TriggerResult;

/// One deploy hook of a hosting platform.
///
/// Every method sends one request, and a second one where the platform needs it to explain the first. None of them
/// retries or waits: the core decides when to ask again.
/// `limit` is the time that is left for the request; a method may take less, never more. Texts that come back are
/// cleaned and hold no secret.
#[expect(async_fn_in_trait, reason = "one thread, one runtime: no caller needs `Send`")]
pub trait DeployTarget {
    /// Reads which deployments are there before the trigger, so that ours can be found after an unclear answer.
    /// Does nothing where reading is not documented.
    async fn snapshot(&mut self, limit: Duration) -> SnapshotResult;

    /// Sends the `POST` to the hook, once, on a connection of its own.
    async fn trigger(&mut self, limit: Duration) -> TriggerResult;

    /// Looks for our deployment among those that are there: after an unclear answer, where
    /// [`DeployTarget::snapshot`] returned [`SnapshotResult::Known`], and after an acceptance that named none, where
    /// [`TargetInfo::can_follow`] says so.
    async fn find(&mut self, limit: Duration) -> LookupResult;

    /// Reads the state of this deployment.
    async fn poll(&mut self, id: &DeploymentId, limit: Duration) -> Poll;

    /// Reads the log of an ended deployment.
    async fn log(&mut self, id: &DeploymentId, limit: Duration) -> Log;

    /// What is known of the platform and of our deployment now.
    fn info(&self) -> TargetInfo;
}

/// What is known of a platform and of our deployment there, apart from the deployment's own state.
#[derive(Clone, Debug)]
pub struct TargetInfo {
    /// Whether the deployment just accepted can be followed.
    pub can_follow: Result<(), CannotFollow>,
    /// How long the platform may take to show a deployment after it accepted a trigger and named none.
    pub appears_within: Duration,
    /// Whether the platform may report a success before its last commands ran: then it is read once more before it
    /// becomes the verdict.
    pub success_may_be_early: bool,
    /// How long earlier deployments took, as far as [`DeployTarget::snapshot`] has shown it.
    pub history: History,
    /// What is left of the platform's documented limit on reads, as they would be made now.
    pub budget: Option<Budget>,
}

/// The page of the deployed site that must answer before a success counts.
#[expect(async_fn_in_trait, reason = "one thread, one runtime: no caller needs `Send`")]
pub trait SiteCheck {
    /// Requests the page once, redirects included, within `limit`. `site` is the address of the deployed site, where the
    /// platform named one.
    async fn check(&mut self, site: Option<&str>, limit: Duration) -> SiteAnswer;
}

/// Reports what happens, while it happens.
#[expect(async_fn_in_trait, reason = "one thread, one runtime: no caller needs `Send`")]
pub trait Reporter {
    /// Reports an event. A reporter's own errors never reach the core: they do not change what happened to the deployment.
    async fn report(&mut self, elapsed: Duration, event: &Event);
}

/// What the reading before the trigger found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotResult {
    /// The platform named the deployments that are there, so that a new one can be recognized.
    Known,
    /// Nothing was read, or nothing in the platform's own format.
    Unknown,
    /// The platform refuses the token (401 or 403), or does not know the account or the project that the user gave (404),
    /// in its own error format.
    Denied(ReadDenied),
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
    /// No usable answer: another may follow.
    Failed {
        /// What was wrong with it, cleaned.
        message: String,
        /// The pause that the platform asks for.
        rate_hint: RateHint,
    },
    /// The platform does not let us read.
    Denied(ReadDenied),
    /// There is no documented way to find out.
    Never,
}

/// One poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What it found.
    pub result: PollResult,
    /// The pause that the platform asks for.
    pub rate_hint: RateHint,
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// Our deployment.
    Ours(Snapshot),
    /// A newer deployment in its place.
    Newer(Snapshot),
    /// No deployment, or one older than ours: it is not there (yet).
    NotThere,
    /// The platform does not let us read: 401, 403. Failed attempts may be counted, so it is not asked again.
    Denied(ReadDenied),
    /// Not a usable answer: no connection, 429, 5xx, a body that is not what it should be.
    Failed {
        /// What was wrong with it, cleaned.
        message: String,
    },
}

/// The answer to a request for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// Its lines, cleaned; the last ones where there were too many.
    Lines(Vec<String>),
    /// None yet.
    NotYet(RateHint),
    /// There is none, or it cannot be read with what was given.
    None,
}
