//! Hosting platforms: the registry, one file each, and the one client for all of them.

mod body;
mod budget;
mod client;
mod cloudflare;
mod coolify;
mod deployment;
mod dokploy;
mod earlier;
mod facts;
mod forge;
mod fortrabbit;
mod laravel;
mod laravel_cloud;
mod netlify;
mod other;
mod path;
mod platform;
mod reader;
mod render;
mod response;
mod sevalla;
mod vercel;

use url::Url;

pub use self::client::Client;
pub use self::facts::{Facts, Need, Pointers};
pub use self::platform::{
    Acceptance, Deployment, LogTarget, Platform, PlatformAccess, ReadTarget, Request, StateSource,
};
pub use self::reader::Reader;

use crate::secrets::{HookUrl, UrlFault, is_loopback};

/// Every platform, in the order in which they are asked whether they own a hook. `other` owns the rest.
static ALL: [&dyn Platform; 12] = [
    &fortrabbit::Fortrabbit,
    &render::Render,
    &vercel::Vercel,
    &netlify::Netlify,
    &cloudflare::Workers,
    &cloudflare::Pages,
    &coolify::Coolify,
    &dokploy::Dokploy,
    &forge::Forge,
    &laravel_cloud::LaravelCloud,
    &sevalla::Sevalla,
    &other::Other,
];

/// Every platform, in the order in which they are asked whether a hook is theirs.
pub fn all() -> &'static [&'static dyn Platform] {
    &ALL
}

/// The platform of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Platform> {
    ALL.into_iter().find(|platform| platform.name() == name)
}

/// The platform that a hook belongs to. `api` is the base of the API where the user names one.
pub fn of_hook(url: &Url, api: Option<&Url>) -> &'static dyn Platform {
    let any_host = is_loopback(url) || api.is_some_and(|api| api.origin() == url.origin());
    ALL.into_iter().find(|platform| platform.owns(url, any_host)).unwrap_or(&other::Other)
}

/// The platform of whose dashboard this is a page.
pub fn of_page(url: &Url) -> Option<&'static dyn Platform> {
    ALL.into_iter().find(|platform| platform.is_page(url))
}

/// The platforms that have their hooks at this URL's public host, where it is not one of these hooks.
pub fn with_hooks_at_host_of(url: &Url) -> Vec<&'static dyn Platform> {
    let is_here = |host: &str| url.host_str() == Some(host);
    let here: Vec<_> =
        ALL.into_iter().filter(|platform| platform.facts().host.is_some_and(is_here)).collect();
    if here.iter().any(|platform| platform.owns(url, false)) { Vec::new() } else { here }
}

/// Whether a text without a scheme begins with the host of a platform's hooks.
pub fn is_at_known_host(text: &str) -> bool {
    let Some((host, _)) = text.split_once('/') else { return false };
    ALL.into_iter().any(|platform| platform.facts().host == Some(host))
}

/// The platform that a token belongs to, where its documents say what their tokens begin with.
pub fn with_token(token: &str) -> Option<&'static dyn Platform> {
    ALL.into_iter().find(|platform| has_token_form(*platform, token))
}

/// Whether a token may be this platform's: a platform without an API takes any.
pub fn may_be_token_of(platform: &dyn Platform, token: &str) -> bool {
    platform.facts().token_variables.is_empty() || has_token_form(platform, token)
}

/// Whether a token begins as this platform's documents say of theirs.
fn has_token_form(platform: &dyn Platform, token: &str) -> bool {
    let mut prefixes = platform.facts().token_prefixes.iter();
    prefixes.any(|prefix| token.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 8))
}

/// The hook with what its platform's documents say of its URL.
///
/// # Errors
///
/// The URL is of a documented form and something is wrong with it.
pub fn documented(platform: &dyn Platform, hook: HookUrl) -> Result<HookUrl, UrlFault> {
    Ok(match platform.hook(hook.expose())? {
        Some(documented) => hook.documented(documented),
        None => hook,
    })
}

/// The platforms that a token is set for, without a second one of the same variable.
pub fn of_tokens(is_set: impl Fn(&str) -> bool) -> Vec<&'static dyn Platform> {
    let has_token =
        |platform: &&dyn Platform| platform.facts().token_variables.iter().any(|name| is_set(name));
    let mut found: Vec<_> = ALL.into_iter().filter(has_token).collect();
    found.dedup_by_key(|platform| platform.facts().token_variables);
    found
}

/// Whether an API is another platform's public one, so that this platform's token must not go there.
pub fn is_of_another(platform: &dyn Platform, api: &Url) -> bool {
    let is_at = |platform: &dyn Platform| platform.api(None).is_some_and(|own| own.origin() == api.origin());
    !is_at(platform) && ALL.into_iter().any(is_at)
}
