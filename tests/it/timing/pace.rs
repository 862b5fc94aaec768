//! How the pauses grow, how jitter shortens them, what caps them, and what the platform may ask for.

use std::cell::RefCell;
use std::time::Duration;

use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::Event;
use deploy_hook::core::state::Outcome;

use super::world::{Run, World, asks, counts, succeeded, trouble};
use super::{ms, s};

/// The full pause at an age: 0.615 times its square root, at least a second, at most 15 seconds.
fn full(age: Duration) -> Duration {
    Duration::from_secs_f64(0.615 * age.as_secs_f64().sqrt()).clamp(s(1), s(15))
}

/// The share of the full pause that each pause was.
fn shares(run: &Run) -> Vec<f64> {
    let polls = run.polls();
    polls.iter().zip(run.pauses()).map(|(age, pause)| pause.div_duration_f64(full(*age))).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_poll_comes_within_a_second() {
    let run = World::ends(s(5), succeeded()).run().await;
    assert!((ms(900)..=ms(1001)).contains(&run.polls()[0]), "{:?}", run.polls());
}

#[tokio::test(start_paused = true)]
async fn the_pause_grows_with_the_age_and_stops_growing_at_the_cap() {
    let run = World::ends(s(1200), succeeded()).plan(|plan| plan.timeout = s(1800)).run().await;
    for (age, pause) in run.polls().into_iter().zip(run.pauses()) {
        assert!(pause <= full(age) + ms(2), "{pause:?} at {age:?}");
        assert!(pause + ms(2) >= full(age).mul_f64(0.9), "{pause:?} at {age:?}");
    }
    let longest = run.pauses().into_iter().max().unwrap();
    assert!(longest > ms(13_500) && longest <= ms(15_001), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn chance_takes_off_up_to_a_tenth_and_never_adds() {
    let mut all = Vec::new();
    for seed in 0..20 {
        let world = World::ends(s(600), succeeded()).plan(|plan| plan.seed = seed);
        all.extend(shares(&world.run().await));
    }
    let (least, most) = (all.iter().copied().fold(2.0, f64::min), all.iter().copied().fold(0.0, f64::max));
    assert!((0.898..0.92).contains(&least), "{least}");
    assert!((0.98..1.003).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn two_seeds_differ_and_one_seed_repeats_itself() {
    let with = |seed| World::ends(s(300), succeeded()).plan(move |plan| plan.seed = seed).run();
    let (one, two, again) = (with(1).await, with(2).await, with(1).await);
    assert_eq!(one.polls(), again.polls());
    let same = one.polls().iter().filter(|at| two.polls().contains(at)).count();
    assert!(same <= 2, "{same} polls at the same instant");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_interval_has_no_growth_and_no_jitter() {
    let world = World::ends(s(300), succeeded()).plan(|plan| plan.interval = Some(s(7)));
    let run = world.run().await;
    assert_eq!(run.polls()[0], s(7));
    assert!(run.pauses().iter().all(|pause| *pause == s(7)), "{:?}", run.pauses());
    assert_eq!(run.polls().len(), 43);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_interval_may_be_longer_than_the_cap() {
    let world = World::ends(s(300), succeeded()).plan(|plan| plan.interval = Some(s(120)));
    assert_eq!(world.run().await.polls(), [s(120), s(240), s(360)]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_to_the_letter() {
    for asked in [s(2), s(45), s(200)] {
        let world = World::ends(s(400), succeeded());
        let run = world
            .rate_hints(move |_, nth| if nth == 3 { asks(asked) } else { RateHint::default() })
            .run()
            .await;
        assert_eq!(run.pauses()[3], asked, "neither sooner nor later");
        assert!(run.pauses()[4] <= full(run.polls()[4]) + ms(2), "asked for once, honoured once");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_over_a_fixed_interval_and_over_the_backoff() {
    let world = World::ends(s(300), succeeded()).plan(|plan| plan.interval = Some(s(5)));
    let run = world.rate_hints(|_, nth| if nth == 1 { asks(s(61)) } else { RateHint::default() }).run().await;
    assert_eq!(run.pauses()[..3], [s(5), s(61), s(5)]);
    let failing = World::new().polls(|_, _| trouble()).rate_hints(|_, _| asks(s(20)));
    let run = failing.run().await;
    assert_eq!(run.pauses()[..6], [s(20), s(20), s(20), s(20), s(30), s(30)], "whichever is longer");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_shorter_than_the_pause_changes_nothing() {
    let plain = World::ends(s(100), succeeded()).run().await;
    let asked = World::ends(s(100), succeeded()).rate_hints(|_, _| asks(ms(100))).run().await;
    assert_eq!(plain.polls(), asked.polls());
}

#[tokio::test(start_paused = true)]
async fn counted_requests_are_spread_and_never_used_up() {
    // 20 requests a minute, counted in fixed windows from the trigger; another client takes 4 of each
    for interval in [None, Some(s(1))] {
        let left = RefCell::new(vec![16_u32; 6]);
        let count = move |age: Duration, _| {
            let window = &mut left.borrow_mut()[usize::try_from(age.as_secs() / 60).unwrap()];
            assert!(*window > 0, "a poll too many at {age:?}");
            *window -= 1;
            counts(*window, s(60 - age.as_secs() % 60))
        };
        let run = World::ends(s(290), succeeded())
            .plan(|plan| plan.interval = interval)
            .rate_hints(count)
            .run()
            .await;
        let half = run.polls().iter().filter(|at| **at < s(30)).count();
        assert!((3..=8).contains(&half), "half of them at most in half of the time: {:?}", run.polls());
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_request_left_the_next_comes_after_the_reset() {
    let world = World::ends(s(300), succeeded());
    let run =
        world.rate_hints(|_, nth| if nth == 2 { counts(0, s(50)) } else { RateHint::default() }).run().await;
    assert_eq!(run.pauses()[2], s(50));
    let half = World::ends(s(300), succeeded());
    let run =
        half.rate_hints(|_, nth| if nth == 2 { counts(8, s(60)) } else { RateHint::default() }).run().await;
    assert_eq!(run.pauses()[2], s(15), "half of eight, spread over a minute");
    let unnamed = World::ends(s(300), succeeded());
    let run = unnamed.rate_hints(|_, _| RateHint { remaining: Some(0), ..RateHint::default() }).run().await;
    assert!(run.pauses()[2] <= ms(1001), "no reset named: nothing to wait for");
}

/// How late the end of a deployment was noticed, over seeds and over where in a pause it fell.
struct Noticed {
    mean_length: Duration,
    mean: Duration,
    largest: Duration,
}

async fn noticed(length: Duration) -> Noticed {
    let (mut lengths, mut delays) = (Vec::new(), Vec::new());
    for seed in 0..12 {
        for phase in 0..12 {
            let length = length + (full(length) * phase) / 12;
            let world = World::ends(length, succeeded());
            let run = world.plan(|plan| (plan.seed, plan.timeout) = (seed, s(3600))).run().await;
            assert_eq!(run.report.outcome, Outcome::Succeeded);
            delays.push(run.report.duration.saturating_sub(length));
            lengths.push(length);
        }
    }
    let mean = |all: &[Duration]| all.iter().sum::<Duration>() / u32::try_from(all.len()).unwrap();
    let largest = delays.iter().max().copied().unwrap();
    Noticed { mean_length: mean(&lengths), mean: mean(&delays), largest }
}

#[tokio::test(start_paused = true)]
async fn the_end_is_noticed_within_a_pause_whatever_the_length() {
    for length in [5, 8, 13, 20, 30, 45, 60, 90, 150, 240, 300, 420, 600, 900, 1200, 1800] {
        let run = noticed(s(length)).await;
        // Half a pause late on average, and never more than a whole one.
        let most = full(run.mean_length);
        let (fair, most) = (most.mul_f64(0.55).max(ms(600)), most + ms(500));
        assert!(run.mean <= fair, "{length} s: noticed {:?} late on average", run.mean);
        assert!(run.largest <= most, "{length} s: noticed {:?} late", run.largest);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_deployment_costs_few_polls_and_a_short_one_few_more_than_one_a_second() {
    for (length, budget) in [(1, 3), (5, 8), (10, 12), (30, 21), (60, 29), (120, 41), (600, 90), (1800, 178)]
    {
        for seed in 0..100 {
            let world = World::ends(s(length), succeeded());
            let run = world.plan(|plan| (plan.seed, plan.timeout) = (seed, s(3600))).run().await;
            let polls = run.polls().len();
            assert!(polls <= budget, "{length} s, seed {seed}: {polls} polls");
        }
    }
}

/// Usual lengths: lognormal, median 90 s, sigma 0.8, at their quantiles.
#[tokio::test(start_paused = true)]
async fn the_usual_mix_of_lengths_is_noticed_three_seconds_late_with_34_polls() {
    const QUANTILES: [f64; 19] = [
        -1.645, -1.282, -1.036, -0.842, -0.674, -0.524, -0.385, -0.253, -0.126, 0.0, 0.126, 0.253, 0.385,
        0.524, 0.674, 0.842, 1.036, 1.282, 1.645,
    ];
    let (mut late, mut polls, mut runs) = (0.0, 0, 0);
    for quantile in QUANTILES {
        for seed in 0..20_u32 {
            let length = Duration::from_secs_f64(90.0 * (0.8 * quantile + 0.004 * f64::from(seed)).exp());
            let world = World::ends(length, succeeded());
            let run = world.plan(|plan| (plan.seed, plan.timeout) = (u64::from(seed), s(3600))).run().await;
            late += run.report.duration.saturating_sub(length).as_secs_f64();
            polls += run.polls().len();
            runs += 1;
        }
    }
    let (late, polls) = (late / f64::from(runs), f64::from(u32::try_from(polls).unwrap()) / f64::from(runs));
    assert!(late <= 3.2 && polls <= 34.5, "{late} s late with {polls} polls");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_young_from_the_trigger_that_made_it() {
    use super::world::{not_sent, pending, refused};
    use deploy_hook::core::trigger::{NotSentReason, RefusalReason, TriggerResult};
    let asked = refused(RefusalReason::RateLimited, Some(s(120)));
    let world = World::ends(s(20), succeeded()).answers([asked, TriggerResult::Accepted(Some(pending()))]);
    let run = world.run().await;
    assert_eq!(run.triggers(), [s(0), s(120)]);
    assert!(run.polls()[0] <= s(121), "{:?}", run.polls());
    assert!(run.over <= s(140) + ms(2100), "over at {:?}", run.over);
    assert_eq!(run.report.duration, run.over, "the run's length counts from the first trigger");
    let dns = World::ends(s(9), succeeded())
        .answers([not_sent(NotSentReason::Dns), TriggerResult::Accepted(Some(pending()))]);
    assert_eq!(dns.run().await.times_of(|event| matches!(event, Event::Retrying { .. })).len(), 1);
}
