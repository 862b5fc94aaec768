//! What a run does next, and what comes of it.

use std::time::Duration;

use super::ports::{Before, Log, Look, Settled, Unreadable};
use super::schedule::RateLimit;
use super::state::DeploymentId;
use super::trigger::Answer;

/// What to do next; a request with the time that is left for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Before(Duration),
    Trigger(Duration),
    Settle(Duration),
    Look(DeploymentId, Duration),
    Log(DeploymentId, Duration),
    /// Wait until this long after the beginning.
    Rest(Duration),
    End,
}

/// The platform refused the token before anything was triggered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDenied {
    /// The HTTP status: 401 or 403.
    pub status: u16,
    /// The platform's own words, cleaned.
    pub said: String,
}

/// What an action brought.
pub(super) enum Fact {
    Prepared(Before),
    Answered(Answer, Reading),
    Settled(Settled, Reading),
    Looked(Look),
    Log(Log),
    Rested,
}

/// How our deployment can be read, as known after a trigger.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) possible: Result<(), Unreadable>,
    pub(super) limit: Option<RateLimit>,
}
