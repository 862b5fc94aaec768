//! A GitLab on loopback: it keeps what it is told by GitLab's rules, misbehaves as asked, and holds every request
//! against the contract.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::contract;
use super::kept::Kept;
use crate::wire::{Connection, Request};

/// A project access token.
pub(super) const TOKEN: &str = "glpat-0123456789abcdefghij";

/// The token that GitLab gives every job: a JSON Web Token behind a prefix, longer than other tokens are.
pub(super) const JOB_TOKEN: &str = concat!(
    "glcbt-eyJraWQiOiJub3QtYS1yZWFsLWtleSIsInR5cCI6IkpXVCIsImFsZyI6IlJTMjU2In0.",
    "eyJ2ZXJzaW9uIjoiMC4xLjAiLCJvIjoiMSIsInUiOiIxIiwicCI6IjQyIiwiZyI6IjEiLCJqdGkiOiJub3QtYS1yZWFsLXRva2VuIiwiaXNz",
    "IjoiaHR0cHM6Ly9naXRsYWIuZXhhbXBsZSIsInN1YiI6IjUwMDUiLCJhdWQiOiJnaXRsYWItYXV0aHotdG9rZW4ifQ.",
    "bm90LWEtcmVhbC1zaWduYXR1cmUtYnV0LWFzLWxvbmctYXMtb25lLTAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg",
);

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Behaviour {
    /// This status and message.
    Answer(u16, &'static str),
    /// The token has not the scope for it.
    Scope,
    /// This status, and everything the request held.
    Echo(u16),
    /// A page instead of JSON, with this status.
    Page(u16),
    /// 429, and to be left alone for so many seconds.
    Limit(u64),
    /// No answer, ever.
    Hang,
    /// The connection closes without one.
    Close,
    /// It is obeyed, and the connection closes without an answer.
    Lost,
    /// This status and body.
    Body(u16, &'static str),
    /// This status, and a body that never ends.
    Flood(u16),
    /// This redirect to somebody else.
    Away(u16),
}

/// How a request proved who it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// `Authorization: Bearer`, with the access token.
    Access,
    /// `JOB-TOKEN`.
    Job,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The operation's id in the contract.
    pub(super) operation: String,
    pub(super) method: String,
    /// From `/api/v4` on, without query.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: Value,
    pub(super) credential: Option<Credential>,
}

#[derive(Default)]
struct State {
    kept: Kept,
    seen: Vec<Seen>,
    rules: Vec<(String, Behaviour, usize)>,
    slow: Duration,
    secrets: Vec<String>,
    /// Whatever the contract does not allow. Must stay empty.
    faults: Vec<String>,
    /// Where GitLab is on its host: before `/api/v4`.
    root: String,
    /// Somebody else's address.
    away: String,
}

/// A running GitLab.
pub(super) struct FakeGitLab {
    /// As `CI_API_V4_URL` has it.
    pub(super) api: String,
    state: Arc<Mutex<State>>,
    work: JoinHandle<()>,
}

impl FakeGitLab {
    /// One at the root of its host.
    pub(super) async fn start() -> Self {
        Self::at("", None).await
    }

    /// One below this path, behind TLS where an acceptor is given.
    pub(super) async fn at(root: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let host = listener.local_addr().expect("an address");
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let away = format!("http://{}/", elsewhere.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State { root: root.to_owned(), away, ..State::default() }));
        let shared = Arc::clone(&state);
        let work = tokio::spawn(async move {
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
                    Ok(_) = elsewhere.accept() => lock(&shared).faults.push("somebody else was asked".to_owned()),
                }
            }
        });
        Self { api: format!("{scheme}://{host}{root}/api/v4"), state, work }
    }

    /// From now on, the next `times` requests of operations whose id contains `what` go like this.
    pub(super) fn behave(&self, what: &str, behaviour: Behaviour, times: usize) {
        lock(&self.state).rules.push((what.to_owned(), behaviour, times));
    }

    /// From now on every answer takes so long.
    pub(super) fn slow(&self, millis: u64) {
        lock(&self.state).slow = Duration::from_millis(millis);
    }

    /// No request may hold this.
    pub(super) fn never(&self, secret: &str) {
        lock(&self.state).secrets.push(secret.to_owned());
    }

    /// The pipeline of the job is of this ref.
    pub(super) fn pipeline(&self, reference: &str) {
        lock(&self.state).kept.pipeline.reference = reference.to_owned();
    }

    /// Changes what is there before a run.
    pub(super) fn prepare<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(&mut lock(&self.state).kept)
    }

    pub(super) fn kept(&self) -> Kept {
        lock(&self.state).kept.clone()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// How often an operation whose id contains `what` was asked for.
    pub(super) fn count(&self, what: &str) -> usize {
        self.seen().iter().filter(|seen| seen.operation.contains(what)).count()
    }
}

