//! The run's records at GitHub: the real binary against the embedded platform and a GitHub on loopback that holds every
//! request against GitHub's own description of its API.
#![cfg(test)]

mod cancel;
mod comments;
mod commits;
mod contract;
mod hosts;
mod hub;
mod life;
mod limits;
mod post;
mod runner;
mod trouble;
mod wire;

use std::time::Duration;

use deploy_hook::sandbox::{Generation, Options, Sandbox};

/// The kinds of report that are records at GitHub, as `report` names them.
const KINDS: [&str; 4] = ["status", "check", "deployment", "comment"];

/// All four.
const ALL: &str = "status,check,deployment,comment";

/// A platform that plays this scenario so many times as fast as a real one.
async fn platform(scenario: &str, speed: f64) -> Sandbox {
    let options = Options { port: 0, speed, scenario: scenario.to_owned(), generation: Generation::Draft };
    Sandbox::start(&options).await.expect("the platform starts")
}

/// Runs these at the same time, as each mostly waits; comes back when all are well.
async fn all<F: Future<Output = ()> + Send + 'static>(runs: impl IntoIterator<Item = F>) {
    let runs: Vec<_> = runs.into_iter().map(tokio::spawn).collect();
    for run in runs {
        run.await.expect("each is well");
    }
}

#[expect(clippy::disallowed_methods, reason = "processes go by the real clock")]
async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
