//! The smallest server that both programs can use: one connection at a time, one answer, every trigger counted.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustls::{ServerConnection, StreamOwned};

use crate::tls::tls;

/// The hook's path, in the shape of the live generation.
pub(super) const PATH: &str = "/webhooks/environments/en-abc123/deploy/bench-not-a-secret-0123456789abcdef";

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 33\r\n\r\n\
                      {\"data\":{\"publicId\":\"dp-abc123\"}}";

/// A server that runs as long as this process.
pub(super) struct Server {
    /// The hook's URL.
    pub(super) url: String,
    /// The certificate authority to trust, in PEM; none for plain http.
    pub(super) authority: Option<String>,
    triggers: Arc<AtomicU32>,
}

impl Server {
    /// A server over plain http.
    pub(super) fn http() -> anyhow::Result<Self> {
        Self::start("http", None, |stream| stream)
    }

    /// A server over https, with a certificate of an authority made for it.
    pub(super) fn https() -> anyhow::Result<Self> {
        let (config, authority) = tls()?;
        Self::start("https", Some(authority), move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config));
            StreamOwned::new(connection.unwrap_or_else(|error| unreachable!("{error}")), stream)
        })
    }

    fn start<S: Read + Write>(
        scheme: &str,
        authority: Option<String>,
        open: impl Fn(TcpStream) -> S + Send + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("{scheme}://127.0.0.1:{}{PATH}", listener.local_addr()?.port());
        let triggers = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&triggers);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = stream.set_nodelay(true).and_then(|()| answer(&mut open(stream), &count));
            }
        });
        Ok(Self { url, authority, triggers })
    }

    /// The number of triggers since the last call.
    pub(super) fn triggers(&self) -> u32 {
        self.triggers.swap(0, Ordering::SeqCst)
    }
}

/// Answers one request, then waits for the client to close, as a server that keeps connections open does.
fn answer(stream: &mut (impl Read + Write), triggers: &AtomicU32) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            n => head.extend_from_slice(&piece[..n]),
        }
    }
    if head.starts_with(format!("POST {PATH} HTTP/1.1\r\n").as_bytes()) {
        triggers.fetch_add(1, Ordering::SeqCst);
    }
    stream.write_all(ANSWER.as_bytes())?;
    stream.flush()?;
    while stream.read(&mut piece)? > 0 {}
    Ok(())
}
