//! Problems with inputs that depend on the platform, and how to fix them.

use super::message::{NO_DEPLOYMENT, READ_THROUGH_API, inputs, not_set, quoted};
use crate::core::state::{CannotFollow, MissingInput};

/// The problem with `wait: always` if the deployment cannot be followed, and how to fix it.
pub fn cannot_follow(why: &CannotFollow) -> (String, String) {
    let (why, fix) = match why {
        CannotFollow::Missing(missing) => (
            format!("{READ_THROUGH_API}, and {}", not_set(missing)),
            format!("Set {}, or set wait to auto or never.", inputs(missing)),
        ),
        CannotFollow::UnknownPlatform => (
            "this version does not support the platform of this hook, so it cannot follow the deployment".to_owned(),
            "Set wait to auto or never. If the hook belongs to a staging or self-hosted instance of a supported platform, set platform or api-url.".to_owned(),
        ),
        CannotFollow::NoDeployment => (NO_DEPLOYMENT.to_owned(), "Set wait to auto or never.".to_owned()),
    };
    (format!("is not possible: {why}"), fix)
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
