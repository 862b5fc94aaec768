//! What is wrong with an input that only the platform could tell, and what to do.

use super::quoted;
use crate::core::state::CannotFollow;

/// What is wrong with `wait: always`, and what to do, where the deployment cannot be followed.
#[must_use]
pub const fn cannot_follow(why: CannotFollow) -> (&'static str, &'static str) {
    match why {
        CannotFollow::NeedsToken => (
            "cannot be done: this hook's deployments are read through the platform's API, and no API token was given",
            "Store an API token as a secret and pass it as api-token, or set wait to auto or never.",
        ),
        CannotFollow::UnknownPlatform => (
            "cannot be done: this version does not know the hook's platform, so it cannot follow its deployments",
            "Set wait to auto or never. For a staging platform of fortrabbit's set api-url.",
        ),
    }
}

/// What is wrong with a token that the platform refuses, and what to do.
#[must_use]
pub fn token_denied(status: u16, said: &str) -> (String, &'static str) {
    (
        format!("is refused by the platform (HTTP {status}{})", quoted(said)),
        "Check that the token is valid and belongs to an owner of this environment. With `wait: never` the hook is \
         triggered without it. It was not tried again: failed attempts are counted.",
    )
}
