//! A scripted platform, a recording reporter, and a run between the two.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deploy_hook::core::history::History;
use deploy_hook::core::rate::{Budget, RateHint, RateLimit};
use deploy_hook::core::report::{Event, Report, Task};
use deploy_hook::core::schedule::Timing;
use deploy_hook::core::site::{SiteAnswer, SiteFault};
use deploy_hook::core::state::{CannotFollow, ReadDenied};
use deploy_hook::core::state::{DeploymentId, Phase, Snapshot, Verdict};
use deploy_hook::core::traits::{
    DeployTarget, Log, LookupResult, Poll, PollResult, Reporter, SiteCheck, SnapshotResult, TargetInfo,
};
use deploy_hook::core::trigger::{
    NotSent, NotSentReason as Why, Refusal, RefusalReason, ResponseError, TriggerResult, Unclear,
};
use deploy_hook::core::{Plan, Verify, Wait, run};
use tokio::time::Instant;

/// A call of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Snapshot,
    Trigger,
    Find,
    Poll(DeploymentId),
    Log(DeploymentId),
}

/// Answers by the time of a call since the latest trigger, and by how many of its kind came before it.
type Script<T> = Box<dyn FnMut(Duration, usize) -> T>;

/// How long the platform takes for the nth call of a kind.
type Latency = Box<dyn Fn(&Call, usize) -> Duration>;

/// The scripted platform, and the plan of the run.
pub(super) struct World {
    task: Task,
    pub(super) plan: Plan,
    budget: Option<Budget>,
    history: History,
    readable: Result<(), CannotFollow>,
    before: SnapshotResult,
    early: bool,
    trigger: Script<TriggerResult>,
    find: Script<LookupResult>,
    poll: Script<Poll>,
    log: Script<Log>,
    latency: Latency,
    report_delay: Box<dyn Fn(&Event) -> Duration>,
    stop: Option<Duration>,
    page: Option<Page>,
    began: Instant,
    triggered: Instant,
    calls: Vec<(Duration, Call)>,
    /// Requests so far, by kind.
    counts: [usize; 5],
}

/// Call a run did.
pub(super) struct Run {
    pub(super) report: Report,
    pub(super) events: Vec<(Duration, Event)>,
    /// The time that each event was reported with.
    pub(super) elapsed: Vec<Duration>,
    /// Every request that arrived, since the beginning of the run.
    pub(super) calls: Vec<(Duration, Call)>,
    /// The address of the site with which the page was requested.
    pub(super) sites: Vec<Option<String>>,
    /// When the page was requested, and how long each request might take.
    pub(super) checks: Vec<(Duration, Duration)>,
    /// When the run was over, since its beginning.
    pub(super) over: Duration,
}

impl World {
    /// A platform that accepts, builds without end and has no log.
    pub(super) fn new() -> Self {
        let timing = Timing::default();
        let plan = Plan {
            limit: None,
            verify: None,
            wait: Wait::Auto,
            timeout: Duration::from_mins(15),
            interval: None,
            timing,
            started: SystemTime::UNIX_EPOCH,
            expected: None,
            history: History::default(),
            late_history: Arc::default(),
            learns: true,
            seed: 7,
        };
        Self {
            task: Task::Deploy,
            plan,
            budget: None,
            history: History::default(),
            readable: Ok(()),
            before: SnapshotResult::Known,
            early: false,
            trigger: Box::new(|_, _| accepted(pending())),
            find: Box::new(|_, _| LookupResult::NotYet(RateHint::default())),
            poll: Box::new(|_, _| result(PollResult::Ours(building()))),
            log: Box::new(|_, _| Log::None),
            latency: Box::new(|_, _| Duration::ZERO),
            report_delay: Box::new(|_| Duration::ZERO),
            stop: None,
            page: None,
            began: Instant::now(),
            triggered: Instant::now(),
            calls: Vec::new(),
            counts: [0; 5],
        }
    }

    /// A deployment that is over, with this state, so long after its trigger.
    pub(super) fn ends(length: Duration, last: Snapshot) -> Self {
        Self::new()
            .polls(move |age, _| PollResult::Ours(if age < length { building() } else { last.clone() }))
    }

