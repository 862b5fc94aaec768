//! No request outlasts the time there is: the deadline holds whatever the platform does not answer.

use std::time::Duration;

use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::{Cause, TriggerState};
use deploy_hook::core::state::{Outcome, ReadDenied};
use deploy_hook::core::traits::{Log, LookupResult, PollResult, SnapshotResult};
use deploy_hook::core::trigger::ResponseError;

use super::world::{Call, World, asks, building, failed, pending, succeeded, trouble, unclear};
use super::{ms, s};

/// Call a request may take beyond the deadline.
const LEAST: Duration = Duration::from_secs(2);

/// A platform that answers everything but this, with this deadline.
fn silent(call: fn(&Call) -> bool, timeout: Duration) -> World {
    let latency = move |other: &Call, _| if call(other) { Duration::from_hours(1) } else { ms(1) };
    World::new().latency(latency).plan(|plan| plan.timeout = timeout)
}

#[tokio::test(start_paused = true)]
async fn a_trigger_without_an_answer_ends_on_the_deadline() {
    for timeout in [s(2), s(10), s(25)] {
        let run = silent(|call| *call == Call::Trigger, timeout).before(SnapshotResult::Unknown).run().await;
        assert_eq!((run.report.outcome, run.report.sent), (Outcome::Uncertain, TriggerState::Maybe));
        assert!((timeout..=timeout + ms(10)).contains(&run.over), "{timeout:?}: {:?}", run.over);
        let run = silent(|call| *call == Call::Trigger, timeout).run().await;
        assert_eq!((run.report.outcome, run.finds().len()), (Outcome::Uncertain, 1));
        assert!(run.over <= timeout + LEAST, "{timeout:?}: {:?}", run.over);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_leaves_it_timed_out_after_a_last_poll() {
    let slow = |call: &Call, _| if *call == Call::Trigger { s(20) } else { ms(1) };
    let world = World::new().latency(slow).finds(|_, _| LookupResult::Ours(pending()));
    let run = world.plan(|plan| plan.timeout = s(10)).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::TimedOut, TriggerState::Yes));
    assert_eq!((run.polls().len(), run.report.snapshot), (1, Some(building())));
    // Within the least time there is for it, the answer itself comes after the deadline.
    let late = |call: &Call, _| if *call == Call::Trigger { ms(1500) } else { ms(1) };
    let run = World::new().latency(late).plan(|plan| plan.timeout = s(1)).run().await;
    assert_eq!((run.report.outcome, run.polls().len()), (Outcome::TimedOut, 1));
    let over = World::new().latency(late).polls(|_, _| PollResult::Ours(succeeded()));
    let over = over.plan(|plan| plan.timeout = s(1)).run().await;
    assert_eq!((over.report.outcome, over.polls().len()), (Outcome::Succeeded, 1));
}

