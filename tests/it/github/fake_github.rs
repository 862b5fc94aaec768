//! A GitHub on loopback: it keeps what it is told, misbehaves as asked, and holds every request against the contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::contract;
use crate::wire::{Connection, Request};

/// The token the runner gives.
pub(super) const TOKEN: &str = "ghs_0123456789abcdefghijklmnopqrstuvwxyz";

/// The repository of every run.
pub(super) const REPOSITORY: &str = "octo/site";

/// What is to happen to the last write of a record, whichever.
pub(super) const LAST: &str = "the last write";

/// Where GitHub redirects to when a repository has moved.
const MOVED: &str = "/repositories/4711";

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Behaviour {
    /// This status and message.
    Answer(u16, &'static str),
    /// This status, and to be left alone for so many seconds.
    Limit(u16, u64),
    /// No answer, ever.
    Hang,
    /// The connection closes without one.
    Close,
    /// It is obeyed, and the connection closes without an answer.
    Lost,
    /// This status, and this body.
    Body(u16, &'static str),
    /// This status, and a body that never ends.
    Flood(u16),
    /// Headers that never end.
    Headers,
    /// A redirect to this path of the API.
    To(u16, &'static str),
    /// This redirect to where the repository is now.
    Moved(u16),
    /// This redirect to somebody else.
    Away(u16),
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The operation's id in the contract.
    pub(super) operation: String,
    pub(super) method: String,
    /// Without base and query.
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) at: Instant,
}

/// What GitHub keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) statuses: Vec<Value>,
    /// Each check run's bodies, the creating one first.
    pub(super) checks: BTreeMap<u64, Vec<Value>>,
    /// Each deployment's body, then its statuses'.
    pub(super) deployments: BTreeMap<u64, Vec<Value>>,
    /// Each comment's pull request and texts.
    pub(super) comments: BTreeMap<u64, (u64, Vec<String>)>,
    /// What was asked of the GraphQL API: each path and body.
    pub(super) graphql: Vec<(String, Value)>,
    /// What it answers.
    pub(super) earlier: Value,
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
    /// The base of the API, and somebody else's address.
    places: [String; 2],
}

/// A running GitHub.
pub(super) struct FakeGitHub {
    pub(super) base: String,
    state: Arc<Mutex<State>>,
    work: JoinHandle<()>,
}

impl FakeGitHub {
    /// One whose API is at the root, as `https://api.github.com` is.
    pub(super) async fn start() -> Self {
        Self::at("http", "", None).await
    }

    /// One with the API at this path, behind TLS where an acceptor is given.
    pub(super) async fn at(scheme: &str, path: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base =
            format!("{scheme}://localhost:{}{path}", listener.local_addr().expect("an address").port());
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let away = format!("http://{}/", elsewhere.local_addr().expect("an address"));
        let state = State { places: [base.clone(), away], ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let work = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                        tokio::spawn(async move {
                            match tls {
                                None => serve(stream, &shared).await,
                                Some(tls) => match tls.accept(stream).await {
                                    Ok(stream) => serve(stream, &shared).await,
                                    Err(_) => None,
                                }
                            }
                        });
                    }
                    Ok(_) = elsewhere.accept() => lock(&shared).faults.push("somebody else was asked".to_owned()),
                }
            }
        });
        Self { base, state, work }
    }

    /// From now on, the next `times` requests of operations whose id contains `what` go like this; of [`LAST`], those that
    /// tell an end.
    pub(super) fn behave(&self, what: &str, behaviour: Behaviour, times: usize) {
        lock(&self.state).rules.push((what.to_owned(), behaviour, times));
    }

    /// From now on all goes well.
    pub(super) fn forgive(&self) {
        lock(&self.state).rules.clear();
    }

    /// From now on every answer takes so long.
    pub(super) fn slow(&self, millis: u64) {
        lock(&self.state).slow = Duration::from_millis(millis);
    }

    /// No request may hold this.
    pub(super) fn never(&self, secret: &str) {
        lock(&self.state).secrets.push(secret.to_owned());
    }

    /// Somebody's comment on a pull request.
    pub(super) fn comment(&self, id: u64, pull: u64, text: &str) {
        lock(&self.state).kept.comments.insert(id, (pull, vec![text.to_owned()]));
    }

    /// What the GraphQL API answers.
    pub(super) fn earlier(&self, answer: Value) {
        lock(&self.state).kept.earlier = answer;
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

    /// The shortest time between two writing requests.
    pub(super) fn spacing(&self) -> Option<Duration> {
        let times: Vec<Instant> =
            self.seen().iter().filter(|seen| seen.method != "GET").map(|seen| seen.at).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).min()
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.work.abort();
        let faults = lock(&self.state).faults.clone();
        assert!(faults.is_empty() || std::thread::panicking(), "against the contract: {faults:#?}");
    }
}

