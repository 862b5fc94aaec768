//! The API of a CI platform on loopback: it records every request, checks it against the published description, and fails
//! as asked. What is GitHub's or GitLab's about it is behind [`Api`].
#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::contract::Contract;
use crate::wire::{Connection, Request};

/// In place of an operation's id: the final write of a report, whichever.
pub(crate) const FINAL: &str = "the final write";

/// How a request fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// This status and message.
    Message(u16, &'static str),
    /// This status and body.
    Body(u16, &'static str),
    /// This status, and a page instead of JSON.
    Html(u16),
    /// This status, and everything the request held.
    Echo(u16),
    /// This status, with so many seconds as `Retry-After`.
    RateLimit(u16, u64),
    /// A redirect to this path of the API.
    Redirect(u16, &'static str),
    /// This redirect to where the repository is now.
    Moved(u16),
    /// This redirect to another server.
    RedirectAway(u16),
    /// No answer, ever.
    Hang,
    /// The connection closes without one.
    Close,
    /// The request is carried out, and the connection closes without an answer.
    AnswerLost,
    /// This status, and a body that never ends.
    EndlessBody(u16),
    /// Headers that never end.
    EndlessHeaders,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest {
    /// The operation's id in the description.
    pub(crate) operation: String,
    pub(crate) method: String,
    /// As in the description, without query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl ApiRequest {
    /// The number at this place of the path, 0 where there is none.
    pub(crate) fn number(&self, place: usize) -> u64 {
        self.path.split('/').nth(place).and_then(|part| part.parse().ok()).unwrap_or_default()
    }

    /// A number of the query.
    pub(crate) fn query_number(&self, name: &str) -> Option<usize> {
        self.query_value(name).and_then(|value| value.parse().ok())
    }

    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
    }
}

/// What differs between the platforms, and the data that one stores.
pub(crate) trait Api: Clone + Debug + Default + Send + 'static {
    /// What the base URL ends with, where the paths of the description begin with it.
    const BASE: &'static str;
    /// The platform's own message of a rate limit.
    const RATE_LIMITED: &'static str;
    /// Tokens that may be nowhere but in the headers made for them.
    const TOKENS: &'static [&'static str];

    fn contract() -> &'static Contract;

    /// What the platform refuses, or a careful client would not send, beside what the description says.
    fn violations(request: &Request, operation: &str) -> Vec<String>;

    /// Carries out a request, and answers as the platform does.
    fn answer(&mut self, request: &ApiRequest) -> (u16, Value);

    /// Records a request of an operation that the description does not have; its name.
    fn undescribed(&mut self, _path: &str, _body: &Value) -> Option<&'static str> {
        None
    }

    /// Whether the body of a request is the final write of a report.
    fn is_final(_: &Value) -> bool {
        false
    }

    /// Where this path, or a part of it, is after the repository has moved.
    fn moved(_: &str) -> Option<String> {
        None
    }

    /// The path before the repository moved.
    fn before_move(_: &str) -> Option<String> {
        None
    }
}

#[derive(Default)]
struct State<A> {
    api: A,
    requests: Vec<ApiRequest>,
    rules: Vec<(String, Fault, usize)>,
    delay: Duration,
    secrets: Vec<String>,
    /// What no request may do. Must stay empty.
    violations: Vec<String>,
    /// Where the platform is on its host.
    root: String,
    /// The origin with the root, and the address of another server.
    origin: String,
    away: String,
}

/// A running API.
pub(crate) struct FakeApi<A: Api> {
    pub(crate) base: String,
    state: Arc<Mutex<State<A>>>,
    task: JoinHandle<()>,
}

impl<A: Api> FakeApi<A> {
    /// One at the root of its host.
    pub(crate) async fn start() -> Self {
        Self::at("", None).await
    }

