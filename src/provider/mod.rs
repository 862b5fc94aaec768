//! Hosting platforms, one file each: they speak a foreign language and return the core's words.

pub mod fortrabbit;
mod time;

use url::Url;

use crate::deploy::schedule::Pace;
use crate::http::{Answer, Http};
use crate::secret::{HookUrl, Token};

use self::fortrabbit::Fortrabbit;

/// What a user has of a platform.
#[derive(Clone, Debug)]
pub struct Access {
    /// The deploy hook. Only `follow` and `status` can do without, where there is a token.
    pub hook: Option<HookUrl>,
    /// A token of the platform's public API.
    pub token: Option<Token>,
    /// Base of the platform's public API.
    pub api: Url,
}

/// The platforms. There is one so far, so every hook is taken for its; with the next one this becomes an enum.
pub type Platform = Fortrabbit;

/// The platform this access belongs to. The next one is chosen here, by the hook's host.
#[must_use]
pub fn open(access: Access, http: Http) -> Platform {
    Fortrabbit::new(access, http)
}

/// Whether a version of this program knows the platform at this host, or the user named it by `api-url`.
#[must_use]
pub fn is_known(access: &Access) -> bool {
    access.hook.as_ref().is_none_or(|hook| fortrabbit::is_home(hook, &access.api))
}

/// What an answer's headers say about how fast to go on.
fn pace(answer: &Answer) -> Pace {
    Pace { retry_after: answer.retry_after, remaining: answer.remaining, reset_in: answer.reset_in }
}
