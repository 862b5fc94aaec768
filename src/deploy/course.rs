//! The course of a run: which action comes next, and what each action's result changes. No clock: the time is told.

use std::time::Duration;

use super::action::{Action, Fact, Reading, TokenDenied};
use super::follow::{Follow, Step};
use super::plan::{Plan, Wait};
use super::ports::{Before, Log, Look, Settled};
use super::report::{Cause, Event, Report, Sent, Stage, Task};
use super::schedule::{Pace, RateLimit, Schedule};
use super::state::{DeploymentId, Outcome, Phase, Snapshot, Verdict};
use super::trigger::{Answer, Unclear};

/// Where the run stands.
enum At {
    Before,
    Trigger,
    Settling {
        until: Duration,
    },
    Following(DeploymentId),
    /// Asked to stay away beyond the deadline: nothing is left but to end there.
    Silent,
    Logging {
        id: DeploymentId,
        tries: u32,
        until: Duration,
    },
    Denied(TokenDenied),
    Over,
}

/// A run's state.
pub(super) struct Course {
    plan: Plan,
    schedule: Schedule,
    follow: Follow,
    dice: fastrand::Rng,
    at: At,
    /// The beginning of the first trigger; the run's length and its deadline count from here.
    zero: Duration,
    /// When our deployment became known; its age counts from here.
    born: Duration,
    /// Before this nothing is to be done.
    due: Duration,
    /// When the next heartbeat falls.
    beat: Duration,
    /// Whether an unclear answer can be settled by reading.
    settleable: bool,
    report: Report,
    news: Vec<Event>,
}

impl Course {
    /// `confirm`: whether a success is read once more before it is the verdict.
    pub(super) fn new(task: Task, plan: Plan, limit: Option<RateLimit>, confirm: bool) -> Self {
        let at = match (&task, plan.wait) {
            (Task::Follow(id), _) => At::Following(id.clone()),
            (Task::Deploy, Wait::Never) => At::Trigger,
            (Task::Deploy, Wait::Auto | Wait::Always) => At::Before,
        };
        // A token that is refused by the reading before the trigger is bad input, and the run never begins.
        let started = (!matches!(at, At::Before)).then(|| Event::Started { task: task.clone() });
        Self {
            news: started.into_iter().collect(),
            schedule: Schedule::new(plan.timing.clone(), plan.interval, limit),
            follow: Follow::new(&plan.timing, matches!(task, Task::Follow(_)), confirm),
            dice: fastrand::Rng::with_seed(plan.seed),
            at,
            zero: Duration::ZERO,
            born: Duration::ZERO,
            due: Duration::ZERO,
            beat: plan.timing.heartbeat,
            settleable: false,
            report: Report::new(task, plan.started),
            plan,
        }
    }