    pub(super) fn follow(mut self, id: &str) -> Self {
        self.task = Task::Follow(DeploymentId::new(id).unwrap());
        self
    }

    pub(super) fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    pub(super) fn limit(mut self, requests: u32, per: Duration) -> Self {
        self.budget = Some(Budget::new(RateLimit { requests, per }));
        self
    }

    /// A limit that other runs use as well.
    pub(super) fn shares(mut self, budget: &Budget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// How long earlier deployments took, as the reading before the trigger shows it.
    pub(super) fn earlier(mut self, took: impl IntoIterator<Item = Duration>) -> Self {
        self.history = History::new(took);
        self
    }

    pub(super) fn unreadable(mut self) -> Self {
        self.readable = Err(CannotFollow::Missing(Vec::new()));
        self
    }

    /// The result of the snapshot before the trigger.
    pub(super) fn before(mut self, before: SnapshotResult) -> Self {
        self.before = before;
        self
    }

    /// A platform that may report a success before it is one.
    pub(super) fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// Answers the triggers in turn; the last answer is repeated.
    pub(super) fn answers(mut self, answers: impl Into<Vec<TriggerResult>>) -> Self {
        let answers = answers.into();
        self.trigger = Box::new(move |_, nth| answers[nth.min(answers.len() - 1)].clone());
        self
    }

    pub(super) fn finds(mut self, find: impl FnMut(Duration, usize) -> LookupResult + 'static) -> Self {
        self.find = Box::new(find);
        self
    }

    pub(super) fn polls(mut self, mut poll: impl FnMut(Duration, usize) -> PollResult + 'static) -> Self {
        self.poll = Box::new(move |age, nth| result(poll(age, nth)));
        self
    }

    /// Adds a rate hint to each poll.
    pub(super) fn rate_hints(mut self, rate_hint: impl Fn(Duration, usize) -> RateHint + 'static) -> Self {
        let mut poll = self.poll;
        self.poll = Box::new(move |age, nth| Poll { rate_hint: rate_hint(age, nth), ..poll(age, nth) });
        self
    }

    pub(super) fn logs(mut self, log: impl FnMut(Duration, usize) -> Log + 'static) -> Self {
        self.log = Box::new(log);
        self
    }

    /// A page that is verified and answers so.
    pub(super) fn page(mut self, answer: impl FnMut(Duration, usize) -> SiteAnswer + 'static) -> Self {
        self.plan.verify = Some(Verify::default());
        self.page = Some(Page {
            answer: Box::new(answer),
            began: Instant::now(),
            first: None,
            checks: Vec::new(),
            sites: Vec::new(),
        });
        self
    }

    /// How long the platform takes for the nth request of a kind.
    pub(super) fn latency(mut self, latency: impl Fn(&Call, usize) -> Duration + 'static) -> Self {
        self.latency = Box::new(latency);
        self
    }

    /// How long the reporter takes for an event.
    pub(super) fn report_delay(mut self, report_delay: impl Fn(&Event) -> Duration + 'static) -> Self {
        self.report_delay = Box::new(report_delay);
        self
    }

    /// Asks the run to stop, so long after its beginning.
    pub(super) fn stopped(mut self, after: Duration) -> Self {
        self.stop = Some(after);
        self
    }

    pub(super) async fn run(self) -> Run {
        self.try_run().await.0.unwrap()
    }

    /// The run, or the reason why there was none; and every request that arrived.
    pub(super) async fn try_run(mut self) -> (Result<Run, ReadDenied>, Vec<(Duration, Call)>) {
        self.began = Instant::now();
        self.triggered = self.began;
        let (began, stop) = (self.began, self.stop);
        let report_delay = std::mem::replace(&mut self.report_delay, Box::new(|_| Duration::ZERO));
        let mut log = EventLog { began, report_delay, events: Vec::new(), elapsed: Vec::new() };
        let stop = async move {
            match stop {
                Some(after) => wait((began + after).saturating_duration_since(Instant::now())).await,
                None => std::future::pending().await,
            }
        };
        let (task, plan) = (self.task.clone(), self.plan.clone());
        let mut page = self.page.take();
        if let Some(page) = &mut page {
            page.began = began;
        }
        let report = run(task, &mut self, page.as_mut(), &mut log, plan, stop).await;
        let (checks, sites) = page.map(|page| (page.checks, page.sites)).unwrap_or_default();
        let (calls, over) = (self.calls.clone(), began.elapsed());
        let run =
            |report| Run { report, events: log.events, elapsed: log.elapsed, calls, checks, sites, over };
        (report.map(run), self.calls)
    }

    /// Waits for the platform's latency or the limit; returns whether there was an answer.
    async fn take(&self, call: &Call, nth: usize, limit: Duration) -> bool {
        let latency = (self.latency)(call, nth);
        wait(latency.min(limit)).await;
        latency <= limit
    }

    /// Records a call: its time since the trigger, and how many of its kind came before it.
    fn arrived(&mut self, call: &Call) -> (Duration, usize) {
        let kind = match call {
            Call::Snapshot => 0,
            Call::Trigger => 1,
            Call::Find => 2,
            Call::Poll(_) => 3,
            Call::Log(_) => 4,
        };
        self.calls.push((self.began.elapsed(), call.clone()));
        self.counts[kind] += 1;
        (self.triggered.elapsed(), self.counts[kind] - 1)
    }
}

impl DeployTarget for World {
    async fn snapshot(&mut self, limit: Duration) -> SnapshotResult {
        let (_, nth) = self.arrived(&Call::Snapshot);
        if self.take(&Call::Snapshot, nth, limit).await {
            self.before.clone()
        } else {
            SnapshotResult::Unknown
        }
    }

