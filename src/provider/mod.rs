//! Hosting platforms, one file each: they speak a foreign language and return the core's words.

pub mod fortrabbit;

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
    let good = (200..300).contains(&answer.status);
    Pace {
        retry_after: answer.retry_after.filter(|_| !good),
        suggested: answer.retry_after.filter(|_| good),
        remaining: answer.remaining,
        reset_in: answer.reset_in,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pause_is_asked_for_by_a_refusal_and_suggested_by_a_good_answer() {
        let hour = Some(Duration::from_hours(1));
        for status in [200, 202, 204, 404, 429, 503] {
            let (body, date) = (Ok(Vec::new()), None);
            let answer = Answer { status, body, retry_after: hour, remaining: None, reset_in: None, date };
            let wanted = if status < 300 { (None, hour) } else { (hour, None) };
            assert_eq!((pace(&answer).retry_after, pace(&answer).suggested), wanted, "{status}");
        }
    }
}
