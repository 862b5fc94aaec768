//! HTTP/1.1 as a server reads it from a socket, plain or TLS, without a library that could hide an error.
#![cfg(test)]

use std::collections::BTreeMap;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};

/// A connection.
pub(super) struct Connection<S>(BufStream<S>);

/// A request as it came.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// By lower-case name; those that came twice are joined.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(BufStream::new(stream))
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next request, or `None` where the other side is gone.
    pub(super) async fn request(&mut self) -> Option<Request> {
        let first = self.line().await?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            let joined = headers.entry(name.to_lowercase()).or_default();
            *joined = if joined.is_empty() { value.to_owned() } else { format!("{joined}, {value}") };
        }
        let body = if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            self.chunks().await?
        } else {
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            self.bytes(length).await?
        };
        Some(Request { method, target, headers, body: String::from_utf8(body).ok()? })
    }

    async fn bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.ok()?;
        Some(bytes)
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line().await?, 16).ok()?;
            body.extend(self.bytes(size).await?);
            self.line().await?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    /// Repeats this text until the client closes the connection.
    pub(super) async fn flood(&mut self, head: &str, more: &str) -> Option<()> {
        self.0.write_all(head.as_bytes()).await.ok()?;
        let more = more.repeat(1000);
        loop {
            self.0.write_all(more.as_bytes()).await.ok()?;
        }
    }

    /// Answers; the connection stays open.
    pub(super) async fn answer(&mut self, status: u16, headers: &str, body: &str) -> Option<()> {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} Message\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(text.as_bytes()).await.ok()?;
        self.0.flush().await.ok()
    }
}
