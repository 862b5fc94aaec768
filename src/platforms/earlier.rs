//! Tells our deployment from others: by what was there before the trigger, and by when each was made.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use super::platform::Deployment;
use crate::core::ports::PollResult;
use crate::core::state::{DeploymentId, Phase, Snapshot};

/// A server's `Date` counts whole seconds, and the request took a while to arrive.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// What is known of the deployments that were there before the trigger, and of the time of the trigger.
pub(super) struct Earlier {
    /// Whether the platform was asked at all.
    pub(super) asked: bool,
    /// The deployments, and whether each had ended. Empty where the platform named none: then nothing is known.
    ended: HashMap<DeploymentId, bool>,
    /// Whether they came with their times.
    gives_times: bool,
    /// When the trigger was sent.
    pub(super) triggered: Instant,
    /// When our deployment was made, by the platform's clock.
    pub(super) created: Option<SystemTime>,
    /// Whether a poll has shown our deployment.
    pub(super) seen: bool,
}

impl Earlier {
    pub(super) fn new() -> Self {
        Self {
            asked: false,
            ended: HashMap::new(),
            gives_times: false,
            triggered: Instant::now(),
            created: None,
            seen: false,
        }
    }

    /// Records what is there before the trigger.
    pub(super) fn record(&mut self, found: Vec<Deployment>) {
        self.gives_times = found.iter().any(|found| found.snapshot.created_at.is_some());
        let ended = |found: Deployment| (found.snapshot.id.clone(), is_ended(&found.snapshot));
        self.ended = found.into_iter().map(ended).collect();
    }

    /// Whether the platform named the deployments that are there.
    pub(super) fn is_known(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Whether a deployment found after an unclear answer is the one we triggered: it was not there before, and where
    /// the platform gives times, it was made since. `clock` is the answer's `Date`.
    pub(super) fn is_new(&self, found: &Deployment, clock: Option<SystemTime>) -> bool {
        let unseen = self.is_known() && !self.ended.contains_key(&found.snapshot.id);
        let no_times = found.snapshot.created_at.is_none() && !found.unreadable_time && !self.gives_times;
        unseen && (no_times || self.made_since(found, clock) == Some(true))
    }

    /// Whether a deployment was made since the trigger, by the platform's own clock; `None` where that is not known.
    fn made_since(&self, found: &Deployment, clock: Option<SystemTime>) -> Option<bool> {
        let (created, now) = (found.snapshot.created_at?, clock?);
        // A time later than now was not taken by this clock.
        let by_this_clock = created <= now.checked_add(CLOCK_SLACK)?;
        let triggered = now.checked_sub(self.triggered.elapsed() + CLOCK_SLACK)?;
        by_this_clock.then_some(created >= triggered)
    }

    /// Whether the deployment that the answer to the trigger names had ended before: it was there and had, or it has
    /// ended by now and nothing shows that it was made since.
    pub(super) fn had_ended(&self, named: &Deployment, clock: Option<SystemTime>) -> bool {
        match self.ended.get(&named.snapshot.id) {
            Some(ended) => *ended,
            None if !self.asked || !is_ended(&named.snapshot) => false,
            None => self.made_since(named, clock).map_or(self.ended.is_empty(), |since| !since),
        }
    }

    /// What another deployment in the place of ours means: a newer one, or one that was there before. Where neither
    /// the times nor the read before the trigger tell, it is newer if ours was seen there in between.
    pub(super) fn in_place_of_ours(&self, other: Snapshot) -> PollResult {
        let newer = match self.created.zip(other.created_at) {
            Some((ours, its)) => its >= ours,
            None => self.seen || self.is_known(),
        };
        if newer && !self.ended.contains_key(&other.id) {
            PollResult::Newer(other)
        } else {
            PollResult::NotThere
        }
    }
}

fn is_ended(snapshot: &Snapshot) -> bool {
    matches!(snapshot.phase, Phase::Ended(_))
}
