//! What a platform's answers describe: deployments, where they are read, and what an acceptance means.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::time;
use crate::core::state::{DeploymentId, Phase, Snapshot, Verdict};
use crate::core::trigger::{RefusalReason, ResponseError, Unclear};

/// Which deployments are to be read.
#[derive(Clone, Copy, Debug)]
pub enum ReadTarget<'a> {
    /// Whatever is there.
    Any,
    /// One that this run did not trigger.
    Id(&'a DeploymentId),
    /// The one that the platform has just made for us.
    Accepted(&'a Deployment),
}

/// Where deployments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSource {
    /// At the hook's own URL, without a token.
    Hook,
    /// Through the platform's public API, with a token.
    Api,
}

/// What a successful answer to a trigger means.
#[derive(Clone, Debug, PartialEq)]
pub enum Acceptance {
    /// The platform made this deployment.
    Named(Deployment),
    /// The platform accepted the trigger and names no deployment: it is looked for.
    Unnamed {
        /// When, by the platform's clock, where the answer says it.
        at: Option<SystemTime>,
    },
    /// The platform made no deployment of its own for the trigger: one that is queued or running already will do.
    Queued,
    /// The platform accepted the trigger and keeps no deployment of what it started.
    Untracked,
    /// The platform refused, in its own words, although the status is a success.
    Refused(RefusalReason, String),
    /// It is not known whether something was triggered.
    Unclear(Unclear),
}

/// A deployment as an answer describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its id, state and time.
    pub snapshot: Snapshot,
    /// Where a deployment described in this form is read.
    pub source: StateSource,
    /// The id of its environment, where the answer names one.
    pub environment: Option<String>,
    /// Whether the answer gives a time that cannot be read, so that its age is not known.
    pub unreadable_time: bool,
    /// What the platform says of how it was started: by whom, or with which title.
    pub origin: Option<String>,
    /// When it ended, by the platform's clock.
    pub ended_at: Option<SystemTime>,
}

impl Deployment {
    /// One of the API, with the times as the answer has them.
    pub(super) fn of_api(
        id: DeploymentId,
        word: String,
        phase: Phase,
        created: &Value,
        ended: &Value,
    ) -> Self {
        let created_at = time::read(created);
        Self {
            snapshot: Snapshot {
                id,
                phase,
                word,
                created_at,
                dashboard_url: None,
                message: String::new(),
                site: None,
            },
            source: StateSource::Api,
            environment: None,
            unreadable_time: created_at.is_none() && !created.is_null(),
            origin: None,
            ended_at: time::read(ended),
        }
    }

    /// How long it took, where it came to an end of its own and the platform says when.
    pub(super) fn took(&self) -> Option<Duration> {
        let verdict = Phase::Ended(Verdict::Succeeded) == self.snapshot.phase
            || Phase::Ended(Verdict::Failed) == self.snapshot.phase;
        let ended = self.ended_at.filter(|_| verdict)?;
        ended.duration_since(self.snapshot.created_at?).ok()
    }
}

impl Acceptance {
    /// A success status whose body cannot be used, with the platform's own message or else with this reason.
    pub(super) fn unreadable(status: u16, message: Option<String>, reason: &str) -> Self {
        let message = message.unwrap_or_else(|| reason.to_owned());
        Self::Unclear(Unclear { why: ResponseError::Unreadable(status), message })
    }

    /// A success status whose body reports an error.
    pub(super) fn reports_error(status: u16, message: Option<String>) -> Self {
        let message = message.unwrap_or_default();
        Self::Unclear(Unclear { why: ResponseError::BodyReportsError(status), message })
    }
}

/// The deployments of a list, or the one that a value describes.
pub(super) fn one_or_list(
    value: &Value,
    read: &dyn Fn(&Value) -> Option<Deployment>,
) -> Option<Vec<Deployment>> {
    match value {
        Value::Array(list) => listed(list, read),
        one => Some(vec![read(one)?]),
    }
}

/// The deployments of a list, the newest first, without entries that are none. `None`: there are entries, and none can
/// be read.
pub(super) fn listed(list: &[Value], read: &dyn Fn(&Value) -> Option<Deployment>) -> Option<Vec<Deployment>> {
    let mut found: Vec<Deployment> = list.iter().filter_map(read).collect();
    found.sort_by_key(|deployment| std::cmp::Reverse(deployment.snapshot.created_at));
    (list.is_empty() || !found.is_empty()).then_some(found)
}
