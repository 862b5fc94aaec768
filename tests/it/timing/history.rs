//! How long earlier deployments took shapes the polls, and a wrong history costs nothing.

use std::sync::Arc;
use std::time::Duration;

use deploy_hook::core::history::History;
use deploy_hook::core::report::Event;
use deploy_hook::core::state::Outcome;

use super::world::{World, failed, succeeded};
use super::{ms, s};

/// The middles of twentieths of a normal distribution.
const NORMAL: [f64; 20] = [
    -1.96, -1.44, -1.15, -0.935, -0.755, -0.598, -0.454, -0.319, -0.189, -0.063, 0.063, 0.189, 0.319, 0.454,
    0.598, 0.755, 0.935, 1.15, 1.44, 1.96,
];

/// Nine deployments of about this length, with a spread of 20 %, and one that failed early.
fn earlier(length: Duration) -> Vec<Duration> {
    let spread = [-1.59, -0.97, -0.59, -0.28, 0.0, 0.28, 0.59, 0.97, 1.59];
    let mut all: Vec<Duration> = spread.iter().map(|sigma| length.mul_f64(1.0 + 0.2 * sigma)).collect();
    all.insert(4, length.mul_f64(0.3));
    all
}

/// How late the end is noticed on average, in seconds, and with how many polls. Each seed moves the ends a little, so that
/// no phase of a pause is favoured.
async fn mean(history: &[Duration], ends: impl IntoIterator<Item = Duration>) -> (f64, f64) {
    let (mut late, mut polls, mut runs) = (0.0, 0.0, 0.0);
    for end in ends {
        for seed in 0..6_u32 {
            let end = end.mul_f64(0.99 + 0.004 * f64::from(seed));
            let world = World::ends(end, succeeded()).earlier(history.iter().copied());
            let run = world.plan(|plan| (plan.seed, plan.timeout) = (u64::from(seed), s(20_000))).run().await;
            assert_eq!(run.report.outcome, Outcome::Succeeded);
            late += run.report.duration.saturating_sub(end).as_secs_f64();
            polls += f64::from(run.report.polls);
            runs += 1.0;
        }
    }
    (late / runs, polls / runs)
}

/// Ends at this multiple of a length, a little sooner and later, so that no phase of a pause is favoured.
fn around(length: Duration, multiple: f64) -> Vec<Duration> {
    (0..10).map(|n| length.mul_f64(multiple * (0.91 + 0.02 * f64::from(n)))).collect()
}

