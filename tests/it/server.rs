//! Servers for what the embedded platform cannot do: any answer or none, TLS, a proxy. Each records the requests.
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
pub(super) enum Reply {
    /// Answers these bytes and closes.
    Whole(String),
    /// Answers these bytes and drops the connection, over TLS without its `close_notify`.
    Truncated(Vec<u8>),
    /// Never answers.
    Never,
    /// Closes without an answer.
    Close,
}

/// A reply with this status and body.
pub(super) fn reply(status: u16, body: &str) -> Reply {
    let length = body.len();
    Reply::Whole(format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

/// What a server replies to a request, by its head.
type Replies = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// A running server. It ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    received: Received,
}

#[derive(Clone, Default)]
struct Received(Arc<Mutex<(usize, Vec<String>)>>);

impl Received {
    fn with<T>(&self, change: impl FnOnce(&mut (usize, Vec<String>)) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Server {
    /// A server of plain HTTP.
    pub(super) async fn plain(reply: Reply) -> Self {
        Self::start(None, None, reply).await
    }

    /// A server of plain HTTP that replies to each request by its head.
    pub(super) async fn by_request(replies: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, None, Arc::new(replies)).await
    }

    /// A TLS server with a certificate of this authority.
    pub(super) async fn tls(authority: &Authority, name: &str, reply: Reply) -> Self {
        Self::start(None, Some(authority.acceptor(&[name])), reply).await
    }

    /// A TLS server with exactly this certificate.
    pub(super) async fn with_certificate(
        certificate: CertificateDer<'static>,
        key: &KeyPair,
        reply: Reply,
    ) -> Self {
        Self::start(None, Some(acceptor(certificate, key)), reply).await
    }

    /// A proxy that lets every tunnel end at a server of its own, a TLS server under this name.
    pub(super) async fn tunnel(authority: &Authority, name: &str, reply: Reply) -> Self {
        let opened = Reply::Whole("HTTP/1.1 200 OK\r\n\r\n".to_owned());
        Self::start(Some(opened), Some(authority.acceptor(&[name])), reply).await
    }

    async fn start(proxy: Option<Reply>, tls: Option<TlsAcceptor>, reply: Reply) -> Self {
        Self::start_with(proxy, tls, Arc::new(move |_: &str| reply.clone())).await
    }

    async fn start_with(proxy: Option<Reply>, tls: Option<TlsAcceptor>, replies: Replies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Received::default();
        let server = Self { address, received: received.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                received.with(|received| received.0 += 1);
                let (proxy, tls, replies, received) =
                    (proxy.clone(), tls.clone(), replies.clone(), received.clone());
                tokio::spawn(async move {
                    if let Some(Reply::Whole(opened)) = proxy {
                        read_request(&mut stream, &received).await;
                        let _ = stream.write_all(opened.as_bytes()).await;
                    }
                    match tls {
                        None => serve(stream, &replies, &received).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &replies, &received).await;
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
        self.received.with(|received| received.0)
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.received.with(|received| received.1.clone())
    }

    /// The request lines' beginnings, e.g. `POST /hooks/SECRET`.
    pub(super) fn requests(&self) -> Vec<String> {
        let first = |head: &String| head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
        self.heads().iter().map(first).collect()
    }

    /// The number of triggers so far.
    pub(super) fn triggers(&self) -> usize {
        self.requests().iter().filter(|request| request.starts_with("POST")).count()
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

/// A platform that names our deployment in its answer to the trigger, lists nothing, and gives this answer to each poll.
pub(super) async fn answers_of_ours(answer: String) -> Server {
    Server::by_request(move |head| match head.starts_with("POST") {
        true => reply(200, r#"{"data":{"publicId":"dp-abc123"}}"#),
        false if head.contains("/v1/deployments HTTP") => reply(200, "[]"),
        false => reply(200, &answer),
    })
    .await
}

pub(super) fn hook_path() -> String {
    format!("/webhooks/environments/en-wjl0ai/deploy/{SECRET}")
}

/// Reads one request's head, or whatever came where that is no HTTP.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, received: &Received) -> String {
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
        received.with(|received| received.1.push(text.clone()));
    }
    text
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, replies: &Replies, received: &Received) {
    let request = read_request(&mut stream, received).await;
    match replies(&request) {
        Reply::Whole(answer) => {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reply::Truncated(answer) => {
            let _ = stream.write_all(&answer).await;
            let _ = stream.flush().await;
        }
        Reply::Never => std::future::pending().await,
        Reply::Close => {}
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

/// The server's side of TLS. The certificate is not checked: some here are invalid.
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
