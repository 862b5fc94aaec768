//! How a follow ends: a terminal answer, the last poll on the deadline, a newer deployment, the log.

use std::time::Duration;

use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::{Cause, Event};
use deploy_hook::core::state::{Outcome, Phase, Verdict};
use deploy_hook::core::traits::{Log, PollResult};
use deploy_hook::core::trigger::TriggerResult;

use super::world::{
    Call, World, asks, building, counts, failed, gaps, newer, pending, snapshot, succeeded, trouble,
};
use super::{ms, s};

#[tokio::test(start_paused = true)]
async fn a_terminal_answer_ends_the_run_at_once() {
    let ends = [
        (succeeded(), Outcome::Succeeded),
        (snapshot("dp_ours", "CANCELED", Phase::Ended(Verdict::Canceled)), Outcome::Canceled),
        (snapshot("dp_ours", "SUPERSEDED", Phase::Ended(Verdict::Superseded)), Outcome::Superseded),
        (failed(), Outcome::Failed),
    ];
    for (last, outcome) in ends {
        let run = World::ends(s(42), last.clone()).run().await;
        assert_eq!((run.report.outcome, run.report.snapshot.as_ref()), (outcome, Some(&last)));
        assert_eq!(run.polls().last(), Some(&run.over), "nothing was waited for after it");
        let after = run.calls.iter().filter(|(at, call)| *at >= s(42) && matches!(call, Call::Poll(_)));
        assert_eq!(after.count(), 1, "no poll after it");
        assert_eq!(run.logs().len(), usize::from(outcome == Outcome::Failed), "the log of a failed one only");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_in_the_answer_to_the_trigger_is_confirmed_by_a_poll_and_a_failure_is_not() {
    let message = || World::new().answers([TriggerResult::Accepted(Some(succeeded()))]);
    let run = message().polls(|_, _| PollResult::Ours(succeeded())).run().await;
    assert_eq!((run.report.outcome, run.polls().len()), (Outcome::Succeeded, 1));
    let run = message().polls(|_, _| PollResult::Ours(failed())).run().await;
    assert_eq!(run.report.outcome, Outcome::Failed);
    let run = message().unreadable().run().await;
    assert_eq!((run.report.outcome, run.polls().len()), (Outcome::Triggered, 0));
    let run = World::new().answers([TriggerResult::Accepted(Some(failed()))]).run().await;
    assert_eq!((run.report.outcome, run.polls().len(), run.logs().len()), (Outcome::Failed, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_last_poll_falls_exactly_on_the_deadline() {
    for deadline in [s(1), s(9), s(100), s(613), s(900)] {
        let run = World::new().plan(|plan| plan.timeout = deadline).run().await;
        assert_eq!((run.report.outcome, run.over), (Outcome::TimedOut, deadline));
        assert_eq!(run.polls().last(), Some(&deadline));
        assert_eq!(run.report.snapshot, Some(building()), "what was seen last");
        assert_eq!(run.report.cause, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_the_trigger_not_from_what_was_read_before_it() {
    let slow = World::new().latency(|call, _| if *call == Call::Snapshot { s(20) } else { Duration::ZERO });
    let run = slow.plan(|plan| plan.timeout = s(60)).run().await;
    assert_eq!((run.over, run.report.duration), (s(80), s(60)));
}

#[tokio::test(start_paused = true)]
async fn a_verdict_seen_on_the_deadline_counts() {
    for (last, outcome) in [(succeeded(), Outcome::Succeeded), (failed(), Outcome::Failed)] {
        let run = World::ends(s(100), last).plan(|plan| plan.timeout = s(100)).run().await;
        assert_eq!(run.report.outcome, outcome);
        assert_eq!(run.polls().last(), Some(&s(100)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_a_moment_after_the_deadline_does_not() {
    let run = World::ends(ms(100_001), succeeded()).plan(|plan| plan.timeout = s(100)).run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::TimedOut, s(100)));
}

#[tokio::test(start_paused = true)]
async fn a_poll_under_way_on_the_deadline_is_the_last() {
    let slow = |call: &Call, nth| if matches!(call, Call::Poll(_)) && nth == 6 { s(25) } else { s(0) };
    let world = World::new().latency(slow).plan(|plan| (plan.timeout, plan.interval) = (s(500), Some(s(70))));
    let run = world.run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::TimedOut, s(500)));
    assert_eq!(run.polls().last(), Some(&s(490)));
}

#[tokio::test(start_paused = true)]
async fn a_last_poll_that_fails_leaves_it_timed_out_with_the_last_known_state() {
    let world =
        World::new().polls(|age, _| if age < s(99) { PollResult::Ours(building()) } else { trouble() });
    let run = world.plan(|plan| plan.timeout = s(100)).run().await;
    assert_eq!((run.report.outcome, run.report.snapshot), (Outcome::TimedOut, Some(building())));
    let never = World::new().polls(|_, _| trouble()).plan(|plan| plan.timeout = s(20)).run().await;
    assert_eq!((never.report.outcome, never.over), (Outcome::Lost, s(20)), "it was never seen");
    let absent =
        World::new().polls(|_, _| PollResult::NotThere).plan(|plan| plan.timeout = s(20)).run().await;
    assert_eq!((absent.report.outcome, absent.report.cause), (Outcome::Lost, Some(Cause::NotThere)));
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_deadline_ends_the_run_there_without_a_poll() {
    for rate_hint in [asks(s(61)), asks(s(100_000)), counts(0, s(61))] {
        let world =
            World::new().rate_hints(move |age, _| if age < s(40) { RateHint::default() } else { rate_hint });
        let run = world.plan(|plan| plan.timeout = s(100)).run().await;
        assert_eq!((run.report.outcome, run.over), (Outcome::TimedOut, s(100)));
        let after: Vec<_> = run.polls().into_iter().filter(|at| *at >= s(40)).collect();
        assert_eq!(after.len(), 1, "no poll after it was asked for: {after:?}");
        assert_eq!(run.report.snapshot, Some(building()));
    }
    let until = World::new().plan(|plan| (plan.timeout, plan.interval) = (s(100), Some(s(40))));
    let run = until.rate_hints(|_, nth| if nth == 0 { asks(s(60)) } else { RateHint::default() }).run().await;
    assert_eq!(run.polls(), [s(40), s(100)], "exactly until the deadline: the last poll is allowed");
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_left_allow_the_last_poll_on_the_deadline() {
    let world = World::ends(s(95), succeeded()).rate_hints(|_, _| counts(6, s(60)));
    let run = world.plan(|plan| plan.timeout = s(100)).run().await;
    assert_eq!(run.polls().last(), Some(&s(100)), "six requests are left: {:?}", run.polls());
    assert_eq!(run.report.outcome, Outcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_newer_deployment_in_its_place_supersedes_it_at_once() {
    for seen_before in [0, 3] {
        let world = World::new().polls(move |_, nth| match nth {
            nth if nth < seen_before => PollResult::Ours(building()),
            _ => newer(),
        });
        let run = world.run().await;
        assert_eq!(run.report.outcome, Outcome::Superseded);
        assert!(matches!(&run.report.cause, Some(Cause::Newer(id)) if id.as_str() == "dp_other"));
        assert_eq!((run.polls().len(), run.logs().len()), (seen_before + 1, 0));
        let ours = run.report.snapshot.unwrap();
        assert_eq!(ours.id.as_str(), "dp_ours", "the report stays with ours");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_word_is_warned_of_once_waited_on_and_never_success() {
    let odd = || snapshot("dp_ours", "POLISHING", Phase::Unknown);
    let world = World::new().polls(move |age, nth| match age {
        age if age > s(90) => PollResult::Ours(succeeded()),
        _ if nth % 4 == 3 => PollResult::Ours(building()),
        _ => PollResult::Ours(odd()),
    });
    let run = world.run().await;
    assert_eq!(run.report.outcome, Outcome::Succeeded, "it was waited on");
    let warned = run.times_of(|event| matches!(event, Event::UnknownState { word } if word == "POLISHING"));
    assert_eq!(warned.len(), 1);
    let for_ever = World::new().polls(move |_, _| PollResult::Ours(odd())).run().await;
    assert_eq!((for_ever.report.outcome, for_ever.over), (Outcome::TimedOut, s(900)));
    assert_eq!(for_ever.report.snapshot.unwrap().word, "POLISHING", "it is shown");
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_failed_deployment_is_asked_for_at_most_three_times() {
    let never = World::ends(s(10), failed()).logs(|_, _| Log::NotYet(RateHint::default())).run().await;
    assert_eq!((never.report.outcome, never.logs().len()), (Outcome::Failed, 3));
    assert!(never.over <= never.logs()[0] + s(4), "{:?}", never.logs());
    let late = World::ends(s(10), failed()).logs(|_, nth| match nth {
        0 => Log::NotYet(RateHint::default()),
        _ => Log::Lines(vec!["error: no space left".into()]),
    });
    let late = late.run().await;
    assert_eq!((late.logs().len(), late.report.log), (2, vec!["error: no space left".to_owned()]));
    let none = World::ends(s(10), failed()).run().await;
    assert_eq!((none.logs().len(), none.report.log.len()), (1, 0));
    let only_ours = none.calls.iter().all(|(_, call)| match call {
        Call::Poll(id) | Call::Log(id) => *id == pending().id,
        _ => true,
    });
    assert!(only_ours);
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_asks_for_holds_for_the_log_too() {
    for rate_hint in [asks(s(12)), counts(0, s(12))] {
        let world = World::ends(s(10), failed()).logs(move |_, _| Log::NotYet(rate_hint));
        let logs = world.run().await.logs();
        assert!(gaps(&logs).iter().all(|gap| *gap == s(12)), "asked for 12 s: {logs:?}");
        assert_eq!(logs.len(), 3);
    }
    for rate_hint in [asks(s(300)), counts(0, s(300))] {
        let run = World::ends(s(10), failed()).logs(move |_, _| Log::NotYet(rate_hint)).run().await;
        let early = gaps(&run.logs()).iter().any(|gap| *gap < s(300));
        assert!(!early, "asked for 300 s: {:?}", run.logs());
        assert_eq!(run.report.outcome, Outcome::Failed);
    }
    for rate_hint in [asks(s(12)), counts(0, s(12))] {
        let asked = World::ends(s(10), failed()).rate_hints(move |_, _| rate_hint).run().await;
        let (polls, logs) = (asked.polls(), asked.logs());
        assert!(logs[0] >= polls[polls.len() - 1] + s(12), "asked with the verdict: {polls:?} {logs:?}");
    }
}
