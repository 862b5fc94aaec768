//! The page that is verified: when it is requested, what ends that, and what the run is then.

use std::time::Duration;

use deploy_hook::core::report::{Cause, Event};
use deploy_hook::core::site::{SiteAnswer, SiteFault};
use deploy_hook::core::state::{CannotFollow, Outcome};
use deploy_hook::core::trigger::TriggerResult;
use deploy_hook::core::{Verify, Wait};

use super::s;
use super::world::{Run, World, failed, gaps, old, right, succeeded, trouble};

/// A deployment that succeeds after twenty seconds, with this page.
fn deployed(answer: impl FnMut(Duration, usize) -> SiteAnswer + 'static) -> World {
    World::ends(s(20), succeeded()).page(answer)
}

/// When the page was requested, since the first request.
fn times(run: &Run) -> Vec<Duration> {
    let first = run.checks.first().map_or(Duration::ZERO, |(at, _)| *at);
    run.checks.iter().map(|(at, _)| at.saturating_sub(first)).collect()
}

fn status(status: u16) -> SiteAnswer {
    SiteAnswer { status: Some(status), fault: Some(SiteFault::Status), ..right() }
}

fn seconds(times: &[u64]) -> Vec<Duration> {
    times.iter().map(|at| s(*at)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_right_is_requested_twice_a_second_apart() {
    let run = deployed(|_, _| right()).run().await;
    assert_eq!((run.report.outcome, times(&run)), (Outcome::Succeeded, seconds(&[0, 1])));
    let site = run.report.site.unwrap();
    assert_eq!((site.took(), site.changed, site.requests), (Some(s(0)), false, 2));
    assert_eq!(site.began, run.report.duration, "the first right answer is the end");
    assert_eq!(run.over, site.began + s(1));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_late_is_waited_for() {
    let run = deployed(|age, _| if age < s(30) { old() } else { right() }).run().await;
    assert_eq!(
        (run.report.outcome, times(&run)),
        (Outcome::Succeeded, seconds(&[0, 1, 4, 9, 16, 25, 36, 37]))
    );
    let site = run.report.site.unwrap();
    assert_eq!((site.took(), site.changed), (Some(s(36)), true));
    assert_eq!(run.report.duration, site.began + s(36));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_never_answers_as_asked_makes_no_success() {
    let wrong = [
        old(),
        status(500),
        status(404),
        status(304),
        SiteAnswer { status: None, fault: Some(SiteFault::NoAnswer(String::new())), ..right() },
        SiteAnswer { fault: Some(SiteFault::Redirect(String::new())), ..right() },
        SiteAnswer { fault: Some(SiteFault::Unreadable(String::new())), ..right() },
    ];
    for answer in wrong {
        let page = answer.clone();
        let run = deployed(move |_, _| page.clone()).run().await;
        assert_eq!((run.report.outcome, run.report.cause.clone()), (Outcome::Unverified, None));
        assert_eq!(times(&run), seconds(&[0, 1, 4, 9, 16, 25, 36, 49, 64, 79, 94, 109, 120]));
        let site = run.report.site.unwrap();
        assert_eq!((&site.answer, site.took(), site.was_right), (&Some(answer), None, false));
        assert_eq!(run.report.duration, site.began + s(120));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_flap_make_no_success_and_two_in_a_row_do() {
    let run = deployed(|_, nth| if nth % 2 == 0 { right() } else { old() }).run().await;
    assert_eq!(run.report.outcome, Outcome::Unverified);
    let site = run.report.site.as_ref().unwrap();
    assert!(site.was_right && site.right_since.is_none());
    assert!(times(&run).iter().filter(|at| **at < s(60)).count() <= 10, "{:?}", times(&run));
    assert!(gaps(&times(&run)).iter().all(|gap| *gap >= s(1)), "{:?}", times(&run));
    let run = deployed(|_, nth| if nth < 6 && nth % 2 == 1 { old() } else { right() }).run().await;
    let site = run.report.site.as_ref().unwrap();
    assert_eq!(run.report.outcome, Outcome::Succeeded);
    assert_eq!(run.report.duration, site.right_since.unwrap(), "since the first of the two");
    assert_eq!(run.over, run.report.duration + s(1));
}

#[tokio::test(start_paused = true)]
async fn verify_timeout_and_timeout_end_it_whichever_comes_first() {
    let with = |own: Option<u64>, timeout: u64| {
        deployed(|_, _| old()).plan(move |plan| {
            plan.verify = Some(Verify { timeout: own.map(s) });
            plan.timeout = s(timeout);
        })
    };
    for (own, timeout, waited) in [(Some(10), 900, 10), (Some(300), 900, 300), (None, 900, 120)] {
        let run = with(own, timeout).run().await;
        let site = run.report.site.as_ref().unwrap();
        assert_eq!(run.report.outcome, Outcome::Unverified);
        assert_eq!(run.over, site.began + s(waited), "{own:?}");
    }
    for own in [None, Some(300)] {
        let run = with(own, 50).run().await;
        assert_eq!((run.report.outcome, run.over), (Outcome::Unverified, s(50)), "not timed-out: {own:?}");
        assert_eq!(run.report.site.unwrap().until, s(50));
    }
    let run = with(None, 900).plan(|plan| plan.limit = Some(s(40))).run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::Unverified, s(40)), "the job's own limit");
}

#[tokio::test(start_paused = true)]
async fn a_success_on_the_deadline_is_verified_once_and_confirmed() {
    let world = |answer: fn(Duration, usize) -> SiteAnswer| {
        World::ends(s(20), succeeded()).plan(|plan| plan.timeout = s(20)).page(answer)
    };
    let run = world(|_, _| right()).run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::Succeeded, s(21)));
    let run = world(|_, _| old()).run().await;
    assert_eq!((run.report.outcome, run.over, run.checks.len()), (Outcome::Unverified, s(20), 1));
    let run = world(|_, nth| if nth == 0 { right() } else { old() }).run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::Unverified, s(21)));
}

