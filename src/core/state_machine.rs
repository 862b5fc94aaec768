//! The machine of a run: which action comes next, and what each action's result changes. No clock: the time is told.

use std::time::Duration;

use super::action::{Action, ActionResult, Readability, TokenDenied};
use super::follow::{Follow, Transition};
use super::plan::{Plan, Wait};
use super::ports::{Log, LookupResult, Poll, SnapshotResult};
use super::report::{Cause, Event, Report, StateSpan, Task, TriggerState};
use super::schedule::{RateHint, RateLimit, Schedule};
use super::state::{DeploymentId, Outcome, Phase, Snapshot, Verdict};
use super::trigger::{TriggerResult, Unclear};

/// The state of a run.
enum State {
    /// To read what is there.
    Snapshot,
    /// To trigger.
    Trigger,
    /// To look for the deployment of an ambiguous trigger, until then.
    Finding { until: Duration },
    /// To poll this deployment.
    Following(DeploymentId),
    /// The platform asked for a pause beyond the deadline: the run ends there.
    AskedToWait,
    /// To read the log of this failed deployment, until then.
    Log { id: DeploymentId, tries: u32, until: Duration },
    /// The platform refused the token before the trigger.
    Denied(TokenDenied),
    /// The run is over.
    Ended,
}

/// Decides what a run does next. It has no clock: every method is given the time since the start of the run.
pub(super) struct StateMachine {
    plan: Plan,
    schedule: Schedule,
    follow: Follow,
    rng: fastrand::Rng,
    state: State,
    /// When the first trigger was sent; the duration of the run and its deadline count from here.
    triggered_at: Duration,
    /// When our deployment became known; its age counts from here.
    accepted_at: Duration,
    /// No action before this time.
    next_at: Duration,
    heartbeat_at: Duration,
    /// Whether the deployment of an ambiguous trigger can be found by reading.
    can_find: bool,
    report: Report,
    events: Vec<Event>,
}

impl StateMachine {
    /// `confirm`: whether a success is read once more before it is the verdict.
    pub(super) fn new(task: Task, plan: Plan, limit: Option<RateLimit>, confirm: bool) -> Self {
        let state = match (&task, plan.wait) {
            (Task::Follow(id), _) => State::Following(id.clone()),
            (Task::Deploy, Wait::Never) => State::Trigger,
            (Task::Deploy, Wait::Auto | Wait::Always) => State::Snapshot,
        };
        // A token that is refused by the reading before the trigger is bad input, and the run never begins.
        let started = (!matches!(state, State::Snapshot)).then(|| Event::Started { task: task.clone() });
        Self {
            events: started.into_iter().collect(),
            schedule: Schedule::new(plan.timing.clone(), plan.interval, limit),
            follow: Follow::new(&plan.timing, matches!(task, Task::Follow(_)), confirm),
            rng: fastrand::Rng::with_seed(plan.seed),
            state,
            triggered_at: Duration::ZERO,
            accepted_at: Duration::ZERO,
            next_at: Duration::ZERO,
            heartbeat_at: plan.timing.heartbeat,
            can_find: false,
            report: Report::new(task, plan.started),
            plan,
        }
    }

