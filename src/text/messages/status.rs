//! The words of `status`.

use crate::core::state::Snapshot;
use crate::core::traits::PollResult;

/// The state of a deployment.
pub fn status(snapshot: &Snapshot) -> String {
    let word = if snapshot.word.is_empty() { "no state named" } else { &snapshot.word };
    let created = snapshot.created_at.map(|time| format!(", created {}", crate::text::format::time(time)));
    format!("{} {word}{}", snapshot.id, created.unwrap_or_default())
}

/// Why a state could not be read; none where it was.
pub fn no_status(result: &PollResult) -> Option<String> {
    let message = match result {
        PollResult::Ours(_) => return None,
        PollResult::Newer(other) => {
            format!("The hook shows only its newest deployment, and that is {} now.", other.id)
        }
        PollResult::NotThere => {
            "There is no such deployment, or the hook URL is wrong or revoked (404).".to_owned()
        }
        PollResult::Denied { status, message, .. } => {
            format!("The platform does not allow reading it (HTTP {status}). {message}")
        }
        PollResult::Failed { message } => format!("The state could not be read: {message}."),
    };
    Some(format!("{} `deploy-hook doctor` finds out more.", message.trim()))
}
