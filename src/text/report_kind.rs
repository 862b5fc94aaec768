//! The kinds of report a run may leave, with the words and the permission of each.

use serde::{Deserialize, Serialize};

/// A kind of report.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportKind {
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

impl ReportKind {
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

    /// What people call it there.
    #[must_use]
    pub const fn noun(self, code_host: CodeHost) -> &'static str {
        match (self, code_host) {
            (Self::Summary, _) => "job summary",
            (Self::Status, _) => "commit status",
            (Self::Check, _) => "check run",
            (Self::Deployment, CodeHost::GitHub) => "GitHub Deployment",
            (Self::Deployment, CodeHost::GitLab) => "GitLab deployment",
            (Self::Deployment, _) => "deployment",
            (Self::Comment, CodeHost::GitLab) => "merge request note",
            (Self::Comment, _) => "pull request comment",
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

/// A place where code lives and CI runs, which may keep records of deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeHost {
    /// GitHub, its Enterprise Server included.
    GitHub,
    /// GitLab.
    GitLab,
    /// Forgejo, which speaks GitHub's language as far as it goes.
    Forgejo,
    /// Gitea, likewise.
    Gitea,
}

impl CodeHost {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Forgejo => "Forgejo",
            Self::Gitea => "Gitea",
        }
    }

    /// Whether it has such a thing.
    #[must_use]
    pub const fn has(self, kind: ReportKind) -> bool {
        match self {
            Self::GitHub => true,
            Self::GitLab => !matches!(kind, ReportKind::Check),
            Self::Forgejo | Self::Gitea => !matches!(kind, ReportKind::Check | ReportKind::Deployment),
        }
    }
}

/// What became of one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportResult {
    /// Its kind.
    pub kind: ReportKind,
    /// Where.
    pub code_host: CodeHost,
    /// Why it could not be written, if so.
    pub error: Option<ReportError>,
}

/// Why a report could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportError {
    /// What happened, cleaned.
    pub why: String,
    /// What would help.
    pub fix: Fix,
    /// Whether this run's token may only read, whatever the workflow asks for: a fork's or Dependabot's.
    pub read_only: bool,
}

/// What would help where a forge refuses a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Nothing that is known here.
    None,
    /// A token that may write it.
    Permission,
    /// A token that the forge knows.
    Token,
    /// A token of a kind that the organisation allows.
    TokenPolicy,
    /// A token that went through single sign-on.
    SingleSignOn,
    /// A token of an app: no person's may write it.
    App,
    /// This machine's address on the organisation's list.
    AllowList,
    /// A conversation that is not locked.
    Unlock,
    /// A repository that is not archived.
    Unarchive,
    /// An account that is not suspended or blocked.
    Account,
}
