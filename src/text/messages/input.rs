//! Problems with inputs that depend on the platform, and how to fix them.

use super::message::quoted;
use crate::core::state::CannotFollow;

/// The problem with `wait: always` if the deployment cannot be followed, and how to fix it.
#[must_use]
pub const fn cannot_follow(why: CannotFollow) -> (&'static str, &'static str) {
    match why {
        CannotFollow::NeedsToken => (
            "is not possible: deployments of this hook are read through the platform's API, and no API token is set",
            "Store an API token as a secret and pass it as api-token, or set wait to auto or never.",
        ),
        CannotFollow::UnknownPlatform => (
            "is not possible: this version does not support the platform of this hook, so it cannot follow the deployment",
            "Set wait to auto or never. If the hook belongs to a staging instance of a supported platform, set api-url.",
        ),
    }
}

/// The problem with a token that the platform rejects, and how to fix it.
#[must_use]
pub fn token_denied(status: u16, message: &str) -> (String, &'static str) {
    (
        format!("was rejected by the platform (HTTP {status}{})", quoted(message)),
        "Check that the token is valid and may read this environment. `wait: never` needs no token. The request was not retried, because platforms limit failed attempts.",
    )
}
