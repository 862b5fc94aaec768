//! Servers for what the embedded platform cannot do: any answer or none, TLS, a proxy. Each keeps what it was asked.
#![cfg(test)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The secret of every hook here.
pub(super) const SECRET: &str = "Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj";

/// What a server does once it has read a request.
#[derive(Clone)]
pub(super) enum Play {
    /// Answers these bytes and closes.
    Say(String),
    /// Answers these bytes and drops the connection, over TLS without its `close_notify`.
    Cut(Vec<u8>),
    /// Never answers.
    Silence,
    /// Closes without an answer.
    HangUp,
}

/// An answer with this status and body.
pub(super) fn say(status: u16, body: &str) -> Play {
    let length = body.len();
    Play::Say(format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
}

/// What a server does with a request, by its head.
type Plays = Arc<dyn Fn(&str) -> Play + Send + Sync>;

/// A running server. It ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    heard: Heard,
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<(usize, Vec<String>)>>);

impl Heard {
    fn with<T>(&self, change: impl FnOnce(&mut (usize, Vec<String>)) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Server {
    /// Speaks plain HTTP.
    pub(super) async fn plain(play: Play) -> Self {
        Self::start(None, None, play).await
    }

    /// Speaks plain HTTP, and does with each request what `plays` says of its head.
    pub(super) async fn by_request(plays: impl Fn(&str) -> Play + Send + Sync + 'static) -> Self {
        Self::start_with(None, None, Arc::new(plays)).await
    }

    /// Speaks TLS with a certificate of this authority.
    pub(super) async fn tls(authority: &Authority, name: &str, play: Play) -> Self {
        Self::start(None, Some(authority.acceptor(&[name])), play).await
    }

    /// Speaks TLS with this very certificate, whatever it is.
    pub(super) async fn with_certificate(
        certificate: CertificateDer<'static>,
        key: &KeyPair,
        play: Play,
    ) -> Self {
        Self::start(None, Some(acceptor(certificate, key)), play).await
    }

    /// A proxy that lets every tunnel end at a server of its own, which speaks TLS under this name.
    pub(super) async fn tunnel(authority: &Authority, name: &str, play: Play) -> Self {
        let opened = Play::Say("HTTP/1.1 200 OK\r\n\r\n".to_owned());
        Self::start(Some(opened), Some(authority.acceptor(&[name])), play).await
    }

    async fn start(proxy: Option<Play>, tls: Option<TlsAcceptor>, play: Play) -> Self {
        Self::start_with(proxy, tls, Arc::new(move |_: &str| play.clone())).await
    }

    async fn start_with(proxy: Option<Play>, tls: Option<TlsAcceptor>, play: Plays) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard = Heard::default();
        let server = Self { address, heard: heard.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                heard.with(|heard| heard.0 += 1);
                let (proxy, tls, play, heard) = (proxy.clone(), tls.clone(), play.clone(), heard.clone());
                tokio::spawn(async move {
                    if let Some(Play::Say(opened)) = proxy {
                        hear(&mut stream, &heard).await;
                        let _ = stream.write_all(opened.as_bytes()).await;
                    }
                    match tls {
                        None => serve(stream, &play, &heard).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &play, &heard).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> usize {
        self.heard.with(|heard| heard.0)
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heard.with(|heard| heard.1.clone())
    }

    /// The request lines' beginnings, e.g. `POST /hooks/SECRET`.
    pub(super) fn requests(&self) -> Vec<String> {
        let first = |head: &String| head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
        self.heads().iter().map(first).collect()
    }

    /// A hook of the live form here.
    pub(super) fn hook(&self) -> String {
        format!("http://{}{}", self.address, hook_path())
    }

    /// The same over https.
    pub(super) fn https_hook(&self) -> String {
        format!("https://{}{}", self.address, hook_path())
    }
}

/// A platform that names our deployment when it is triggered, lists nothing, and gives this answer to each poll.
pub(super) async fn answers_of_ours(answer: String) -> Server {
    Server::by_request(move |head| match head.starts_with("POST") {
        true => say(200, r#"{"data":{"publicId":"dp-abc123"}}"#),
        false if head.contains("/v1/deployments HTTP") => say(200, "[]"),
        false => say(200, &answer),
    })
    .await
}

pub(super) fn hook_path() -> String {
    format!("/webhooks/environments/en-wjl0ai/deploy/{SECRET}")
}

/// Reads one request's head, or whatever came where that is no HTTP.
async fn hear<S: AsyncRead + Unpin>(stream: &mut S, heard: &Heard) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        text.extend_from_slice(&buffer[..count]);
        let http = text.first().is_some_and(u8::is_ascii_uppercase);
        if !http || text.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    if !text.is_empty() {
        heard.with(|heard| heard.1.push(text.clone()));
    }
    text
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, play: &Plays, heard: &Heard) {
    let request = hear(&mut stream, heard).await;
    match play(&request) {
        Play::Say(answer) => {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Play::Cut(answer) => {
            let _ = stream.write_all(&answer).await;
            let _ = stream.flush().await;
        }
        Play::Silence => std::future::pending().await,
        Play::HangUp => {}
    }
}

/// A certificate authority that no machine knows.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, as a user would get it.
    pub(super) pem: NamedTempFile,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = NamedTempFile::new().expect("a file");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(pem.path(), certificate.pem()).expect("it can be written");
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The server's side of TLS, with a certificate for these names.
    pub(super) fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        acceptor(certificate.der().clone(), &key)
    }

    /// A certificate that it signed with its key, whether it may or not.
    pub(super) fn of(params: CertificateParams, key: KeyPair, certificate: &str) -> Self {
        let pem = NamedTempFile::new().expect("a file");
        std::fs::write(pem.path(), certificate).expect("it can be written");
        Self { issuer: Issuer::new(params, key), pem }
    }
}

/// The server's side of TLS. The certificate is not looked at: some here are none that a library would send.
fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let certified = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("usual versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certified));
    TlsAcceptor::from(Arc::new(config))
}
