//! The network settings: which proxy a request takes, if any, and which certificate authorities are trusted as well.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use url::{Host, Url};

use crate::secrets::{is_loopback, is_sendable, is_too_long, is_web};

/// The network settings.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Files of certificate authorities in addition to the system's.
    pub authorities: Vec<PathBuf>,
    /// Folders of such files (`SSL_CERT_DIR`). What cannot be read there is left out.
    pub folders: Vec<PathBuf>,
    /// The proxy for https (`HTTPS_PROXY`, `ALL_PROXY`).
    pub proxy: Option<ProxyUrl>,
    /// The proxy for http (`http_proxy`, `ALL_PROXY`), which a page to verify may need.
    pub http_proxy: Option<ProxyUrl>,
    /// Hosts reached without it (`NO_PROXY`).
    pub no_proxy: NoProxy,
}

impl Network {
    /// The proxy that a request for this URL goes through.
    pub fn proxy_for(&self, url: &Url) -> Option<&ProxyUrl> {
        let proxy = if url.scheme() == "http" { &self.http_proxy } else { &self.proxy };
        proxy.as_ref().filter(|_| wants_proxy(url, &self.no_proxy))
    }
}

/// Whether a request for this URL goes through a proxy where there is one: to another machine, unless `NO_PROXY` names it.
pub fn wants_proxy(url: &Url, no_proxy: &NoProxy) -> bool {
    is_web(url) && !is_loopback(url) && !no_proxy.names(url)
}

/// A proxy's URL, which may hold a password.
#[derive(Clone)]
pub struct ProxyUrl(Url);

/// Why a text is not a proxy that can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// A SOCKS proxy.
    Socks,
    /// No URL of a proxy.
    NotProxy,
}

impl ProxyUrl {
    /// Reads a proxy's URL; a bare `host:port` means http.
    pub fn parse(text: &str) -> Result<Self, ProxyFault> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).map_err(|_| ProxyFault::NotProxy)?;
        match url.scheme() {
            "http" | "https" if url.has_host() && !is_too_long(&url) && is_sendable(&url) => Ok(Self(url)),
            scheme if scheme.starts_with("socks") => Err(ProxyFault::Socks),
            _ => Err(ProxyFault::NotProxy),
        }
    }

    /// Host and port, which are no secret.
    pub fn label(&self) -> String {
        let port = self.0.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.0.host_str().unwrap_or_default())
    }

    /// The URL itself, for the client.
    pub(super) fn expose(&self) -> &Url {
        &self.0
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyUrl({})", self.label())
    }
}

/// Hosts that are reached without a proxy, as curl and the runners write them.
#[derive(Clone, Debug, Default)]
pub struct NoProxy(Vec<String>);

impl NoProxy {
    /// Reads a list with commas or white space between its entries.
    pub fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter(|entry| !entry.is_empty()).map(str::to_ascii_lowercase).collect())
    }

    /// Whether it names the host and port of this URL.
    pub fn names(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        url.host().is_some_and(|host| self.0.iter().any(|entry| names(entry, &host, port)))
    }
}

/// Whether an entry, which may be for one port alone, names this host: `*` every one, `example.org` and `.example.org` that
/// one and all below it, `*.example.org` only those below. An entry that is none of these names nobody.
fn names(entry: &str, host: &Host<&str>, port: Option<u16>) -> bool {
    let (who, wanted) = match entry.rsplit_once(':') {
        // An address may have colons of its own.
        Some((who, port)) if addresses(entry).is_none() && !port.ends_with(']') => (who, Some(port)),
        _ => (entry, None),
    };
    let is_at_port = wanted.is_none_or(|wanted| port.is_some() && wanted.parse().ok() == port);
    let is_named = match (addresses(who), host) {
        _ if who == "*" => true,
        (Some(range), Host::Ipv4(address)) => range.contains(&IpAddr::V4(*address)),
        (Some(range), Host::Ipv6(address)) => range.contains(&IpAddr::V6(*address).to_canonical()),
        (None, Host::Domain(host)) => {
            let name = who.trim_start_matches('*').trim_matches('.');
            let host = host.trim_end_matches('.');
            let is_below = host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
            !name.is_empty() && (is_below || !who.starts_with("*.") && host == name)
        }
        _ => false,
    };
    is_at_port && is_named
}