    /// What happened since this was last asked.
    pub(super) fn news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Duration) -> Action {
        match &self.at {
            At::Over | At::Denied(_) => Action::End,
            _ if now < self.due => Action::Rest(self.due.min(self.beat)),
            At::Before => {
                Action::Before(self.plan.limit.map_or(Duration::MAX, |limit| self.left(now, limit)))
            }
            At::Trigger => {
                if self.report.triggers == 0 {
                    (self.zero, self.beat) = (now, now + self.plan.timing.heartbeat);
                }
                Action::Trigger(self.left(now, self.deadline()))
            }
            At::Settling { .. } => Action::Settle(self.left(now, self.deadline())),
            At::Following(id) => {
                self.report.looks += 1;
                Action::Look(id.clone(), self.left(now, self.deadline()))
            }
            At::Silent => {
                if let Step::End { outcome, cause, .. } = self.follow.deadline() {
                    self.end(now, outcome, cause.or(Some(Cause::AskedToWait)));
                }
                Action::End
            }
            At::Logging { id, until, .. } => match until.saturating_sub(now) {
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
    pub(super) fn learn(&mut self, now: Duration, fact: Fact) {
        match fact {
            Fact::Prepared(before) => self.prepared(before),
            Fact::Answered(answer, reading) => self.answered(now, answer, reading),
            Fact::Settled(settled, reading) => self.settled(now, settled, reading),
            Fact::Looked(look) => self.looked(now, look),
            Fact::Log(log) => self.logged(now, log),
            Fact::Rested => self.rested(now),
        }
    }

    /// Ends the run where it stands. `under_way`: a trigger was sent and its answer is not known.
    pub(super) fn interrupt(&mut self, now: Duration, under_way: bool) {
        if matches!(self.at, At::Over | At::Logging { .. }) {
            self.at = At::Over; // the verdict is known; only the log is missing
            return;
        }
        if matches!(self.at, At::Before) {
            self.begin();
        }
        if under_way {
            self.report.triggers += 1;
            self.report.sent = Sent::Maybe;
        }
        self.end(now, Outcome::Interrupted, self.follow.trouble());
    }

    /// The whole story, once the run is over.
    pub(super) fn into_report(self) -> Result<Report, TokenDenied> {
        match self.at {
            At::Denied(denied) => Err(denied),
            _ => Ok(self.report),
        }
    }

    fn begin(&mut self) {
        self.news.push(Event::Started { task: self.report.task.clone() });
    }

    fn prepared(&mut self, before: Before) {
        if let Before::Denied { status, said } = before {
            self.at = At::Denied(TokenDenied { status, said });
            return;
        }
        self.settleable = before == Before::Known;
        self.begin();
        self.at = At::Trigger;
    }

    fn answered(&mut self, now: Duration, answer: Answer, reading: Reading) {
        self.report.triggers += 1;
        let attempt = self.report.triggers;
        let again = answer
            .again(attempt, &self.plan.timing)
            .filter(|pause| now.saturating_add(*pause) < self.deadline());
        let (outcome, cause) = match answer {
            Answer::Accepted(snapshot) => return self.accepted(now, snapshot, reading, false),
            Answer::Unclear(unclear) => return self.unclear(now, unclear),
            Answer::Refused(refusal) => (Outcome::Refused, Cause::Refused(refusal)),
            Answer::NotSent(not_sent) => (Outcome::Unreachable, Cause::NotSent(not_sent)),
        };
        match again {
            Some(pause) => {
                self.news.push(Event::Repeating { attempt, pause, cause });
                self.rest(now, pause);
            }
            None => self.end(now, outcome, Some(cause)),
        }
    }

    fn unclear(&mut self, now: Duration, unclear: Unclear) {
        self.report.sent = Sent::Maybe;
        if !self.settleable {
            return self.end(now, Outcome::Uncertain, Some(Cause::Unclear(unclear)));
        }
        self.report.cause = Some(Cause::Unclear(unclear.clone()));
        self.news.push(Event::Settling { unclear });
        let until = (now + self.plan.timing.settle).min(self.deadline()).max(now);
        self.at = At::Settling { until };
        self.rest(now, self.plan.timing.floor.max(self.schedule.spacing()));
        self.due = self.due.min(until);
    }

    fn settled(&mut self, now: Duration, settled: Settled, reading: Reading) {
        let At::Settling { until } = self.at else { return };
        match settled {
            Settled::Ours(snapshot) => {
                self.report.cause = None;
                self.follow.found();
                self.accepted(now, Some(snapshot), reading, true);
            }
            Settled::NotYet(pace) if now < until && now.saturating_add(pace.barred()) <= until => {
                let pause = self.schedule.pause(Duration::ZERO, 0, pace, self.dice.f64());
                self.rest(now, pause);
                self.due = self.due.min(until);
            }
            Settled::NotYet(_) | Settled::Never => {
                let cause = self.report.cause.take();
                self.end(now, Outcome::Uncertain, cause);
            }
        }
    }

    fn accepted(&mut self, now: Duration, snapshot: Option<Snapshot>, reading: Reading, adopted: bool) {
        self.report.sent = Sent::Yes;
        self.born = now;
        self.news.push(Event::Triggered { snapshot: snapshot.clone(), adopted });
        let Some(snapshot) = snapshot else {
            let why = reading.possible.err().map_or(Cause::NotAsked, Cause::Unreadable);
            return self.end(now, Outcome::Triggered, Some(why));
        };
        let (id, phase) = (snapshot.id.clone(), snapshot.phase);
        self.see(now, snapshot);
        match (phase, self.plan.wait, reading.possible) {
            // An answer to a trigger that says "success" may well mean the request's: only a look makes it a verdict.
            (Phase::Ended(verdict), _, _) if verdict != Verdict::Succeeded => {
                self.ended(now, id, (verdict.into(), None), Pace::default());
            }
            (_, Wait::Never, _) => self.end(now, Outcome::Triggered, Some(Cause::NotAsked)),
            (_, Wait::Auto, Err(why)) => self.end(now, Outcome::Triggered, Some(Cause::Unreadable(why))),
            (_, Wait::Always, Err(why)) => self.end(now, Outcome::Lost, Some(Cause::Unreadable(why))),
            (_, Wait::Auto | Wait::Always, Ok(())) => {
                self.schedule = Schedule::new(self.plan.timing.clone(), self.plan.interval, reading.limit);
                self.at = At::Following(id);
                self.pause_before_look(now, Pace::default());
            }
        }
    }

    fn looked(&mut self, now: Duration, look: Look) {
        let At::Following(id) = &self.at else { return };
        let (id, pace) = (id.clone(), look.pace);
        match self.follow.learn(look, now.saturating_sub(self.born), now >= self.deadline()) {
            Step::News(snapshot) => self.see(now, snapshot),
            Step::Confirm(snapshot) => {
                self.see(now, snapshot);
                let again = now.saturating_add(self.plan.timing.confirm.max(pace.barred()));
                if again > self.deadline() {
                    return self.end(now, Outcome::Succeeded, None);
                }
                self.due = again;
                return;
            }
            Step::NotYet => {}
            Step::Trouble { said, errors } => {
                self.news.push(Event::Trouble { said, errors, budget: self.plan.timing.errors });
            }
            Step::End { outcome, cause, snapshot } => {
                if let Some(snapshot) = snapshot {
                    self.see(now, snapshot);
                }
                return self.ended(now, id, (outcome, cause), pace);
            }
        }
        self.pause_before_look(now, pace);
    }

    /// Sets the time of the next look: after the pause, or on the deadline if that comes first.
    fn pause_before_look(&mut self, now: Duration, pace: Pace) {
        let (age, deadline) = (now.saturating_sub(self.born), self.deadline());
        let pause = self.schedule.pause(age, self.follow.errors(), pace, self.dice.f64());
        self.due = now.saturating_add(pause).min(deadline);
        if now.saturating_add(pace.barred()) > deadline.max(now) {
            self.at = At::Silent;
        }
        if self.report.looks > 0 {
            let (elapsed, pause) = (now.saturating_sub(self.zero), self.due.saturating_sub(now));
            self.news.push(Event::Looked { looks: self.report.looks, elapsed, pause });
        }
    }

    fn logged(&mut self, now: Duration, log: Log) {
        let At::Logging { tries, until, .. } = &mut self.at else {
            return;
        };
        match log {
            Log::NotYet(pace)
                if *tries < self.plan.timing.log_tries && now.saturating_add(pace.barred()) < *until =>
            {
                *tries += 1;
                self.rest(now, (self.plan.timing.floor * 2).max(self.schedule.spacing()).max(pace.barred()));
            }
            Log::Lines(lines) => {
                self.report.log = lines;
                self.at = At::Over;
            }
            Log::NotYet(_) | Log::None => self.at = At::Over,
        }
    }

    fn rested(&mut self, now: Duration) {
        if now >= self.beat {
            self.beat = now + self.plan.timing.heartbeat;
            let word = self.report.snapshot.as_ref().map(|seen| seen.word.clone()).unwrap_or_default();
            self.news.push(Event::Heartbeat { elapsed: now.saturating_sub(self.zero), word });
        }
    }

    /// Notes a reading of our deployment, and its stage where the word is new.
    fn see(&mut self, now: Duration, mut snapshot: Snapshot) {
        let known = self.report.snapshot.take();
        let changed = self.report.stages.last().is_none_or(|last| last.word != snapshot.word);
        if changed && !snapshot.word.is_empty() {
            let (word, phase) = (snapshot.word.clone(), snapshot.phase);
            let warned = self.report.stages.iter().any(|stage| stage.word == word);
            if phase == Phase::Unknown && !warned {
                self.news.push(Event::UnknownState { word: word.clone() });
            }
            let stage = Stage { word, phase, at: now.saturating_sub(self.zero) };
            self.news.push(Event::State { stage: stage.clone() });
            self.report.stages.push(stage);
            self.beat = now + self.plan.timing.heartbeat;
        }
        if let Some(known) = known {
            snapshot.created_at = snapshot.created_at.or(known.created_at);
            snapshot.page = snapshot.page.or(known.page);
        }
        self.report.snapshot = Some(snapshot);
        self.report.last_read = Some(now.saturating_sub(self.zero));
    }

    /// The deployment's end is known; a failed one's log is still fetched.
    fn ended(&mut self, now: Duration, id: DeploymentId, end: (Outcome, Option<Cause>), pace: Pace) {
        let (outcome, cause) = end;
        self.end(now, outcome, cause);
        let timing = &self.plan.timing;
        let until = (now + timing.log).min(self.deadline().max(now) + timing.log_beyond);
        if outcome == Outcome::Failed && now.saturating_add(pace.barred()) < until {
            self.at = At::Logging { id, tries: 1, until };
            self.rest(now, pace.barred());
        }
    }

    fn end(&mut self, now: Duration, outcome: Outcome, cause: Option<Cause>) {
        self.report.outcome = outcome;
        self.report.cause = cause;
        // A success that was read twice was one when it was read first.
        let success = |stage: &&Stage| stage.phase == Phase::Ended(Verdict::Succeeded);
        let first = self.report.stages.last().filter(success).map(|stage| stage.at);
        let first = first.filter(|_| outcome == Outcome::Succeeded);
        self.report.duration = first.unwrap_or_else(|| now.saturating_sub(self.zero));
        self.at = At::Over;
    }

    fn rest(&mut self, now: Duration, pause: Duration) {
        self.due = now + pause;
    }

    fn deadline(&self) -> Duration {
        let own = self.zero + self.plan.timeout;
        self.plan.limit.map_or(own, |limit| own.min(limit))
    }
}
