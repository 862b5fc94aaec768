//! Verifying the page after the platform's success, or after the trigger of a deployment that is not followed.

use std::time::Duration;

use super::{State, StateMachine};
use crate::core::report::{Cause, Event};
use crate::core::site::{SiteAnswer, SiteFault, SiteReport};
use crate::core::state::Outcome;

impl StateMachine {
    /// The run has come to a good end: this outcome, unless there is a page that must answer first.
    pub(super) fn verify_or_end(&mut self, now: Duration, outcome: Outcome, cause: Option<Cause>) {
        let Some(plan) = self.plan.verify.filter(|_| outcome != Outcome::Lost) else {
            return self.end(now, outcome, cause);
        };
        // Without the platform's word the time of the deployment itself is in it.
        let own =
            if outcome == Outcome::Succeeded { self.plan.timing.verify_time } else { self.plan.timeout };
        let until = now.saturating_add(plan.timeout.unwrap_or(own)).min(self.deadline()).max(now);
        let (began, until) = (self.since_trigger(now), self.since_trigger(until));
        self.report.site = Some(SiteReport::new(began, until));
        self.state = State::Verifying { right: None, then: Box::new((outcome, cause)) };
        self.next_at = now;
        self.report_verifying(now);
    }

    /// Reports how far it is.
    pub(super) fn report_verifying(&mut self, now: Duration) {
        let Some(report) = self.report.site.clone() else { return };
        self.events.push(Event::Verifying { report, site: self.site() });
        self.heartbeat_at = now + self.plan.timing.heartbeat;
    }

    /// The address of the deployed site, where the platform has named it.
    pub(super) fn site(&self) -> Option<String> {
        self.report.snapshot.as_ref()?.site.clone()
    }

    pub(super) fn on_site(&mut self, now: Duration, answer: SiteAnswer) {
        let since_trigger = self.since_trigger(now);
        let (State::Verifying { right, then }, Some(report)) = (&mut self.state, &mut self.report.site)
        else {
            return;
        };
        let is_right = answer.fault.is_none();
        let is_news = report.answer.as_ref().is_none_or(|last| {
            (last.status, &last.fault) != (answer.status, &answer.fault)
                || last.redirected_to != answer.redirected_to
        });
        report.requests += u32::from(answer.fault != Some(SiteFault::NoAddress));
        report.changed |= !is_right;
        report.was_right |= is_right;
        report.answer = Some(answer);
        let confirmed = right.filter(|_| is_right);
        *right = is_right.then_some(since_trigger);
        let pause = report.pause(since_trigger, &self.plan.timing);
        let (outcome, cause) = (**then).clone();
        if confirmed.is_some() {
            report.right_since = confirmed;
            return self.end(now, outcome, cause);
        }
        match pause {
            Some(pause) => self.next_at = now + pause,
            None => return self.end(now, Outcome::Unverified, cause),
        }
        if is_news {
            self.report_verifying(now);
        }
    }
}
