//! The only HTTP client: where secrets may be sent, for how long, and how much of an answer is read.
//!
//! https only (plain http to this machine itself), no redirect is followed, nothing is retried here, bodies end at
//! one MiB, and errors lose their URL: reqwest prints it in every form of an error.

mod answer;

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{NoProxy, Proxy, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use thiserror::Error;
use url::Url;

pub(crate) use self::answer::read;
pub use self::answer::{Answer, BodyFault, LARGEST_BODY};
pub use reqwest::Method;

use crate::secret::{Redactor, Token, is_safe};

/// How long a connection may take, all of DNS, TCP and TLS. Shorter than any request's limit, so that running out
/// of it always means that the request never left.
const CONNECT: Duration = Duration::from_secs(10);

/// Where system packages keep the certificate authorities in one file, the usual place first.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// How this machine reaches others.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// PEM files of certificate authorities in addition to the system's.
    pub authorities: Vec<PathBuf>,
    /// The proxy for https (`HTTPS_PROXY`, `ALL_PROXY`).
    pub proxy: Option<ProxyUrl>,
    /// Hosts reached without it (`NO_PROXY`).
    pub no_proxy: Option<String>,
}

/// A proxy's URL, which may hold a password.
#[derive(Clone)]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// Reads a proxy's URL; a bare `host:port` means http.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).ok()?;
        (url.has_host() && matches!(url.scheme(), "http" | "https")).then_some(Self(url))
    }

    /// Host and port, which are no secret.
    #[must_use]
    pub fn label(&self) -> String {
        let port = self.0.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.0.host_str().unwrap_or_default())
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyUrl({})", self.label())
    }
}

/// Why no client could be made.
#[derive(Debug, Error)]
pub enum Unusable {
    /// A PEM file of authorities cannot be used.
    #[error("{}: {why}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is not one certificate authority to trust.
    #[error("this machine has no certificate authorities (looked in {})", BUNDLES.join(", "))]
    NoAuthorities,
    /// The TLS or HTTP library would not have it.
    #[error("{0}")]
    Library(String),
}

/// The client.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    tls: ClientConfig,
    proxy: Option<Proxy>,
    redactor: Redactor,
}

/// A token and how a server wants it.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    /// `Authorization: Bearer`.
    Bearer(&'a Token),
    /// In a header of its own, by its name in small letters.
    Header(&'static str, &'a Token),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The request never left.
    #[error("{said}")]
    NotSent {
        /// How far it came.
        stage: Stage,
        /// The system's own words, without any URL.
        said: String,
    },
    /// It left, and no answer came in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It left, and the connection broke before an answer.
    #[error("{0}")]
    Broken(String),
}

/// How far a request came that never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The host's name has no address.
    Dns,
    /// Nobody accepted the connection.
    Connect,
    /// No trusted connection.
    Tls,
    /// The proxy did not let it through.
    Proxy,
}

