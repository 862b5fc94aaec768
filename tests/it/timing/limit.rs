//! A documented limit is spent evenly and never exceeded, whatever is read and however the deployment goes; half of it
//! is left to whoever else uses it.

use std::cell::RefCell;
use std::time::Duration;

use deploy_hook::core::rate::{Budget, RateHint, RateLimit};
use deploy_hook::core::state::Outcome;
use deploy_hook::core::traits::{Log, LookupResult, PollResult};
use deploy_hook::core::trigger::ResponseError;

use super::world::{Call, Run, World, building, counts, failed, pending, succeeded, trouble, unclear};
use super::{ms, s};

/// When reads came. The `POST` is not one.
fn reads(run: &Run) -> Vec<Duration> {
    run.calls.iter().filter(|(_, call)| *call != Call::Trigger).map(|(at, _)| *at).collect()
}

/// The most reads that a minute saw, both its ends included: what a server counts in sliding windows, and more than what
/// one counts in fixed windows.
fn busiest_of(reads: &[Duration]) -> usize {
    let within = |from: &Duration| reads.iter().filter(|at| (*from..=*from + s(60)).contains(*at)).count();
    reads.iter().map(within).max().unwrap_or_default()
}

fn busiest(run: &Run) -> usize {
    busiest_of(&reads(run))
}

fn limited(length: Duration) -> World {
    World::ends(length, failed()).logs(|_, _| Log::NotYet(RateHint::default())).limit(20, s(60))
}

