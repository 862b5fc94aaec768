//! A trigger without a usable answer: its deployment is searched by reading, or the run is uncertain.

use deploy_hook::core::Wait;
use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::{Cause, Event, TriggerState};
use deploy_hook::core::state::Outcome;
use deploy_hook::core::traits::{LookupResult, PollResult, SnapshotResult};
use deploy_hook::core::trigger::ResponseError;

use super::world::{Call, World, asks, building, counts, gaps, snapshot, succeeded, trouble, unclear};
use super::{ms, s};

fn lost_answer() -> World {
    World::new().answers([unclear(ResponseError::Broken)])
}

fn after(nth: usize) -> impl FnMut(std::time::Duration, usize) -> LookupResult {
    move |_, now| match now {
        now if now < nth => LookupResult::NotYet(RateHint::default()),
        _ => LookupResult::Ours(snapshot("dp_found", "BUILDING", building().phase)),
    }
}

#[tokio::test(start_paused = true)]
async fn the_deployment_that_is_found_is_adopted_and_followed() {
    let found = || snapshot("dp_found", "SUCCEEDED", succeeded().phase);
    let world = lost_answer().finds(after(4)).polls(move |age, _| match age {
        age if age < s(60) => PollResult::Ours(snapshot("dp_found", "BUILDING", building().phase)),
        _ => PollResult::Ours(found()),
    });
    let run = world.run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Succeeded, TriggerState::Yes));
    assert_eq!((run.triggers().len(), run.finds().len(), run.report.cause), (1, 5, None));
    let adopted = run.events.iter().filter(|(_, event)| match event {
        Event::Triggered { snapshot: Some(snapshot), adopted } => {
            *adopted && snapshot.id.as_str() == "dp_found"
        }
        _ => false,
    });
    assert_eq!(adopted.count(), 1);
    let other = |call: &Call| matches!(call, Call::Poll(id) if id.as_str() != "dp_found");
    assert!(!run.calls.iter().any(|(_, call)| other(call)), "that id is followed and no other");
}

#[tokio::test(start_paused = true)]
async fn where_it_is_not_known_what_was_there_before_nothing_is_looked_for() {
    let unread = lost_answer().finds(after(0)).before(SnapshotResult::Unknown).run().await;
    let never = lost_answer().finds(after(0)).plan(|plan| plan.wait = Wait::Never).run().await;
    for run in [unread, never] {
        assert_eq!((run.report.outcome, run.report.sent), (Outcome::Uncertain, TriggerState::Maybe));
        assert_eq!((run.finds().len(), run.polls().len(), run.over), (0, 0, s(0)));
        assert!(matches!(run.report.cause, Some(Cause::Unclear(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_never_found_is_uncertain_after_the_search_time() {
    let run = lost_answer().run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Uncertain, TriggerState::Maybe));
    assert!(matches!(run.report.cause, Some(Cause::Unclear(_))));
    assert_eq!(run.over, s(30), "and the last poll for it falls on the window's end");
    assert_eq!(run.finds().last(), Some(&s(30)));
    assert!((25..=40).contains(&run.finds().len()), "{:?}", run.finds());
    assert!(run.polls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_search_begins_when_the_answer_failed_and_ends_by_the_deadline() {
    let slow = lost_answer().latency(|call, _| if *call == Call::Trigger { s(30) } else { ms(1) });
    let run = slow.run().await;
    assert!((s(60)..=ms(60_100)).contains(&run.over), "{:?}", run.over);
    let short = lost_answer().plan(|plan| plan.timeout = s(12)).run().await;
    assert_eq!((short.report.outcome, short.over), (Outcome::Uncertain, s(12)));
}

#[tokio::test(start_paused = true)]
async fn where_it_cannot_be_found_out_it_is_uncertain_at_once() {
    let run = lost_answer().finds(|_, _| LookupResult::Never).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Uncertain, TriggerState::Maybe));
    assert_eq!(run.finds().len(), 1);
    assert!(run.over <= s(1), "{:?}", run.over);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_while_searching() {
    for rate_hint in [asks(s(9)), counts(0, s(9))] {
        let run = lost_answer().finds(move |_, _| LookupResult::NotYet(rate_hint)).run().await;
        let early = gaps(&run.finds()).iter().any(|gap| *gap < s(9));
        assert!(!early, "asked for 9 s: {:?}", run.finds());
        assert_eq!(run.report.outcome, Outcome::Uncertain);
        assert!((s(20)..=s(30)).contains(&run.over), "{:?}", run.over);
    }
    for rate_hint in [asks(s(120)), counts(0, s(120))] {
        let run = lost_answer().finds(move |_, _| LookupResult::NotYet(rate_hint)).run().await;
        assert_eq!(run.finds().len(), 1, "asked for 120 s: {:?}", run.finds());
        assert_eq!(run.report.outcome, Outcome::Uncertain);
        assert!(run.over <= s(30), "{:?}", run.over);
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_deployment_was_seen() {
    let world = lost_answer().finds(after(0)).polls(|_, _| trouble());
    let run = world.plan(|plan| plan.timeout = s(20)).run().await;
    assert_eq!(run.report.outcome, Outcome::TimedOut, "reading found it, under way, before the deadline");
    let gone = lost_answer().finds(after(0)).polls(|age, _| match age {
        age if (s(40)..s(60)).contains(&age) || age < s(35) => PollResult::NotThere,
        age if age < s(90) => PollResult::Ours(building()),
        _ => PollResult::Ours(succeeded()),
    });
    let run = gone.run().await;
    assert!(
        !run.times_of(|event| matches!(event, Event::PollFailed { .. })).is_empty(),
        "a 404 is trouble then"
    );
}
