//! An accepted trigger that names no deployment: it is searched for and followed, or the run reports what is missing.

use deploy_hook::core::Wait;
use deploy_hook::core::rate::RateHint;
use deploy_hook::core::report::{Cause, Event, TriggerState};
use deploy_hook::core::state::Outcome;
use deploy_hook::core::traits::{LookupResult, PollResult, SnapshotResult};
use deploy_hook::core::trigger::TriggerResult;

use super::s;
use super::world::{World, snapshot, succeeded};

fn accepted() -> World {
    World::new().answers([TriggerResult::Accepted(None)])
}

#[tokio::test(start_paused = true)]
async fn its_deployment_is_found_and_followed() {
    let found = || snapshot("dp_found", "SUCCEEDED", succeeded().phase);
    for before in [SnapshotResult::Known, SnapshotResult::Unknown] {
        let world = accepted().before(before).polls(move |_, _| PollResult::Ours(found()));
        let run = world
            .finds(move |age, _| match age.as_secs() {
                ..60 => LookupResult::NotYet(RateHint::default()),
                _ => LookupResult::Ours(snapshot("dp_found", "BUILDING", found().phase)),
            })
            .run()
            .await;
        assert_eq!((run.report.outcome, run.report.cause.clone()), (Outcome::Succeeded, None));
        assert_eq!((run.report.sent, run.triggers().len()), (TriggerState::Yes, 1));
        let searching = |event: &Event| matches!(event, Event::Searching { unclear: None });
        assert!(run.events.iter().any(|(_, event)| searching(event)));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_deployment_in_the_platforms_time_it_is_lost_and_never_uncertain() {
    let run = accepted().run().await;
    assert_eq!((run.report.outcome, run.report.cause.clone()), (Outcome::Lost, Some(Cause::NotThere)));
    assert_eq!((run.report.sent, run.over, run.polls().len()), (TriggerState::Yes, s(120), 0));
    let short = accepted().plan(|plan| plan.timeout = s(20)).run().await;
    assert_eq!((short.report.outcome, short.over), (Outcome::Lost, s(20)), "the deadline comes first");
}

#[tokio::test(start_paused = true)]
async fn of_several_deployments_none_is_guessed_to_be_ours() {
    let run = accepted().finds(|_, _| LookupResult::Several).run().await;
    assert_eq!((run.report.outcome, run.report.cause.clone()), (Outcome::Lost, Some(Cause::Several)));
    assert!(run.polls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_or_need_not_be_followed_is_not_looked_for() {
    let by_choice = accepted().plan(|plan| plan.wait = Wait::Never).run().await;
    assert_eq!(
        (by_choice.report.outcome, by_choice.report.cause),
        (Outcome::Triggered, Some(Cause::WaitNever))
    );
    for (wait, outcome) in [(Wait::Auto, Outcome::Triggered), (Wait::Always, Outcome::Lost)] {
        let run = accepted().unreadable().plan(|plan| plan.wait = wait).run().await;
        assert_eq!((run.report.outcome, run.finds().len()), (outcome, 0));
        assert!(matches!(run.report.cause, Some(Cause::Unreadable(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_while_searching_it_says_that_it_was_triggered() {
    let run = accepted().stopped(s(30)).run().await;
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Interrupted, TriggerState::Yes));
}