impl Drop for FakeGitLab {
    fn drop(&mut self) {
        self.work.abort();
        let faults = lock(&self.state).faults.clone();
        assert!(faults.is_empty() || std::thread::panicking(), "against the contract: {faults:#?}");
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer: its status, further headers, its body.
type Answer = (u16, String, String);

#[expect(clippy::disallowed_methods, reason = "a slow GitLab is slow by the real clock")]
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, shared: &Mutex<State>) -> Option<()> {
    let mut connection = Connection::new(stream);
    loop {
        let request = connection.request().await?;
        let (slow, behaviour, seen) = lock(shared).receive(&request);
        tokio::time::sleep(slow).await;
        let (status, headers, body) = match (behaviour, seen) {
            (Some(Behaviour::Hang), _) => std::future::pending().await,
            (Some(Behaviour::Close), _) => return None,
            (Some(Behaviour::Lost), seen) => {
                seen.map(|seen| lock(shared).kept.answer(&seen));
                return None;
            }
            (Some(Behaviour::Flood(status)), _) => {
                let head = format!("HTTP/1.1 {status} Message\r\n\r\n{{\"message\":\"");
                return connection.flood(&head, "ALL WORK AND NO PLAY ").await;
            }
            (Some(behaviour), _) => misbehave(behaviour, &request, &lock(shared).away),
            (None, None) => (404, String::new(), json!({ "error": "404 Not Found" }).to_string()),
            (None, Some(seen)) => {
                let (status, body) = lock(shared).kept.answer(&seen);
                (status, String::new(), body.to_string())
            }
        };
        connection.answer(status, &headers, &body).await?;
    }
}

fn misbehave(behaviour: Behaviour, request: &Request, away: &str) -> Answer {
    let said = |message: &str| json!({ "message": message }).to_string();
    match behaviour {
        Behaviour::Answer(status, message) => (status, String::new(), said(message)),
        Behaviour::Scope => {
            let words = "The request requires higher privileges than provided by the access token.";
            let body = json!({ "error": "insufficient_scope", "error_description": words, "scope": "api" });
            (403, String::new(), body.to_string())
        }
        Behaviour::Echo(status) => (status, String::new(), said(&format!("No: {request:?}"))),
        Behaviour::Page(status) => (status, String::new(), "<html><h1>Whoops</h1></html>".to_owned()),
        Behaviour::Limit(seconds) => {
            (429, format!("Retry-After: {seconds}\r\n"), said("429 Too Many Requests"))
        }
        Behaviour::Away(status) => (status, format!("Location: {away}\r\n"), String::new()),
        Behaviour::Body(status, body) => (status, String::new(), body.to_owned()),
        Behaviour::Hang | Behaviour::Close | Behaviour::Lost | Behaviour::Flood(_) => {
            unreachable!("there is no answer")
        }
    }
}

impl State {
    /// Holds a request against the contract, and says what is to happen to it.
    fn receive(&mut self, request: &Request) -> (Duration, Option<Behaviour>, Option<Seen>) {
        let Request { method, target, headers, body } = request;
        let mut faults = Vec::new();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix(self.root.as_str()).unwrap_or("(not below the root)").to_owned();
        let known = contract::judge(method, &path, query, body);
        let operation = known.as_ref().map(|known| known.operation.clone()).unwrap_or_default();
        match known {
            Some(known) => faults.extend(known.faults),
            None => faults.push("no such operation".to_owned()),
        }
        let credential = credential(request, &operation).map_err(|fault| faults.push(fault)).ok();
        if headers.get("user-agent").is_none_or(String::is_empty) {
            faults.push("no user agent".to_owned());
        }
        if method != "GET"
            && headers.get("content-type").is_none_or(|kind| !kind.starts_with("application/json"))
        {
            faults.push(format!("the body is not sent as JSON: {:?}", headers.get("content-type")));
        }
        let proofs = ["authorization", "job-token"];
        let rest: Vec<_> = headers.iter().filter(|(name, _)| !proofs.contains(&name.as_str())).collect();
        let shown = format!("{target}\n{rest:?}\n{body}");
        let secrets = self.secrets.iter().map(String::as_str).chain([TOKEN, JOB_TOKEN]);
        if secrets.clone().any(|secret| shown.contains(secret)) {
            faults.push("it holds a secret where none belongs".to_owned());
        }
        let proof = format!("{:?}", proofs.map(|name| headers.get(name)));
        if self.secrets.iter().any(|secret| proof.contains(secret.as_str())) {
            faults.push("it proves itself with the platform's secret".to_owned());
        }
        let seen = Seen {
            operation: operation.clone(),
            method: method.clone(),
            path: path.clone(),
            query: query.to_owned(),
            body: serde_json::from_str(body).unwrap_or_default(),
            credential,
        };
        self.faults.extend(faults.into_iter().map(|fault| format!("{method} {path}: {fault}")));
        self.seen.push(seen.clone());
        let rule =
            self.rules.iter_mut().find(|(what, _, times)| operation.contains(what.as_str()) && *times > 0);
        let behaviour = rule.map(|(_, behaviour, times)| {
            *times -= 1;
            *behaviour
        });
        (self.slow, behaviour, Some(seen).filter(|_| !operation.is_empty()))
    }
}

/// Which token a request holds, one and the right one; the job token is for deployments and to ask for the job itself.
fn credential(request: &Request, operation: &str) -> Result<Credential, String> {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let bearer = format!("Bearer {TOKEN}");
    let of_job = operation.contains("Deployments") || operation == "getApiV4Job";
    match [header("authorization"), header("job-token"), header("private-token")] {
        [Some(given), None, None] if given == bearer => Ok(Credential::Access),
        [None, Some(JOB_TOKEN), None] if of_job => Ok(Credential::Job),
        [None, Some(JOB_TOKEN), None] => Err("the job token may not do this".to_owned()),
        other => Err(format!("not one token, or not the right one: {other:?}")),
    }
}
