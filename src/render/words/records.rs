//! What a person reads of the records at a forge: what they say, and why one is not there.

use crate::render::{Filed, Forge, Kind, Remedy};

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
pub fn missed(filed: &Filed) -> Option<String> {
    let missed = filed.trouble.as_ref()?;
    let (noun, why) = (filed.kind.noun(filed.forge), missed.why.trim_end_matches('.'));
    let remedy = match missed.remedy {
        Remedy::Permission if missed.read_only => {
            "Pull requests from forks and Dependabot get a token that may only read.".to_owned()
        }
        Remedy::Permission => permit(filed.kind, filed.forge),
        other => advice(other, filed.forge).to_owned(),
    };
    let gap = if remedy.is_empty() { "" } else { " " };
    Some(format!("The {noun} could not be written: {why}.{gap}{remedy} The outcome stands."))
}

/// What helps where it is no permission that is missing.
#[must_use]
pub fn advice(remedy: Remedy, forge: Forge) -> &'static str {
    match (remedy, forge) {
        (Remedy::None | Remedy::Permission, _) => "",
        (Remedy::Token, Forge::GitLab) => {
            "Check that the token given as `gitlab-token` is whole, not revoked and not expired."
        }
        (Remedy::Token, _) => {
            "Check that the token given as `github-token` is whole, not revoked and not expired."
        }
        (Remedy::TokenPolicy, _) => {
            "The organization does not allow this kind of token: leave `github-token` out to use the job's own, or pass \
             one of a kind that it allows."
        }
        (Remedy::SingleSignOn, _) => {
            "Authorize the token for the organization's single sign-on in its owner's settings, or leave `github-token` \
             out to use the job's own."
        }
        (Remedy::App, _) => {
            "Leave `github-token` out to use the job's own, or pass a GitHub App's: no personal token may write it."
        }
        (Remedy::AllowList, _) => {
            "An owner of the organization has to put this runner's IP address on its allow list; runners with addresses \
             of their own can be on it."
        }
        (Remedy::Unlock, _) => "Unlock the conversation, or leave `comment` out of `report`.",
        (Remedy::Unarchive, _) => {
            "An archived repository takes no reports: unarchive it, or set `report` to `summary`."
        }
        (Remedy::Account, _) => {
            "Whoever owns the account or the repository has to settle this with the forge."
        }
    }
}

/// What lets a record be written.
#[must_use]
fn permit(kind: Kind, forge: Forge) -> String {
    let permit = match (forge, kind) {
        (Forge::GitHub, _) => return format!("Add `{}` to the job's `permissions:`.", kind.permission()),
        (Forge::Forgejo | Forge::Gitea, _) => {
            "Pass a token that may write to the repository as `github-token`."
        }
        (Forge::GitLab, Kind::Deployment) => {
            "Whoever started the pipeline must be allowed to deploy to the environment; or pass as `gitlab-token` a \
             token that is."
        }
        (Forge::GitLab, _) => {
            "Pass as `gitlab-token` an access token of the project with the scope `api` and the role Developer."
        }
    };
    permit.to_owned()
}

/// What lets these records be written, each remedy once.
#[must_use]
pub fn permits(kinds: &[Kind], forge: Forge) -> String {
    let mut remedies: Vec<String> = Vec::new();
    for remedy in kinds.iter().map(|kind| permit(*kind, forge)) {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies.join(" ")
}

/// What nobody but the forge knows of a token that it accepts: whether these records may be written with it. Nothing is
/// to be said where none is wanted.
#[must_use]
pub fn may_need(kinds: &[Kind], forge: Forge) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    format!("What it may write only writing tells. Should a record be missing: {}", permits(kinds, forge))
}

/// A kind of record that a forge does not have.
#[must_use]
pub fn absent(kind: Kind, forge: Forge) -> String {
    let instead = match (kind, forge) {
        (Kind::Check, Forge::GitLab) => "; the job itself is one",
        (Kind::Check, _) => "; the commit status says the same",
        _ => "",
    };
    format!("{} has no {}s{instead}.", forge.name(), kind.noun(forge))
}

/// What becomes of a wanted comment in a run of a push, a schedule or the like.
#[must_use]
pub const fn nowhere_to_comment(forge: Forge) -> &'static str {
    match forge {
        Forge::GitLab => "There is no note, as this job belongs to no merge request.",
        _ => "There is no comment, as this run belongs to no pull request.",
    }
}
