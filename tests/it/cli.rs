//! The program from end to end: the real binary in a scrubbed environment, against the embedded platform or a server
//! of the test's own.
#![cfg(test)]

mod answers;
mod certificates;
mod commands;
mod completions;
mod github;
mod help;
mod input;
mod json;
mod learned;
mod left;
mod network;
mod outcomes;
mod outputs;
mod platform;
mod precedence;
mod quiet;
pub(crate) mod run;
pub(crate) mod runner;
mod secrecy;
mod sent;
mod signals;
mod stalled;
mod unclear;
mod verdict;
mod verify;
mod wrong;

use std::time::Duration;

use crate::common::Generation;
use deploy_hook::sandbox::{Options, Sandbox};
use tokio::task::JoinSet;

use crate::secrets::secret;

/// So quick that a deployment is over at the first look.
const QUICK: f64 = 400.0;

/// A platform of the test's own.
async fn platform(scenario: &str, generation: Generation) -> Sandbox {
    at_speed(scenario, generation, QUICK).await
}

async fn at_speed(scenario: &str, generation: Generation, speed: f64) -> Sandbox {
    let options = Options {
        port: 0,
        speed,
        scenario: scenario.to_owned(),
        hook: Some(generation.name()),
        ..Options::default()
    };
    Sandbox::start(&options).await.expect("the platform starts")
}

/// All of them at once: a run takes a second at least, and spends it waiting.
pub(crate) fn together<T, F>(cases: impl IntoIterator<Item = F>) -> impl Future<Output = Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    cases.into_iter().collect::<JoinSet<T>>().join_all()
}

/// A moment, for what only the clock can bring.
#[expect(clippy::disallowed_methods, reason = "the program under test goes by the real clock")]
pub(crate) async fn moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// How often the platform was asked to deploy.
fn posts(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.method == "POST").count()
}
