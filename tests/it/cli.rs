//! The program from end to end: the real binary in a scrubbed environment, against the embedded platform or a server
//! of the test's own.
#![cfg(test)]

mod answers;
mod certificates;
mod commands;
mod completions;
mod doctor;
mod every_platform;
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

use crate::common::{Generation, start_sandbox, triggers};
use deploy_hook::sandbox::Sandbox;
use tokio::task::JoinSet;

use crate::secrets::secret;

/// A speed at which a deployment has ended at the first poll.
const QUICK: f64 = 400.0;

/// A sandbox of the test's own.
async fn platform(scenario: &str, generation: Generation) -> Sandbox {
    start_sandbox(scenario, generation, QUICK).await
}

/// All of them at the same time: a run takes at least a second, most of it waiting.
pub(crate) fn together<T, F>(cases: impl IntoIterator<Item = F>) -> impl Future<Output = Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    cases.into_iter().collect::<JoinSet<T>>().join_all()
}