    /// One below this path, behind TLS where an acceptor is given.
    pub(crate) async fn at(root: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin =
            format!("{scheme}://localhost:{}{root}", listener.local_addr().expect("an address").port());
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let away = format!("http://{}/", elsewhere.local_addr().expect("an address"));
        let base = format!("{origin}{}", A::BASE);
        let state = Arc::new(Mutex::new(State { root: root.to_owned(), origin, away, ..State::default() }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                        tokio::spawn(async move {
                            match tls {
                                None => serve(stream, &shared).await,
                                Some(tls) => serve(tls.accept(stream).await.ok()?, &shared).await,
                            }
                        });
                    }
                    Ok(_) = elsewhere.accept() => {
                        lock(&shared).violations.push("a request to another server".to_owned());
                    }
                }
            }
        });
        Self { base, state, task }
    }

    /// From now on, the next `times` requests of operations whose id contains `operation` fail like this; of [`FINAL`],
    /// those that write the final state of a report.
    pub(crate) fn fail(&self, operation: &str, fault: Fault, times: usize) {
        lock(&self.state).rules.push((operation.to_owned(), fault, times));
    }

    /// From now on no request fails.
    pub(crate) fn recover(&self) {
        lock(&self.state).rules.clear();
    }

    /// From now on every answer takes so long.
    pub(crate) fn delay(&self, millis: u64) {
        lock(&self.state).delay = Duration::from_millis(millis);
    }

    /// No request may hold this.
    pub(crate) fn forbid(&self, secret: &str) {
        lock(&self.state).secrets.push(secret.to_owned());
    }

    /// Changes the stored data.
    pub(crate) fn prepare<T>(&self, change: impl FnOnce(&mut A) -> T) -> T {
        change(&mut lock(&self.state).api)
    }

    /// The data that is stored now.
    pub(crate) fn stored(&self) -> A {
        lock(&self.state).api.clone()
    }

    pub(crate) fn requests(&self) -> Vec<ApiRequest> {
        lock(&self.state).requests.clone()
    }

    /// The number of requests of operations whose id contains this.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.requests().iter().filter(|request| request.operation.contains(operation)).count()
    }

    /// Returns once this many requests have arrived.
    pub(crate) async fn wait_for(&self, requests: usize) {
        let what = format!("{requests} requests to the API");
        crate::common::wait_until(&what, || self.requests().len() >= requests).await;
    }
}

impl<A: Api> Drop for FakeApi<A> {
    fn drop(&mut self) {
        self.task.abort();
        let violations = lock(&self.state).violations.clone();
        assert!(
            violations.is_empty() || std::thread::panicking(),
            "against the description: {violations:#?}"
        );
    }
}

fn lock<A>(state: &Mutex<State<A>>) -> MutexGuard<'_, State<A>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "a slow server is slow by the real clock")]
async fn serve<A: Api, S: AsyncRead + AsyncWrite + Unpin>(stream: S, shared: &Mutex<State<A>>) -> Option<()> {
    let mut connection = Connection::new(stream);
    loop {
        let request = connection.request().await?;
        let (delay, fault, known) = lock(shared).receive(&request);
        tokio::time::sleep(delay).await;
        let (status, headers, body) = match fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Close) => return None,
            Some(Fault::AnswerLost) => {
                lock(shared).answer(known.as_ref());
                return None;
            }
            Some(Fault::EndlessBody(status)) => {
                let head = format!("HTTP/1.1 {status} Message\r\n\r\n{{\"message\":\"");
                return connection.flood(&head, "more of the same ").await;
            }
            Some(Fault::EndlessHeaders) => {
                return connection.flood("HTTP/1.1 200 Message\r\n", "X-More: of the same\r\n").await;
            }
            Some(fault) => lock(shared).failure(fault, &request),
            None => {
                let (status, body) = lock(shared).answer(known.as_ref());
                (status, String::new(), body.to_string())
            }
        };
        connection.answer(status, &headers, &body).await?;
    }
}