    async fn trigger(&mut self, limit: Duration) -> TriggerResult {
        self.triggered = Instant::now();
        let (age, nth) = self.arrived(&Call::Trigger);
        if self.take(&Call::Trigger, nth, limit).await {
            (self.trigger)(age, nth)
        } else {
            unclear(ResponseError::TimedOut)
        }
    }

    async fn find(&mut self, limit: Duration) -> LookupResult {
        let (age, nth) = self.arrived(&Call::Find);
        if self.take(&Call::Find, nth, limit).await {
            (self.find)(age, nth)
        } else {
            LookupResult::NotYet(RateHint::default())
        }
    }

    async fn poll(&mut self, id: &DeploymentId, limit: Duration) -> Poll {
        let call = Call::Poll(id.clone());
        let (age, nth) = self.arrived(&call);
        let poll = (self.poll)(age, nth);
        if self.take(&call, nth, limit).await { poll } else { result(trouble()) }
    }

    async fn log(&mut self, id: &DeploymentId, limit: Duration) -> Log {
        let call = Call::Log(id.clone());
        let (age, nth) = self.arrived(&call);
        if self.take(&call, nth, limit).await {
            (self.log)(age, nth)
        } else {
            Log::NotYet(RateHint::default())
        }
    }

    fn info(&self) -> TargetInfo {
        TargetInfo {
            can_follow: self.readable.clone(),
            appears_within: Duration::from_mins(2),
            success_may_be_early: self.early,
            history: self.history.clone(),
            budget: self.budget.clone(),
        }
    }
}

/// A page whose answers follow a script: by the time since its first request, and by how many came before.
struct Page {
    answer: Script<SiteAnswer>,
    began: Instant,
    first: Option<Instant>,
    checks: Vec<(Duration, Duration)>,
    sites: Vec<Option<String>>,
}

impl SiteCheck for Page {
    async fn check(&mut self, site: Option<&str>, limit: Duration) -> SiteAnswer {
        self.checks.push((self.began.elapsed(), limit));
        self.sites.push(site.map(str::to_owned));
        let age = self.first.get_or_insert_with(Instant::now).elapsed();
        (self.answer)(age, self.checks.len() - 1)
    }
}

/// A reporter that records the events and their times.
struct EventLog {
    began: Instant,
    report_delay: Box<dyn Fn(&Event) -> Duration>,
    events: Vec<(Duration, Event)>,
    elapsed: Vec<Duration>,
}

impl Reporter for EventLog {
    async fn report(&mut self, elapsed: Duration, event: &Event) {
        self.events.push((self.began.elapsed(), event.clone()));
        self.elapsed.push(elapsed);
        wait((self.report_delay)(event)).await;
    }
}

impl Run {
    /// When the polls came.
    pub(super) fn polls(&self) -> Vec<Duration> {
        self.times(|call| matches!(call, Call::Poll(_)))
    }