#[tokio::test(start_paused = true)]
async fn no_request_may_last_longer_than_the_time_that_is_left() {
    let run = deployed(|_, _| old()).plan(|plan| plan.timeout = s(40)).run().await;
    for (at, limit) in &run.checks {
        assert_eq!(*limit, s(40).saturating_sub(*at).max(s(2)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_page_asks_for_is_kept_and_one_beyond_the_end_ends_it() {
    let busy = |pause| SiteAnswer { retry_after: Some(pause), ..status(429) };
    let run = deployed(move |age, _| if age < s(50) { busy(s(40)) } else { right() }).run().await;
    assert_eq!((run.report.outcome, times(&run)), (Outcome::Succeeded, seconds(&[0, 40, 80, 81])));
    let run = deployed(move |_, _| busy(s(600))).run().await;
    assert_eq!((run.report.outcome, run.checks.len()), (Outcome::Unverified, 1));
    // Only a 429 is about the requests: after any other answer the page is requested once more when the time is up.
    for answer in [status(503), status(404), old()] {
        let answer = SiteAnswer { retry_after: Some(s(15)), ..answer };
        let own = |plan: &mut deploy_hook::core::Plan| plan.verify = Some(Verify { timeout: Some(s(14)) });
        let page = move |_, nth| if nth == 0 { answer.clone() } else { right() };
        let run = deployed(page).plan(own).run().await;
        assert_eq!((run.report.outcome, times(&run)), (Outcome::Succeeded, seconds(&[0, 14, 15])));
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_success_is_verified() {
    let unread = World::new().polls(|_, _| trouble());
    let never = World::new().plan(|plan| plan.timeout = s(30));
    let ends = [
        (World::ends(s(20), failed()), Outcome::Failed),
        (unread, Outcome::Lost),
        (never, Outcome::TimedOut),
    ];
    for (world, outcome) in ends {
        let run = world.page(|_, _| right()).run().await;
        assert_eq!((run.report.outcome, run.checks.len(), run.report.site), (outcome, 0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_may_be_early_is_read_again_before_the_page_is_requested() {
    let run = deployed(|_, _| right()).early().run().await;
    let last = *run.polls().last().unwrap();
    assert!(
        run.pauses().last() == Some(&s(2)) && run.checks[0].0 >= last,
        "{:?} {:?}",
        run.polls(),
        run.checks
    );
    assert_eq!(run.report.outcome, Outcome::Succeeded);
    // Also where no time is left for that.
    let run = deployed(|_, _| old()).early().plan(|plan| plan.timeout = s(21)).run().await;
    assert_eq!(run.report.outcome, Outcome::Unverified);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_not_followed_is_never_called_a_success() {
    let unknown = || World::new().unreadable().answers([TriggerResult::Accepted(None)]);
    let by_choice = || World::new().plan(|plan| plan.wait = Wait::Never);
    let unreadable = Cause::Unreadable(CannotFollow::Missing(Vec::new()));
    for (world, cause) in [
        (unknown as fn() -> World, unreadable.clone()),
        (|| World::new().unreadable(), unreadable),
        (by_choice, Cause::WaitNever),
    ] {
        let run = world().page(|age, _| if age < s(200) { old() } else { right() }).run().await;
        assert_eq!((run.report.outcome, run.report.cause.as_ref()), (Outcome::Triggered, Some(&cause)));
        assert!(run.report.site.as_ref().unwrap().changed && run.polls().is_empty());
        let run = world().page(|_, _| old()).run().await;
        assert_eq!((run.report.outcome, run.report.cause.as_ref()), (Outcome::Unverified, Some(&cause)));
        assert_eq!(run.over, s(900), "the deployment's own time is in it");
        let own = |plan: &mut deploy_hook::core::Plan| plan.verify = Some(Verify { timeout: Some(s(30)) });
        let run = world().page(|_, _| old()).plan(own).run().await;
        assert_eq!((run.report.outcome, run.over), (Outcome::Unverified, s(30)));
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_must_be_followed_and_cannot_be_the_page_does_not_stand_in() {
    let world = World::new().unreadable().answers([TriggerResult::Accepted(None)]);
    let run = world.plan(|plan| plan.wait = Wait::Always).page(|_, _| right()).run().await;
    assert_eq!((run.report.outcome, run.checks.len()), (Outcome::Lost, 0));
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_address_nobody_knows_ends_it_at_once() {
    let run = deployed(|_, _| SiteAnswer::without(SiteFault::NoAddress)).run().await;
    assert_eq!((run.report.outcome, run.checks.len()), (Outcome::Unverified, 1));
    assert_eq!(run.report.site.unwrap().requests, 0);
}

#[tokio::test(start_paused = true)]
async fn the_address_that_the_platform_named_is_handed_on() {
    let mut named = succeeded();
    named.site = Some("https://site.example/".to_owned());
    let run = World::ends(s(20), named).page(|_, _| right()).run().await;
    assert_eq!(run.sites, vec![Some("https://site.example/".to_owned()); 2]);
    let started = run.events.iter().find(|(_, event)| matches!(event, Event::Verifying { .. })).unwrap();
    assert_eq!(started.1.site(), Some("https://site.example/"));
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_it_at_once() {
    let run = deployed(|_, _| old()).stopped(s(40)).run().await;
    assert_eq!((run.report.outcome, run.over), (Outcome::Interrupted, s(40)));
    assert!(run.report.site.is_some());
}

#[tokio::test(start_paused = true)]
async fn it_is_reported_when_it_begins_when_the_answer_changes_and_every_minute() {
    let run = deployed(|age, _| if age < s(10) { status(503) } else { old() }).run().await;
    let times = run.times_of(|event| matches!(event, Event::Verifying { .. }));
    let began = run.checks[0].0;
    let since: Vec<Duration> = times.iter().map(|at| at.saturating_sub(began)).collect();
    assert_eq!(since, seconds(&[0, 0, 16, 76]), "begin, 503, another answer, a minute later");
    assert!(run.times_of(|event| matches!(event, Event::Heartbeat { .. })).iter().all(|at| *at < began));
}

#[tokio::test(start_paused = true)]
async fn an_existing_deployment_that_is_followed_is_verified_too() {
    let run = World::ends(s(20), succeeded()).follow("dp_ours").page(|_, _| right()).run().await;
    assert_eq!((run.report.outcome, run.checks.len()), (Outcome::Succeeded, 2));
    let run = World::ends(s(20), succeeded()).follow("dp_ours").page(|_, _| old()).run().await;
    assert_eq!(run.report.outcome, Outcome::Unverified);
}
