//! Messages about reports at a code host: their texts, and why one is missing.

use std::time::Duration;

use super::times::usual;
use crate::text::format::count;
use crate::text::{CodeHost, Fix, ReportKind, ReportResult};

/// The text of a report while the deployment is in progress.
pub fn progress(id: Option<&str>, word: &str, usual_duration: Option<Duration>) -> String {
    let which = id.map_or_else(|| "The deployment".to_owned(), |id| format!("Deployment {id}"));
    let usual = usual_duration.map(usual).unwrap_or_default();
    if word.is_empty() { format!("{which} was triggered{usual}") } else { format!("{which}: {word}{usual}") }
}

/// The text of a report that a killed run left open.
pub const RUN_KILLED: &str =
    "The run ended before the deployment finished. The deployment continues at the platform.";

/// What other commands of the step wrote leaves no room for the summary.
pub const SUMMARY_TOO_LARGE: &str = "The job summary is missing: with what the step's other commands wrote it would be larger than 1 MiB, and GitHub would show none of it.";

/// Why a report is missing and how to fix it; `None` if it was written.
pub fn error(result: &ReportResult) -> Option<String> {
    let error = result.error.as_ref()?;
    let (noun, why) = (result.kind.noun(result.code_host), error.why.trim_end_matches('.'));
    let fix = match error.fix {
        Fix::Permission if error.read_only => {
            "Pull requests from forks and from Dependabot get a read-only token.".to_owned()
        }
        Fix::Permission => permission_advice(result.kind, result.code_host),
        other => fix_advice(other, result.code_host).to_owned(),
    };
    let gap = if fix.is_empty() { "" } else { " " };
    Some(format!("The {noun} could not be written: {why}.{gap}{fix} This does not change the outcome."))
}

/// How to fix a problem other than a missing permission.
pub fn fix_advice(fix: Fix, code_host: CodeHost) -> &'static str {
    match (fix, code_host) {
        (Fix::None | Fix::Permission, _) => "",
        (Fix::Token, CodeHost::GitLab) => {
            "Check that `gitlab-token` is complete and has not expired or been revoked."
        }
        (Fix::Token, _) => "Check that `github-token` is complete and has not expired or been revoked.",
        (Fix::TokenPolicy, _) => {
            "The organization does not allow this type of token. Remove `github-token` to use the job's token, or pass a type of token that is allowed."
        }
        (Fix::SingleSignOn, _) => {
            "Authorize the token for the organization's single sign-on in its owner's settings, or remove `github-token` to use the job's token."
        }
        (Fix::App, _) => {
            "Remove `github-token` to use the job's token, or pass the token of a GitHub App. Personal access tokens cannot write this report."
        }
        (Fix::AllowList, _) => {
            "Ask an owner of the organization to add the runner's IP address to the allow list. This requires a runner with a fixed address."
        }
        (Fix::Unlock, _) => "Unlock the conversation, or remove `comment` from `report`.",
        (Fix::Unarchive, _) => {
            "An archived repository is read-only. Unarchive it, or set `report` to `summary`."
        }
        (Fix::TwoFactor, _) => "The owner of the token has to set up two-factor authentication.",
        (Fix::SignIn, _) => {
            "The owner of the token has to sign in with a browser, to accept the terms of service or to set a new password."
        }
        (Fix::ReadOnly, _) => {
            "The repository is read-only for now, for maintenance or a migration. Later runs can write reports again."
        }
        (Fix::Account, _) => "The owner of the account or repository has to contact the code host's support.",
    }
}

/// How to get the permission for a report.
fn permission_advice(kind: ReportKind, code_host: CodeHost) -> String {
    let advice = match (code_host, kind) {
        (CodeHost::GitHub, _) => return format!("Add `{}` to the job's `permissions:`.", kind.permission()),
        (CodeHost::Forgejo | CodeHost::Gitea, _) => {
            "Set `github-token` to a token with write access to the repository."
        }
        (CodeHost::GitLab, ReportKind::Deployment) => {
            "The user who started the pipeline must be allowed to deploy to the environment. Or set `gitlab-token` to a token that is allowed to."
        }
        (CodeHost::GitLab, _) => {
            "Set `gitlab-token` to a project access token with the scope `api` and the role Developer."
        }
    };
    advice.to_owned()
}

/// How to get the permissions for these reports, without duplicates.
pub fn needed_permissions(kinds: &[ReportKind], code_host: CodeHost) -> String {
    let mut advice: Vec<String> = Vec::new();
    for fix in kinds.iter().map(|kind| permission_advice(*kind, code_host)) {
        if !advice.contains(&fix) {
            advice.push(fix);
        }
    }
    advice.join(" ")
}

/// The permissions that a valid token may lack for these reports, as only writing would show. Empty if no report is
/// requested.
pub fn maybe_missing_permissions(kinds: &[ReportKind], code_host: CodeHost) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    format!(
        "Its write permissions can only be checked by writing. If a report is missing: {}",
        needed_permissions(kinds, code_host)
    )
}

/// A kind of report that the code host does not support.
pub fn unsupported(kind: ReportKind, code_host: CodeHost) -> String {
    let instead = match (kind, code_host) {
        (ReportKind::Check, CodeHost::GitLab) => "; the job itself shows the result",
        (ReportKind::Check, _) => "; the commit status shows the result",
        _ => "",
    };
    format!("{} has no {}s{instead}.", code_host.name(), kind.noun(code_host))
}

/// Why no comment is written in runs without a pull or merge request.
pub const fn no_comment_target(code_host: CodeHost) -> &'static str {
    match code_host {
        CodeHost::GitLab => "No note is written, because this job does not belong to a merge request.",
        _ => "No comment is written, because this run does not belong to a pull request.",
    }
}

/// The heading of the end of a deployment's log, or of all of it.
pub fn log_title(shown: usize, all: usize) -> String {
    title("The end of the deployment's log", shown, all)
}

/// The heading of some lines of a deployment's log, or of all of it.
pub fn log_excerpt_title(shown: usize, all: usize) -> String {
    title("From the deployment's log", shown, all)
}

fn title(part: &str, shown: usize, all: usize) -> String {
    let lines = count(all, "line");
    if shown < all {
        format!("{part} ({shown} of {lines})")
    } else {
        format!("The deployment's log ({lines})")
    }
}
