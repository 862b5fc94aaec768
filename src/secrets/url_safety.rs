//! Checks of URLs: whether a secret may be sent there, whether they hold one, and whether they can be requested.

use http::Uri;
use url::{Host, Url};

/// The longest URL, in bytes. Twice as much, which is more than is ever added to one, can still be sent.
const LONGEST: usize = 32_000;

/// Whether a secret may be sent there: over https, or to this machine itself.
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether the URL is one of a web page.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Whether the URL is longer than any request's should be.
pub fn is_too_long(url: &Url) -> bool {
    url.as_str().len() > LONGEST
}

/// Whether HTTP allows every character of the URL: in a host's name it allows fewer. It refuses any URL that is very long,
/// which [`is_too_long`] is for.
pub fn is_sendable(url: &Url) -> bool {
    is_too_long(url) || url.as_str().parse::<Uri>().is_ok()
}

/// Whether a user name or a password stands in front of the host.
pub fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether the URL's host is this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}