impl Kept {
    /// What a reader of the commit or pull request would still take for going on.
    pub(super) fn open(&self) -> Vec<String> {
        let mut open = Vec::new();
        if let Some(last) = self.statuses.last().filter(|last| last["state"] == "pending") {
            open.push(format!("status: {last}"));
        }
        let checks = self.checks.values().filter_map(|bodies| bodies.last());
        open.extend(checks.filter(|last| last["status"] != "completed").map(|last| format!("check: {last}")));
        let deployments = self.deployments.values().filter_map(|bodies| bodies.last());
        let ends = ["success", "failure", "error", "inactive"];
        let going = |last: &&Value| !ends.contains(&last["state"].as_str().unwrap_or_default());
        open.extend(deployments.filter(going).map(|last| format!("deployment: {last}")));
        open
    }

    fn answer(&mut self, seen: &Seen, query: &str) -> (u16, Value) {
        if seen.operation == "graphql" {
            return (200, self.earlier.clone());
        }
        let mut answer = contract::example(&seen.operation);
        let parts: Vec<&str> = seen.path.split('/').collect();
        let number = |place: usize| parts.get(place).and_then(|part| part.parse::<u64>().ok());
        let new = 1000 + self.checks.len() + self.deployments.len() + self.comments.len();
        let new = u64::try_from(new).expect("few");
        let body = seen.body.clone();
        let text = body["body"].as_str().unwrap_or_default().to_owned();
        let id = match seen.operation.as_str() {
            "repos/create-commit-status" => {
                self.statuses.push(body);
                new
            }
            "checks/create" => {
                self.checks.insert(new, vec![body]);
                new
            }
            "repos/create-deployment" => {
                self.deployments.insert(new, vec![body]);
                new
            }
            "issues/create-comment" => {
                self.comments.insert(new, (number(5).expect("a number"), vec![text]));
                new
            }
            "repos/get" => new,
            "repos/get-combined-status-for-ref" => return (200, self.combined_status()),
            "repos/list-deployment-statuses" => return (200, self.deployment_statuses(number(5))),
            "issues/list-comments" => return (200, self.comments_of(number(5), query)),
            "checks/list-for-ref" => return (200, listed_checks(&self.checks, query)),
            "repos/list-deployments" => return (200, listed(&self.deployments)),
            other => {
                let place = if other == "issues/update-comment" { 6 } else { 5 };
                let id = number(place).expect("an id");
                let found = match other {
                    "checks/update" => self.checks.get_mut(&id).map(|bodies| bodies.push(body)),
                    "repos/create-deployment-status" => {
                        self.deployments.get_mut(&id).map(|bodies| bodies.push(body))
                    }
                    "issues/update-comment" => self.comments.get_mut(&id).map(|(_, texts)| texts.push(text)),
                    _ => None,
                };
                if found.is_none() {
                    return (404, json!({ "message": "Not Found" }));
                }
                id
            }
        };
        answer["id"] = json!(id);
        (if seen.method == "POST" { 201 } else { 200 }, answer)
    }

    /// The last status of each context.
    fn combined_status(&self) -> Value {
        let mut last = BTreeMap::new();
        for (id, status) in self.statuses.iter().enumerate() {
            let mut status = status.clone();
            status["id"] = json!(id);
            last.insert(status["context"].to_string(), status);
        }
        json!({ "statuses": last.into_values().collect::<Vec<_>>() })
    }

    /// A deployment's statuses, the newest first.
    fn deployment_statuses(&self, id: Option<u64>) -> Value {
        let statuses = id.and_then(|id| self.deployments.get(&id)).and_then(|bodies| bodies.get(1..));
        let one = |(id, status): (usize, &Value)| {
            let mut status = status.clone();
            status["id"] = json!(id);
            status
        };
        statuses.unwrap_or_default().iter().enumerate().rev().map(one).collect()
    }

