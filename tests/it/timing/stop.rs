//! A run that is asked to stop: what it still does, and how soon it is over.

use std::time::Duration;

use deploy_hook::core::Wait;
use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::{Event, TriggerState};
use deploy_hook::core::state::Outcome;
use deploy_hook::core::traits::Log;
use deploy_hook::core::trigger::{NotSentReason, RefusalReason, ResponseError, TriggerResult};

use super::world::{Call, Run, World, failed, not_sent, refused, succeeded, unclear};
use super::{ms, s};

/// A trigger that takes so long to be answered.
fn slow(answer: Duration) -> World {
    World::new().latency(move |call, _| if *call == Call::Trigger { answer } else { Duration::ZERO })
}

fn nothing_sent(run: &Run) {
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Interrupted, TriggerState::No));
    assert_eq!((run.triggers().len(), run.report.triggers), (0, 0));
    assert!(matches!(run.events.last(), Some((_, Event::Finished { .. }))), "the end is reported");
}

#[tokio::test(start_paused = true)]
async fn stopped_before_the_trigger_nothing_is_sent() {
    let reading =
        World::new().latency(|call, _| if *call == Call::Snapshot { s(10) } else { Duration::ZERO });
    let run = reading.stopped(s(3)).run().await;
    nothing_sent(&run);
    assert_eq!(run.over, s(3));
}

#[tokio::test(start_paused = true)]
async fn stopped_while_an_event_is_reported_nothing_is_sent() {
    for wait in [Wait::Never, Wait::Auto] {
        let world = World::new().plan(|plan| plan.wait = wait).stopped(s(2));
        let report_delay = |event: &Event| if matches!(event, Event::Started { .. }) { s(5) } else { s(0) };
        nothing_sent(&world.report_delay(report_delay).run().await);
        let at_once = World::new().plan(|plan| plan.wait = wait).stopped(s(0));
        nothing_sent(&at_once.run().await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_stop_grace_names_the_deployment() {
    let run = slow(ms(1500)).stopped(s(1)).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Interrupted, TriggerState::Yes));
    assert_eq!(run.report.snapshot.unwrap().id.as_str(), "dp_ours");
    assert_eq!((run.over, run.calls.len()), (ms(1500), 2), "and nothing is asked after it");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_leaves_it_unknown() {
    let run = slow(s(30)).stopped(s(1)).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Interrupted, TriggerState::Maybe));
    assert_eq!((run.over, run.report.triggers, run.report.snapshot), (s(2), 1, None));
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_stop_grace_means_what_it_always_means() {
    let answers = [
        (not_sent(NotSentReason::Dns), Outcome::Interrupted, TriggerState::No),
        (not_sent(NotSentReason::Tls), Outcome::Unreachable, TriggerState::No),
        (refused(RefusalReason::RateLimited, None), Outcome::Interrupted, TriggerState::No),
        (refused(RefusalReason::Gone, None), Outcome::Refused, TriggerState::No),
        (unclear(ResponseError::Broken), Outcome::Interrupted, TriggerState::Maybe),
        (TriggerResult::Accepted(Some(succeeded())), Outcome::Interrupted, TriggerState::Yes),
        (TriggerResult::Accepted(Some(failed())), Outcome::Failed, TriggerState::Yes),
    ];
    for (answer, outcome, sent) in answers {
        let run = slow(s(2)).answers([answer.clone()]).stopped(s(1)).run().await;
        assert_eq!((run.report.outcome, run.report.sent), (outcome, sent), "{answer:?}");
        assert_eq!((run.over, run.calls.len()), (s(2), 2), "no repetition, no search, no log: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn stopped_between_two_triggers_nothing_was_sent() {
    let run =
        World::new().answers([refused(RefusalReason::RateLimited, Some(s(60)))]).stopped(s(20)).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Interrupted, TriggerState::No));
    assert_eq!((run.triggers().len(), run.over), (1, s(20)));
}

#[tokio::test(start_paused = true)]
async fn stopped_while_searching_it_stays_unknown() {
    let run = World::new().answers([unclear(ResponseError::TimedOut)]).stopped(ms(10_500)).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Interrupted, TriggerState::Maybe));
    assert_eq!(run.over, ms(10_500));
}

#[tokio::test(start_paused = true)]
async fn stopped_while_waiting_it_ends_at_once() {
    let resting = World::new().stopped(ms(100_123)).run().await;
    assert_eq!((resting.report.outcome, resting.report.sent), (Outcome::Interrupted, TriggerState::Yes));
    assert_eq!((resting.over, resting.report.duration), (ms(100_123), ms(100_123)));
    assert_eq!(resting.report.snapshot.unwrap().word, "BUILDING", "the last that was seen is kept");
    let poll = World::new().latency(|call, _| if matches!(call, Call::Poll(_)) { s(20) } else { s(0) });
    let looking = poll.stopped(s(15)).run().await;
    assert_eq!((looking.report.outcome, looking.over), (Outcome::Interrupted, s(15)), "during a poll too");
}

#[tokio::test(start_paused = true)]
async fn stopped_during_the_log_the_verdict_stays() {
    let world = World::ends(s(10), failed()).logs(|_, _| Log::NotYet(RateHint::default()));
    let world = world.latency(|call, _| if matches!(call, Call::Log(_)) { s(20) } else { Duration::ZERO });
    let run = world.stopped(s(15)).run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::Failed, s(15)));
    assert!(run.report.duration < s(12), "the deployment's end, not the log's: {:?}", run.report.duration);
}
