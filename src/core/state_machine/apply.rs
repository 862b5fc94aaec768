//! What the result of each action changes.

use std::time::Duration;

use super::{State, StateMachine};
use crate::core::action::Readability;
use crate::core::follow::Transition;
use crate::core::history::History;
use crate::core::plan::Wait;
use crate::core::ports::{Log, LookupResult, Poll, SnapshotResult};
use crate::core::rate::RateHint;
use crate::core::report::{Cause, Event, TriggerState};
use crate::core::schedule::Polled;
use crate::core::state::{Outcome, Phase, Snapshot, Verdict};
use crate::core::trigger::{TriggerResult, Unclear};

impl StateMachine {
    pub(super) fn on_snapshot(&mut self, found: SnapshotResult, history: History) {
        if let SnapshotResult::Denied(denied) = found {
            self.state = State::Denied(denied);
            return;
        }
        self.can_find = found == SnapshotResult::Known;
        self.of_platform = history;
        self.learn();
        self.begin();
        self.state = State::Trigger;
    }

    pub(super) fn on_trigger(&mut self, now: Duration, answer: TriggerResult, readability: Readability) {
        self.report.triggers += 1;
        if let Some(budget) = self.schedule.budget() {
            budget.triggered();
        }
        let attempt = self.report.triggers;
        let again = answer
            .again(attempt, &self.plan.timing)
            .filter(|pause| now.saturating_add(*pause) < self.deadline());
        let (outcome, cause) = match answer {
            TriggerResult::Accepted(snapshot) => return self.on_accepted(now, snapshot, readability, false),
            TriggerResult::Unclear(unclear) => return self.on_unclear(now, unclear),
            TriggerResult::Refused(refusal) => (Outcome::Refused, Cause::Refused(refusal)),
            TriggerResult::NotSent(not_sent) => (Outcome::Unreachable, Cause::NotSent(not_sent)),
        };
        match again {
            Some(pause) => {
                self.events.push(Event::Retrying { attempt, pause, cause });
                self.wait(now, pause);
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
        self.state = State::Finding { until, accepted: unclear.is_none() };
        self.events.push(Event::Searching { unclear });
        let spacing = self.schedule.spacing(self.origin + now);
        self.wait(now, self.plan.timing.shortest_pause.max(spacing));
        self.next_at = self.next_at.min(until);
    }

    pub(super) fn on_find(&mut self, now: Duration, found: LookupResult, readability: Readability) {
        let State::Finding { until, accepted } = self.state else { return };
        let cause = match found {
            LookupResult::Ours(snapshot) => {
                self.report.cause = None;
                self.follow.mark_seen();
                return self.on_accepted(now, Some(snapshot), readability, true);
            }
            LookupResult::NotYet(hint) => {
                self.failed_finds = 0;
                if self.find_again(now, until, hint) {
                    return;
                }
                Cause::NotThere
            }
            LookupResult::Failed { message, rate_hint } => {
                self.failed_finds += 1;
                if self.find_again(now, until, rate_hint) {
                    return;
                }
                Cause::PollsFailed { message, errors: self.failed_finds }
            }
            LookupResult::Denied { status, message } => Cause::Denied { status, message, with_token: true },
            LookupResult::Several => Cause::Several,
            LookupResult::Never => Cause::NotThere,
        };
        // An accepted trigger without a deployment is lost. Whether an unclear one arrived is not known.
        let unclear = self.report.cause.take();
        if accepted {
            self.end(now, Outcome::Lost, Some(cause));
        } else {
            self.end(now, Outcome::Uncertain, unclear);
        }
    }

    /// Looks again after a pause, unless the time for that is over.
    fn find_again(&mut self, now: Duration, until: Duration, hint: RateHint) -> bool {
        let again = now < until && now.saturating_add(hint.blocked()) <= until;
        if again {
            let pause = self.pause(now, Duration::ZERO, 0, hint);
            self.wait(now, pause);
            self.next_at = self.next_at.min(until);
        }
        again
    }

    pub(super) fn on_accepted(
        &mut self,
        now: Duration,
        snapshot: Option<Snapshot>,
        readability: Readability,
        adopted: bool,
    ) {
        self.report.sent = TriggerState::Yes;
        self.accepted_at = now;
        let Some(snapshot) = snapshot else {
            return self.on_accepted_without_id(now, readability);
        };
        self.events.push(Event::Triggered { snapshot: Some(snapshot.clone()), adopted });
        let (id, phase) = (snapshot.id.clone(), snapshot.phase);
        self.record(now, snapshot);
        match (phase, self.plan.wait, readability.can_follow) {
            // A success in the answer to a trigger may mean that of the request: only a poll makes it a verdict.
            (Phase::Ended(verdict), _, _) if verdict != Verdict::Succeeded => {
                self.ended(now, id, (verdict.into(), None), RateHint::default());
            }
            (_, Wait::Never, _) => self.verify_or_end(now, Outcome::Triggered, Some(Cause::WaitNever)),
            (_, Wait::Auto, Err(why)) => {
                self.verify_or_end(now, Outcome::Triggered, Some(Cause::Unreadable(why)));
            }
            (_, Wait::Always, Err(why)) => self.end(now, Outcome::Lost, Some(Cause::Unreadable(why))),
            (_, Wait::Auto | Wait::Always, Ok(())) => {
                self.schedule.limit(readability.budget);
                self.state = State::Following(id);
                self.schedule_poll(now, RateHint::default());
            }
        }
    }

    /// The platform accepted the trigger and named no deployment: it is looked for where it can be followed.
    fn on_accepted_without_id(&mut self, now: Duration, readability: Readability) {
        let (outcome, cause) = match (self.plan.wait, readability.can_follow) {
            (Wait::Never, _) => (Outcome::Triggered, Cause::WaitNever),
            (Wait::Auto, Err(why)) => (Outcome::Triggered, Cause::Unreadable(why)),
            (Wait::Always, Err(why)) => (Outcome::Lost, Cause::Unreadable(why)),
            (_, Ok(())) => return self.search(now, None, readability.appears_within),
        };
        self.events.push(Event::Triggered { snapshot: None, adopted: false });
        if outcome == Outcome::Triggered {
            self.verify_or_end(now, outcome, Some(cause));
        } else {
            self.end(now, outcome, Some(cause));
        }
    }

    pub(super) fn on_poll(&mut self, now: Duration, poll: Poll) {
        let State::Following(id) = &self.state else { return };
        let (id, rate_hint) = (id.clone(), poll.rate_hint);
        match self.follow.apply(poll, now.saturating_sub(self.accepted_at), now >= self.deadline()) {
            Transition::News(snapshot) => self.record(now, snapshot),
            Transition::Confirm(snapshot) => {
                self.record(now, snapshot);
                let again = now.saturating_add(self.plan.timing.confirm_pause.max(rate_hint.blocked()));
                if again > self.deadline() {
                    return self.verify_or_end(now, Outcome::Succeeded, None);
                }
                self.next_at = again;
                return;
            }
            Transition::NotYet => {}
            Transition::PollFailed { message, errors } => {
                self.events.push(Event::PollFailed { message, errors, budget: self.plan.timing.errors });
            }
            Transition::End { outcome, cause, snapshot } => {
                if let Some(snapshot) = snapshot {
                    self.record(now, snapshot);
                }
                return self.ended(now, id, (outcome, cause), rate_hint);
            }
        }
        self.schedule_poll(now, rate_hint);
    }

    /// Sets the time of the next poll: after the pause, or on the deadline if that comes first.
    fn schedule_poll(&mut self, now: Duration, rate_hint: RateHint) {
        let (age, deadline) = (now.saturating_sub(self.accepted_at), self.deadline());
        let pause = self.pause(now, age, self.follow.errors(), rate_hint);
        self.next_at = now.saturating_add(pause).min(deadline);
        if now.saturating_add(rate_hint.blocked()) > deadline.max(now) {
            self.state = State::AskedToWait;
        }
        if self.report.polls > 0 {
            let pause = self.next_at.saturating_sub(now);
            self.events.push(Event::Polled { polls: self.report.polls, pause });
        }
    }

    /// The pause after an answer.
    fn pause(&mut self, now: Duration, age: Duration, errors: u32, hint: RateHint) -> Duration {
        let now = self.origin + now;
        if let Some(budget) = self.schedule.budget() {
            budget.learn(now, hint);
        }
        self.learn();
        let after = Polled { now, age, polls: self.report.polls, errors, hint };
        self.schedule.pause(&after, self.rng.f64())
    }

    pub(super) fn on_log(&mut self, now: Duration, log: Log) {
        let State::Log { tries, until, .. } = &mut self.state else {
            return;
        };
        let hint = match log {
            Log::NotYet(hint) => hint,
            Log::Lines(lines) => {
                self.report.log = lines;
                self.state = State::Ended;
                return;
            }
            Log::None => {
                self.state = State::Ended;
                return;
            }
        };
        let spacing = self.schedule.spacing(self.origin + now);
        let pause = (self.plan.timing.shortest_pause * 2).max(spacing).max(hint.blocked());
        if *tries < self.plan.timing.log_tries && now.saturating_add(pause) < *until {
            *tries += 1;
            self.wait(now, pause);
        } else {
            self.state = State::Ended;
        }
    }

    pub(super) fn on_waited(&mut self, now: Duration) {
        if now >= self.heartbeat_at && matches!(self.state, State::Verifying { .. }) {
            self.report_verifying(now);
        } else if now >= self.heartbeat_at {
            let since = self.report.stages.last().map(|stage| stage.at).unwrap_or_default();
            let in_state = now.saturating_sub(self.triggered_at).saturating_sub(since);
            // Less and less news that nothing has changed, yet enough for a CI that ends silent jobs.
            let heartbeat = self.plan.timing.heartbeat;
            self.heartbeat_at = now + (in_state / 5).clamp(heartbeat, heartbeat * 5);
            self.events.push(Event::Heartbeat {
                word: self.report.snapshot.as_ref().map(|snapshot| snapshot.word.clone()).unwrap_or_default(),
                in_state,
                left: self.deadline().saturating_sub(now),
                usual_duration: self.report.usual_duration,
            });
        }
    }
}
