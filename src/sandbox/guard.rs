//! Who may use the routes that control the sandbox: programs on this machine, and the sandbox's own page in a browser.

use super::request::Incoming;

/// Why a request is refused, or `None` where it is not.
///
/// A page of another site must not read or change anything here, not even where its name was pointed at this machine. So the names of
/// the request must be loopback names. What a browser sends besides the first request for the page must come from the page itself:
/// by the browser's own word (`Origin`, `Sec-Fetch-Site`), and for whatever changes something or shows a hook's URL by the token
/// that only the page holds. `token` is that one; an empty one fits nothing.
pub(super) fn refusal(request: &Incoming<'_>, token: &str) -> Option<&'static str> {
    const NAME: &str = "The management answers on loopback names only, such as 127.0.0.1.";
    const SITE: &str = "Only the sandbox's own page may use this.";
    const TOKEN: &str = "The token of the page is missing or of an earlier sandbox. Reload the page, or ask without a browser.";
    let Some(host) = request.header("host").filter(|host| is_loopback(host)) else { return Some(NAME) };
    let origin = request.header("origin");
    if !origin.is_none_or(|origin| origin.strip_prefix("http://").is_some_and(is_loopback)) {
        return Some(NAME);
    }
    let (is_read, is_of_page) = (request.method == "GET", request.path.starts_with("/sandbox/page/"));
    if is_read && request.path == "/" {
        return None;
    }
    let site = request.header("sec-fetch-site");
    if !matches!(site, None | Some("same-origin" | "none")) {
        return Some(SITE);
    }
    if is_read && !is_of_page {
        return None;
    }
    let is_own =
        |origin: &str| origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host));
    if !origin.is_none_or(is_own) {
        return Some(SITE);
    }
    let is_fitting = !token.is_empty() && given_token(request) == Some(token);
    ((is_of_page || is_browser(request)) && !is_fitting).then_some(TOKEN)
}

/// The token that came with the request. An `EventSource` cannot send a header.
fn given_token<'a>(request: &Incoming<'a>) -> Option<&'a str> {
    request.header("x-sandbox-token").or_else(|| request.query.strip_prefix("token="))
}

/// Whether a browser sent the request, an old one included.
fn is_browser(request: &Incoming<'_>) -> bool {
    ["origin", "referer", "cookie", "sec-fetch-site"].iter().any(|name| request.header(name).is_some())
        || request.header("user-agent").is_some_and(|name| name.starts_with("Mozilla/"))
}

/// Whether a `Host` value, with or without a port, names this machine by itself.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
