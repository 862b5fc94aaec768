//! How late a deployment's end is noticed, and what that costs in requests, against polling at a fixed interval.
//!
//! The real core ([`deploy::run`]) follows a platform that answers at once, on tokio's paused clock: half an hour
//! takes no time, and nothing but the schedule is measured. The pollers are what a script does, `sleep` and a GET
//! until it is over, as plain arithmetic. All of them face the same deployments, whose ends are spread so that
//! every phase of a pause is met equally often.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::future::pending;
use std::time::{Duration, SystemTime};

use deploy_hook::core::ports::{
    DeployTarget, Log, LookupResult, Poll, PollResult, Reporter, SiteCheck, SnapshotResult,
};
use deploy_hook::core::report::{Event, Task};
use deploy_hook::core::schedule::{RateHint, RateLimit, Timing};
use deploy_hook::core::site::{SiteAnswer, SiteFault};
use deploy_hook::core::state::CannotFollow;
use deploy_hook::core::state::{DeploymentId, Outcome, Phase, Snapshot, Verdict};
use deploy_hook::core::trigger::TriggerResult;
use deploy_hook::core::{self, Plan, Wait};
use deploy_hook::env::Env;
use fastrand::Rng;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// Lengths of deployments, in seconds.
const LENGTHS: [u32; 9] = [5, 15, 30, 60, 120, 300, 600, 1200, 1800];

/// The intervals a script polls at, in seconds.
const INTERVALS: [u32; 3] = [2, 5, 10];

/// What fortrabbit documents for its public API.
const FORTRABBIT: RateLimit = RateLimit { requests: 20, per: Duration::from_mins(1) };

fn main() -> std::io::Result<()> {
    let samples = if Env::snapshot().says_yes("BENCH_QUICK") { 100 } else { 2000 };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let mut rng = Rng::with_seed(1);
    let mut rows = Vec::new();
    for length in LENGTHS {
        let ends: Vec<f64> = (0..samples).map(|_| end(length, &mut rng)).collect();
        let mut columns: Vec<Vec<Run>> = Vec::new();
        for limit in [None, Some(FORTRABBIT)] {
            columns.push(ends.iter().map(|end| follow(&runtime, *end, limit, rng.u64(..))).collect());
        }
        for interval in INTERVALS {
            columns.push(ends.iter().map(|end| poll(*end, interval)).collect());
        }
        rows.push((length, columns.iter().map(|runs| Figures::of(runs)).collect::<Vec<_>>()));
    }
    println!(
        "{samples} deployments a row. Late, in seconds: mean / 95th percentile / largest. Polls: mean (most)."
    );
    println!("The busiest minute counts what is read before the trigger, too.\n");
    print_table(&rows);
    println!();
    for (length, columns) in &rows {
        println!("{}", against_fixed(*length, &columns[0]));
    }
    let ends: Vec<f64> = (0..samples * 5).map(|_| usual(&mut rng)).collect();
    let usual: Vec<Run> = ends.into_iter().map(|end| follow(&runtime, end, None, rng.u64(..))).collect();
    let Figures { mean, polls, .. } = Figures::of(&usual);
    let met = if mean <= 3.0 && polls <= 34.0 { "met" } else { "MISSED" };
    println!(
        "goal, lognormal (median 90 s, sigma 0.8): 3 s late with 34 polls: {mean:.2} s with {polls:.1}, {met}"
    );
    Ok(())
}

/// When a deployment of about this length ends: up to one pause of `deploy-hook` earlier or later, rounded up to 5 s so
/// that the pollers also meet all phases equally.
fn end(length: u32, rng: &mut Rng) -> f64 {
    let pause = f64::from(length.div_ceil(10).next_multiple_of(5).clamp(5, 15));
    f64::from(length) + (rng.f64() * 2.0 - 1.0) * pause
}

/// What one follower did.
struct Run {
    /// How long after the end it was noticed.
    late: f64,
    /// How often it polled.
    polls: usize,
    /// When the requests arrived, in seconds since the trigger.
    requests: Vec<f64>,
}

/// What a script does: sleep, request, repeat.
fn poll(end: f64, interval: u32) -> Run {
    let mut requests = Vec::new();
    let mut now = 0.0;
    while now < end {
        now += f64::from(interval);
        requests.push(now);
    }
    Run { late: now - end, polls: requests.len(), requests }
}

/// What `deploy-hook` does.
fn follow(runtime: &Runtime, end: f64, limit: Option<RateLimit>, seed: u64) -> Run {
    runtime.block_on(async {
        let began = Instant::now();
        let mut platform = Platform { began, end, limit, requests: Vec::new() };
        let (wait, timeout, interval) = (Wait::Auto, Duration::from_hours(1), None);
        let (timing, started) = (Timing::default(), SystemTime::UNIX_EPOCH);
        let plan = Plan { wait, timeout, limit: None, verify: None, interval, timing, started, seed };
        let report = core::run(
            Task::Deploy,
            &mut platform,
            None::<&mut SilentReporter>,
            &mut SilentReporter,
            plan,
            pending(),
        )
        .await;
        let report = report.unwrap_or_else(|denied| unreachable!("nothing is denied: {denied:?}"));
        assert_eq!((report.outcome, report.triggers), (Outcome::Succeeded, 1));
        let late = began.elapsed().as_secs_f64() - end;
        Run { late, polls: usize::try_from(report.polls).unwrap_or(usize::MAX), requests: platform.requests }
    })
}

