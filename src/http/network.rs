//! How this machine reaches others: which proxy a request takes, if any, and who else's certificates are trusted.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use url::{Host, Url};

use crate::secrets::{has_user, is_loopback, is_web};

/// How this machine reaches others.
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
            "http" | "https" if url.has_host() => Ok(Self(url)),
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

    /// Whether it holds a user name or password.
    pub(super) fn has_credentials(&self) -> bool {
        has_user(&self.0)
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyUrl({})", self.label())
    }
}

/// Hosts that are reached without a proxy, as curl and the runners write them.
#[derive(Clone, Debug, Default)]
pub struct NoProxy(Vec<Rule>);

/// One entry: whom it names, and at which port alone.
#[derive(Clone, Debug)]
struct Rule {
    who: Who,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Who {
    Everybody,
    Addresses(IpNet),
    /// A name and all below it, or with `*.` in front only those below.
    Domain {
        name: String,
        below_only: bool,
    },
}

impl NoProxy {
    /// Reads a list with commas or white space between its entries. What is none is left out.
    pub fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter(|entry| !entry.is_empty()).filter_map(Rule::parse).collect())
    }

    /// Whether it names the host and port of this URL.
    pub fn names(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return false };
        let port = url.port_or_known_default();
        self.0.iter().any(|rule| rule.port.is_none_or(|wanted| port == Some(wanted)) && rule.who.is(&host))
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if let Some(addresses) = addresses(entry) {
            return Some(Self { who: Who::Addresses(addresses), port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (entry, None),
        };
        let who = match addresses(host) {
            _ if host == "*" => Who::Everybody,
            Some(addresses) => Who::Addresses(addresses),
            None => {
                let below_only = host.starts_with("*.");
                let name = host.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
                (!name.is_empty()).then_some(Who::Domain { name, below_only })?
            }
        };
        Some(Self { who, port })
    }
}

/// An address, in brackets or not, or a range of addresses.
fn addresses(text: &str) -> Option<IpNet> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(IpNet::from(bare.parse::<IpAddr>().ok()?.to_canonical())))
}

impl Who {
    fn is(&self, host: &Host<&str>) -> bool {
        let address = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address).to_canonical()),
            Host::Domain(_) => None,
        };
        match (self, host) {
            (Self::Everybody, _) => true,
            (Self::Addresses(range), _) => address.is_some_and(|address| range.contains(&address)),
            (Self::Domain { name, below_only }, Host::Domain(host)) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                below || (!below_only && host == *name)
            }
            _ => false,
        }
    }
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