#[tokio::test(start_paused = true)]
async fn polls_and_finds_without_an_answer_end_on_the_deadline() {
    for timeout in [s(2), s(20), s(300)] {
        let run = silent(|call| matches!(call, Call::Poll(_)), timeout).run().await;
        assert_eq!(run.report.outcome, Outcome::Lost, "it was never read");
        assert!(run.over <= timeout + LEAST, "{timeout:?}: {:?}", run.over);
        let lost = silent(|call| *call == Call::Find, timeout).answers([unclear(ResponseError::Broken)]);
        let run = lost.run().await;
        assert_eq!(run.report.outcome, Outcome::Uncertain);
        assert!(run.over <= timeout + LEAST, "{timeout:?}: {:?}", run.over);
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_takes_a_few_seconds_beyond_the_deadline_at_most() {
    let beyond = s(3);
    for timeout in [s(2), s(10), s(300)] {
        let log_silent = silent(|call| matches!(call, Call::Log(_)), timeout);
        let never = World::ends(s(1), failed()).plan(|plan| plan.timeout = timeout);
        let asked = never.logs(|_, _| Log::NotYet(asks(s(29))));
        for run in [log_silent.polls(|_, _| PollResult::Ours(failed())).run().await, asked.run().await] {
            assert_eq!(run.report.outcome, Outcome::Failed);
            assert!(run.over <= timeout + beyond + ms(10), "{timeout:?}: {:?}", run.over);
            assert!(run.over <= s(40), "a log is not waited for much longer: {:?}", run.over);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_ci_job_bounds_every_request() {
    let limit = s(30);
    let kinds: [fn(&Call) -> bool; 5] = [
        |call| *call == Call::Snapshot,
        |call| *call == Call::Trigger,
        |call| *call == Call::Find,
        |call| matches!(call, Call::Poll(_)),
        |call| matches!(call, Call::Log(_)),
    ];
    for call in kinds {
        for end in [PollResult::Ours(building()), PollResult::Ours(failed())] {
            let world = silent(call, s(900)).plan(|plan| plan.limit = Some(limit));
            let run = world.polls(move |_, _| end.clone()).run().await;
            assert!(run.over <= limit + s(3), "{:?}", run.over);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_good_answer_suggests_is_followed_up_to_the_cap() {
    let suggests = |pause| move |_, _| RateHint { suggested: Some(pause), ..RateHint::default() };
    let run = World::ends(s(100), succeeded()).rate_hints(suggests(s(3600))).run().await;
    assert_eq!(run.report.outcome, Outcome::Succeeded, "it does not end all looking");
    assert!(run.pauses().iter().all(|pause| *pause == s(30)), "{:?}", run.pauses());
    let run = World::ends(s(40), succeeded()).rate_hints(suggests(s(7))).run().await;
    assert!(run.pauses().iter().all(|pause| *pause >= s(7)), "{:?}", run.pauses());
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_any_run_ends_it_and_overflows_nothing() {
    let forever = Duration::from_secs(u32::MAX.into());
    for rate_hint in [asks(forever), asks(Duration::MAX)] {
        let run = World::new().rate_hints(move |_, _| rate_hint).run().await;
        assert_eq!((run.report.outcome, run.polls().len()), (Outcome::TimedOut, 1));
        assert_eq!((run.report.cause, run.over), (Some(Cause::AskedToWait), s(900)));
        let run = World::ends(s(0), failed()).logs(move |_, _| Log::NotYet(rate_hint)).run().await;
        assert_eq!((run.report.outcome, run.logs().len()), (Outcome::Failed, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_the_run_before_anything_is_sent_or_reported() {
    let denied = ReadDenied { status: 401, message: "No.".to_owned(), with_token: true };
    let denied = SnapshotResult::Denied(denied);
    let (run, calls) = World::new().before(denied).try_run().await;
    let refusal = run.err().expect("it never ran");
    assert_eq!((refusal.status, refusal.message.as_str()), (401, "No."));
    assert!(calls.iter().all(|(_, call)| *call == Call::Snapshot), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_success_that_may_be_early_is_read_once_more() {
    let world = || World::ends(s(60), succeeded()).early();
    let run = world().run().await;
    let polls: Vec<_> = run.polls().into_iter().filter(|at| *at >= s(60)).collect();
    assert_eq!((run.report.outcome, polls.len()), (Outcome::Succeeded, 2), "{polls:?}");
    assert_eq!(polls[1], polls[0] + s(2));
    assert_eq!(run.report.duration, polls[0], "it had succeeded when that was read first");
    let then = |later: PollResult| {
        let polls = move |age: Duration, _| match age.as_secs() {
            ..60 => PollResult::Ours(building()),
            60 => PollResult::Ours(succeeded()),
            _ => later.clone(),
        };
        World::new().early().plan(|plan| plan.interval = Some(s(1))).polls(polls)
    };
    let failed_after = then(PollResult::Ours(failed())).run().await;
    assert_eq!(failed_after.report.outcome, Outcome::Failed, "the post-deploy command failed");
    let goes_on = then(PollResult::Ours(building())).run().await;
    assert_eq!(goes_on.report.outcome, Outcome::TimedOut, "it was not over");
    for unread in [
        trouble(),
        PollResult::NotThere,
        PollResult::Denied(ReadDenied { status: 401, message: String::new(), with_token: true }),
    ] {
        let run = then(unread).run().await;
        assert_eq!(
            run.report.outcome,
            Outcome::Succeeded,
            "the platform has reported it, and nothing else since"
        );
    }
    let at_the_end = world().plan(|plan| plan.timeout = s(61)).run().await;
    assert_eq!(at_the_end.report.outcome, Outcome::Succeeded, "there was no time to read it again");
}

#[tokio::test(start_paused = true)]
async fn the_report_says_when_the_state_was_last_read() {
    let world =
        World::new().polls(|age, _| if age < s(30) { PollResult::Ours(building()) } else { trouble() });
    let run = world.plan(|plan| plan.timeout = s(60)).run().await;
    let read = *run.polls().iter().rev().find(|at| **at < s(30)).expect("one was read");
    assert_eq!((run.report.outcome, run.report.last_read), (Outcome::TimedOut, Some(read)));
    assert!(matches!(run.report.cause, Some(Cause::PollsFailed { .. })));
    let last = run.report.stages.len() - 1;
    assert_eq!(run.report.seen_until(last), read, "what nobody saw is not drawn");
    let stopped =
        World::new().polls(|_, nth| if nth == 0 { PollResult::Ours(building()) } else { trouble() });
    let stopped = stopped.stopped(s(20)).run().await;
    assert_eq!(stopped.report.outcome, Outcome::Interrupted);
    assert!(matches!(stopped.report.cause, Some(Cause::PollsFailed { .. })), "{:?}", stopped.report.cause);
}

#[tokio::test(start_paused = true)]
async fn the_pause_before_a_log_is_read_again_counts_against_its_limit() {
    let world = World::ends(s(9), failed()).limit(20, s(60)).plan(|plan| plan.timeout = s(10));
    let run = world.logs(|_, _| Log::NotYet(RateHint::default())).run().await;
    assert_eq!((run.report.outcome, run.logs().len()), (Outcome::Failed, 1));
    assert_eq!(Some(&run.over), run.logs().last(), "nothing is waited for in vain");
}

#[tokio::test(start_paused = true)]
async fn the_reading_before_the_trigger_takes_no_longer_than_the_timeout() {
    let run = silent(|call| *call == Call::Snapshot, s(3)).run().await;
    assert_eq!(run.triggers(), [s(3)]);
}