/// An address, in brackets or not, or a range of addresses.
fn addresses(text: &str) -> Option<IpNet> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(IpNet::from(bare.parse::<IpAddr>().ok()?.to_canonical())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_shows_its_host_and_keeps_its_password() {
        let proxy = ProxyUrl::parse("http://user:secret@proxy.example:3128").unwrap();
        assert_eq!(format!("{proxy:?}"), "ProxyUrl(proxy.example:3128)");
        assert_eq!(ProxyUrl::parse("proxy.example:3128").unwrap().label(), "proxy.example:3128");
        assert!(ProxyUrl::parse("http://").is_err() && ProxyUrl::parse("ftp://proxy.example").is_err());
        for socks in
            ["socks5://proxy.example:1080", "socks5h://u:p@proxy.example", "socks4a://h", "SOCKS://h"]
        {
            assert_eq!(ProxyUrl::parse(socks).unwrap_err(), ProxyFault::Socks, "{socks}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_as_curl_and_the_runners_have_it() {
        let named = |list: &str, host: &str| {
            NoProxy::parse(list).names(&format!("https://{host}/x").parse().unwrap())
        };
        for (list, host) in [
            ("example.org", "example.org"),
            ("example.org", "hooks.example.org"),
            (".example.org", "hooks.example.org"),
            (".example.org", "example.org"),
            ("*.example.org", "hooks.example.org"),
            ("*.example.org", "a.b.example.org"),
            ("EXAMPLE.org.", "hooks.Example.ORG"),
            ("example.org", "hooks.example.org."),
            ("hooks.example.org:443", "hooks.example.org"),
            ("example.org:8443", "hooks.example.org:8443"),
            ("*.example.org:8443", "hooks.example.org:8443"),
            (".example.org:443", "hooks.example.org"),
            ("a.example, example.org ,b.example", "example.org"),
            ("a.example b.example\texample.org\n", "example.org"),
            (",,example.org,", "example.org"),
            ("*", "hooks.example.org"),
            ("a.example,*", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:8443", "192.0.2.1:8443"),
            ("192.0.2.0/24", "192.0.2.77"),
            ("10.0.0.0/8,192.168.0.0/16", "192.168.4.5:8443"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8:0::1]"),
            ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
            ("2001:db8::/32", "[2001:db8:77::1]"),
            ("192.0.2.1", "[::ffff:192.0.2.1]"),
            ("internal", "internal"),
        ] {
            assert!(named(list, host), "{list:?} names {host}");
        }
        for (list, host) in [
            ("", "example.org"),
            (" , ", "example.org"),
            ("example.org", "badexample.org"),
            ("example.org", "example.org.evil.example"),
            (".example.org", "badexample.org"),
            ("*.example.org", "example.org"),
            ("*.example.org", "badexample.org"),
            ("hooks.example.org", "example.org"),
            ("example.org:8443", "example.org"),
            ("example.org:443", "example.org:8443"),
            ("example.org:x", "example.org"),
            ("192.0.2.1", "192.0.2.10"),
            ("192.0.2.1:8443", "192.0.2.1"),
            ("192.0.2.0/24", "192.0.3.1"),
            ("192.0.2.0/33", "192.0.2.1"),
            ("0.0.0.0/0", "example.org"),
            ("[2001:db8::1]:8443", "[2001:db8::1]"),
            ("2001:db8::/32", "[2001:db9::1]"),
            ("192.0.2.1", "192.0.2.1.example"),
        ] {
            assert!(!named(list, host), "{list:?} does not name {host}");
        }
    }

    #[test]
    fn only_another_machine_is_reached_through_a_proxy() {
        let wants = |url: &str| wants_proxy(&url.parse().unwrap(), &NoProxy::parse("example.org:8443"));
        assert!(wants("https://example.org/x") && wants("https://192.0.2.1/x"));
        assert!(wants("http://example.com/x") && wants("http://[2001:db8::1]/x"));
        for direct in [
            "https://example.org:8443/x",
            "http://localhost/x",
            "https://localhost/x",
            "https://hooks.localhost:8443/x",
            "https://127.9.9.9/x",
            "https://[::1]:8443/x",
            "https://[::ffff:127.0.0.1]/x",
            "http://example.org:8443/x",
        ] {
            assert!(!wants(direct), "{direct}");
        }
    }
}