impl Http {
    /// A client. `tls` says whether any of its requests goes over https: the certificate authorities are only read
    /// where they are needed.
    pub fn new(network: &Network, tls: bool, redactor: Redactor) -> Result<Self, Unusable> {
        let roots = if tls { roots(network)? } else { RootCertStore::empty() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Unusable::Library(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let direct = || {
            let no_proxy = network.no_proxy.as_deref().unwrap_or_default();
            NoProxy::from_string(&format!("localhost,127.0.0.0/8,::1,{no_proxy}"))
        };
        let proxy = network.proxy.as_ref().map(|proxy| Proxy::https(proxy.0.clone())).transpose();
        let proxy = proxy.map_err(|error| Unusable::Library(chain(error)))?;
        let proxy = proxy.map(|proxy| proxy.no_proxy(direct()));
        let client = builder(&config, proxy.as_ref(), CONNECT).build();
        let client = client.map_err(|error| Unusable::Library(chain(error)))?;
        Ok(Self { client, tls: config, proxy, redactor })
    }

    /// Sends one request without a token on a connection of its own, and reads the whole answer, within `limit`.
    ///
    /// A connection that was used before may have been closed by the other side, and then nobody can tell whether the
    /// request arrived. A connection that is not made within three quarters of `limit` fails as such, so that running
    /// out of `limit` always means that the request was sent.
    pub async fn send_alone(&self, method: Method, url: &Url, limit: Duration) -> Result<Answer, Failure> {
        let alone = builder(&self.tls, self.proxy.as_ref(), CONNECT.min(limit * 3 / 4));
        let client = alone.pool_max_idle_per_host(0).build().map_err(|error| {
            let said = self.redactor.clean(&chain(error), 300);
            Failure::NotSent { stage: Stage::Connect, said }
        })?;
        Self { client, ..self.clone() }.send(method, url, None, limit).await
    }

    /// Sends one request and reads the whole answer, within `limit`.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        token: Option<&Token>,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        self.send_json(method, url, token.map(Credential::Bearer), None, limit).await
    }

    /// The same with a body.
    pub async fn send_json(
        &self,
        method: Method,
        url: &Url,
        credential: Option<Credential<'_>>,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        if !is_safe(url) {
            let said = "plain http is only for this machine itself".to_owned();
            return Err(Failure::NotSent { stage: Stage::Tls, said });
        }
        let mut request = self.client.request(method, url.clone()).timeout(limit).headers(headers());
        let header = credential.map(|credential| match credential {
            Credential::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.expose())),
            Credential::Header(name, token) => (HeaderName::from_static(name), token.expose().to_owned()),
        });
        if let Some((name, value)) = header
            && let Ok(mut value) = HeaderValue::try_from(value)
        {
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.failure(error, limit))?;
        Ok(read(response).await)
    }

    /// The client itself, for a library that brings its own requests: octocrab.
    #[must_use]
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The redactor that knows this run's secrets.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn failure(&self, error: reqwest::Error, limit: Duration) -> Failure {
        let stage = stage(&error);
        let late = error.is_timeout();
        let said = self.redactor.clean(&chain(error), 300);
        match stage {
            Some(stage) => Failure::NotSent { stage, said },
            None if late => Failure::TimedOut(limit),
            None => Failure::Broken(said),
        }
    }
}

/// The one way to make a client: no redirect is followed and nothing is retried.
fn builder(tls: &ClientConfig, proxy: Option<&Proxy>, connect: Duration) -> reqwest::ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes clients")]
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("deploy-hook/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(connect)
        .no_proxy();
    match proxy {
        Some(proxy) => builder.proxy(proxy.clone()),
        None => builder,
    }
}

/// How far the request came, where it provably never left: while the connection was still being made.
fn stage(error: &reqwest::Error) -> Option<Stage> {
    if !error.is_connect() {
        return None;
    }
    let mut found = if error.is_dns() { Stage::Dns } else { Stage::Connect };
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        // hyper-util keeps its types of error for these two to itself; the tests hold their words.
        if text.starts_with("tunnel error") {
            return Some(Stage::Proxy);
        } else if text.starts_with("dns error") {
            found = Stage::Dns;
        } else if is_tls(inner) || text == "tls handshake eof" {
            found = Stage::Tls;
        }
        source = inner.source();
    }
    Some(found)
}

/// Whether this is the TLS library's error, however often the system's type of error is wrapped around it.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))])
}

/// An error and all its sources in one line, without the URL that reqwest would put in.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        texts.push(inner.to_string());
        source = inner.source();
    }
    // The outer layers only say which library it was; a layer may repeat the one below it.
    let told: Vec<&String> = texts
        .iter()
        .enumerate()
        .filter(|(n, text)| {
            let library = text.starts_with("error sending request") || text.starts_with("client error (");
            (!library || n + 1 == texts.len())
                && !texts.get(n + 1).is_some_and(|next| text.contains(next.as_str()))
        })
        .map(|(_, text)| text)
        .collect();
    told.into_iter().map(String::as_str).collect::<Vec<_>>().join(": ")
}

/// The system's authorities and the additional ones.
fn roots(network: &Network) -> Result<RootCertStore, Unusable> {
    let mut store = RootCertStore::empty();
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.is_file());
    let system = match bundle {
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    store.add_parsable_certificates(system.certs);
    for path in &network.authorities {
        let added = store.add_parsable_certificates(authority(path)?).0;
        if added == 0 {
            let why = "holds no certificate authority".to_owned();
            return Err(Unusable::Authority { path: path.clone(), why });
        }
    }
    if store.is_empty() { Err(Unusable::NoAuthorities) } else { Ok(store) }
}

fn authority(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let found = rustls_native_certs::load_certs_from_paths(Some(path), None);
    match found.errors.first() {
        Some(error) if found.certs.is_empty() => {
            let why = error.to_string();
            Err(Unusable::Authority { path: path.to_owned(), why })
        }
        _ => Ok(found.certs),
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
        assert!(ProxyUrl::parse("socks5://proxy.example").is_none() && ProxyUrl::parse("http://").is_none());
    }
}
