//! What the result of a poll means. No clock: the time is an argument.

use std::time::Duration;

use super::ports::{Poll, PollResult};
use super::report::Cause;
use super::schedule::Timing;
use super::state::{Outcome, Phase, Snapshot, Verdict};

/// What a poll changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// Our deployment, still under way.
    News(Snapshot),
    /// Our deployment has succeeded, and the platform may say so too early: it is read once more.
    Confirm(Snapshot),
    /// None yet.
    NotYet,
    /// A failed poll; another may follow.
    PollFailed {
        /// What was wrong.
        message: String,
        /// Failed polls in a row.
        errors: u32,
    },
    /// The end of the run.
    End {
        /// How it ended.
        outcome: Outcome,
        /// Why, where the outcome alone does not say.
        cause: Option<Cause>,
        /// The reading that ended it.
        snapshot: Option<Snapshot>,
    },
}

/// The state machine of a follow.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    /// Whether a deployment we did not trigger is followed: then another in its place may be older as well.
    foreign: bool,
    grace: Duration,
    budget: u32,
    /// Whether a success is to be read twice.
    confirm: bool,
    /// The latest reading, where it is a success that was not read again yet.
    success: Option<Snapshot>,
    /// Whether a poll has shown our deployment.
    seen: bool,
    errors: u32,
    /// What was wrong with the latest failed poll.
    message: String,
}

impl Follow {
    /// A follow before its first poll. `foreign`: the deployment was not triggered by this run. `confirm`: a success
    /// is read once more before it is the end.
    pub(super) fn new(timing: &Timing, foreign: bool, confirm: bool) -> Self {
        let (grace, budget) = (timing.grace, timing.errors);
        Self {
            foreign,
            grace,
            budget,
            confirm,
            success: None,
            seen: false,
            errors: 0,
            message: String::new(),
        }
    }

    /// Our deployment was found before the first poll.
    pub(super) fn mark_seen(&mut self) {
        self.seen = true;
    }

    /// Failed polls in a row.
    pub(super) fn errors(&self) -> u32 {
        self.errors
    }

    /// The failed polls since the last good one, if any.
    pub(super) fn error(&self) -> Option<Cause> {
        (self.errors > 0).then(|| Cause::PollsFailed { message: self.message.clone(), errors: self.errors })
    }

    /// What a poll at this `age` means. `last`: no other poll follows before the deadline.
    pub(super) fn apply(&mut self, poll: Poll, age: Duration, last: bool) -> Transition {
        let young = !self.seen && age < self.grace;
        let unread = matches!(poll.result, PollResult::Newer(_) | PollResult::Denied { .. });
        if unread && self.success.is_some() {
            return self.deadline();
        }
        let step = match poll.result {
            PollResult::Ours(snapshot) => self.ours(snapshot, last),
            PollResult::Newer(_) if self.foreign && !self.seen => Self::absent(young),
            PollResult::Newer(other) => Transition::End {
                outcome: Outcome::Superseded,
                cause: Some(Cause::Newer(other.id)),
                snapshot: None,
            },
            PollResult::NotThere if self.seen => self.failed("the deployment is not there any more"),
            PollResult::NotThere => Self::absent(young),
            PollResult::Denied { status, message, with_token } => {
                lost(Cause::Denied { status, message, with_token })
            }
            PollResult::Failed { message } => self.failed(&message),
        };
        match step {
            Transition::News(snapshot) if last => {
                Transition::End { outcome: Outcome::TimedOut, cause: None, snapshot: Some(snapshot) }
            }
            Transition::NotYet | Transition::PollFailed { .. } if last => self.deadline(),
            step => step,
        }
    }

    /// The end at the deadline without a reading of the present state: a success that could not be read again stays
    /// one; else timed out where it was seen under way before, else lost.
    pub(super) fn deadline(&self) -> Transition {
        if self.success.is_some() {
            return Transition::End {
                outcome: Outcome::Succeeded,
                cause: None,
                snapshot: self.success.clone(),
            };
        }
        let cause = self.error().or_else(|| (!self.seen).then_some(Cause::NotThere));
        let outcome = if self.seen { Outcome::TimedOut } else { Outcome::Lost };
        Transition::End { outcome, cause, snapshot: None }
    }

    fn ours(&mut self, snapshot: Snapshot, last: bool) -> Transition {
        self.seen = true;
        self.errors = 0;
        let read_before = self.success.take().is_some();
        match snapshot.phase {
            Phase::Ended(Verdict::Succeeded) if self.confirm && !read_before && !last => {
                self.success = Some(snapshot.clone());
                Transition::Confirm(snapshot)
            }
            Phase::Ended(verdict) => {
                Transition::End { outcome: verdict.into(), cause: None, snapshot: Some(snapshot) }
            }
            Phase::Waiting | Phase::Running | Phase::Unknown => Transition::News(snapshot),
        }
    }

    fn absent(young: bool) -> Transition {
        if young { Transition::NotYet } else { lost(Cause::NotThere) }
    }

    fn failed(&mut self, message: &str) -> Transition {
        self.errors += 1;
        message.clone_into(&mut self.message);
        let (message, errors) = (self.message.clone(), self.errors);
        if errors < self.budget {
            Transition::PollFailed { message, errors }
        } else if self.success.is_some() {
            self.deadline()
        } else {
            lost(Cause::PollsFailed { message, errors })
        }
    }
}

fn lost(cause: Cause) -> Transition {
    Transition::End { outcome: Outcome::Lost, cause: Some(cause), snapshot: None }
}
