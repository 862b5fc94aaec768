//! The kinds of report a run may leave, with the words and the permission of each.

use serde::{Deserialize, Serialize};

/// A kind of report.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The job summary.
    Summary,
    /// The commit status.
    Status,
    /// The check run.
    Check,
    /// The CI platform's own record of a deployment.
    Deployment,
    /// The sticky comment on a pull or merge request.
    Comment,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Summary, Self::Status, Self::Check, Self::Deployment, Self::Comment];

    /// The kind's word in the input `report`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Status => "status",
            Self::Check => "check",
            Self::Deployment => "deployment",
            Self::Comment => "comment",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Summary => "job summary",
            Self::Status => "commit status",
            Self::Check => "check run",
            Self::Deployment => "GitHub Deployment",
            Self::Comment => "pull request comment",
        }
    }

    /// The entry of a GitHub workflow's `permissions:` that allows writing it; empty where none is needed.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Summary => "",
            Self::Status => "statuses: write",
            Self::Check => "checks: write",
            Self::Deployment => "deployments: write",
            Self::Comment => "pull-requests: write",
        }
    }
}

/// What became of one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// Its kind.
    pub kind: Kind,
    /// Why it could not be written, if so.
    pub trouble: Option<Missed>,
}

/// Why a report could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What happened, cleaned.
    pub why: String,
    /// Whether the token may not write it.
    pub forbidden: bool,
    /// Whether this run's token may only read, whatever the workflow asks for: a fork's or Dependabot's.
    pub read_only: bool,
}
