//! What a person reads of the records at a forge: what they say, and why one is not there.

use crate::text::{CodeHost, Fix, ReportKind, ReportResult};

/// One line for a record while the deployment goes on.
#[must_use]
pub fn going(id: Option<&str>, word: &str) -> String {
    let which = id.map_or_else(|| "The deployment".to_owned(), |id| format!("Deployment {id}"));
    if word.is_empty() { format!("{which} was triggered") } else { format!("{which}: {word}") }
}

/// What a record says that a killed run left open.
pub const LEFT_OPEN: &str =
    "The run ended before the deployment's end was seen; the deployment goes on at the platform.";

/// Why a report is missing, and what to do about it; `None` where it is not.
#[must_use]
pub fn error(results: &ReportResult) -> Option<String> {
    let error = results.error.as_ref()?;
    let (noun, why) = (results.kind.noun(results.code_host), error.why.trim_end_matches('.'));
    let fix = match error.fix {
        Fix::Permission if error.read_only => {
            "Pull requests from forks and Dependabot get a token that may only read.".to_owned()
        }
        Fix::Permission => check(results.kind, results.code_host),
        other => advice(other, results.code_host).to_owned(),
    };
    let gap = if fix.is_empty() { "" } else { " " };
    Some(format!("The {noun} could not be written: {why}.{gap}{fix} The outcome stands."))
}

/// What helps where it is no permission that is missing.
#[must_use]
pub fn advice(fix: Fix, code_host: CodeHost) -> &'static str {
    match (fix, code_host) {
        (Fix::None | Fix::Permission, _) => "",
        (Fix::Token, CodeHost::GitLab) => {
            "Check that the token given as `gitlab-token` is whole, not revoked and not expired."
        }
        (Fix::Token, _) => {
            "Check that the token given as `github-token` is whole, not revoked and not expired."
        }
        (Fix::TokenPolicy, _) => {
            "The organization does not allow this kind of token: leave `github-token` out to use the job's own, or pass \
             one of a kind that it allows."
        }
        (Fix::SingleSignOn, _) => {
            "Authorize the token for the organization's single sign-on in its owner's settings, or leave `github-token` \
             out to use the job's own."
        }
        (Fix::App, _) => {
            "Leave `github-token` out to use the job's own, or pass a GitHub App's: no personal token may write it."
        }
        (Fix::AllowList, _) => {
            "An owner of the organization has to put this runner's IP address on its allow list; runners with addresses \
             of their own can be on it."
        }
        (Fix::Unlock, _) => "Unlock the conversation, or leave `comment` out of `report`.",
        (Fix::Unarchive, _) => {
            "An archived repository takes no reports: unarchive it, or set `report` to `summary`."
        }
        (Fix::Account, _) => "Whoever owns the account or the repository has to settle this with the forge.",
    }
}

/// What lets a record be written.
#[must_use]
fn check(kind: ReportKind, code_host: CodeHost) -> String {
    let check = match (code_host, kind) {
        (CodeHost::GitHub, _) => return format!("Add `{}` to the job's `permissions:`.", kind.permission()),
        (CodeHost::Forgejo | CodeHost::Gitea, _) => {
            "Pass a token that may write to the repository as `github-token`."
        }
        (CodeHost::GitLab, ReportKind::Deployment) => {
            "Whoever started the pipeline must be allowed to deploy to the environment; or pass as `gitlab-token` a \
             token that is."
        }
        (CodeHost::GitLab, _) => {
            "Pass as `gitlab-token` an access token of the project with the scope `api` and the role Developer."
        }
    };
    check.to_owned()
}

/// What lets these records be written, each remedy once.
#[must_use]
pub fn needed_permissions(kinds: &[ReportKind], code_host: CodeHost) -> String {
    let mut remedies: Vec<String> = Vec::new();
    for fix in kinds.iter().map(|kind| check(*kind, code_host)) {
        if !remedies.contains(&fix) {
            remedies.push(fix);
        }
    }
    remedies.join(" ")
}

/// What nobody but the forge knows of a token that it accepts: whether these records may be written with it. Nothing is
/// to be said where none is wanted.
#[must_use]
pub fn may_need(kinds: &[ReportKind], code_host: CodeHost) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    format!(
        "What it may write only writing tells. Should a record be missing: {}",
        needed_permissions(kinds, code_host)
    )
}

/// A kind of record that a forge does not have.
#[must_use]
pub fn absent(kind: ReportKind, code_host: CodeHost) -> String {
    let instead = match (kind, code_host) {
        (ReportKind::Check, CodeHost::GitLab) => "; the job itself is one",
        (ReportKind::Check, _) => "; the commit status says the same",
        _ => "",
    };
    format!("{} has no {}s{instead}.", code_host.name(), kind.noun(code_host))
}

/// What becomes of a wanted comment in a run of a push, a schedule or the like.
#[must_use]
pub const fn nowhere_to_comment(code_host: CodeHost) -> &'static str {
    match code_host {
        CodeHost::GitLab => "There is no note, as this job belongs to no merge request.",
        _ => "There is no comment, as this run belongs to no pull request.",
    }
}
