//! The state machine of a run: which action comes next. It has no clock: the time is an argument.

mod follow;
mod trigger;
mod verify;

use std::time::Duration;

use tokio::time::Instant;

use crate::core::action::{Action, ActionResult};
use crate::core::history::History;
use crate::core::plan::{Plan, Wait};
use crate::core::rate::RateHint;
use crate::core::report::{Cause, Event, Report, StateSpan, Task, TriggerState};
use crate::core::state::{DeploymentId, Outcome, Phase, ReadDenied, Snapshot, Verdict};
use crate::core::traits::TargetInfo;

/// How a run ends, and why, where the outcome alone does not say.
type End = (Outcome, Option<Cause>);

/// The state of a run.
enum State {
    /// To read what is there.
    Snapshot,
    /// To trigger.
    Trigger,
    /// To look for our deployment, which no answer named, until then. The report's cause says what was unclear, unless the
    /// platform accepted the trigger.
    Finding { until: Duration },
    /// To poll this deployment.
    Following(DeploymentId),
    /// The platform asked for a pause beyond the deadline: the run ends there.
    AskedToWait,
    /// To request the page. `right`: since when it answers as expected. `then`: how the run ends, once that is confirmed.
    Verifying { right: Option<Duration>, then: Box<End> },
    /// To read the log of this failed deployment, until then.
    Log { id: DeploymentId, tries: u32, until: Duration },
    /// The platform refused the read before the trigger.
    Denied(ReadDenied),
    /// The run is over.
    Ended,
}

/// Decides what a run does next. Every method takes the time since the start of the run.
pub(super) struct StateMachine {
    plan: Plan,
    target: TargetInfo,
    rng: fastrand::Rng,
    state: State,
    /// When the first trigger was sent; the duration of the run and its deadline count from here.
    triggered_at: Duration,
    /// When our deployment became known; its age counts from here.
    accepted_at: Duration,
    /// No action before this time.
    next_at: Duration,
    /// When the run began.
    origin: Instant,
    /// When the next request may be sent that was taken from the platform's limit.
    slot: Option<Duration>,
    /// How long earlier deployments took, as far as it is known now.
    history: History,
    heartbeat_at: Duration,
    /// Whether the deployment of an ambiguous trigger can be found by reading.
    can_find: bool,
    /// How many readings in a row that looked for our deployment failed.
    failed_finds: u32,
    /// Whether looking for our deployment or a poll of it has shown it.
    is_seen: bool,
    /// Whether the latest reading is a success that may be early and was not read again yet.
    is_unconfirmed: bool,
    /// How many polls failed in a row.
    failed_polls: u32,
    /// What was wrong with the latest of them.
    poll_fault: String,
    report: Report,
    events: Vec<Event>,
}

impl StateMachine {
    /// `origin` is the start of the run, for the platform's limit, which may be shared with other runs.
    pub(super) fn new(task: Task, plan: Plan, origin: Instant, target: TargetInfo) -> Self {
        let state = match (&task, plan.wait) {
            (Task::Follow(id), _) => State::Following(id.clone()),
            (Task::Deploy, Wait::Never) => State::Trigger,
            (Task::Deploy, Wait::Auto | Wait::Always) => State::Snapshot,
        };
        // A token that is refused by the reading before the trigger is bad input, and the run never begins.
        let begins = !matches!(state, State::Snapshot);
        let mut machine = Self {
            target,
            rng: fastrand::Rng::with_seed(plan.seed),
            state,
            triggered_at: Duration::ZERO,
            accepted_at: Duration::ZERO,
            next_at: Duration::ZERO,
            origin,
            slot: None,
            history: History::default(),
            heartbeat_at: plan.timing.heartbeat,
            can_find: false,
            failed_finds: 0,
            is_seen: false,
            is_unconfirmed: false,
            failed_polls: 0,
            poll_fault: String::new(),
            report: Report::new(task, plan.started),
            events: Vec::new(),
            plan,
        };
        machine.learn();
        if begins {
            machine.begin();
        }
        machine
    }