impl<A: Api> State<A> {
    /// Records and checks a request, and decides what happens to it.
    fn receive(&mut self, request: &Request) -> (Duration, Option<Fault>, Option<ApiRequest>) {
        let Request { method, target, headers, body } = request;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        let received = ApiRequest {
            operation: String::new(),
            method: method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.clone(),
            body: json,
            at: Instant::now(),
        };
        if let Some(operation) = self.api.undescribed(path, &received.body) {
            self.violations.extend(A::violations(request, operation));
            if self.leaks(request) {
                self.violations.push(format!("{path}: it holds a secret where none belongs"));
            }
            let received = ApiRequest { operation: operation.to_owned(), ..received };
            return (Duration::ZERO, self.fault(&received, false), Some(received));
        }
        let inside = path.strip_prefix(self.root.as_str()).unwrap_or("(not below the root)");
        let old = A::before_move(inside);
        let path = old.clone().unwrap_or_else(|| inside.to_owned());
        let known = A::contract().judge(method, &path, query, body);
        let operation = known.as_ref().map(|known| known.operation.clone()).unwrap_or_default();
        let mut violations = match known {
            Some(known) => known.faults,
            None => vec!["no such operation".to_owned()],
        };
        violations.extend(A::violations(request, &operation));
        if headers.get("user-agent").is_none_or(String::is_empty) {
            violations.push("no user agent".to_owned());
        }
        if self.leaks(request) {
            violations.push("it holds a secret where none belongs".to_owned());
        }
        self.violations
            .extend(violations.into_iter().map(|violation| format!("{method} {path}: {violation}")));
        let received = ApiRequest { operation, path, ..received };
        self.requests.push(received.clone());
        let fault = self.fault(&received, old.is_some());
        (self.delay, fault, Some(received).filter(|received| !received.operation.is_empty()))
    }

    /// The fault that the first rule of this request names. `moved`: it is at the new place of the repository.
    fn fault(&mut self, request: &ApiRequest, moved: bool) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|(operation, fault, times)| {
            let again = moved && matches!(fault, Fault::Moved(_));
            let meant = match operation.as_str() {
                FINAL => A::is_final(&request.body),
                "" => request.operation != "graphql",
                part => request.operation.contains(part),
            };
            meant && *times > 0 && !again
        });
        rule.map(|(_, fault, times)| {
            *times -= 1;
            *fault
        })
    }

    /// Whether a request holds a secret, or a token outside of the headers for it.
    fn leaks(&self, request: &Request) -> bool {
        let proofs = ["authorization", "job-token"];
        let rest: Vec<_> =
            request.headers.iter().filter(|(name, _)| !proofs.contains(&name.as_str())).collect();
        let rest = format!("{}\n{rest:?}\n{}", request.target, request.body);
        let whole = format!("{rest}\n{:?}", request.headers);
        let secrets = self.secrets.iter().any(|secret| whole.contains(secret.as_str()));
        secrets || A::TOKENS.iter().any(|token| rest.contains(token))
    }

    /// What the platform answers to a request of a known operation.
    fn answer(&mut self, request: Option<&ApiRequest>) -> (u16, Value) {
        request.map_or_else(|| (404, json!({ "message": "Not Found" })), |request| self.api.answer(request))
    }

    /// Status, further headers and body of a failure.
    fn failure(&self, fault: Fault, request: &Request) -> (u16, String, String) {
        let message = |message: &str| json!({ "message": message }).to_string();
        let location = |to: &str| format!("Location: {to}\r\n");
        match fault {
            Fault::Message(status, text) => (status, String::new(), message(text)),
            Fault::Body(status, body) => (status, String::new(), body.to_owned()),
            Fault::Html(status) => (status, String::new(), "<html><h1>Whoops</h1></html>".to_owned()),
            Fault::Echo(status) => (status, String::new(), message(&format!("No: {request:?}"))),
            Fault::RateLimit(status, seconds) => {
                (status, format!("Retry-After: {seconds}\r\n"), message(A::RATE_LIMITED))
            }
            Fault::Redirect(status, path) => {
                (status, location(&format!("{}{path}", self.origin)), String::new())
            }
            Fault::Moved(status) => {
                let to = A::moved(&request.target).expect("a path that can move");
                (status, location(&format!("{}{to}", self.origin)), message("Moved Permanently"))
            }
            Fault::RedirectAway(status) => (status, location(&self.away), String::new()),
            Fault::Hang
            | Fault::Close
            | Fault::AnswerLost
            | Fault::EndlessBody(_)
            | Fault::EndlessHeaders => unreachable!("there is no answer"),
        }
    }
}
