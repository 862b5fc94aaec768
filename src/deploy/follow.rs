//! Following a deployment: what each look means, without a clock.

use std::time::Duration;

use super::ports::{Look, Seen};
use super::report::Cause;
use super::schedule::Timing;
use super::state::{Outcome, Phase, Snapshot};

/// What a look led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Our deployment, still under way.
    News(Snapshot),
    /// Not there yet.
    NotYet,
    /// A look that failed, and another may follow.
    Trouble {
        /// What was wrong.
        said: String,
        /// Failed looks in a row.
        errors: u32,
    },
    /// The end of the run.
    End {
        /// How it ended.
        outcome: Outcome,
        /// Why, where there is more to say.
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
    seen: bool,
    errors: u32,
    trouble: String,
}

impl Follow {
    /// A follow that has not looked yet. `foreign`: the deployment was not triggered by this run.
    #[must_use]
    pub(super) fn new(timing: &Timing, foreign: bool) -> Self {
        let (grace, budget) = (timing.grace, timing.errors);
        Self { foreign, grace, budget, seen: false, errors: 0, trouble: String::new() }
    }

    /// Our deployment was found by reading before the first look.
    pub(super) fn found(&mut self) {
        self.seen = true;
    }

    /// Failed looks in a row.
    #[must_use]
    pub(super) fn errors(&self) -> u32 {
        self.errors
    }

    /// What a look at this `age` means. `last`: the deadline is here and no other look will follow.
    pub(super) fn learn(&mut self, look: Look, age: Duration, last: bool) -> Step {
        let young = !self.seen && age < self.grace;
        let step = match look.seen {
            Seen::Ours(snapshot) => {
                self.seen = true;
                self.errors = 0;
                match snapshot.phase {
                    Phase::Ended(verdict) => {
                        Step::End { outcome: verdict.into(), cause: None, snapshot: Some(snapshot) }
                    }
                    Phase::Waiting | Phase::Running | Phase::Unknown => Step::News(snapshot),
                }
            }
            Seen::Newer(_) if self.foreign && !self.seen => Self::absent(young),
            Seen::Newer(other) => Step::End {
                outcome: Outcome::Superseded,
                cause: Some(Cause::Newer(other.id)),
                snapshot: None,
            },
            Seen::NotThere if self.seen => self.trouble("the deployment is not there any more"),
            Seen::NotThere => Self::absent(young),
            Seen::Denied { status, said } => lost(Cause::Denied { status, said }),
            Seen::Trouble { said } => self.trouble(&said),
        };
        match step {
            Step::News(snapshot) if last => {
                Step::End { outcome: Outcome::TimedOut, cause: None, snapshot: Some(snapshot) }
            }
            Step::NotYet | Step::Trouble { .. } if last => self.deadline(),
            step => step,
        }
    }

    /// The end at the deadline without a reading of the present state: timed out where it was seen under way
    /// before, else lost.
    #[must_use]
    pub(super) fn deadline(&self) -> Step {
        let said = self.trouble.clone();
        let cause = match self.errors {
            0 if self.seen => None,
            0 => Some(Cause::NotThere),
            errors => Some(Cause::Trouble { said, errors }),
        };
        let outcome = if self.seen { Outcome::TimedOut } else { Outcome::Lost };
        Step::End { outcome, cause, snapshot: None }
    }

    fn absent(young: bool) -> Step {
        if young { Step::NotYet } else { lost(Cause::NotThere) }
    }

    fn trouble(&mut self, said: &str) -> Step {
        self.errors += 1;
        said.clone_into(&mut self.trouble);
        let (said, errors) = (self.trouble.clone(), self.errors);
        if errors < self.budget {
            Step::Trouble { said, errors }
        } else {
            lost(Cause::Trouble { said, errors })
        }
    }
}

fn lost(cause: Cause) -> Step {
    Step::End { outcome: Outcome::Lost, cause: Some(cause), snapshot: None }
}