    /// The time since the trigger, as every event is reported with it; zero before there is one.
    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        let before = matches!(self.state, State::Snapshot | State::Trigger) && self.report.triggers == 0;
        if before { Duration::ZERO } else { now.saturating_sub(self.triggered_at) }
    }

    /// What happened since this was last asked.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What to do now.
    pub(super) fn next_action(&mut self, now: Duration) -> Action {
        match &self.state {
            State::Ended | State::Denied(_) => Action::End,
            _ if now < self.next_at => Action::Wait(self.next_at.min(self.heartbeat_at)),
            State::Snapshot => {
                Action::Snapshot(self.plan.limit.unwrap_or(Duration::MAX).min(self.plan.timeout))
            }
            State::Trigger => {
                if self.report.triggers == 0 {
                    (self.triggered_at, self.heartbeat_at) = (now, now + self.plan.timing.heartbeat);
                }
                Action::Trigger(self.left(now, self.deadline()))
            }
            State::Finding { .. } => Action::Find(self.left(now, self.deadline())),
            State::Following(id) => {
                self.report.polls += 1;
                Action::Poll(id.clone(), self.left(now, self.deadline()))
            }
            State::AskedToWait => {
                if let Transition::End { outcome, cause, .. } = self.follow.deadline() {
                    self.end(now, outcome, cause.or(Some(Cause::AskedToWait)));
                }
                Action::End
            }
            State::Log { id, until, .. } => match until.saturating_sub(now) {
                Duration::ZERO => Action::End,
                left => Action::Log(id.clone(), left),
            },
        }
    }

    /// The time that is left for a request until then.
    fn left(&self, now: Duration, until: Duration) -> Duration {
        until.saturating_sub(now).max(self.plan.timing.least)
    }

    /// Takes in what an action brought.
    pub(super) fn apply(&mut self, now: Duration, result: ActionResult) {
        match result {
            ActionResult::Snapshot(before) => self.on_snapshot(before),
            ActionResult::Trigger(answer, readability) => self.on_trigger(now, answer, readability),
            ActionResult::Find(settled, readability) => self.on_find(now, settled, readability),
            ActionResult::Poll(poll) => self.on_poll(now, poll),
            ActionResult::Log(log) => self.on_log(now, log),
            ActionResult::Waited => self.on_waited(now),
        }
    }

    /// Ends the run where it stands. `under_way`: a trigger was sent and its answer is not known.
    pub(super) fn interrupt(&mut self, now: Duration, under_way: bool) {
        if matches!(self.state, State::Ended | State::Log { .. }) {
            self.state = State::Ended; // the verdict is known; only the log is missing
            return;
        }
        if matches!(self.state, State::Snapshot) {
            self.begin();
        }
        if under_way {
            self.report.triggers += 1;
            self.report.sent = TriggerState::Maybe;
        }
        self.end(now, Outcome::Interrupted, self.follow.error());
    }

    /// The whole story, once the run is over.
    pub(super) fn into_report(self) -> Result<Report, TokenDenied> {
        match self.state {
            State::Denied(denied) => Err(denied),
            _ => Ok(self.report),
        }
    }

    fn begin(&mut self) {
        self.events.push(Event::Started { task: self.report.task.clone() });
    }

    fn on_snapshot(&mut self, found: SnapshotResult) {
        if let SnapshotResult::Denied { status, said } = found {
            self.state = State::Denied(TokenDenied { status, said });
            return;
        }
        self.can_find = found == SnapshotResult::Known;
        self.begin();
        self.state = State::Trigger;
    }

    fn on_trigger(&mut self, now: Duration, answer: TriggerResult, readability: Readability) {
        self.report.triggers += 1;
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
        self.events.push(Event::Searching { unclear });
        let until = (now + self.plan.timing.settle).min(self.deadline()).max(now);
        self.state = State::Finding { until };
        self.wait(now, self.plan.timing.floor.max(self.schedule.spacing()));
        self.next_at = self.next_at.min(until);
    }

    fn on_find(&mut self, now: Duration, found: LookupResult, readability: Readability) {
        let State::Finding { until } = self.state else { return };
        match found {
            LookupResult::Ours(snapshot) => {
                self.report.cause = None;
                self.follow.mark_seen();
                self.on_accepted(now, Some(snapshot), readability, true);
            }
            LookupResult::NotYet(rate_hint)
                if now < until && now.saturating_add(rate_hint.barred()) <= until =>
            {
                let pause = self.schedule.pause(Duration::ZERO, 0, rate_hint, self.rng.f64());
                self.wait(now, pause);
                self.next_at = self.next_at.min(until);
            }
            LookupResult::NotYet(_) | LookupResult::Never => {
                let cause = self.report.cause.take();
                self.end(now, Outcome::Uncertain, cause);
            }
        }
    }

    fn on_accepted(
        &mut self,
        now: Duration,
        snapshot: Option<Snapshot>,
        readability: Readability,
        adopted: bool,
    ) {
        self.report.sent = TriggerState::Yes;
        self.accepted_at = now;
        self.events.push(Event::Triggered { snapshot: snapshot.clone(), adopted });
        let Some(snapshot) = snapshot else {
            let why = readability.can_follow.err().map_or(Cause::NotAsked, Cause::Unreadable);
            return self.end(now, Outcome::Triggered, Some(why));
        };
        let (id, phase) = (snapshot.id.clone(), snapshot.phase);
        self.record(now, snapshot);
        match (phase, self.plan.wait, readability.can_follow) {
            // An answer to a trigger that says "success" may well mean the request's: only a look makes it a verdict.
            (Phase::Ended(verdict), _, _) if verdict != Verdict::Succeeded => {
                self.ended(now, id, (verdict.into(), None), RateHint::default());
            }
            (_, Wait::Never, _) => self.end(now, Outcome::Triggered, Some(Cause::NotAsked)),
            (_, Wait::Auto, Err(why)) => self.end(now, Outcome::Triggered, Some(Cause::Unreadable(why))),
            (_, Wait::Always, Err(why)) => self.end(now, Outcome::Lost, Some(Cause::Unreadable(why))),
            (_, Wait::Auto | Wait::Always, Ok(())) => {
                self.schedule =
                    Schedule::new(self.plan.timing.clone(), self.plan.interval, readability.rate_limit);
                self.state = State::Following(id);
                self.schedule_poll(now, RateHint::default());
            }
        }
    }

    fn on_poll(&mut self, now: Duration, poll: Poll) {
        let State::Following(id) = &self.state else { return };
        let (id, rate_hint) = (id.clone(), poll.rate_hint);
        match self.follow.apply(poll, now.saturating_sub(self.accepted_at), now >= self.deadline()) {
            Transition::News(snapshot) => self.record(now, snapshot),
            Transition::Confirm(snapshot) => {
                self.record(now, snapshot);
                let again = now.saturating_add(self.plan.timing.confirm.max(rate_hint.barred()));
                if again > self.deadline() {
                    return self.end(now, Outcome::Succeeded, None);
                }
                self.next_at = again;
                return;
            }
            Transition::NotYet => {}
            Transition::PollFailed { said, errors } => {
                self.events.push(Event::PollFailed { said, errors, budget: self.plan.timing.errors });
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
        let pause = self.schedule.pause(age, self.follow.errors(), rate_hint, self.rng.f64());
        self.next_at = now.saturating_add(pause).min(deadline);
        if now.saturating_add(rate_hint.barred()) > deadline.max(now) {
            self.state = State::AskedToWait;
        }
        if self.report.polls > 0 {
            let pause = self.next_at.saturating_sub(now);
            self.events.push(Event::Polled { polls: self.report.polls, pause });
        }
    }

    fn on_log(&mut self, now: Duration, log: Log) {
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
        let pause = (self.plan.timing.floor * 2).max(self.schedule.spacing()).max(hint.barred());
        if *tries < self.plan.timing.log_tries && now.saturating_add(pause) < *until {
            *tries += 1;
            self.wait(now, pause);
        } else {
            self.state = State::Ended;
        }
    }

    fn on_waited(&mut self, now: Duration) {
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + self.plan.timing.heartbeat;
            let word = self.report.snapshot.as_ref().map(|result| result.word.clone()).unwrap_or_default();
            self.events.push(Event::Heartbeat { word });
        }
    }

    /// Notes a reading of our deployment, and its stage where the word is new.
    fn record(&mut self, now: Duration, mut snapshot: Snapshot) {
        let known = self.report.snapshot.take();
        let changed = self.report.stages.last().is_none_or(|last| last.word != snapshot.word);
        if changed && !snapshot.word.is_empty() {
            let (word, phase) = (snapshot.word.clone(), snapshot.phase);
            let warned = self.report.stages.iter().any(|stage| stage.word == word);
            if phase == Phase::Unknown && !warned {
                self.events.push(Event::UnknownState { word: word.clone() });
            }
            let stage = StateSpan { word, phase, at: now.saturating_sub(self.triggered_at) };
            self.events.push(Event::State { stage: stage.clone() });
            self.report.stages.push(stage);
            self.heartbeat_at = now + self.plan.timing.heartbeat;
        }
        if let Some(known) = known {
            snapshot.created_at = snapshot.created_at.or(known.created_at);
            snapshot.page = snapshot.page.or(known.page);
        }
        self.report.snapshot = Some(snapshot);
        self.report.last_read = Some(now.saturating_sub(self.triggered_at));
    }

    /// The deployment's end is known; a failed one's log is still fetched.
    fn ended(&mut self, now: Duration, id: DeploymentId, end: (Outcome, Option<Cause>), rate_hint: RateHint) {
        let (outcome, cause) = end;
        self.end(now, outcome, cause);
        let timing = &self.plan.timing;
        let until = (now + timing.log).min(self.deadline().max(now) + timing.log_beyond);
        if outcome == Outcome::Failed && now.saturating_add(rate_hint.barred()) < until {
            self.state = State::Log { id, tries: 1, until };
            self.wait(now, rate_hint.barred());
        }
    }

    fn end(&mut self, now: Duration, outcome: Outcome, cause: Option<Cause>) {
        self.report.outcome = outcome;
        self.report.cause = cause;
        // A success that was read twice was one when it was read first.
        let success = |stage: &&StateSpan| stage.phase == Phase::Ended(Verdict::Succeeded);
        let first = self.report.stages.last().filter(success).map(|stage| stage.at);
        let first = first.filter(|_| outcome == Outcome::Succeeded);
        self.report.duration = first.unwrap_or_else(|| now.saturating_sub(self.triggered_at));
        self.state = State::Ended;
    }

    fn wait(&mut self, now: Duration, pause: Duration) {
        self.next_at = now + pause;
    }

    fn deadline(&self) -> Duration {
        let own = self.triggered_at + self.plan.timeout;
        self.plan.limit.map_or(own, |limit| own.min(limit))
    }
}