    /// When the triggers came.
    pub(super) fn triggers(&self) -> Vec<Duration> {
        self.times(|call| *call == Call::Trigger)
    }

    /// When the deployment was searched for.
    pub(super) fn finds(&self) -> Vec<Duration> {
        self.times(|call| *call == Call::Find)
    }

    /// When the log was asked for.
    pub(super) fn logs(&self) -> Vec<Duration> {
        self.times(|call| matches!(call, Call::Log(_)))
    }

    /// The pauses between the polls.
    pub(super) fn pauses(&self) -> Vec<Duration> {
        gaps(&self.polls())
    }

    /// When the events of a kind were reported.
    pub(super) fn times_of(&self, kind: impl Fn(&Event) -> bool) -> Vec<Duration> {
        self.events.iter().filter(|(_, event)| kind(event)).map(|(at, _)| *at).collect()
    }

    fn times(&self, kind: impl Fn(&Call) -> bool) -> Vec<Duration> {
        self.calls.iter().filter(|(_, call)| kind(call)).map(|(at, _)| *at).collect()
    }
}

/// The pauses between requests at these times.
pub(super) fn gaps(times: &[Duration]) -> Vec<Duration> {
    times.iter().zip(&times[1..]).map(|(earlier, later)| later.saturating_sub(*earlier)).collect()
}

#[expect(clippy::disallowed_methods, reason = "the scripted platform takes its (paused) time")]
async fn wait(long: Duration) {
    if !long.is_zero() {
        tokio::time::sleep(long).await;
    }
}

fn result(result: PollResult) -> Poll {
    Poll { result, rate_hint: RateHint::default() }
}

pub(super) fn snapshot(id: &str, word: &str, phase: Phase) -> Snapshot {
    let id = DeploymentId::new(id).unwrap();
    Snapshot {
        id,
        word: word.to_owned(),
        phase,
        created_at: None,
        dashboard_url: None,
        message: String::new(),
        site: None,
    }
}

pub(super) fn pending() -> Snapshot {
    snapshot("dp_ours", "PENDING", Phase::Waiting)
}

pub(super) fn building() -> Snapshot {
    snapshot("dp_ours", "BUILDING", Phase::Running)
}

pub(super) fn succeeded() -> Snapshot {
    snapshot("dp_ours", "SUCCEEDED", Phase::Ended(Verdict::Succeeded))
}

pub(super) fn failed() -> Snapshot {
    snapshot("dp_ours", "FAILED", Phase::Ended(Verdict::Failed))
}

pub(super) fn newer() -> PollResult {
    PollResult::Newer(snapshot("dp_other", "BUILDING", Phase::Running))
}

pub(super) fn trouble() -> PollResult {
    PollResult::Failed { message: "502 Bad Gateway".into() }
}

/// A page that answers as expected.
pub(super) fn right() -> SiteAnswer {
    SiteAnswer { status: Some(200), fault: None, redirected_to: None, retry_after: None }
}

/// A page of the old version.
pub(super) fn old() -> SiteAnswer {
    SiteAnswer { fault: Some(SiteFault::NoText), ..right() }
}

pub(super) fn asks(retry_after: Duration) -> RateHint {
    RateHint { retry_after: Some(retry_after), ..RateHint::default() }
}

pub(super) fn counts(remaining: u32, reset_in: Duration) -> RateHint {
    RateHint { remaining: Some(remaining), reset_in: Some(reset_in), ..RateHint::default() }
}

pub(super) fn accepted(snapshot: Snapshot) -> TriggerResult {
    TriggerResult::Accepted(Some(snapshot))
}

pub(super) fn not_sent(why: Why) -> TriggerResult {
    TriggerResult::NotSent(NotSent { why, message: String::new() })
}

pub(super) fn refused(why: RefusalReason, retry_after: Option<Duration>) -> TriggerResult {
    TriggerResult::Refused(Refusal { why, status: 400, message: String::new(), retry_after, advice: None })
}

pub(super) fn unclear(why: ResponseError) -> TriggerResult {
    TriggerResult::Unclear(Unclear { why, message: String::new() })
}