#[tokio::test(start_paused = true)]
async fn whatever_the_length_no_minute_sees_more_than_twenty_reads() {
    let mut most = 0;
    for tenths in (1..3000).step_by(7) {
        let run = limited(ms(tenths * 100)).run().await;
        assert_eq!((run.report.outcome, run.logs().len()), (Outcome::Failed, 3));
        most = most.max(busiest(&run));
        assert!(busiest(&run) <= 20, "{tenths} tenths: {:?}", run.calls);
    }
    assert!(most >= 19, "and what is allowed is used: {most}");
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_with_the_last_poll_on_any_deadline() {
    for tenths in (10..1800).step_by(3) {
        let deadline = ms(tenths * 100);
        for interval in [None, Some(s(1))] {
            let world = limited(deadline).plan(|plan| (plan.timeout, plan.interval) = (deadline, interval));
            let run = world.run().await;
            assert_eq!(run.report.outcome, Outcome::Failed, "seen by the last poll");
            assert!(busiest(&run) <= 20, "{tenths} tenths: {:?}", run.calls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_with_errors_or_a_late_log() {
    for length in 1..200 {
        let world = World::new().polls(move |age, nth| match age {
            _ if nth % 3 == 1 => trouble(),
            age if age < s(length) => PollResult::Ours(building()),
            _ => PollResult::Ours(failed()),
        });
        let world = world.logs(|_, nth| match nth {
            2 => Log::Lines(vec!["npm ERR!".into()]),
            _ => Log::NotYet(RateHint::default()),
        });
        let run = world.limit(20, s(60)).run().await;
        assert_eq!(run.report.log, ["npm ERR!"]);
        assert!(busiest(&run) <= 20, "{length} s: {:?}", run.calls);
    }
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_while_a_deployment_is_searched() {
    for found in 0..7 {
        for deadline in 5..100 {
            let world = limited(s(500)).answers([unclear(ResponseError::Broken)]);
            let world = world.latency(|call, _| if *call == Call::Find { ms(100) } else { Duration::ZERO });
            let world = world.finds(move |_, nth| match nth {
                nth if nth < found => LookupResult::NotYet(RateHint::default()),
                _ => LookupResult::Ours(pending()),
            });
            let run = world.plan(|plan| plan.timeout = s(deadline)).run().await;
            assert!(busiest(&run) <= 20, "{found}, {deadline} s: {:?}", run.calls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_never_binds_costs_nothing() {
    let free = World::ends(s(600), succeeded()).run().await;
    let wide = World::ends(s(600), succeeded()).limit(500, s(60)).run().await;
    assert_eq!(free.polls(), wide.polls());
}

#[tokio::test(start_paused = true)]
async fn a_fixed_interval_cannot_break_the_limit() {
    let run = World::ends(s(300), succeeded()).plan(|plan| plan.interval = Some(s(1)));
    let run = run.limit(20, s(60)).run().await;
    assert!(run.pauses().iter().all(|pause| *pause >= ms(3333)), "{:?}", run.pauses());
}

#[tokio::test(start_paused = true)]
async fn the_reads_of_a_search_keep_to_the_limit_too() {
    let run = World::new().answers([unclear(ResponseError::Broken)]).limit(20, s(60)).run().await;
    assert_eq!(run.calls[0], (s(0), Call::Snapshot));
    assert_eq!(run.finds().len(), 9, "{:?}", run.finds());
    assert!(run.finds().iter().zip(1..).all(|(at, nth)| at.abs_diff(s(60) * nth / 18) < ms(20)));
}

#[tokio::test(start_paused = true)]
async fn a_tight_limit_is_spent_on_noticing_the_end_in_time_at_every_length() {
    for length in [60, 75, 90, 120, 180, 300, 600, 1200, 1800] {
        let mut late = Duration::ZERO;
        for tenth in 0..10 {
            let length = s(length) + ms(333) * tenth;
            let world = World::ends(length, succeeded()).plan(|plan| plan.timeout = s(3600));
            let run = world.limit(20, s(60)).run().await;
            late += run.report.duration.saturating_sub(length);
            assert!(busiest(&run) <= 20, "{length:?}: {:?}", run.calls);
        }
        assert!(late / 10 <= ms(1800), "{length} s: {:?} late", late / 10);
    }
}

/// Call a server says that counts 20 requests a minute in fixed windows and whose windows began `offset` ago.
fn counted(offset: Duration, others: impl Fn(u64) -> u32) -> impl Fn(Duration, usize) -> RateHint {
    let used = RefCell::new((u64::MAX, 0));
    move |age, _| {
        let (minute, into) = ((age + offset).as_secs() / 60, (age + offset).as_millis() % 60_000);
        let (window, count) = &mut *used.borrow_mut();
        if *window != minute {
            (*window, *count) = (minute, 0);
        }
        *count += 1;
        let left = 20_u32.saturating_sub(*count + others(minute));
        counts(left, s(60).saturating_sub(Duration::from_millis(u64::try_from(into).unwrap())))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_ours_while_nobody_else_takes_of_it() {
    for offset in [s(0), s(10), s(31), s(59)] {
        let alone =
            World::ends(s(300), succeeded()).limit(20, s(60)).rate_hints(counted(offset, |_| 0)).run().await;
        let plain = World::ends(s(300), succeeded()).limit(20, s(60)).run().await;
        assert_eq!(alone.polls(), plain.polls(), "{offset:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_is_left_to_others_at_once_and_for_as_long_as_they_are_there() {
    // Somebody takes eight requests of the second minute.
    let others = counted(s(0), |minute| if minute == 1 { 8 } else { 0 });
    let run = World::ends(s(300), succeeded()).limit(20, s(60)).rate_hints(others).run().await;
    let within = |from, to| run.polls().iter().filter(|at| (s(from)..s(to)).contains(*at)).count();
    assert!(within(0, 60) >= 17 && within(64, 120) <= 9, "{:?}", run.polls());
    assert!(within(200, 260) >= 17, "they are gone: {:?}", run.polls());
}

#[tokio::test(start_paused = true)]
async fn a_429_shows_that_there_are_others_too() {
    for retry_after in [None, Some(s(2)), Some(s(40))] {
        let world = World::ends(s(300), succeeded()).limit(20, s(60));
        let refused = RateHint { refused: true, retry_after, ..RateHint::default() };
        let run = world
            .polls(|age, nth| match nth {
                5 => trouble(),
                _ if age < s(300) => PollResult::Ours(building()),
                _ => PollResult::Ours(succeeded()),
            })
            .rate_hints(move |_, nth| if nth == 5 { refused } else { RateHint::default() })
            .run()
            .await;
        let first = run.pauses()[5];
        assert!(first >= retry_after.unwrap_or(s(10)) && first >= ms(6600), "{retry_after:?}: {first:?}");
        assert!(run.pauses()[6] >= ms(6600), "{retry_after:?}: {:?}", run.pauses());
        assert!(run.pauses().last() < Some(&ms(3500)), "{retry_after:?}: {:?}", run.pauses());
    }
}

#[tokio::test(start_paused = true)]
async fn follows_with_one_token_share_its_limit() {
    for follows in [2_usize, 5, 12] {
        let budget = Budget::new(RateLimit { requests: 20, per: s(60) });
        let runs: Vec<_> = (0..follows)
            .map(|n| {
                World::ends(s(290) + ms(171) * u32::try_from(n).unwrap(), succeeded()).shares(&budget).run()
            })
            .collect();
        let mut all = Vec::new();
        let runs = join_all(runs).await;
        for run in &runs {
            assert_eq!(run.report.outcome, Outcome::Succeeded);
            let share = 87 / follows;
            assert!(run.polls().len() + 4 >= share.min(80), "{follows}: {} of {share}", run.polls().len());
            all.extend(reads(run));
        }
        assert!(busiest_of(&all) <= 20, "{follows}: {all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_follows_whose_deadline_is_the_same_keep_the_limit_all_the_same() {
    let budget = Budget::new(RateLimit { requests: 20, per: s(60) });
    let run = || World::new().plan(|plan| plan.timeout = s(120)).shares(&budget).run();
    let runs = join_all((0..40).map(|_| run()).collect()).await;
    let all: Vec<Duration> = runs.iter().flat_map(reads).collect();
    assert!(busiest_of(&all) <= 20, "{all:?}");
    assert!(runs.iter().all(|run| run.report.duration <= s(124)), "and end in time");
    assert!(runs.iter().all(|run| matches!(run.report.outcome, Outcome::TimedOut | Outcome::Lost)));
}

/// All of these at the same time, on this thread.
async fn join_all<F: Future + 'static>(futures: Vec<F>) -> Vec<F::Output> {
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = futures.into_iter().map(|future| local.spawn_local(future)).collect();
    local.await;
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

/// A run of each takes 30 polls; nothing of it is shared but the thread.
#[tokio::test(start_paused = true)]
async fn a_thousand_follows_in_one_process_each_see_their_own_end() {
    let runs: Vec<_> = (0..1000)
        .map(|n| {
            let length = ms(29_001 + n % 900);
            World::ends(length, succeeded()).plan(|plan| plan.interval = Some(s(1))).run()
        })
        .collect();
    let runs = join_all(runs).await;
    assert!(runs.iter().all(|run| run.report.outcome == Outcome::Succeeded && run.over == s(30)));
    assert_eq!(runs.iter().map(|run| run.report.polls).sum::<u32>(), 30_000);
}
