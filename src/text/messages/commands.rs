//! What single commands say: `status`, `sandbox`, `platforms`, a repeated start of the image; and problems with inputs that
//! depend on the platform.

use std::time::Duration;

use super::message::{NO_DEPLOYMENT, READ_THROUGH_API, inputs, not_set, quoted};
use crate::core::state::{CannotFollow, MissingInput, ReadDenied, Snapshot};
use crate::core::traits::PollResult;
use crate::text::format::{duration, time};

/// The state of a deployment.
pub fn status(snapshot: &Snapshot) -> String {
    let word = if snapshot.word.is_empty() { "no state named" } else { &snapshot.word };
    let created = snapshot.created_at.map(|at| format!(", created {}", time(at)));
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
        PollResult::Denied(ReadDenied { status, message, .. }) => {
            format!("The platform does not allow reading it (HTTP {status}). {message}")
        }
        PollResult::Failed { message } => format!("The state could not be read: {message}."),
    };
    Some(format!("{} `deploy-hook doctor` finds out more.", message.trim()))
}

/// What `sandbox` says below the values that it prints: how to deploy on it, and how to watch it. `variables` stand in front of
/// the command, `options` behind it.
pub fn sandbox_help(url: &str, variables: &str, options: &[String]) -> [String; 5] {
    [
        String::new(),
        "The embedded platform runs until Ctrl-C. In another terminal:".to_owned(),
        format!("  DEPLOY_HOOK_URL=… {variables}deploy-hook deploy {}", options.join(" ")),
        format!("Watch it at {url}/ and choose another scenario:"),
        format!("  curl -X PUT -d '{{\"name\":\"answer-lost\"}}' {url}/sandbox/scenario"),
    ]
}

/// The heads of the columns of `platforms`.
pub const PLATFORMS_HEAD: [&str; 3] = ["PLATFORM", "FOLLOWED", "TRIED LIVE"];

/// What `platforms` says below its table.
pub const PLATFORMS_NOTE: [&str; 3] = [
    "The inputs are what following needs, with the platform's own variables, which",
    "are read for no other platform. DEPLOY_HOOK_API_TOKEN, DEPLOY_HOOK_ACCOUNT and",
    "DEPLOY_HOOK_PROJECT are read for every platform.",
];

/// What is said of an input in the table of `platforms`.
pub const fn platform_input_note(is_required: bool, for_trigger: bool) -> &'static str {
    match (is_required, for_trigger) {
        (_, true) => " (the trigger too)",
        (false, _) => " (optional)",
        _ => "",
    }
}

/// The job's time limit ends before `timeout`.
pub fn cut_short(left: Duration) -> String {
    format!("The CI job's time limit leaves only {} to follow the deployment.", duration(left))
}

/// The image's entrypoint was started again in one job, and the first start did not finish.
pub const STARTED_BEFORE: &str = "This job has already started the image, and that run did not finish. A deployment may be running, so nothing is triggered again. Check the deployment history in the dashboard before you trigger again.";

/// The image's entrypoint was started again in one job.
pub const AFTER_SCRIPT: &str = "This job has already run the image, so this is its after_script. Nothing is triggered again, and the report files are not changed.";

/// The problem with `wait: always` if the deployment cannot be followed, and how to fix it.
pub fn cannot_follow(why: &CannotFollow) -> (String, String) {
    let fix = match why {
        CannotFollow::Missing(missing) => format!("Set {}, or set wait to auto or never.", inputs(missing)),
        CannotFollow::UnknownPlatform => "Set wait to auto or never. If the hook belongs to a staging or self-hosted instance of a supported platform, set platform or api-url.".to_owned(),
        CannotFollow::NoDeployment => "Set wait to auto or never.".to_owned(),
    };
    let of_hook = " of this hook, so it cannot follow the deployment";
    (format!("is not possible: {}", why_not_followed(why, of_hook)), fix)
}

/// Why a deployment cannot be followed. `more`: what else there is to say of an unknown platform.
pub(super) fn why_not_followed(why: &CannotFollow, more: &str) -> String {
    match why {
        CannotFollow::Missing(missing) => format!("{READ_THROUGH_API}, and {}", not_set(missing)),
        CannotFollow::UnknownPlatform => format!("this version does not support the platform{more}"),
        CannotFollow::NoDeployment => NO_DEPLOYMENT.to_owned(),
    }
}

/// The problem with a token that the platform rejects, and how to fix it. `triggers`: the trigger needs the token, too.
pub fn token_denied(status: u16, message: &str, triggers: bool) -> (String, &'static str) {
    let fix = if triggers {
        "Check that the token is valid and may read this environment. The request was not retried, because platforms limit failed attempts."
    } else {
        "Check that the token is valid and may read this environment. `wait: never` needs no token. The request was not retried, because platforms limit failed attempts."
    };
    (format!("was rejected by the platform (HTTP {status}{})", quoted(message)), fix)
}

/// The problem with a missing token where the hook itself wants one, and how to fix it.
pub fn trigger_needs_token(platform: &str, variables: &[&str]) -> (String, String) {
    (
        format!("is missing: a deploy hook of {platform} is triggered with a token"),
        format!("Store an API token as a secret and pass it as api-token or {}.", variables.join(" or ")),
    )
}

/// The problem where the deployment cannot be read at all: the input to blame, what is wrong with it, and how to fix it.
pub fn cannot_read(missing: &[MissingInput]) -> (&'static str, String, String) {
    match missing.first() {
        Some(first) => {
            (first.input, format!("is missing: {READ_THROUGH_API}"), format!("Set {}.", inputs(missing)))
        }
        None => (
            "hook-url",
            "is a hook whose deployments cannot be read, or is missing".to_owned(),
            "Give the hook URL: it names what is deployed. A hook of an unknown platform is only triggered."
                .to_owned(),
        ),
    }
}

/// The problem with an account or a project that the platform does not know, and how to fix it.
pub fn not_found(message: &str) -> (String, &'static str) {
    (
        format!("was not found at the platform (HTTP 404{})", quoted(message)),
        "Check that it is the id that the platform's dashboard shows, that it belongs to the hook, and that the token may read it. `wait: never` needs none.",
    )
}
