//! The only HTTP client: where secrets may be sent, for how long, and how much of an answer is read.
//!
//! https only (plain http to this machine itself), no redirect is followed, nothing is retried here, bodies end at
//! one MiB, and errors lose their URL: reqwest prints it in every form of an error.

mod body;
mod certificate;
mod network;
pub mod page_client;
mod response;
mod search;
pub(crate) mod time;
mod tls;

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Proxy, redirect, retry};
use rustls::ClientConfig;
use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;
use url::Url;

pub use self::body::{BodyFault, LARGEST_BODY};
pub use self::network::{Network, NoProxy, ProxyFault, ProxyUrl, wants_proxy};
pub use self::response::Response;
pub(crate) use self::response::read;
pub use self::tls::ClientError;
pub use reqwest::Method;

use crate::core::trigger::{NotSent, NotSentReason};
use crate::secrets::{Redactor, Token, has_user, is_safe};

/// How long a connection may take, all of DNS, TCP and TLS. Shorter than any request's limit, so that running out
/// of it always means that the request never left.
const CONNECT: Duration = Duration::from_secs(10);

/// hyper-util's words for a proxy that answered, and not with 200.
const REFUSED_TUNNEL: [&str; 2] =
    ["tunnel error: unsuccessful", "tunnel error: proxy authorization required"];

/// Those of one for a proxy that could not be reached.
const UNREACHABLE_PROXY: &str = "tunnel error: failed to create underlying connection";

/// How many headers an answer may have: ten times hyper's own limit. Each takes 64 bytes while an answer is read, whether it is
/// there or not: with curl's limit, 5,000, that was half of a poll's CPU time where hyper is compiled with the `release` profile.
const MOST_HEADERS: usize = 1024;

/// The client.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    redactor: Redactor,
    /// What the client was made of.
    parts: Arc<(ClientConfig, Network)>,
}

/// A token and how a server wants it.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    /// `Authorization: Bearer`.
    Bearer(&'a Token),
    /// In a header of its own, by its name in small letters.
    Header(&'static str, &'a Token),
}

/// A `POST` with what its sender adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Where to.
    pub url: &'a Url,
    /// The token, where it needs one.
    pub credential: Option<Credential<'a>>,
    /// Further headers; they replace those that are sent otherwise.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// The body: JSON, or plain text.
    pub body: Option<&'a str>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The request never left. The message is without any URL.
    #[error("{}", .0.message)]
    NotSent(NotSent),
    /// It left, and no answer came in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It left, and the connection broke before an answer.
    #[error("{0}")]
    Broken(String),
}

impl Http {
    /// A client. `tls` says whether any of its requests goes over https: the certificate authorities are only read
    /// where they are needed.
    pub fn new(network: &Network, tls: bool, redactor: Redactor) -> Result<Self, ClientError> {
        let parts = Arc::new((tls::config(network, tls)?, network.clone()));
        let client = through_proxy(&parts, CONNECT).build();
        let client = client.map_err(|error| ClientError::Library(chain(error)))?;
        Ok(Self { client, redactor, parts })
    }

    /// The same client for another run in this process, with the redactor that knows its secrets: connections and certificate
    /// authorities are shared.
    #[must_use]
    pub fn with_redactor(&self, redactor: Redactor) -> Self {
        Self { redactor, ..self.clone() }
    }

    /// The same client with a connection of its own for each request.
    fn alone(&self, connect: Duration) -> Result<Self, reqwest::Error> {
        let client = through_proxy(&self.parts, connect).pool_max_idle_per_host(0).build()?;
        Ok(Self { client, ..self.clone() })
    }

    /// Sends one `POST` on a connection of its own, and reads the whole answer, within `limit`.
    ///
    /// A connection that was used before may have been closed by the other side, and then it is not known whether the
    /// request arrived. A connection that is not made within three quarters of `limit` fails as such, so that running
    /// out of `limit` always means that the request was sent.
    pub async fn post_alone(&self, post: Post<'_>, limit: Duration) -> Result<Response, RequestError> {
        let alone = self.alone(CONNECT.min(limit * 3 / 4)).map_err(|error| {
            let message = self.redactor.clean(&chain(error), 300);
            RequestError::NotSent(NotSent { why: NotSentReason::Connect, message })
        })?;
        let mut request = alone.request(Method::POST, post.url, post.credential, limit)?;
        if let Some(body) = post.body {
            let is_json = serde_json::from_str::<IgnoredAny>(body).is_ok();
            let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
            request = request.header(CONTENT_TYPE, kind).body(body.to_owned());
        }
        let request = request.headers(post.headers.iter().cloned().collect());
        alone.execute(request, post.url, limit).await
    }

