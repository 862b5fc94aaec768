//! What the suites share: a hosting platform, real time, many runs at once, signals.
#![cfg(test)]

use std::time::{Duration, Instant};

use deploy_hook::sandbox::{Options, Sandbox};
use tokio::process::Child;

/// The forms of fortrabbit's hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// Answers with id, state and time, and can be read with `GET`.
    Draft,
    /// Answers with an id, which the public API reads.
    Live,
}

impl Generation {
    /// The name in the contract.
    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Starts the sandbox with this scenario, so many times as fast as a real platform. Only a live hook's deployments have a log.
pub(super) async fn start_sandbox(scenario: &str, generation: Generation, speed: f64) -> Sandbox {
    sandbox_of("fortrabbit", Some(&generation.name()), scenario, speed).await
}

/// Starts the sandbox as this platform, with a hook of this form where it has several.
pub(super) async fn sandbox_of(platform: &str, hook: Option<&str>, scenario: &str, speed: f64) -> Sandbox {
    let options = Options {
        port: 0,
        speed,
        scenario: scenario.to_owned(),
        platform: Some(platform.to_owned()),
        hook: hook.map(str::to_owned),
    };
    Sandbox::start(&options).await.expect("the sandbox starts")
}

/// The same with a draft hook.
pub(super) async fn platform(scenario: &str, speed: f64) -> Sandbox {
    start_sandbox(scenario, Generation::Draft, speed).await
}

/// The number of triggers that a sandbox got.
pub(super) fn triggers(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.method == "POST").count()
}

/// Returns once the condition holds; the limit is for a test that would wait for ever.
pub(super) async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never came: {what}");
        pause(10).await;
    }
}

/// Runs these at the same time, as each mostly waits, and returns when all have passed.
pub(super) fn all<F: Future<Output = ()> + Send + 'static>(
    runs: impl IntoIterator<Item = F>,
) -> impl Future<Output = ()> {
    let runs: Vec<_> = runs.into_iter().map(tokio::spawn).collect();
    async move {
        for run in runs {
            run.await.expect("each passes");
        }
    }
}

/// An address without a listener. The socket stays open, so that no server of another test gets it.
pub(super) fn closed() -> String {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("an address").to_string();
    std::mem::forget(socket);
    address
}

/// Waits in real time.
#[expect(clippy::disallowed_methods, reason = "processes go by the real clock")]
pub(super) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Sends a signal, as a runner does through the docker client.
pub(super) fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs").to_string();
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
}

/// The exit codes that may go with an outcome, as the interface promises them.
pub(super) fn codes_of(outcome: &str) -> &'static [i32] {
    match outcome {
        "succeeded" | "triggered" | "skipped" => &[0],
        "failed" => &[1],
        "refused" => &[3],
        "unreachable" => &[4],
        "uncertain" => &[5],
        "timed-out" => &[6],
        "lost" => &[7],
        "canceled" | "superseded" => &[0, 8],
        "unverified" => &[9],
        "interrupted" => &[130, 143],
        other => panic!("{other:?} is no outcome"),
    }
}