    /// A page of a pull request's comments.
    fn comments_of(&self, pull: Option<u64>, query: &str) -> Value {
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let number = |name: &str| query.get(name).and_then(|value| value.parse::<usize>().ok());
        let (size, page) = (number("per_page").unwrap_or(30), number("page").unwrap_or(1));
        let example = contract::example("issues/list-comments")[0].clone();
        let all = self.comments.iter().filter(|(_, (of, _))| Some(*of) == pull);
        let page = all.skip(size * (page - 1)).take(size).map(|(id, (_, texts))| {
            let mut comment = example.clone();
            comment["id"] = json!(id);
            comment["body"] = json!(texts.last());
            comment
        });
        page.collect()
    }
}

/// What was made, by its creating body, the newest first.
fn listed(made: &BTreeMap<u64, Vec<Value>>) -> Value {
    let one = |(id, bodies): (&u64, &Vec<Value>)| {
        let mut shown = bodies[0].clone();
        shown["id"] = json!(id);
        // What a check run says last; a deployment says it in statuses of its own.
        shown["status"] = bodies.last().map(|last| last["status"].clone()).unwrap_or_default();
        shown
    };
    made.iter().rev().map(one).collect()
}

fn listed_checks(checks: &BTreeMap<u64, Vec<Value>>, query: &str) -> Value {
    let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let mut found = listed(checks);
    found.as_array_mut().expect("a list").retain(|check| check["name"] == *query["check_name"]);
    json!({ "total_count": 1, "check_runs": found })
}

/// Whether a request's body says of a record that all is over.
fn tells_an_end(body: &Value) -> bool {
    let word = |name: &str| body[name].as_str().unwrap_or_default();
    let comment = word("body").lines().nth(1).is_some_and(|line| line.starts_with("###"));
    let ends = ["success", "failure", "error", "inactive"];
    comment || word("status") == "completed" || ends.contains(&word("state"))
}

/// What GitHub refuses beside what its description says: characters of four bytes in a status, a page that is too long by
/// its bytes, and control characters.
fn unacceptable(body: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if body["output"].is_null() {
        for name in ["description", "context", "environment"] {
            if text(&body[name]).chars().any(|c| c > '\u{ffff}') {
                faults.push(format!("{name} doesn't accept 4-byte Unicode"));
            }
        }
    } else if text(&body["output"]["summary"]).len() > 65_535 {
        faults.push("summary exceeds a maximum bytesize of 65535".to_owned());
    }
    if body.to_string().contains("\\u00") {
        faults.push("it holds a control character".to_owned());
    }
    faults
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "a slow GitHub is slow by the real clock")]
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, shared: &Mutex<State>) -> Option<()> {
    let mut connection = Connection::new(stream);
    loop {
        let request = connection.request().await?;
        let (slow, behaviour, seen, query) = lock(shared).receive(&request);
        tokio::time::sleep(slow).await;
        let [base, away] = lock(shared).places.clone();
        let (status, headers, body) = match (behaviour, seen) {
            (Some(Behaviour::Hang), _) => std::future::pending().await,
            (Some(Behaviour::Close), _) => return None,
            (Some(Behaviour::Lost), seen) => {
                seen.map(|seen| lock(shared).kept.answer(&seen, &query));
                return None;
            }
            (Some(Behaviour::Flood(status)), _) => {
                let head = format!("HTTP/1.1 {status} Message\r\n\r\n{{\"message\":\"");
                return connection.flood(&head, "ALL WORK AND NO PLAY ").await;
            }
            (Some(Behaviour::Headers), _) => {
                return connection.flood("HTTP/1.1 200 Message\r\n", "X-More: of the same\r\n").await;
            }
            (Some(Behaviour::Body(status, body)), _) => {
                connection.answer(status, "", body).await?;
                continue;
            }
            (Some(Behaviour::To(status, path)), _) => {
                (status, format!("Location: {base}{path}\r\n"), Value::Null)
            }
            (Some(Behaviour::Answer(status, message)), _) => {
                (status, String::new(), json!({ "message": message }))
            }
            (Some(Behaviour::Limit(status, seconds)), _) => {
                let message = "You have exceeded a secondary rate limit.";
                (status, format!("Retry-After: {seconds}\r\n"), json!({ "message": message }))
            }
            (Some(Behaviour::Moved(status)), _) => {
                let rest = request.target.split_once(REPOSITORY).map_or("", |(_, rest)| rest);
                let to = format!("Location: {base}{MOVED}{rest}\r\n");
                (status, to, json!({ "message": "Moved Permanently" }))
            }
            (Some(Behaviour::Away(status)), _) => (status, format!("Location: {away}\r\n"), Value::Null),
            (None, None) => (404, String::new(), json!({ "message": "Not Found" })),
            (None, Some(seen)) => {
                let (status, body) = lock(shared).kept.answer(&seen, &query);
                (status, String::new(), body)
            }
        };
        connection.answer(status, &headers, &body.to_string()).await?;
    }
}