/// A platform with one deployment, whose answers take no time.
struct Platform {
    began: Instant,
    end: f64,
    limit: Option<RateLimit>,
    requests: Vec<f64>,
}

impl Platform {
    fn state(&self) -> Option<Snapshot> {
        let over = self.began.elapsed().as_secs_f64() >= self.end;
        let phase = if over { Phase::Ended(Verdict::Succeeded) } else { Phase::Running };
        Some(Snapshot {
            id: DeploymentId::new("dp-abc123")?,
            word: String::new(),
            phase,
            created_at: None,
            page: None,
            message: String::new(),
            site: None,
        })
    }
}

impl DeployTarget for Platform {
    /// Counts as one request, as at a real platform.
    async fn snapshot(&mut self, _: Duration) -> SnapshotResult {
        self.requests.push(0.0);
        SnapshotResult::Known
    }

    async fn trigger(&mut self, _: Duration) -> TriggerResult {
        TriggerResult::Accepted(self.state())
    }

    async fn find(&mut self, _: Duration) -> LookupResult {
        LookupResult::Never
    }

    fn can_follow(&self) -> Result<(), CannotFollow> {
        Ok(())
    }

    fn appears_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn poll(&mut self, _: &DeploymentId, _: Duration) -> Poll {
        self.requests.push(self.began.elapsed().as_secs_f64());
        Poll {
            result: self.state().map_or(PollResult::NotThere, PollResult::Ours),
            rate_hint: RateHint::default(),
        }
    }

    async fn log(&mut self, _: &DeploymentId, _: Duration) -> Log {
        Log::None
    }

    /// Only the time at which the end is noticed is measured.
    fn success_may_be_early(&self) -> bool {
        false
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        self.limit
    }
}

/// Reports nothing.
struct SilentReporter;

impl SiteCheck for SilentReporter {
    async fn check(&mut self, _: Option<&str>, _: Duration) -> SiteAnswer {
        SiteAnswer::without(SiteFault::NoAddress)
    }
}

impl Reporter for SilentReporter {
    async fn report(&mut self, _: Duration, _: &Event) {}
}

/// A cell of the table.
struct Figures {
    mean: f64,
    p95: f64,
    largest: f64,
    polls: f64,
    most_polls: usize,
    /// The most requests within any minute.
    busiest: usize,
}

impl Figures {
    fn of(runs: &[Run]) -> Self {
        let mut late: Vec<f64> = runs.iter().map(|run| run.late).collect();
        late.sort_by(f64::total_cmp);
        let polls: Vec<usize> = runs.iter().map(|run| run.polls).collect();
        Self {
            mean: late.iter().sum::<f64>() / float(late.len()),
            p95: late[late.len() * 95 / 100],
            largest: late[late.len() - 1],
            polls: float(polls.iter().sum()) / float(polls.len()),
            most_polls: polls.into_iter().max().unwrap_or_default(),
            busiest: runs.iter().map(|run| busiest(&run.requests)).max().unwrap_or_default(),
        }
    }

    /// Two cells of the table.
    fn cells(&self) -> String {
        let Self { mean, p95, largest, polls, most_polls, .. } = self;
        format!(" {mean:.1} / {p95:.1} / {largest:.1} | {polls:.0} ({most_polls}) |")
    }
}

/// The most of these times that fall into one minute.
fn busiest(requests: &[f64]) -> usize {
    let within =
        |first: usize| requests[first..].iter().take_while(|at| **at < requests[first] + 60.0).count();
    (0..requests.len()).map(within).max().unwrap_or_default()
}

fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn print_table(rows: &[(u32, Vec<Figures>)]) {
    let pollers = INTERVALS.map(|interval| format!(" every {interval} s | polls |")).concat();
    println!("| deployment | deploy-hook | polls | at 20 a minute | polls |{pollers}");
    println!("|---:|{}", "---:|".repeat(2 * (2 + INTERVALS.len())));
    for (length, columns) in rows {
        let cells: Vec<String> = columns.iter().map(Figures::cells).collect();
        println!("| {} |{}", name(*length), cells.concat());
    }
    let busiest = (0..2 + INTERVALS.len()).map(|column| {
        let busiest = rows.iter().map(|(_, columns)| columns[column].busiest).max().unwrap_or_default();
        format!(" | {busiest} |")
    });
    println!("| busiest minute |{}", busiest.collect::<Vec<_>>().concat());
}

/// The polls of a deployment of this length against those of the fixed pause that is as late on average.
fn against_fixed(length: u32, figures: &Figures) -> String {
    let fixed = f64::from(length) / (2.0 * figures.mean) + 0.5;
    let ratio = figures.polls / fixed;
    let met = if ratio <= 2.2 { "met" } else { "MISSED" };
    format!("goal, {}: at most 2.2 times the polls of a fixed pause as late: {ratio:.2}, {met}", name(length))
}

/// The length of a usual deployment: lognormal, median 90 s, sigma 0.8.
fn usual(rng: &mut Rng) -> f64 {
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
    (90.0 * (0.8 * normal).exp()).min(3000.0)
}

fn name(seconds: u32) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
