//! The embedded platform over real sockets, without an HTTP library in between.
#![cfg(test)]

mod api;
mod dashboard;
mod faults;
mod hooks;
mod manage;

use std::time::{Duration, Instant};

use crate::common::{pause, start_sandbox};
use deploy_hook::sandbox::{Options, Sandbox, StartError};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer, read from the socket without an HTTP library that could hide an error.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self { status: status.expect("a status"), head: head.to_lowercase(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// The answer on a connection of its own, or the error.
async fn exchange(method: &str, url: &str, headers: &str, body: &str) -> std::io::Result<Vec<u8>> {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: {host}\r\n") };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let address = rest.split('/').next().expect("an authority");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() { read.map(|_| answer) } else { Ok(answer) }
}

pub(super) async fn send(method: &str, url: &str, headers: &str, body: &str) -> Answer {
    Answer::parse(&exchange(method, url, headers, body).await.expect("the connection holds"))
}

const AGENT: &str = "User-Agent: test\r\n";

async fn post(url: &str) -> Answer {
    send("POST", url, AGENT, "").await
}

async fn get(url: &str) -> Answer {
    send("GET", url, AGENT, "").await
}

async fn ask_api(sandbox: &Sandbox, method: &str, path: &str) -> Answer {
    let token = format!("Authorization: Bearer {}\r\n", sandbox.api_token());
    send(method, &format!("{}{path}", sandbox.url()), &token, "").await
}

/// Asks again until the answer is as wanted; the platform's clock is quick, the machine may not be.
async fn until<F: Future<Output = Answer>>(ask: impl Fn() -> F, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "never came: last {}", answer.body);
        pause(5).await;
    }
}

fn is_id(id: &Value, prefix: &str) -> bool {
    id.as_str().and_then(|id| id.strip_prefix(prefix)).is_some_and(|rest| {
        rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

#[tokio::test]
async fn options_that_cannot_be_are_explained() {
    let with = |scenario: &str, speed| Options { scenario: scenario.to_owned(), speed, ..Options::default() };
    let unknown = Sandbox::start(&with("build-fail", 1.0)).await.err().expect("a slip");
    let text = unknown.to_string();
    assert!(text.contains("did you mean `build-fails`?") && text.contains("hostile-log"), "{text}");
    for speed in [0.0, 0.01, 10_001.0, f64::NAN] {
        let refused = Sandbox::start(&with("success", speed)).await.err().expect("out of range");
        assert!(matches!(refused, StartError::Speed(_)));
        assert!(refused.to_string().contains("from 0.1 to 10000"), "{refused}");
    }
    let first = Sandbox::start(&with("success", 1.0)).await.expect("any port");
    let port = first.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let taken = Sandbox::start(&Options { port, ..with("success", 1.0) }).await.err().expect("taken");
    assert!(matches!(taken, StartError::Listen { .. }));
    drop(first);
    let begun = Instant::now();
    while Sandbox::start(&Options { port, ..with("success", 1.0) }).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the port is freed when the handle is dropped");
        pause(5).await;
    }
}
