//! How late a deployment's end is noticed, and what that costs in requests, against polling at a fixed interval.
//!
//! The real core ([`deploy::run`]) follows a platform that answers at once, on tokio's paused clock: half an hour
//! takes no time, and nothing but the schedule is measured. The pollers are what a script does, `sleep` and a GET
//! until it is over, as plain arithmetic. All of them face the same deployments, whose ends are spread so that
//! every phase of a pause is met equally often. The best possible ([`best`]) knows how the ends are spread, and is as late
//! as anything has to be with so many polls.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod best;
mod plan;

use std::future::pending;
use std::time::Duration;

use deploy_hook::core::history::History;
use deploy_hook::core::rate::{Budget, RateHint, RateLimit};
use deploy_hook::core::report::Task;
use deploy_hook::core::state::{DeploymentId, Outcome, Phase, Snapshot, Verdict};
use deploy_hook::core::traits::{
    DeployTarget, Log, LookupResult, Poll, PollResult, SnapshotResult, TargetInfo,
};
use deploy_hook::core::trigger::TriggerResult;
use deploy_hook::core::{self, Plan};
use deploy_hook::env::Env;
use fastrand::Rng;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use self::plan::{Silent, plan};

/// Lengths of deployments, in seconds.
const LENGTHS: [u32; 9] = [5, 15, 30, 60, 120, 300, 600, 1200, 1800];

/// The paces a script polls at, in seconds.
const INTERVALS: [u32; 3] = [2, 5, 10];

/// What fortrabbit documents for its public API.
const FORTRABBIT: RateLimit = RateLimit { requests: 20, per: Duration::from_mins(1) };

