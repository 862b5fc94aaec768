//! Hosting platforms: the registry, one file each, and the one client that asks them.

mod body;
mod client;
mod fortrabbit;
mod other;
mod platform;
mod response;
mod time;

use url::Url;

pub use self::client::Client;
pub use self::platform::{Acceptance, Deployment, Platform, ReadTarget, Request, StateSource};

use crate::secrets::{HookUrl, Token, is_loopback};

/// Every platform, in the order in which they are asked whether a hook is theirs; `other` owns what is left.
static ALL: [&dyn Platform; 2] = [&fortrabbit::Fortrabbit, &other::Other];

/// What a user has of a platform.
#[derive(Clone, Debug)]
pub struct PlatformAccess {
    /// The deploy hook. Only `follow` and `status` can do without, where there is a token.
    pub hook: Option<HookUrl>,
    /// A token of the platform's public API.
    pub token: Option<Token>,
    /// Base of the platform's public API.
    pub api: Url,
}

/// Every platform, in the order in which they are asked whether a hook is theirs.
#[must_use]
pub fn all() -> &'static [&'static dyn Platform] {
    &ALL
}

/// The platform this access belongs to. Without a hook it is the one whose API is known.
#[must_use]
pub fn of(access: &PlatformAccess) -> &'static dyn Platform {
    let Some(hook) = &access.hook else { return ALL[0] };
    let url = hook.expose();
    let any_host = is_loopback(url) || url.origin() == access.api.origin();
    ALL.into_iter().find(|platform| platform.owns(hook, any_host)).unwrap_or(&other::Other)
}