    /// The time since the trigger, as every event is reported with it; zero before there is one.
    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        let before = matches!(self.state, State::Snapshot | State::Trigger) && self.report.triggers == 0;
        if before { Duration::ZERO } else { self.since_trigger(now) }
    }

    fn since_trigger(&self, now: Duration) -> Duration {
        now.saturating_sub(self.triggered_at)
    }

    /// What happened since this was last asked.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What to do now.
    pub(super) fn next_action(&mut self, now: Duration) -> Action {
        let is_over = matches!(self.state, State::Ended | State::Denied(_));
        if !is_over && (now < self.next_at || !self.may_request(now)) {
            return Action::Wait(self.next_at.min(self.heartbeat_at));
        }
        match &self.state {
            State::Ended | State::Denied(_) => Action::End,
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
                let (outcome, cause) = self.end_at_deadline();
                self.end(now, outcome, cause.or(Some(Cause::AskedToWait)));
                Action::End
            }
            State::Verifying { .. } => {
                let until = self.report.site.as_ref().map(|report| report.until).unwrap_or_default();
                Action::Verify(self.site(), self.left(self.since_trigger(now), until))
            }
            State::Log { id, until, .. } => match until.saturating_sub(now) {
                Duration::ZERO => Action::End,
                left => Action::Log(id.clone(), left),
            },
        }
    }

    /// Whether the platform's limit allows the next request now; else it is planned for when it does.
    fn may_request(&mut self, now: Duration) -> bool {
        let (deadline, timing) = (self.deadline(), &self.plan.timing);
        // The first reading, the last one and the log need not keep the distance to the one before.
        let (is_urgent, until) = match self.state {
            State::Snapshot => (true, deadline),
            State::Following(_) if now < deadline => (false, deadline),
            State::Finding { until } if now < until => (false, until),
            State::Following(_) | State::Finding { .. } => (true, now + timing.log_beyond),
            State::Log { until, .. } => (true, until),
            _ => return true,
        };
        let Some(budget) = &self.target.budget else { return true };
        let reserve = || {
            let slot = budget.reserve(self.origin + now, is_urgent, self.origin.checked_add(until)?)?;
            Some(slot.saturating_duration_since(self.origin))
        };
        match self.slot.take().or_else(reserve) {
            Some(slot) if slot > now => (self.slot, self.next_at) = (Some(slot), slot),
            Some(_) => return true,
            None if !is_urgent => self.next_at = until,
            // Everything that is allowed goes to other runs.
            None => {
                match self.state {
                    State::Following(_) => self.state = State::AskedToWait,
                    State::Log { .. } => self.state = State::Ended,
                    _ => {}
                }
                return true;
            }
        }
        false
    }

    /// Takes in how long earlier deployments took: as the user says, else from where most of them are known. The age of
    /// a deployment that this run did not trigger is not known.
    fn learn(&mut self) {
        if self.report.task != Task::Deploy {
            return;
        }
        let of_platform = &self.target.history;
        let late = self.plan.late_history.get().unwrap_or(of_platform);
        let all = [&self.plan.history, late, of_platform].into_iter().filter(|_| self.plan.learns);
        let known = all.max_by_key(|known| known.len());
        self.history = match self.plan.expected {
            Some(expected) => History::new([expected]),
            None => known.cloned().unwrap_or_default(),
        };
        self.report.usual_duration = self.history.usual();
    }

    /// The time that is left for a request until then.
    fn left(&self, now: Duration, until: Duration) -> Duration {
        until.saturating_sub(now).max(self.plan.timing.shortest_request)
    }

    /// Applies the result of an action. `target`: what is known of the platform after it.
    pub(super) fn apply(&mut self, now: Duration, result: ActionResult, target: TargetInfo) {
        // Counted in the budget that it was sent under: the answer may tell of another way to read.
        if let (ActionResult::Trigger(_), Some(budget)) = (&result, &self.target.budget) {
            budget.triggered();
        }
        self.target = target;
        match result {
            ActionResult::Snapshot(found) => self.on_snapshot(found),
            ActionResult::Trigger(answer) => self.on_trigger(now, answer),
            ActionResult::Find(found) => self.on_find(now, found),
            ActionResult::Poll(poll) => self.on_poll(now, poll),
            ActionResult::Site(answer) => self.on_site(now, answer),
            ActionResult::Log(log) => self.on_log(now, log),
            ActionResult::Waited => self.on_waited(now),
        }
    }

    /// Ends the run now. `under_way`: a trigger was sent and its answer is not known.
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
        self.end(now, Outcome::Interrupted, self.failed_polls());
    }

    /// The report, once the run is over.
    pub(super) fn into_report(self) -> Result<Report, ReadDenied> {
        match self.state {
            State::Denied(denied) => Err(denied),
            _ => Ok(self.report),
        }
    }

    fn begin(&mut self) {
        let (task, usual_duration) = (self.report.task.clone(), self.report.usual_duration);
        self.events.push(Event::Started { task, usual_duration });
    }

    /// Records a poll of our deployment, and its stage where the word is new.
    fn record(&mut self, now: Duration, mut snapshot: Snapshot) {
        let known = self.report.snapshot.take();
        let changed = self.report.stages.last().is_none_or(|last| last.word != snapshot.word);
        if changed && !snapshot.word.is_empty() {
            let (word, phase) = (snapshot.word.clone(), snapshot.phase);
            let warned = self.report.stages.iter().any(|stage| stage.word == word);
            if phase == Phase::Unknown && !warned {
                self.events.push(Event::UnknownState { word: word.clone() });
            }
            let stage = StateSpan { word, phase, at: self.since_trigger(now) };
            self.events.push(Event::State { stage: stage.clone() });
            self.report.stages.push(stage);
            self.heartbeat_at = now + self.plan.timing.heartbeat;
        }
        if let Some(known) = known {
            snapshot.created_at = snapshot.created_at.or(known.created_at);
            snapshot.dashboard_url = snapshot.dashboard_url.or(known.dashboard_url);
            snapshot.site = snapshot.site.or(known.site);
        }
        self.report.snapshot = Some(snapshot);
        self.report.last_read = Some(self.since_trigger(now));
    }

    /// The deployment's end is known; a failed one's log is still fetched.
    fn ended(&mut self, now: Duration, id: DeploymentId, (outcome, cause): End, hint: RateHint) {
        if outcome == Outcome::Succeeded {
            return self.verify_or_end(now, outcome, cause);
        }
        self.end(now, outcome, cause);
        let timing = &self.plan.timing;
        let until = (now + timing.log).min(self.deadline().max(now) + timing.log_beyond);
        if outcome == Outcome::Failed && now.saturating_add(hint.blocked()) < until {
            self.state = State::Log { id, tries: 1, until };
            self.next_at = now + hint.blocked();
        }
    }

    fn end(&mut self, now: Duration, outcome: Outcome, cause: Option<Cause>) {
        self.report.outcome = outcome;
        self.report.cause = cause;
        // A success that was read twice was one when it was read first.
        let success = |stage: &&StateSpan| stage.phase == Phase::Ended(Verdict::Succeeded);
        let first = self.report.stages.last().filter(success).map(|stage| stage.at);
        let first = first.filter(|_| outcome == Outcome::Succeeded);
        let first = self.report.site.as_ref().and_then(|site| site.right_since).or(first);
        self.report.duration = first.unwrap_or_else(|| self.since_trigger(now));
        self.state = State::Ended;
    }

    fn deadline(&self) -> Duration {
        let own = self.triggered_at + self.plan.timeout;
        self.plan.limit.map_or(own, |limit| own.min(limit))
    }
}
