//! What is wrong with an input that only the platform could tell, and what to do.

use super::quoted;
use crate::core::ports::CannotFollow;

/// What is wrong with `wait: always`, and what to do, where the deployment cannot be followed.
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

/// What is wrong with a token that the platform refuses, and what to do.
#[must_use]
pub fn token_denied(status: u16, said: &str) -> (String, &'static str) {
    (
        format!("was rejected by the platform (HTTP {status}{})", quoted(said)),
        "Check that the token is valid and may read this environment. `wait: never` needs no token. The request was not retried, because platforms limit failed attempts.",
    )
}