/// With a pause of a tenth of the age it was 2.9, 5.8, 13 and 14.5 s late with 31, 38, 49 and 59 polls.
#[tokio::test(start_paused = true)]
async fn a_usual_deployment_is_noticed_sooner_with_half_the_polls() {
    for (length, most_late, most_polls) in
        [(60, 1.3, 15.5), (120, 2.1, 19.1), (300, 4.1, 24.3), (600, 6.6, 29.7)]
    {
        let history = earlier(s(length));
        let (late, polls) = mean(&history, NORMAL.map(|sigma| s(length).mul_f64(1.0 + 0.2 * sigma))).await;
        assert!(late <= most_late && polls <= most_polls, "{length} s: {late} s late with {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn no_fixed_interval_is_as_early_with_as_few_polls() {
    for length in [30, 45, 60, 90, 120, 200, 300, 450, 600, 900, 1800] {
        let history = earlier(s(length));
        let (late, polls) = mean(&history, NORMAL.map(|sigma| s(length).mul_f64(1.0 + 0.2 * sigma))).await;
        let as_late = f64::from(u32::try_from(length).unwrap()) / (2.0 * late) + 0.5;
        assert!(polls < 0.98 * as_late, "{length} s: {polls} polls, {as_late} at a fixed interval as late");
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_failure_is_noticed_within_a_pause_of_a_tenth_of_its_age_and_the_cap() {
    for length in [60, 120, 300, 600] {
        // Over more than the longest pause, so that no phase of it is favoured.
        let ends = [0.7, 0.85, 1.0, 1.15, 1.3].map(|part| around(s(length).mul_f64(part), 0.3)).concat();
        let (_, polls_without) = mean(&[], ends.clone()).await;
        let without_failure: Vec<Duration> =
            earlier(s(length)).into_iter().filter(|took| *took > s(length) / 2).collect();
        for history in [earlier(s(length)), without_failure] {
            let (late, polls) = mean(&history, ends.clone()).await;
            let most = 0.015 * f64::from(u32::try_from(length).unwrap()) + 15.0;
            assert!(late <= most && polls < polls_without, "{length} s: {late} s late with {polls} polls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_takes_twice_as_long_as_ever_is_noticed_no_later_than_without_a_history() {
    for length in [20, 60, 300, 600, 1800] {
        let history = earlier(s(length));
        let ends = around(s(length).mul_f64(1.32), 2.0);
        let (late, polls) = mean(&history, ends.clone()).await;
        let (late_without, polls_without) = mean(&[], ends).await;
        assert!(late <= late_without * 1.08 + 0.1, "{length} s: {late} and without {late_without}");
        assert!(polls <= polls_without, "{length} s: {polls} and without {polls_without}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_history_costs_no_polls_and_no_more_than_a_pause_before_its_time() {
    let histories: [&[u64]; 7] = [
        &[5],
        &[60],
        &[600],
        &[7200],
        &[20, 60, 200, 600],
        &[60; 20],
        &[10, 20, 40, 80, 160, 320, 640, 1280],
    ];
    for length in [3, 10, 30, 60, 100, 200, 400, 800, 1600] {
        let ends = around(s(length), 1.0);
        let (late_without, polls_without) = mean(&[], ends.clone()).await;
        for history in histories {
            let longest = *history.iter().max().unwrap();
            let usual = history[history.len() / 2];
            let took: Vec<Duration> = history.iter().map(|seconds| s(*seconds)).collect();
            let (late, polls) = mean(&took, ends.clone()).await;
            assert!(
                polls <= polls_without + 0.7,
                "{history:?}, {length} s: {polls} polls, {polls_without} without"
            );
            let cap = f64::from(u32::try_from(usual.min(240)).unwrap()) / 6.0;
            let half = 0.3075 * f64::from(u32::try_from(length).unwrap()).sqrt();
            let without = late_without.max(half) * 1.1 + 0.2;
            let most = if length > 2 * longest { without } else { without.max(cap + 0.5) };
            assert!(late <= most, "{history:?}, {length} s: {late} s late, {late_without} without");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_user_expects_counts_before_what_was_learned_and_the_longest_history_else() {
    let usual = |change: fn(&mut deploy_hook::core::Plan), earlier: Vec<Duration>| async move {
        let run = World::ends(s(30), failed()).earlier(earlier).plan(change).run().await;
        let started = run.events.iter().find_map(|(_, event)| match event {
            Event::Started { usual_duration, .. } => Some(*usual_duration),
            _ => None,
        });
        assert_eq!(started, Some(run.report.usual_duration), "said at the start and in the report");
        run.report.usual_duration
    };
    assert_eq!(usual(|_| {}, vec![]).await, None);
    assert_eq!(usual(|_| {}, vec![s(40), s(50), s(60)]).await, Some(s(50)));
    assert_eq!(usual(|plan| plan.expected = Some(s(9)), vec![s(40), s(50)]).await, Some(s(9)));
    let kept: fn(&mut deploy_hook::core::Plan) = |plan| plan.history = History::new([s(7), s(8), s(9)]);
    assert_eq!(usual(kept, vec![s(40), s(50)]).await, Some(s(8)), "three are more than two");
    assert_eq!(usual(kept, vec![s(40), s(50), s(60)]).await, Some(s(50)), "the platform knows best");
    assert_eq!(usual(|plan| plan.learns = false, vec![s(40)]).await, None);
    assert_eq!(
        usual(|plan| (plan.learns, plan.expected) = (false, Some(s(4))), vec![s(40)]).await,
        Some(s(4))
    );
}

#[tokio::test(start_paused = true)]
async fn a_history_that_comes_while_the_run_goes_on_counts_from_then_on() {
    let late = Arc::default();
    let cell: Arc<std::sync::OnceLock<History>> = Arc::clone(&late);
    let world = World::new().polls(move |age, _| {
        if age > s(100) {
            let _ = cell.set(History::new(earlier(s(300))));
        }
        let state = if age < s(300) { super::world::building() } else { succeeded() };
        deploy_hook::core::traits::PollResult::Ours(state)
    });
    let run = world.plan(|plan| plan.late_history = Arc::clone(&late)).run().await;
    let longest = run.pauses().into_iter().max().unwrap();
    assert!(longest > s(15), "{:?}", run.pauses());
    assert_eq!(run.report.usual_duration, History::new(earlier(s(300))).usual());
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_deployment_that_was_there_before_is_not_known_so_no_history_counts() {
    let with = World::ends(s(100), succeeded()).follow("dp_ours").earlier([s(100); 9]).run().await;
    let without = World::ends(s(100), succeeded()).follow("dp_ours").run().await;
    assert_eq!((with.polls(), with.report.usual_duration), (without.polls(), None));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_interval_and_a_tight_limit_are_kept_whatever_was_learned() {
    let fixed = World::ends(s(100), succeeded()).earlier([s(100); 9]).plan(|plan| plan.interval = Some(s(7)));
    assert!(fixed.run().await.pauses().iter().all(|pause| *pause == s(7)));
    let limited = World::ends(s(100), succeeded()).earlier([s(100); 9]).limit(20, s(60)).run().await;
    assert!(limited.pauses().iter().all(|pause| *pause <= ms(3400)), "{:?}", limited.pauses());
}
