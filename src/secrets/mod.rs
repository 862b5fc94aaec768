//! Values that cannot be printed, and the redaction of everything that came from outside.
//!
//! The hook URL is a password: whoever has it can deploy. So it is a type without `Display`, whose `Debug` says
//! nothing, and every text that a server or the system gave us goes through [`Redactor::clean`] before anybody
//! sees it.

mod hook_url;
mod parts;
mod redactor;
mod sanitize;
mod token;

use url::{Host, Url};

pub use self::hook_url::{DocumentedHook, HookUrl, UrlFault};
pub use self::parts::{could_be_secret, secrets_of_query};
pub use self::redactor::Redactor;
pub use self::sanitize::strip;
pub use self::token::Token;

/// Stands where a secret stood.
const STARS: &str = "***";

/// Shorter texts are not taken for secrets: they would black out ordinary words.
const SHORTEST: usize = 4;

/// Whether a secret may be sent there: over https, or to this machine itself.
#[must_use]
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether the URL's host is this machine itself.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Takes off what a copy and paste adds: white space around, and one pair of quotes.
#[must_use]
pub fn unwrap_pasted(pasted: &str) -> &str {
    let text = pasted.trim().trim_start_matches('\u{feff}');
    let inner = ['"', '\'', '`']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)));
    inner.unwrap_or(text).trim()
}
