//! Half of a documented limit is the most that is used, whatever is read and however the deployment goes.

use std::time::Duration;

use deploy_hook::core::ports::{Log, LookupResult, PollResult};
use deploy_hook::core::schedule::RateHint;
use deploy_hook::core::state::Outcome;
use deploy_hook::core::trigger::ResponseError;

use super::world::{Call, Run, World, building, failed, pending, succeeded, trouble, unclear};
use super::{ms, s};

/// The most requests within a minute of a run, both ends included. The `POST` is not a read.
fn busiest(run: &Run) -> usize {
    let reads: Vec<Duration> =
        run.calls.iter().filter(|(_, call)| *call != Call::Trigger).map(|(at, _)| *at).collect();
    let within = |from: &Duration| reads.iter().filter(|at| (*from..=*from + s(60)).contains(*at)).count();
    reads.iter().map(within).max().unwrap_or_default()
}

fn limited(length: Duration) -> World {
    World::ends(length, failed()).logs(|_, _| Log::NotYet(RateHint::default())).limit(20, s(60))
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_than_ten_reads_whatever_the_length() {
    let mut most = 0;
    for tenths in (1..3000).step_by(7) {
        let run = limited(ms(tenths * 100)).run().await;
        assert_eq!((run.report.outcome, run.logs().len()), (Outcome::Failed, 3));
        most = most.max(busiest(&run));
        assert!(busiest(&run) <= 10, "{tenths} tenths: {:?}", run.calls);
    }
    assert!(most >= 9, "and what is allowed is used: {most}");
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_with_the_last_poll_on_any_deadline() {
    for tenths in (10..1800).step_by(3) {
        let deadline = ms(tenths * 100);
        for interval in [None, Some(s(1))] {
            let world = limited(deadline).plan(|plan| (plan.timeout, plan.interval) = (deadline, interval));
            let run = world.run().await;
            assert_eq!(run.report.outcome, Outcome::Failed, "seen by the last poll");
            assert!(busiest(&run) <= 10, "{tenths} tenths: {:?}", run.calls);
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
        assert!(busiest(&run) <= 10, "{length} s: {:?}", run.calls);
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
            assert!(busiest(&run) <= 10, "{found}, {deadline} s: {:?}", run.calls);
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
    assert!(run.pauses().iter().all(|pause| *pause >= ms(7500)), "{:?}", run.pauses());
}

#[tokio::test(start_paused = true)]
async fn the_reads_of_a_search_keep_to_the_limit_too() {
    let run = World::new().answers([unclear(ResponseError::Broken)]).limit(20, s(60)).run().await;
    assert_eq!(run.calls[0], (s(0), Call::Snapshot));
    assert_eq!(run.finds(), [ms(7500), s(15), ms(22_500), s(30)]);
}
