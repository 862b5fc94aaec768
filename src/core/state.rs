//! A deployment's id, phase and state, and the outcome of a run.

use std::fmt;
use std::time::SystemTime;

/// A deployment's id, as the platform gave it (`dp_abc123`, `dp-abc123`).
///
/// Only letters, digits and `. _ : -` are allowed, at most 128 of them: an id is put into a URL's path, into
/// output files and into logs, and no platform is known to use others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeploymentId(String);

impl DeploymentId {
    /// The id, or `None` where the text cannot be one.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        let fits = (1..=128).contains(&text.len()) && text.chars().all(plain);
        let names_something = text.chars().any(|c| c.is_ascii_alphanumeric());
        (fits && names_something).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a deployment ended, as the platform says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is live.
    Succeeded,
    /// It did not work.
    Failed,
    /// A person or the platform stopped it.
    Canceled,
    /// A newer deployment took its place.
    Superseded,
}

/// A deployment's progress, whatever word its platform uses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Accepted, not begun.
    Waiting,
    /// Under way.
    Running,
    /// Over.
    Ended(Verdict),
    /// A word this version does not know: shown, warned of once, waited on, never taken for success.
    Unknown,
}

/// A deployment's state, as it was read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which deployment.
    pub id: DeploymentId,
    /// The platform's own word for the state, cleaned of anything unprintable; empty where it gave none.
    pub word: String,
    /// What that word means.
    pub phase: Phase,
    /// When the platform made the deployment, by the platform's clock.
    pub created_at: Option<SystemTime>,
    /// The platform's page of the deployment or of its environment.
    pub dashboard_url: Option<String>,
    /// The platform's message about this state, such as why it failed, cleaned; empty where it gave none.
    pub message: String,
    /// The address of the deployed site, where the platform names it.
    pub site: Option<String>,
}

/// Why a deployment cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotFollow {
    /// The hook cannot be read, the platform's API can, and these inputs that it needs were not given.
    Missing(Vec<MissingInput>),
    /// The platform is not known.
    UnknownPlatform,
    /// The platform accepted the trigger and keeps no deployment of what it started.
    NoDeployment,
}

/// A read that the platform refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadDenied {
    /// The HTTP status.
    pub status: u16,
    /// The platform's message, cleaned.
    pub message: String,
    /// Whether the request carried the API's token.
    pub with_token: bool,
}

/// An input that was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingInput {
    /// The input's name.
    pub input: &'static str,
    /// The variable that customarily holds it; empty where there is none.
    pub variable: &'static str,
}

/// How a run ended. The words are part of the interface: outputs, JSON events and documents use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The platform says this deployment is live.
    Succeeded,
    /// The platform says this deployment failed.
    Failed,
    /// The platform says success, or cannot be asked, and the page did not answer as expected in time.
    Unverified,
    /// It was stopped at the platform.
    Canceled,
    /// A newer deployment took its place.
    Superseded,
    /// Accepted and, by choice or because it cannot be read, not followed.
    Triggered,
    /// Still going at the deadline.
    TimedOut,
    /// Triggered, and its state could no longer be read.
    Lost,
    /// The platform refused the trigger; nothing was triggered.
    Refused,
    /// The request never left; nothing was triggered.
    Unreachable,
    /// The request left and no usable answer came: a deployment may be running.
    Uncertain,
    /// SIGINT or SIGTERM ended the run; a deployment, once triggered, goes on at the platform.
    Interrupted,
    /// There was no hook URL and `if-missing: skip` was set.
    Skipped,
}

impl Outcome {
    /// Every outcome there is, in the order of the table in `docs/reference.md`.
    pub const ALL: [Self; 13] = [
        Self::Succeeded,
        Self::Failed,
        Self::Unverified,
        Self::Canceled,
        Self::Superseded,
        Self::Triggered,
        Self::TimedOut,
        Self::Lost,
        Self::Refused,
        Self::Unreachable,
        Self::Uncertain,
        Self::Interrupted,
        Self::Skipped,
    ];

    /// The outcome's word in outputs and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unverified => "unverified",
            Self::Canceled => "canceled",
            Self::Superseded => "superseded",
            Self::Triggered => "triggered",
            Self::TimedOut => "timed-out",
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Uncertain => "uncertain",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Succeeded => Self::Succeeded,
            Verdict::Failed => Self::Failed,
            Verdict::Canceled => Self::Canceled,
            Verdict::Superseded => Self::Superseded,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_platforms_give_and_nothing_that_could_steer_a_path_or_a_log() {
        for good in ["dp_abc123", "dp-abc123", "de-000000", "42", "a1b2c3d4-e5f6:7.8"] {
            assert_eq!(DeploymentId::new(good).unwrap().as_str(), good);
        }
        for bad in
            ["", ".", "..", "--", "a/b", "a b", "a\nb", "dp_ü", "a%2fb", "::error::x y", &"x".repeat(129)]
        {
            assert_eq!(DeploymentId::new(bad), None, "{bad:?}");
        }
    }
}
