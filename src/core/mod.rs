//! The core: triggers a hook once, follows its deployment to the end, and reports.
//!
//! No sockets, files, environment or colour in here, and one loop with the one sleep of the program.

mod action;
pub mod history;
mod plan;
pub mod rate;
pub mod report;
pub mod schedule;
pub mod site;
pub mod state;
mod state_machine;
pub mod traits;
pub mod trigger;

use std::cell::Cell;
use std::pin::pin;

use tokio::time::Instant;

use self::action::{Action, ActionResult};
pub use self::plan::{Plan, Verify, Wait};
use self::report::{Event, Report, Task};
use self::site::{SiteAnswer, SiteFault};
use self::state::ReadDenied;
use self::state_machine::StateMachine;
use self::traits::{DeployTarget, Reporter, SiteCheck};

/// Runs a task to its end and reports every event on the way.
///
/// `stop` ends the run early: no new action begins, and the current one is dropped. The answer to a trigger that was
/// already sent is waited for a moment longer, so that the deployment it made can be named.
///
/// `site` is the page that the plan wants verified.
///
/// # Errors
///
/// The platform refuses the read before the trigger: nothing was triggered and nothing was reported.
pub async fn run<T: DeployTarget, S: SiteCheck, R: Reporter>(
    task: Task,
    target: &mut T,
    mut site: Option<&mut S>,
    reporter: &mut R,
    plan: Plan,
    stop: impl Future<Output = ()>,
) -> Result<Report, ReadDenied> {
    let started = Instant::now();
    let grace_on_stop = plan.timing.stop_grace;
    let mut machine = StateMachine::new(task, plan, started, target.info());
    let mut stop = pin!(stop);
    loop {
        let now = started.elapsed();
        let action = machine.next_action(now);
        for event in machine.take_events() {
            reporter.report(machine.elapsed(now), &event).await;
        }
        if action == Action::End {
            break;
        }
        let is_trigger = matches!(action, Action::Trigger(_));
        let has_begun = Cell::new(false);
        let mut act = pin!(async {
            has_begun.set(true);
            let result = act(action, target, site.as_deref_mut(), started).await;
            (result, target.info())
        });
        let (result, info) = tokio::select! {
            biased;
            () = &mut stop => {
                let sent = is_trigger && has_begun.get();
                let answer = if sent { tokio::time::timeout(grace_on_stop, act).await.ok() } else { None };
                let unanswered = sent && answer.is_none();
                if let Some((result, info)) = answer {
                    machine.apply(started.elapsed(), result, info);
                }
                machine.interrupt(started.elapsed(), unanswered);
                continue;
            }
            result = &mut act => result,
        };
        machine.apply(started.elapsed(), result, info);
    }
    let elapsed = machine.elapsed(started.elapsed());
    let report = machine.into_report()?;
    reporter.report(elapsed, &Event::Finished { report: Box::new(report.clone()) }).await;
    Ok(report)
}

async fn act<T: DeployTarget, S: SiteCheck>(
    action: Action,
    target: &mut T,
    site: Option<&mut S>,
    started: Instant,
) -> ActionResult {
    match action {
        Action::Snapshot(limit) => ActionResult::Snapshot(target.snapshot(limit).await),
        Action::Trigger(limit) => ActionResult::Trigger(target.trigger(limit).await),
        Action::Find(limit) => ActionResult::Find(target.find(limit).await),
        Action::Poll(id, limit) => ActionResult::Poll(target.poll(&id, limit).await),
        Action::Verify(address, limit) => ActionResult::Site(match site {
            Some(site) => site.check(address.as_deref(), limit).await,
            None => SiteAnswer::without(SiteFault::NoAddress),
        }),
        Action::Log(id, limit) => ActionResult::Log(target.log(&id, limit).await),
        Action::Wait(until) => {
            wait_until(started + until).await;
            ActionResult::Waited
        }
        Action::End => ActionResult::Waited,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one sleep of the program")]
async fn wait_until(until: Instant) {
    tokio::time::sleep_until(until).await;
}
