//! The `POST`: once, and again only where the first provably did nothing.

use deploy_hook::core::Wait;
use deploy_hook::core::report::{Cause, Event, TriggerState};
use deploy_hook::core::state::Outcome;
use deploy_hook::core::trigger::{NotSentReason, RefusalReason, ResponseError, TriggerResult};

use super::world::{Call, World, not_sent, pending, refused, succeeded, unclear};
use super::{ms, s};

#[tokio::test(start_paused = true)]
async fn an_accepted_trigger_is_sent_once() {
    let run = World::ends(s(60), succeeded()).run().await;
    assert_eq!((run.triggers(), run.report.triggers, run.report.sent), (vec![s(0)], 1, TriggerState::Yes));
    assert_eq!(run.calls[0].1, Call::Snapshot, "what is there is read first");
    assert_eq!(run.calls[1].1, Call::Trigger);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_any_kind_but_the_rate_is_final() {
    use RefusalReason::{Forbidden, Gone, NotFound, Other, Redirected, Unprocessable};
    for why in [NotFound, Gone, Forbidden, Unprocessable, Redirected, Other] {
        for retry_after in [None, Some(s(1))] {
            let run = World::new().answers([refused(why, retry_after)]).run().await;
            assert_eq!((run.triggers().len(), run.over), (1, s(0)), "{why:?}");
            assert_eq!((run.report.outcome, run.report.sent), (Outcome::Refused, TriggerState::No));
            assert!(matches!(run.report.cause, Some(Cause::Refused(_))));
            assert!(run.polls().is_empty() && run.finds().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_never_left_is_sent_three_times_at_most() {
    for why in [NotSentReason::Dns, NotSentReason::Connect] {
        let run = World::new().answers([not_sent(why)]).run().await;
        assert_eq!(run.triggers(), [s(0), s(1), s(3)], "{why:?}");
        assert_eq!((run.report.outcome, run.report.sent), (Outcome::Unreachable, TriggerState::No));
        assert_eq!((run.report.triggers, run.over), (3, s(3)));
        let times = run.times_of(|event| matches!(event, Event::Retrying { .. }));
        assert_eq!(times, [s(0), s(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn once_it_left_it_is_not_sent_again() {
    let first = [
        not_sent(NotSentReason::Dns),
        not_sent(NotSentReason::Connect),
        TriggerResult::Accepted(Some(pending())),
    ];
    let run = World::new().answers(first).run().await;
    assert_eq!((run.triggers().len(), run.report.sent), (3, TriggerState::Yes));
    let first = [not_sent(NotSentReason::Connect), unclear(ResponseError::TimedOut)];
    let run = World::new().answers(first).run().await;
    assert_eq!((run.triggers().len(), run.report.outcome), (2, Outcome::Uncertain));
}

#[tokio::test(start_paused = true)]
async fn a_broken_certificate_or_a_refusing_proxy_is_not_tried_again() {
    for why in [NotSentReason::Tls, NotSentReason::Proxy] {
        let run = World::new().answers([not_sent(why)]).run().await;
        assert_eq!((run.triggers().len(), run.over), (1, s(0)), "{why:?}");
        assert_eq!((run.report.outcome, run.report.sent), (Outcome::Unreachable, TriggerState::No));
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_refused_for_its_rate_is_repeated_after_exactly_what_was_asked() {
    let asked = [
        refused(RefusalReason::RateLimited, Some(s(17))),
        refused(RefusalReason::RateLimited, Some(s(90))),
        TriggerResult::Accepted(Some(pending())),
    ];
    let run = World::ends(s(9), succeeded()).answers(asked).run().await;
    assert_eq!(run.triggers(), [s(0), s(17), s(107)]);
    assert_eq!(run.report.outcome, Outcome::Succeeded);
    let unnamed = World::new().answers([refused(RefusalReason::RateLimited, None)]).run().await;
    assert_eq!(unnamed.triggers(), [s(0), s(10), s(20)], "a default where none is named, and three at most");
    assert_eq!((unnamed.report.outcome, unnamed.report.sent), (Outcome::Refused, TriggerState::No));
    let past = World::new().answers([refused(RefusalReason::RateLimited, Some(s(0)))]).run().await;
    assert_eq!(
        past.triggers(),
        [s(0), s(1), s(3)],
        "as one that never left, where a pause of zero is asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_would_fall_after_the_deadline_is_not_waited_for() {
    let limited = World::new().answers([refused(RefusalReason::RateLimited, Some(s(60)))]);
    let run = limited.plan(|plan| plan.timeout = s(60)).run().await;
    assert_eq!((run.triggers().len(), run.over), (1, s(0)));
    assert_eq!((run.report.outcome, run.report.sent), (Outcome::Refused, TriggerState::No));
    let absent = World::new().answers([not_sent(NotSentReason::Connect)]);
    let slow = absent.latency(|_, _| ms(800)).plan(|plan| plan.timeout = s(3)).run().await;
    assert_eq!((slow.triggers().len(), slow.report.outcome), (2, Outcome::Unreachable));
}

#[tokio::test(start_paused = true)]
async fn an_unclear_answer_of_any_kind_is_never_repeated() {
    use ResponseError::{Broken, ServerError, TimedOut, Unreadable};
    for why in [TimedOut, Broken, ServerError(500), ServerError(503), ServerError(408), Unreadable(200)] {
        for wait in [Wait::Auto, Wait::Always, Wait::Never] {
            let world = World::new().answers([unclear(why), TriggerResult::Accepted(Some(pending()))]);
            let run = world.plan(|plan| plan.wait = wait).run().await;
            assert_eq!((run.triggers().len(), run.report.triggers), (1, 1), "{why:?}");
            assert_eq!((run.report.outcome, run.report.sent), (Outcome::Uncertain, TriggerState::Maybe));
        }
    }
}
