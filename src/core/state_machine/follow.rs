//! What the result of a poll means, and when the next one is due; the log of a deployment that failed.

use std::time::Duration;

use super::{End, State, StateMachine};
use crate::core::rate::RateHint;
use crate::core::report::{Cause, Event, Task};
use crate::core::schedule::Polled;
use crate::core::state::{Outcome, Phase, Snapshot, Verdict};
use crate::core::traits::{Log, Poll, PollResult};

impl StateMachine {
    pub(super) fn on_poll(&mut self, now: Duration, poll: Poll) {
        let State::Following(id) = &self.state else { return };
        let (id, hint) = (id.clone(), poll.rate_hint);
        // No other poll follows before the deadline.
        let is_last = now >= self.deadline();
        let lost = |cause| Some((Outcome::Lost, Some(cause)));
        let end = match poll.result {
            PollResult::Ours(snapshot) => self.on_state(now, snapshot, is_last),
            PollResult::Newer(_) | PollResult::Denied(_) if self.is_unconfirmed => {
                Some(self.end_at_deadline())
            }
            // In the place of a deployment that this run did not trigger there may also be an older one.
            PollResult::Newer(newer) if self.is_seen || self.report.task == Task::Deploy => {
                Some((Outcome::Superseded, Some(Cause::Newer(newer.id))))
            }
            PollResult::NotThere if self.is_seen => {
                self.on_failed_poll("the deployment is not there any more".to_owned(), is_last)
            }
            PollResult::Newer(_) | PollResult::NotThere if self.age(now) < self.plan.timing.grace => None,
            PollResult::Newer(_) | PollResult::NotThere => lost(Cause::NotThere),
            PollResult::Denied(denied) => lost(Cause::Denied(denied)),
            PollResult::Failed { message } => self.on_failed_poll(message, is_last),
        };
        match end.or_else(|| is_last.then(|| self.end_at_deadline())) {
            Some(end) => self.ended(now, id, end, hint),
            None if self.is_unconfirmed && self.failed_polls == 0 => self.confirm(now, hint),
            None => self.schedule_poll(now, hint),
        }
    }

    fn on_state(&mut self, now: Duration, snapshot: Snapshot, is_last: bool) -> Option<End> {
        let phase = snapshot.phase;
        self.record(now, snapshot);
        (self.is_seen, self.failed_polls) = (true, 0);
        let is_first = !std::mem::take(&mut self.is_unconfirmed);
        let Phase::Ended(verdict) = phase else { return None };
        self.is_unconfirmed =
            verdict == Verdict::Succeeded && self.target.success_may_be_early && is_first && !is_last;
        (!self.is_unconfirmed).then(|| (verdict.into(), None))
    }

    fn on_failed_poll(&mut self, message: String, is_last: bool) -> Option<End> {
        let budget = self.plan.timing.errors;
        self.failed_polls += 1;
        self.poll_fault.clone_from(&message);
        if self.failed_polls >= budget {
            let stays = self.is_unconfirmed.then(|| self.end_at_deadline());
            return stays.or_else(|| Some((Outcome::Lost, self.failed_polls())));
        }
        if !is_last {
            self.events.push(Event::PollFailed { message, errors: self.failed_polls, budget });
        }
        None
    }

    /// The failed polls since the last good one, if any.
    pub(super) fn failed_polls(&self) -> Option<Cause> {
        let (message, errors) = (self.poll_fault.clone(), self.failed_polls);
        (errors > 0).then_some(Cause::PollsFailed { message, errors })
    }

    /// The end at the deadline without a reading of the present state: a success that could not be read again stays one;
    /// else timed out where it was seen under way before, else lost.
    pub(super) fn end_at_deadline(&self) -> End {
        if self.is_unconfirmed {
            return (Outcome::Succeeded, None);
        }
        let cause = self.failed_polls().or_else(|| (!self.is_seen).then_some(Cause::NotThere));
        (if self.is_seen { Outcome::TimedOut } else { Outcome::Lost }, cause)
    }

    /// The deployment has succeeded, and the platform may say so too early: it is read once more, if there is time.
    fn confirm(&mut self, now: Duration, hint: RateHint) {
        let again = now.saturating_add(self.plan.timing.confirm_pause.max(hint.blocked()));
        if again > self.deadline() {
            self.verify_or_end(now, Outcome::Succeeded, None);
        } else {
            self.next_at = again;
        }
    }

    /// Sets the time of the next poll: after the pause, or on the deadline if that comes first.
    pub(super) fn schedule_poll(&mut self, now: Duration, hint: RateHint) {
        let deadline = self.deadline();
        let pause = self.pause(now, self.age(now), self.failed_polls, hint);
        self.next_at = now.saturating_add(pause).min(deadline);
        if now.saturating_add(hint.blocked()) > deadline.max(now) {
            self.state = State::AskedToWait;
        }
        if self.report.polls > 0 {
            let pause = self.next_at.saturating_sub(now);
            self.events.push(Event::Polled { polls: self.report.polls, pause });
        }
    }

    /// The pause after an answer.
    pub(super) fn pause(&mut self, now: Duration, age: Duration, errors: u32, hint: RateHint) -> Duration {
        let now = self.origin + now;
        if let Some(budget) = &self.target.budget {
            budget.learn(now, hint);
        }
        self.learn();
        let (polls, interval, chance) = (self.report.polls, self.plan.interval, self.rng.f64());
        let (budget, history) = (self.target.budget.as_ref(), &self.history);
        Polled { now, age, polls, errors, hint, interval, budget, history, chance }.pause(&self.plan.timing)
    }

    /// The least pause that the documented limit leaves between two requests.
    pub(super) fn spacing(&self, now: Duration) -> Duration {
        let budget = self.target.budget.as_ref();
        budget.map_or(Duration::ZERO, |budget| budget.spacing(self.origin + now))
    }

    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.accepted_at)
    }

    pub(super) fn on_log(&mut self, now: Duration, log: Log) {
        let spacing = self.spacing(now);
        let State::Log { tries, until, .. } = &mut self.state else { return };
        if let Log::NotYet(hint) = log {
            let pause = (self.plan.timing.shortest_pause * 2).max(spacing).max(hint.blocked());
            if *tries < self.plan.timing.log_tries && now.saturating_add(pause) < *until {
                *tries += 1;
                self.next_at = now + pause;
                return;
            }
        } else if let Log::Lines(lines) = log {
            self.report.log = lines;
        }
        self.state = State::Ended;
    }

    pub(super) fn on_waited(&mut self, now: Duration) {
        if now < self.heartbeat_at {
            return;
        }
        if matches!(self.state, State::Verifying { .. }) {
            return self.report_verifying(now);
        }
        let since = self.report.stages.last().map(|stage| stage.at).unwrap_or_default();
        let in_state = self.since_trigger(now).saturating_sub(since);
        // Heartbeats become rarer, yet stay frequent enough for a CI that ends silent jobs.
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
