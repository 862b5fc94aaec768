//! Call an early 404, failing polls and a denied poll lead to.

use deploy_hook::core::report::{Cause, Event};
use deploy_hook::core::state::{Outcome, ReadDenied};
use deploy_hook::core::traits::PollResult;
use deploy_hook::core::trigger::{RefusalReason, ResponseError, TriggerResult};

use super::world::{Call, World, building, pending, refused, succeeded, trouble, unclear};
use super::{ms, s};
use deploy_hook::core::traits::LookupResult;

#[tokio::test(start_paused = true)]
async fn an_early_404_is_not_there_yet() {
    let world = World::new().polls(|age, _| match age {
        age if age < s(25) => PollResult::NotThere,
        age if age < s(60) => PollResult::Ours(building()),
        _ => PollResult::Ours(succeeded()),
    });
    let run = world.run().await;
    assert_eq!(run.report.outcome, Outcome::Succeeded);
    assert!(run.times_of(|event| matches!(event, Event::PollFailed { .. })).is_empty(), "it is no trouble");
    assert!(run.polls().len() > 10, "it costs no error budget: {}", run.polls().len());
}

#[tokio::test(start_paused = true)]
async fn a_lasting_404_is_lost_soon_after_the_grace() {
    let run = World::new().polls(|_, _| PollResult::NotThere).run().await;
    assert_eq!((run.report.outcome, &run.report.cause), (Outcome::Lost, &Some(Cause::NotThere)));
    assert!((s(30)..=s(34)).contains(&run.over), "{:?}", run.over);
    assert_eq!(run.polls().last(), Some(&run.over), "that poll was the last");
}

#[tokio::test(start_paused = true)]
async fn the_grace_begins_with_the_answer_that_named_the_deployment() {
    let absent = |world: World, before: u64| {
        world.polls(move |age, nth| match nth {
            0..3 => PollResult::NotThere,
            _ if age < s(before + 60) => PollResult::Ours(building()),
            _ => PollResult::Ours(succeeded()),
        })
    };
    let slow = World::new().latency(|call, _| if *call == Call::Trigger { s(40) } else { ms(10) });
    assert_eq!(absent(slow, 40).run().await.report.outcome, Outcome::Succeeded, "a slow answer");
    let asked = refused(RefusalReason::RateLimited, Some(s(60)));
    let again = World::new().answers([asked, TriggerResult::Accepted(Some(pending()))]);
    assert_eq!(absent(again, 0).run().await.report.outcome, Outcome::Succeeded, "after a Retry-After");
    let adopted = World::new().answers([unclear(ResponseError::TimedOut)]);
    let adopted = adopted.latency(|call, _| if *call == Call::Trigger { s(40) } else { ms(10) });
    let adopted = adopted.finds(|_, _| LookupResult::Ours(pending()));
    assert_eq!(absent(adopted, 40).run().await.report.outcome, Outcome::Succeeded, "after an adoption");
}

#[tokio::test(start_paused = true)]
async fn a_404_after_it_was_seen_uses_the_error_budget() {
    let gone = |from, until| {
        World::new().polls(move |age, _| match age {
            age if (s(from)..s(until)).contains(&age) => PollResult::NotThere,
            age if age < s(300) => PollResult::Ours(building()),
            _ => PollResult::Ours(succeeded()),
        })
    };
    for (from, until) in [(5, 20), (60, 100)] {
        let run = gone(from, until).run().await;
        assert_eq!(run.report.outcome, Outcome::Succeeded, "a blip from {from} s to {until} s");
        assert!(!run.times_of(|event| matches!(event, Event::PollFailed { .. })).is_empty());
    }
    let run = gone(60, 9999).run().await;
    assert_eq!(run.report.outcome, Outcome::Lost);
    assert!(
        matches!(run.report.cause, Some(Cause::PollsFailed { errors: 10, .. })),
        "{:?}",
        run.report.cause
    );
    assert_eq!(run.report.snapshot, Some(building()), "the last that was known");
}

#[tokio::test(start_paused = true)]
async fn ten_failing_polls_in_a_row_lose_it_far_before_the_deadline() {
    let world =
        World::new().polls(|age, _| if age < s(30) { PollResult::Ours(building()) } else { trouble() });
    let run = world.plan(|plan| plan.timeout = s(3600)).run().await;
    let message = "502 Bad Gateway".to_owned();
    assert_eq!(run.report.outcome, Outcome::Lost);
    assert_eq!(run.report.cause, Some(Cause::PollsFailed { message, errors: 10 }));
    assert!(run.over < s(30 + 200), "{:?}", run.over);
    let times = run.times_of(|event| matches!(event, Event::PollFailed { budget: 10, .. }));
    assert_eq!(times.len(), 9, "the tenth is the end");
    assert_eq!(run.report.snapshot, Some(building()));
}

#[tokio::test(start_paused = true)]
async fn a_good_poll_restores_the_error_budget() {
    let world = World::new().polls(|age, nth| match nth % 10 {
        9 if age > s(3000) => PollResult::Ours(succeeded()),
        9 => PollResult::Ours(building()),
        _ => trouble(),
    });
    let run = world.plan(|plan| plan.timeout = s(7200)).run().await;
    assert_eq!(run.report.outcome, Outcome::Succeeded, "nine of ten polls failed, never ten in a row");
}

#[tokio::test(start_paused = true)]
async fn failing_polls_back_off_by_doubling_up_to_the_cap_and_a_good_one_ends_that() {
    let world = World::new().polls(|_, nth| match nth {
        0..7 => trouble(),
        _ => PollResult::Ours(building()),
    });
    let run = world.plan(|plan| plan.timeout = s(300)).run().await;
    assert_eq!(run.pauses()[..7], [s(2), s(4), s(8), s(16), s(30), s(30), s(30)]);
    assert!(run.pauses()[7] < s(14), "back to the pause of its age: {:?}", run.pauses()[7]);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_interval_backs_off_too() {
    let world = World::new().polls(|_, _| trouble()).plan(|plan| plan.interval = Some(s(5)));
    let run = world.run().await;
    assert_eq!(run.pauses()[..5], [s(5), s(5), s(8), s(16), s(30)]);
}

#[tokio::test(start_paused = true)]
async fn a_denied_poll_ends_the_run_at_once() {
    let denied = ReadDenied { status: 403, message: "no".into(), with_token: true };
    for nth_denied in [0, 4] {
        let answer = denied.clone();
        let world = World::new().polls(move |_, nth| match nth {
            nth if nth < nth_denied => PollResult::Ours(building()),
            _ => PollResult::Denied(answer.clone()),
        });
        let run = world.run().await;
        assert_eq!(run.report.outcome, Outcome::Lost);
        assert_eq!(run.report.cause, Some(Cause::Denied(denied.clone())));
        assert_eq!(run.polls().len(), nth_denied + 1, "asking again would only count against us");
        assert_eq!(run.polls().last(), Some(&run.over));
    }
}
