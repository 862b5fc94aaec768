//! Identifies the deployment that our trigger started: by what was there before it, and by when each was made.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use super::platform::Deployment;
use crate::core::history::History;
use crate::core::state::{DeploymentId, Phase, Snapshot, Verdict};
use crate::core::traits::PollResult;

/// A server's `Date` counts whole seconds, and the request took a while to arrive.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// How far the times may be apart where the platform has accepted the trigger and what was there before is known: then
/// a time only has to show that a deployment is not an old one.
const ACCEPTED_SLACK: Duration = Duration::from_secs(30);

/// What is known of the deployments that were there before the trigger, and of the time of the trigger.
pub(super) struct Earlier {
    /// Whether the platform was asked at all.
    pub(super) asked: bool,
    /// The deployments that were there, and whether each had ended; `None` where the platform did not say it in its own
    /// form.
    ended: Option<HashMap<DeploymentId, bool>>,
    /// How long those took that came to an end of their own.
    pub(super) history: History,
    /// Whether they came with their times.
    gives_times: bool,
    /// When the trigger was sent.
    pub(super) triggered: Instant,
    /// When the platform accepted it, by its own clock, where it says so.
    pub(super) accepted_at: Option<SystemTime>,
    /// When our deployment was made, by the platform's clock.
    pub(super) created: Option<SystemTime>,
    /// Whether a poll has shown our deployment.
    pub(super) seen: bool,
}

impl Earlier {
    pub(super) fn new() -> Self {
        Self {
            asked: false,
            ended: None,
            history: History::default(),
            gives_times: false,
            triggered: Instant::now(),
            accepted_at: None,
            created: None,
            seen: false,
        }
    }

    /// Records what is there before the trigger, and how long those took that belong to what our hook deploys.
    pub(super) fn record(&mut self, found: Vec<Deployment>, in_scope: impl Fn(&Deployment) -> bool) {
        let of_ours = found.iter().filter(|found| in_scope(found));
        self.history = History::new(of_ours.filter_map(Deployment::took));
        self.gives_times = found.iter().any(|found| found.snapshot.created_at.is_some());
        let ended = |found: Deployment| (found.snapshot.id.clone(), is_ended(&found.snapshot));
        self.ended = Some(found.into_iter().map(ended).collect());
    }

    /// Whether the platform named the deployments that are there.
    pub(super) fn is_known(&self) -> bool {
        self.ended.is_some()
    }

    fn was_there(&self, id: &DeploymentId) -> bool {
        self.ended.as_ref().is_some_and(|ended| ended.contains_key(id))
    }

    /// Whether a deployment that no answer named is the one we triggered: it was not there before, and where the
    /// platform gives times, it was made since. `clock` is the answer's `Date`. `accepted`: the platform has accepted the
    /// trigger, so that there is one to be found.
    pub(super) fn is_new(&self, found: &Deployment, clock: Option<SystemTime>, accepted: bool) -> bool {
        let is_known = self.is_known();
        if self.was_there(&found.snapshot.id) || !(is_known || accepted) {
            return false;
        }
        let no_times = found.snapshot.created_at.is_none() && !found.unreadable_time && !self.gives_times;
        if is_known && accepted {
            return self.made_since(found, clock, ACCEPTED_SLACK) != Some(false);
        }
        (no_times && is_known) || self.made_since(found, clock, CLOCK_SLACK) == Some(true)
    }

    /// Whether a deployment was made since the trigger, by the platform's own clock; `None` where that is not known.
    fn made_since(&self, found: &Deployment, clock: Option<SystemTime>, slack: Duration) -> Option<bool> {
        let created = found.snapshot.created_at?;
        if let Some(accepted) = self.accepted_at {
            return Some(created >= accepted.checked_sub(slack)?);
        }
        let now = clock?;
        // A time later than now was not taken by this clock.
        let by_this_clock = created <= now.checked_add(slack)?;
        let triggered = now.checked_sub(self.triggered.elapsed() + slack)?;
        by_this_clock.then_some(created >= triggered)
    }

    /// Whether the deployment that the answer to the trigger names had ended before: it was there and had, or it has
    /// ended by now and nothing shows that it was made since.
    pub(super) fn had_ended(&self, named: &Deployment, clock: Option<SystemTime>) -> bool {
        match self.ended.as_ref().and_then(|ended| ended.get(&named.snapshot.id)) {
            Some(ended) => *ended,
            None if !is_ended(&named.snapshot) => false,
            None if !self.asked => self.made_since(named, clock, CLOCK_SLACK) == Some(false),
            None => self.made_since(named, clock, CLOCK_SLACK).map_or(!self.is_known(), |since| !since),
        }
    }

    /// The deployment among these for which `ours` was canceled: made after it and before its end.
    pub(super) fn canceled_for<'a>(
        &self,
        ours: &Deployment,
        others: &'a [Deployment],
    ) -> Option<&'a DeploymentId> {
        let is_canceled = ours.snapshot.phase == Phase::Ended(Verdict::Canceled);
        let created = ours.snapshot.created_at.filter(|_| is_canceled)?;
        let is_newer = |other: &&Deployment| {
            let (id, Some(its)) = (&other.snapshot.id, other.snapshot.created_at) else { return false };
            // Times may be whole seconds.
            let after_ours = its > created || (its == created && self.is_known() && !self.was_there(id));
            let before_the_end = ours.ended_at.is_none_or(|ended| its <= ended + CLOCK_SLACK);
            *id != ours.snapshot.id && after_ours && before_the_end
        };
        others.iter().find(is_newer).map(|other| &other.snapshot.id)
    }

    /// What another deployment instead of ours means: a newer one, or one that was there before. Where neither
    /// the times nor the read before the trigger show it, it is newer if ours was seen there in between.
    pub(super) fn in_place_of_ours(&self, other: Snapshot) -> PollResult {
        let newer = match self.created.zip(other.created_at) {
            Some((ours, its)) => its >= ours,
            None => self.seen || self.is_known(),
        };
        if newer && !self.was_there(&other.id) { PollResult::Newer(other) } else { PollResult::NotThere }
    }
}

pub(super) fn is_ended(snapshot: &Snapshot) -> bool {
    matches!(snapshot.phase, Phase::Ended(_))
}
