//! From the reading before the trigger to the deployment that it made: what each answer changes.

use std::time::Duration;

use super::{State, StateMachine};
use crate::core::plan::Wait;
use crate::core::rate::RateHint;
use crate::core::report::{Cause, Event, TriggerState};
use crate::core::state::{Outcome, Phase, Snapshot, Verdict};
use crate::core::traits::{LookupResult, SnapshotResult};
use crate::core::trigger::{TriggerResult, Unclear};

impl StateMachine {
    pub(super) fn on_snapshot(&mut self, found: SnapshotResult) {
        if let SnapshotResult::Denied(denied) = found {
            self.state = State::Denied(denied);
            return;
        }
        self.can_find = found == SnapshotResult::Known;
        self.learn();
        self.begin();
        self.state = State::Trigger;
    }

    pub(super) fn on_trigger(&mut self, now: Duration, answer: TriggerResult) {
        self.report.triggers += 1;
        let attempt = self.report.triggers;
        let again = answer
            .again(attempt, &self.plan.timing)
            .filter(|pause| now.saturating_add(*pause) < self.deadline());
        let (outcome, cause) = match answer {
            TriggerResult::Accepted(Some(snapshot)) => return self.on_accepted(now, snapshot, false),
            TriggerResult::Accepted(None) => return self.on_accepted_without_id(now),
            TriggerResult::Unclear(unclear) => return self.on_unclear(now, unclear),
            TriggerResult::Refused(refusal) => (Outcome::Refused, Cause::Refused(refusal)),
            TriggerResult::NotSent(not_sent) => (Outcome::Unreachable, Cause::NotSent(not_sent)),
        };
        match again {
            Some(pause) => {
                self.events.push(Event::Retrying { attempt, pause, cause });
                self.next_at = now + pause;
            }
            None => self.end(now, outcome, Some(cause)),
        }
    }

    fn on_unclear(&mut self, now: Duration, unclear: Unclear) {
        self.report.sent = TriggerState::Maybe;
        if !self.can_find {
            return self.end(now, Outcome::Uncertain, Some(Cause::Unclear(unclear)));
        }
        self.report.cause = Some(Cause::Unclear(unclear.clone()));
        self.search(now, Some(unclear), self.plan.timing.search_time);
    }

    /// Looks for our deployment, for `time` at most.
    fn search(&mut self, now: Duration, unclear: Option<Unclear>, time: Duration) {
        let until = (now + time).min(self.deadline()).max(now);
        self.state = State::Finding { until };
        self.events.push(Event::Searching { unclear });
        self.next_at = (now + self.plan.timing.shortest_pause.max(self.spacing(now))).min(until);
    }

    pub(super) fn on_find(&mut self, now: Duration, found: LookupResult) {
        let State::Finding { until } = self.state else { return };
        let (cause, hint) = match found {
            LookupResult::Ours(snapshot) => {
                self.report.cause = None;
                self.is_seen = true;
                return self.on_accepted(now, snapshot, true);
            }
            LookupResult::NotYet(hint) => {
                self.failed_finds = 0;
                (Cause::NotThere, Some(hint))
            }
            LookupResult::Failed { message, rate_hint } => {
                self.failed_finds += 1;
                (Cause::PollsFailed { message, errors: self.failed_finds }, Some(rate_hint))
            }
            LookupResult::Denied(denied) => (Cause::Denied(denied), None),
            LookupResult::Several => (Cause::Several, None),
            LookupResult::Never => (Cause::NotThere, None),
        };
        let again = hint.filter(|hint| now < until && now.saturating_add(hint.blocked()) <= until);
        if let Some(hint) = again {
            self.next_at = (now + self.pause(now, Duration::ZERO, 0, hint)).min(until);
            return;
        }
        // An accepted trigger without a deployment is lost. Whether an unclear one arrived is not known.
        match self.report.cause.take() {
            None => self.end(now, Outcome::Lost, Some(cause)),
            unclear => self.end(now, Outcome::Uncertain, unclear),
        }
    }

    /// The platform accepted the trigger, and this is our deployment. `adopted`: it was found among those that are there.
    fn on_accepted(&mut self, now: Duration, snapshot: Snapshot, adopted: bool) {
        self.report.sent = TriggerState::Yes;
        self.accepted_at = now;
        self.events.push(Event::Triggered { snapshot: Some(snapshot.clone()), adopted });
        let (id, phase) = (snapshot.id.clone(), snapshot.phase);
        self.record(now, snapshot);
        match (phase, self.not_followed()) {
            // A success in the answer to a trigger may mean that of the request: only a poll makes it a verdict.
            (Phase::Ended(verdict), _) if verdict != Verdict::Succeeded => {
                self.ended(now, id, (verdict.into(), None), RateHint::default());
            }
            (_, Some((outcome, cause))) => self.verify_or_end(now, outcome, Some(cause)),
            (_, None) => {
                self.state = State::Following(id);
                self.schedule_poll(now, RateHint::default());
            }
        }
    }

    /// The platform accepted the trigger and named no deployment: it is looked for where it can be followed.
    fn on_accepted_without_id(&mut self, now: Duration) {
        self.report.sent = TriggerState::Yes;
        self.accepted_at = now;
        let Some((outcome, cause)) = self.not_followed() else {
            return self.search(now, None, self.target.appears_within);
        };
        self.events.push(Event::Triggered { snapshot: None, adopted: false });
        self.verify_or_end(now, outcome, Some(cause));
    }

    /// How a run ends whose accepted deployment is not followed, by choice or because it cannot be.
    fn not_followed(&self) -> Option<(Outcome, Cause)> {
        match (self.plan.wait, self.target.can_follow.clone()) {
            (Wait::Never, _) => Some((Outcome::Triggered, Cause::WaitNever)),
            (Wait::Auto, Err(why)) => Some((Outcome::Triggered, Cause::Unreadable(why))),
            (Wait::Always, Err(why)) => Some((Outcome::Lost, Cause::Unreadable(why))),
            (Wait::Auto | Wait::Always, Ok(())) => None,
        }
    }
}