fn main() -> std::io::Result<()> {
    let samples = if Env::snapshot().is_true("BENCH_QUICK") { 100 } else { 2000 };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let mut rng = Rng::with_seed(1);
    let mut rows = Vec::new();
    for length in LENGTHS {
        let ends: Vec<f64> = (0..samples).map(|_| end(length, &mut rng)).collect();
        let mut columns: Vec<Vec<Run>> = Vec::new();
        for limit in [None, Some(FORTRABBIT)] {
            columns.push(ends.iter().map(|end| follow(&runtime, *end, limit, &[], rng.u64(..))).collect());
        }
        for rate_hint in INTERVALS {
            columns.push(ends.iter().map(|end| poll(*end, rate_hint)).collect());
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
    for (length, columns) in rows.iter().filter(|(length, _)| *length >= 60) {
        let (late, busiest) = (columns[1].mean, columns[1].busiest);
        let met = if late <= 1.8 && busiest <= 20 { "met" } else { "MISSED" };
        println!(
            "goal, {} at 20 a minute: 1.8 s late, 20 requests: {late:.2} s, {busiest}, {met}",
            name(*length)
        );
    }
    let ends: Vec<f64> = (0..samples * 5).map(|_| usual(&mut rng)).collect();
    let runs: Vec<Run> = ends.iter().map(|end| follow(&runtime, *end, None, &[], rng.u64(..))).collect();
    let Figures { mean, polls, .. } = Figures::of(&runs);
    let met = if mean <= 3.0 && polls <= 34.0 { "met" } else { "MISSED" };
    println!(
        "goal, lognormal (median 90 s, sigma 0.8): 3 s late with 34 polls: {mean:.2} s with {polls:.1}, {met}; the best possible with as many: {:.2} s",
        best::late(&ends, polls)
    );
    println!("\n### With ten earlier deployments\n");
    with_history(&runtime, samples, &mut rng);
    Ok(())
}

/// Lengths for which there are goals with a history: how late it may be, and with how many polls.
const GOALS: [(u32, f64, f64); 4] = [(60, 1.3, 15.5), (120, 2.1, 19.1), (300, 4.1, 24.3), (600, 6.6, 29.7)];

/// Deployments with a spread of 20 %, ten earlier ones of which are known, one of them failed at 0.3 of the length; then
/// such a failure, and one that takes twice as long as all before.
fn with_history(runtime: &Runtime, samples: usize, rng: &mut Rng) {
    println!(
        "Late, in seconds, on average (polls). The best possible knows the spread and has as many polls.\n"
    );
    let pollers = INTERVALS.map(|interval| format!(" every {interval} s |")).concat();
    println!(
        "| deployment | deploy-hook | without history |{pollers} best possible | fails early | without | twice as long | without |"
    );
    println!("|---:|{}", "---:|".repeat(INTERVALS.len() + 7));
    let mut goals = Vec::new();
    for length in LENGTHS.into_iter().filter(|length| (30..=1800).contains(length)) {
        let usual = f64::from(length);
        let mut columns: Vec<Vec<Run>> = (0..6 + INTERVALS.len()).map(|_| Vec::new()).collect();
        let mut ends = Vec::new();
        for _ in 0..samples {
            let mut spread = || usual * (0.2 * normal(rng)).exp();
            let mut earlier: Vec<f64> = (0..9).map(|_| spread()).collect();
            let end = spread();
            earlier.insert(4, 0.3 * usual);
            let longest = earlier.iter().copied().fold(0.0, f64::max);
            let early = usual * (0.2 + 0.2 * rng.f64());
            for (column, (end, earlier)) in [end, early, 2.0 * longest]
                .into_iter()
                .flat_map(|end| [(end, &*earlier), (end, &[])])
                .enumerate()
            {
                columns[column].push(follow(runtime, end, None, earlier, rng.u64(..)));
            }
            for (nth, interval) in INTERVALS.into_iter().enumerate() {
                columns[6 + nth].push(poll(end, interval));
            }
            ends.push(end);
        }
        let figures: Vec<Figures> = columns.iter().map(|runs| Figures::of(runs)).collect();
        let cell = |figures: &Figures| format!(" {:.1} ({:.0}) |", figures.mean, figures.polls);
        let best = format!(" {:.1} |", best::late(&ends, figures[0].polls));
        let order = [&figures[..2], &figures[6..]].concat().iter().map(&cell).collect::<String>();
        let rest: String = figures[2..6].iter().map(&cell).collect();
        println!("| {} |{order}{best}{rest}", name(length));
        let Figures { mean, polls, .. } = &figures[0];
        let fixed = usual / (2.0 * mean) + 0.5;
        let met = if *polls < fixed { "met" } else { "MISSED" };
        goals.push(format!(
            "goal, {}: ahead of every fixed pause: {polls:.1} polls against {fixed:.1}, {met}",
            name(length)
        ));
        if let Some((_, late, most)) = GOALS.into_iter().find(|(of, ..)| *of == length) {
            let met = if *mean <= late + 0.05 && *polls <= most + 0.3 { "met" } else { "MISSED" };
            goals.push(format!(
                "goal, {}: {late} s late with {most} polls: {mean:.2} s with {polls:.1}, {met}",
                name(length)
            ));
        }
        let (early, before) = (&figures[2], 0.015 * usual + 15.0);
        let met = if early.mean <= before && early.polls <= figures[3].polls { "met" } else { "MISSED" };
        goals.push(format!(
            "goal, {}: an early failure {before:.1} s late at most: {:.1} s, {met}",
            name(length),
            early.mean
        ));
        let met = if figures[4].mean <= figures[5].mean * 1.05 && figures[4].polls <= figures[5].polls {
            "met"
        } else {
            "MISSED"
        };
        goals.push(format!("goal, {}: twice as long costs no more than without: {met}", name(length)));
    }
    println!("\n{}", goals.join("\n"));
}

/// When a deployment of about this length ends: up to one pause of `deploy-hook`'s earlier or later, rounded up to 5 s
/// so that the pollers, too, meet all phases alike.
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
fn poll(end: f64, rate_hint: u32) -> Run {
    let mut requests = Vec::new();
    let mut now = 0.0;
    while now < end {
        now += f64::from(rate_hint);
        requests.push(now);
    }
    Run { late: now - end, polls: requests.len(), requests }
}

/// What `deploy-hook` does.
fn follow(runtime: &Runtime, end: f64, limit: Option<RateLimit>, earlier: &[f64], seed: u64) -> Run {
    runtime.block_on(async {
        let began = Instant::now();
        let mut platform = Platform { began, end, budget: limit.map(Budget::new), requests: Vec::new() };
        let history = History::new(earlier.iter().map(|took| Duration::from_secs_f64(*took)));
        let plan = Plan { history, ..plan(seed) };
        let report =
            core::run(Task::Deploy, &mut platform, None::<&mut Silent>, &mut Silent, plan, pending()).await;
        let report = report.unwrap_or_else(|denied| unreachable!("nothing is denied: {denied:?}"));
        assert_eq!((report.outcome, report.triggers), (Outcome::Succeeded, 1));
        let late = began.elapsed().as_secs_f64() - end;
        Run { late, polls: usize::try_from(report.polls).unwrap_or(usize::MAX), requests: platform.requests }
    })
}

/// A platform whose one deployment ends on time and whose answers take none.
struct Platform {
    began: Instant,
    end: f64,
    budget: Option<Budget>,
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
            dashboard_url: None,
            message: String::new(),
            site: None,
        })
    }
}

impl DeployTarget for Platform {
    /// The real one reads what is there, where it may.
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

    /// What is measured is when the end is noticed, not how often it is read again.
    fn info(&self) -> TargetInfo {
        TargetInfo {
            can_follow: Ok(()),
            appears_within: Duration::ZERO,
            success_may_be_early: false,
            history: History::default(),
            budget: self.budget.clone(),
        }
    }
}

/// A cell of the table.
#[derive(Clone)]
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

/// The most of these moments that fall into one minute.
fn busiest(requests: &[f64]) -> usize {
    let within =
        |first: usize| requests[first..].iter().take_while(|at| **at < requests[first] + 60.0).count();
    (0..requests.len()).map(within).max().unwrap_or_default()
}

fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn print_table(rows: &[(u32, Vec<Figures>)]) {
    let pollers = INTERVALS.map(|rate_hint| format!(" every {rate_hint} s | polls |")).concat();
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

/// How long a deployment takes that is drawn from what is usual: lognormal, median 90 s, sigma 0.8.
fn usual(rng: &mut Rng) -> f64 {
    (90.0 * (0.8 * normal(rng)).exp()).min(3000.0)
}

/// Normally distributed.
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

fn name(seconds: u32) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