    /// Sends one request, with a JSON body where there is one, and reads the whole answer, within `limit`.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        credential: Option<Credential<'_>>,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Response, RequestError> {
        let mut request = self.request(method, url, credential, limit)?;
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        self.execute(request, url, limit).await
    }

    /// A request with the headers that all have, to a place where a secret may be sent.
    fn request(
        &self,
        method: Method,
        url: &Url,
        credential: Option<Credential<'_>>,
        limit: Duration,
    ) -> Result<reqwest::RequestBuilder, RequestError> {
        if !is_safe(url) {
            let message = "plain http is only for this machine itself".to_owned();
            return Err(RequestError::NotSent(NotSent { why: NotSentReason::Tls, message }));
        }
        let request = self.client.request(method, url.clone()).timeout(limit).headers(headers());
        let header = credential.map(|credential| match credential {
            Credential::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.expose())),
            Credential::Header(name, token) => (HeaderName::from_static(name), token.expose().to_owned()),
        });
        if let Some((name, value)) = header
            && let Ok(mut value) = HeaderValue::try_from(value)
        {
            value.set_sensitive(true);
            return Ok(request.header(name, value));
        }
        Ok(request)
    }

    async fn execute(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        limit: Duration,
    ) -> Result<Response, RequestError> {
        let started = Instant::now();
        match request.send().await {
            Ok(response) => Ok(read(response).await),
            Err(error) => Err(self.failure(error, url, limit, started).await),
        }
    }

    /// The client itself, for a library that brings its own requests: octocrab.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The redactor that knows this run's secrets.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    async fn failure(
        &self,
        error: reqwest::Error,
        url: &Url,
        limit: Duration,
        started: Instant,
    ) -> RequestError {
        let mut stage = stage(&error);
        let late = error.is_timeout();
        let plain = sources(&error).find_map(tls_error).and_then(tls::explain);
        let message =
            plain.unwrap_or_else(|| chain(error).replace(UNREACHABLE_PROXY, "it cannot be reached"));
        let mut message = self.redactor.clean(&message, 300);
        // Not where the proxy itself could not be reached.
        if REFUSED_TUNNEL.iter().any(|words| message.contains(words)) {
            let left = limit.saturating_sub(started.elapsed());
            message = self.proxy_response(url, left).await.unwrap_or(message);
        }
        if let Some(proxy) =
            self.parts.1.proxy_for(url).filter(|_| late && stage == Some(NotSentReason::Connect))
        {
            message = format!("no connection through the proxy {} in time", proxy.label());
            stage = Some(NotSentReason::Proxy);
        }
        match stage {
            Some(why) => RequestError::NotSent(NotSent { why, message }),
            None if late => RequestError::TimedOut(limit),
            None => RequestError::Broken(message),
        }
    }

    /// What a proxy answers that refused a tunnel. hyper-util keeps the status to itself, so the proxy is asked for the
    /// tunnel once more, in a request whose answer can be read; nothing is sent through it.
    async fn proxy_response(&self, url: &Url, limit: Duration) -> Option<String> {
        let (config, network) = &*self.parts;
        let proxy = network.proxy_for(url)?;
        let target = format!("http://{}:{}/", url.host_str()?, url.port_or_known_default()?);
        let client = builder(config).proxy(Proxy::http(proxy.expose().clone()).ok()?).build().ok()?;
        let status = client.request(Method::CONNECT, target).timeout(limit).send().await.ok()?.status();
        let reason = status.canonical_reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let advice = match status.as_u16() {
            200..300 => return None,
            401 | 407 if has_user(proxy.expose()) => {
                ", so it does not accept the user and password of its URL"
            }
            401 | 407 => ", so it wants a user and password in its URL: http://user:password@host:port",
            _ => "",
        };
        Some(format!("it answered {}{reason}{advice}", status.as_u16()))
    }
}

/// A client that reaches every host directly: no redirect is followed, nothing is retried.
fn builder(config: &ClientConfig) -> reqwest::ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes clients")]
    let builder = reqwest::Client::builder();
    builder
        .tls_backend_preconfigured(config.clone())
        .user_agent(concat!("deploy-hook/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(CONNECT)
        // What browsers and curl read of a header section, which some gateways write by hand. hyper still refuses a
        // status line with more than one space, and chunks in HTTP/1.0.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MOST_HEADERS)
        .no_proxy()
}

/// The same by way of the proxy that a request's host asks for.
fn through_proxy(parts: &Arc<(ClientConfig, Network)>, connect: Duration) -> reqwest::ClientBuilder {
    let builder = builder(&parts.0).connect_timeout(connect);
    if parts.1.proxy.is_none() && parts.1.http_proxy.is_none() {
        return builder;
    }
    let parts = Arc::clone(parts);
    builder.proxy(Proxy::custom(move |url| parts.1.proxy_for(url).map(|proxy| proxy.expose().clone())))
}

/// How far the request came, where it provably never left: it could not be made, or the connection could not.
fn stage(error: &reqwest::Error) -> Option<NotSentReason> {
    if error.is_builder() {
        return Some(NotSentReason::Invalid);
    }
    if !error.is_connect() {
        return None;
    }
    let mut found = if error.is_dns() { NotSentReason::Dns } else { NotSentReason::Connect };
    for inner in sources(error) {
        let text = inner.to_string();
        // hyper-util keeps its types of error for these two to itself; the tests hold their words.
        if text.starts_with("tunnel error") {
            return Some(NotSentReason::Proxy);
        } else if text.starts_with("dns error") {
            found = NotSentReason::Dns;
        } else if tls_error(inner).is_some() || text == "tls handshake eof" {
            found = NotSentReason::Tls;
        }
    }
    Some(found)
}

/// The errors behind this one, the nearest first.
fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&inner| inner.source())
}

/// The TLS library's error, however often the system's type of error is wrapped around it.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.downcast_ref().or_else(|| tls_error(inner?))
}

fn headers() -> HeaderMap {
    let (json, plain) = (HeaderValue::from_static("application/json"), HeaderValue::from_static("identity"));
    HeaderMap::from_iter([(ACCEPT, json), (ACCEPT_ENCODING, plain)])
}

/// An error and all its sources in one line, without the URL that reqwest would put in.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut texts = vec![error.to_string()];
    texts.extend(sources(&error).map(ToString::to_string));
    // The outer layers only say which library it was; a layer may repeat the one below it.
    let is_shown = |n: usize, text: &str| {
        let library = text.starts_with("error sending request") || text.starts_with("client error (");
        let below = texts.get(n + 1);
        (!library || below.is_none()) && !below.is_some_and(|below| text.contains(below.as_str()))
    };
    let shown = texts.iter().enumerate().filter(|(n, text)| is_shown(*n, text));
    shown.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
