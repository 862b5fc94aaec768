//! What a platform's answers describe: deployments, where they are read, and what an acceptance means.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::body;
use super::facts::{Facts, Pointers};
use crate::core::state::{DeploymentId, Phase, Snapshot, Verdict};
use crate::core::trigger::{RefusalReason, ResponseError, Unclear};
use crate::http::time;
use crate::secrets::Redactor;

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
    /// One of the API, read where the platform's facts say. `None`: it has no id.
    pub(super) fn read(facts: &Facts, value: &Value, redactor: &Redactor) -> Option<Self> {
        let at = |pointers: Pointers| pointers.iter().filter_map(|pointer| body::at(value, pointer));
        let text = |pointers, longest| {
            let texts = at(pointers).filter_map(Value::as_str).map(|text| redactor.clean(text, longest));
            texts.into_iter().find(|text| !text.is_empty())
        };
        let is_own = |id: &DeploymentId| id.as_str().starts_with(facts.id_prefix);
        let id = at(facts.id).find_map(body::id).filter(is_own)?;
        let word = text(facts.state, 64).unwrap_or_default();
        let created_at = at(facts.created).find_map(time::read);
        Some(Self {
            snapshot: Snapshot {
                id,
                phase: facts.phase(&word),
                word,
                created_at,
                dashboard_url: text(facts.page, 500),
                message: text(facts.message, 300).unwrap_or_default(),
                site: text(facts.site, 500),
            },
            source: StateSource::Api,
            environment: at(facts.environment).find_map(body::id).map(|id| id.to_string()),
            unreadable_time: created_at.is_none() && at(facts.created).any(|time| !time.is_null()),
            origin: text(facts.origin, 5000),
            ended_at: at(facts.ended).find_map(time::read),
        })
    }

    /// The key to sort deployments by, the newest first. One without a time has not begun; one whose time cannot be read has.
    pub(super) fn newest_first(&self) -> impl Ord + use<> {
        let time = self.snapshot.created_at.or(self.ended_at);
        (time.is_some() || self.unreadable_time, Reverse(time))
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