impl State {
    /// Holds a request against the contract, and says what is to happen to it.
    fn receive(&mut self, request: &Request) -> (Duration, Option<Behaviour>, Option<Seen>, String) {
        let Request { method, target, headers, body } = request;
        let mut faults = Vec::new();
        let header = |name: &str| headers.get(name).map(String::as_str);
        let told: Value = serde_json::from_str(body).unwrap_or_default();
        let whole = format!("{target}\n{headers:?}\n{body}");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        // It is no part of the description, and keeps no distance to what the reports send.
        if path.ends_with("/graphql") {
            let (path, method) = (path.to_owned(), method.clone());
            if method != "POST" || header("authorization") != Some(&format!("Bearer {TOKEN}")) {
                self.faults.push(format!("{method} {path}: not as GraphQL is asked"));
            }
            if self.secrets.iter().any(|secret| whole.contains(secret)) {
                self.faults.push(format!("{path}: it holds the hook's secret"));
            }
            self.kept.graphql.push((path.clone(), told.clone()));
            let operation = "graphql".to_owned();
            let rule = self.rules.iter_mut().find(|(what, _, times)| what == "graphql" && *times > 0);
            let behaviour = rule.map(|(_, behaviour, times)| {
                *times -= 1;
                *behaviour
            });
            let seen = Seen { operation, method, path, body: told, at: Instant::now() };
            return (Duration::ZERO, behaviour, Some(seen), String::new());
        }
        let expected = [
            ("authorization", format!("Bearer {TOKEN}")),
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        for (name, value) in expected.iter().filter(|(name, value)| header(name) != Some(value)) {
            faults.push(format!("{name} is {:?}, not {value}", header(name)));
        }
        if header("user-agent").is_none_or(str::is_empty) {
            faults.push("no user agent".to_owned());
        }
        faults.extend(unacceptable(&told));
        if self.secrets.iter().any(|secret| whole.contains(secret)) {
            faults.push("it holds the hook's secret".to_owned());
        }
        let root = url::Url::parse(&self.places[0]).expect("a base").path().trim_end_matches('/').to_owned();
        let inside = path.strip_prefix(&root).unwrap_or("(not below the base)");
        let moved = inside.strip_prefix(MOVED).map(|rest| format!("/repos/{REPOSITORY}{rest}"));
        let path = moved.clone().unwrap_or_else(|| inside.to_owned());
        let known = contract::judge(method, &path, query, body);
        let seen = known.map(|known| {
            faults.extend(known.faults);
            let body = serde_json::from_str(body).unwrap_or_default();
            let method = method.clone();
            Seen { operation: known.operation, method, path: path.clone(), body, at: Instant::now() }
        });
        if seen.is_none() {
            faults.push("no such operation".to_owned());
        }
        self.faults.extend(faults.into_iter().map(|fault| format!("{method} {path}: {fault}")));
        self.seen.extend(seen.clone());
        let id = seen.as_ref().map_or("", |seen| seen.operation.as_str());
        let tells_an_end = seen.as_ref().is_some_and(|seen| tells_an_end(&seen.body));
        let rule = self.rules.iter_mut().find(|(what, behaviour, times)| {
            let again = moved.is_some() && matches!(behaviour, Behaviour::Moved(_));
            let meant = if what == LAST { tells_an_end } else { id.contains(what.as_str()) };
            meant && *times > 0 && !again
        });
        let behaviour = rule.map(|(_, behaviour, times)| {
            *times -= 1;
            *behaviour
        });
        (self.slow, behaviour, seen, query.to_owned())
    }
}
