//! The core: a hook is triggered once, its deployment is followed to the end, and a reporter is told.
//!
//! No sockets, files, environment or colour in here, and one loop with the one sleep of the program.

mod action;
mod course;
mod follow;
mod plan;
pub mod ports;
pub mod report;
pub mod schedule;
pub mod state;
pub mod trigger;

use std::cell::Cell;
use std::pin::pin;

use tokio::time::Instant;

pub use self::action::TokenDenied;
use self::action::{Action, Fact, Reading};
use self::course::Course;
pub use self::plan::{Plan, Wait};
use self::ports::{Provider, Reporter};
use self::report::{Event, Report, Task};

/// Runs a task to its end and tells the reporter of everything on the way.
///
/// `stop` ends the run early, in order: nothing is begun any more, and whatever is under way is dropped, except that
/// a trigger already sent is waited for a moment longer, so that the deployment it made can be named.
///
/// A token that the platform refuses in the reading before the trigger is an error: nothing was sent, and the reporter
/// was told nothing.
pub async fn run<P: Provider, R: Reporter>(
    task: Task,
    provider: &mut P,
    reporter: &mut R,
    plan: Plan,
    stop: impl Future<Output = ()>,
) -> Result<Report, TokenDenied> {
    let began = Instant::now();
    let parting = plan.timing.parting;
    let mut course = Course::new(task, plan, provider.limit(), provider.success_may_be_early());
    let mut stop = pin!(stop);
    loop {
        let action = course.next(began.elapsed());
        for event in course.news() {
            reporter.tell(&event).await;
        }
        if action == Action::End {
            break;
        }
        let triggering = matches!(action, Action::Trigger(_));
        let polled = Cell::new(false);
        let mut act = pin!(async {
            polled.set(true);
            act(action, provider, began).await
        });
        let fact = tokio::select! {
            biased;
            () = &mut stop => {
                let sent = triggering && polled.get();
                let answer = if sent { tokio::time::timeout(parting, act).await.ok() } else { None };
                let unanswered = sent && answer.is_none();
                if let Some(fact) = answer {
                    course.learn(began.elapsed(), fact);
                }
                course.interrupt(began.elapsed(), unanswered);
                continue;
            }
            fact = &mut act => fact,
        };
        course.learn(began.elapsed(), fact);
    }
    let report = course.into_report()?;
    reporter.tell(&Event::Ended { report: report.clone() }).await;
    Ok(report)
}

/// Does one action and says what it brought.
async fn act<P: Provider>(action: Action, provider: &mut P, began: Instant) -> Fact {
    match action {
        Action::Before(limit) => Fact::Prepared(provider.before(limit).await),
        Action::Trigger(limit) => Fact::Answered(provider.trigger(limit).await, reading(provider)),
        Action::Settle(limit) => Fact::Settled(provider.settle(limit).await, reading(provider)),
        Action::Look(id, limit) => Fact::Looked(provider.look(&id, limit).await),
        Action::Log(id, limit) => Fact::Log(provider.log(&id, limit).await),
        Action::Rest(until) => {
            rest(began + until).await;
            Fact::Rested
        }
        Action::End => Fact::Rested,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one sleep of the program")]
async fn rest(until: Instant) {
    tokio::time::sleep_until(until).await;
}

fn reading<P: Provider>(provider: &P) -> Reading {
    Reading { possible: provider.readable(), limit: provider.limit() }
}
