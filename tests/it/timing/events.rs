//! The events of a run in their order, its heartbeat, and whether it follows at all.

use std::time::Duration;

use deploy_hook::core::Wait;
use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::{Cause, Event, TriggerState};
use deploy_hook::core::state::CannotFollow;
use deploy_hook::core::state::Outcome;
use deploy_hook::core::traits::{Log, LookupResult, PollResult};
use deploy_hook::core::trigger::{NotSentReason, ResponseError};

use super::world::{Call, World, building, failed, newer, not_sent, pending, succeeded, trouble, unclear};
use super::{ms, s};

/// A short form of an event.
fn word(event: &Event) -> String {
    match event {
        Event::Started { .. } => "started".into(),
        Event::Triggered { snapshot: Some(snapshot), .. } => format!("triggered {}", snapshot.id),
        Event::Triggered { snapshot: None, .. } => "triggered".to_owned(),
        Event::State { stage } => format!("state {}", stage.word),
        Event::PollFailed { errors, .. } => format!("poll failed {errors}"),
        Event::Finished { report } => format!("ended {}", report.outcome),
        other => format!("{other:?}"),
    }
}

fn staged(age: Duration) -> PollResult {
    PollResult::Ours(match age {
        age if age < s(40) => pending(),
        age if age < s(200) => building(),
        _ => succeeded(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_plain_run_reports_its_events_in_order() {
    let run = World::new().polls(|age, nth| if nth == 5 { trouble() } else { staged(age) }).run().await;
    let quiet = |event: &Event| matches!(event, Event::Polled { .. } | Event::Heartbeat { .. });
    let events: Vec<String> =
        run.events.iter().map(|(_, event)| event).filter(|event| !quiet(event)).map(word).collect();
    let expected = [
        "started",
        "triggered dp_ours",
        "state PENDING",
        "poll failed 1",
        "state BUILDING",
        "state SUCCEEDED",
        "ended succeeded",
    ];
    assert_eq!(events, expected);
    let stages: Vec<_> = run.report.stages.iter().map(|stage| stage.word.as_str()).collect();
    assert_eq!(stages, ["PENDING", "BUILDING", "SUCCEEDED"]);
    assert!((s(40)..s(45)).contains(&run.report.stages[1].at), "{:?}", run.report.stages);
    let polls = run.times_of(|event| matches!(event, Event::Polled { polls: 1.., .. }));
    assert_eq!(polls.len() + 1, run.polls().len(), "each poll is reported but the one that ends it");
    assert_eq!(usize::try_from(run.report.polls).unwrap(), run.polls().len());
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_comes_each_minute_without_a_change_and_later_less_often() {
    let run = World::new().polls(|_, _| PollResult::Ours(pending())).run().await;
    let beats = run.times_of(|event| matches!(event, Event::Heartbeat { word, .. } if word == "PENDING"));
    let later = [432_000, 518_400, 622_080, 746_496, 895_795];
    let expected = (1..=6).map(|minute| s(60 * minute)).chain(later.map(ms));
    for (beat, expected) in beats.iter().zip(expected) {
        assert!(beat.abs_diff(expected) < ms(20), "{beats:?}");
    }
    assert_eq!(beats.len(), 11);
    let first = run.events.iter().find_map(|(_, event)| match event {
        Event::Heartbeat { in_state, left, .. } => Some((*in_state, *left)),
        _ => None,
    });
    assert_eq!(first, Some((s(60), s(14 * 60))), "the time in the state, and until the deadline");
}

#[tokio::test(start_paused = true)]
async fn a_change_resets_the_heartbeat() {
    let run = World::new().polls(|age, _| staged(age)).run().await;
    let changed = run.report.stages[1].at;
    let beats = run.times_of(|event| matches!(event, Event::Heartbeat { .. }));
    assert_eq!(beats, [changed + s(60), changed + s(120)]);
    let building = run.times_of(|event| matches!(event, Event::Heartbeat { word, .. } if word == "BUILDING"));
    assert_eq!(building.first(), Some(&(changed + s(60))));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_makes_no_poll_and_moves_none() {
    let beating = World::ends(s(700), succeeded()).run().await;
    let still = World::ends(s(700), succeeded()).plan(|plan| plan.timing.heartbeat = s(100_000)).run().await;
    assert_eq!(beating.polls(), still.polls());
    let asked = World::ends(s(700), succeeded()).plan(|plan| plan.interval = Some(s(250))).run().await;
    assert_eq!(
        asked.times_of(|event| matches!(event, Event::Heartbeat { .. })).len(),
        11,
        "also in long pauses"
    );
}

#[tokio::test(start_paused = true)]
async fn wait_decides_whether_it_is_followed() {
    let with = |wait| World::ends(s(20), succeeded()).plan(move |plan| plan.wait = wait);
    for wait in [Wait::Auto, Wait::Always] {
        let run = with(wait).run().await;
        assert_eq!((run.report.outcome, run.report.cause), (Outcome::Succeeded, None));
    }
    let unreadable = Some(Cause::Unreadable(CannotFollow::Missing(Vec::new())));
    let ends = [
        (with(Wait::Never), Outcome::Triggered, Some(Cause::WaitNever)),
        (with(Wait::Never).unreadable(), Outcome::Triggered, Some(Cause::WaitNever)),
        (with(Wait::Auto).unreadable(), Outcome::Triggered, unreadable.clone()),
        (with(Wait::Always).unreadable(), Outcome::Lost, unreadable),
    ];
    for (world, outcome, cause) in ends {
        let run = world.run().await;
        assert_eq!((run.report.outcome, &run.report.cause), (outcome, &cause));
        assert_eq!((run.report.sent, run.triggers().len(), run.over), (TriggerState::Yes, 1, s(0)));
        assert!(run.polls().is_empty(), "what is not followed is not read");
        assert_eq!(run.report.snapshot, Some(pending()));
    }
}

#[tokio::test(start_paused = true)]
async fn wait_never_reads_nothing_at_all() {
    let run = World::new().plan(|plan| plan.wait = Wait::Never).run().await;
    assert_eq!(run.calls, [(s(0), Call::Trigger)]);
}

#[tokio::test(start_paused = true)]
async fn an_existing_deployment_is_followed_and_never_triggered() {
    for (last, outcome, logs) in [(succeeded(), Outcome::Succeeded, 0), (failed(), Outcome::Failed, 1)] {
        let world = World::ends(s(90), last).follow("dp_ours").logs(|_, _| Log::Lines(vec!["no".into()]));
        let run = world.run().await;
        assert_eq!(
            (run.report.outcome, run.report.sent, run.report.triggers),
            (outcome, TriggerState::No, 0)
        );
        assert_eq!(run.polls()[0], s(0), "it is there already: polled immediately");
        assert_eq!(run.logs().len(), logs);
        assert!(run.calls.iter().all(|(_, call)| matches!(call, Call::Poll(_) | Call::Log(_))));
        assert!(run.times_of(|event| matches!(event, Event::Triggered { .. })).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn another_one_in_its_place_says_nothing_before_an_existing_one_was_seen() {
    let run = World::new().follow("dp_ours").polls(|_, _| newer()).run().await;
    assert_eq!((run.report.outcome, run.report.cause), (Outcome::Lost, Some(Cause::NotThere)));
    assert!((s(30)..=s(34)).contains(&run.over), "{:?}", run.over);
    let later = World::new().follow("dp_ours").polls(|_, nth| match nth {
        4..9 => PollResult::Ours(building()),
        _ => newer(),
    });
    let later = later.run().await;
    assert_eq!((later.report.outcome, later.polls().len()), (Outcome::Superseded, 10));
    let run = World::new().follow("dp_ours").plan(|plan| plan.timeout = ms(50_500)).run().await;
    assert_eq!(
        (run.report.outcome, run.over),
        (Outcome::TimedOut, ms(50_500)),
        "the deadline holds here too"
    );
}

#[tokio::test(start_paused = true)]
async fn every_event_has_its_time_from_one_clock_that_begins_with_the_trigger() {
    let slow = |call: &Call, nth| match call {
        Call::Snapshot => s(4),
        Call::Trigger if nth == 0 => s(3),
        _ => ms(700),
    };
    let again = [not_sent(NotSentReason::Dns), unclear(ResponseError::Broken)];
    let world = World::ends(s(90), succeeded()).latency(slow).answers(again);
    let world = world.finds(|_, nth| {
        if nth < 2 { LookupResult::NotYet(RateHint::default()) } else { LookupResult::Ours(pending()) }
    });
    for run in [world.run().await, World::new().latency(slow).stopped(s(2)).run().await] {
        assert!(run.elapsed.is_sorted(), "{:?}", run.elapsed);
        let before = if run.report.triggers > 0 { Duration::ZERO } else { s(2) };
        assert_eq!(run.elapsed[0], before, "it counts from the trigger, where there was one");
        for ((_, event), elapsed) in run.events.iter().zip(&run.elapsed) {
            if let Event::State { stage } = event {
                assert_eq!(stage.at, *elapsed, "the chart has the same time");
            }
        }
    }
}
