//! The kinds of reports, with their names and permissions, and the results of writing them.

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
    /// The code host's deployment.
    Deployment,
    /// The sticky comment on a pull or merge request.
    Comment,
}

impl ReportKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Summary, Self::Status, Self::Check, Self::Deployment, Self::Comment];

    /// The kind's name in the input `report`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Status => "status",
            Self::Check => "check",
            Self::Deployment => "deployment",
            Self::Comment => "comment",
        }
    }

    /// Its name at this code host.
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

    /// The entry in a GitHub workflow's `permissions:` that it needs; empty if none.
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

/// A code host with CI, which may show reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeHost {
    /// GitHub, its Enterprise Server included.
    #[default]
    GitHub,
    /// GitLab.
    GitLab,
    /// Forgejo, whose API is partly compatible with GitHub's.
    Forgejo,
    /// Gitea, the same.
    Gitea,
}

impl CodeHost {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Forgejo => "Forgejo",
            Self::Gitea => "Gitea",
        }
    }

    /// Whether it supports this kind of report.
    pub const fn has(self, kind: ReportKind) -> bool {
        match self {
            Self::GitHub => true,
            Self::GitLab => !matches!(kind, ReportKind::Check),
            Self::Forgejo | Self::Gitea => !matches!(kind, ReportKind::Check | ReportKind::Deployment),
        }
    }
}

/// The result of writing one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportResult {
    /// Its kind.
    pub kind: ReportKind,
    /// Its code host.
    pub code_host: CodeHost,
    /// Why it could not be written; `None` if it was.
    pub error: Option<ReportError>,
}

/// Why a report could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportError {
    /// What happened, sanitized.
    pub why: String,
    /// How to fix it.
    pub fix: Fix,
    /// Whether the token is always read-only, as for forks and Dependabot.
    pub read_only: bool,
}

/// How to fix a report that the code host rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Unknown.
    None,
    /// Use a token with the permission.
    Permission,
    /// Use a valid token.
    Token,
    /// Use a type of token that the organization allows.
    TokenPolicy,
    /// Authorize the token for single sign-on.
    SingleSignOn,
    /// Use the token of an app; personal tokens cannot write it.
    App,
    /// Add this machine's address to the organization's allow list.
    AllowList,
    /// Unlock the conversation.
    Unlock,
    /// Unarchive the repository.
    Unarchive,
    /// Set up two-factor authentication for the token's owner.
    TwoFactor,
    /// Sign in as the token's owner, to accept the terms or to set a new password.
    SignIn,
    /// Wait until the repository can be written again.
    ReadOnly,
    /// Restore an account that is suspended or blocked.
    Account,
}
