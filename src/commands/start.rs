//! What every command begins with: signals and inputs.

use super::not_started::NotStarted;
use crate::cli::Inputs;
use crate::config::{Needs, Settings};
use crate::env::Env;
use crate::error::{Problem, Problems, Signal};
use crate::signals::Signals;
use crate::text::problems;

/// Reads the inputs on a thread of their own: a secret may be awaited on standard input, and a signal must still end that.
pub(super) async fn resolve(
    inputs: &Inputs,
    env: &Env,
    needs: Needs,
    signals: &Signals,
) -> Result<Settings, NotStarted> {
    let (inputs, env) = (inputs.clone(), env.clone());
    let read = tokio::task::spawn_blocking(move || Settings::resolve(&inputs, &env, needs));
    let read = async {
        match read.await {
            Ok(settings) => Ok(settings?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    };
    unless_signaled(read, signals).await
}

/// The result of `work`, unless a signal comes first.
pub(super) async fn unless_signaled<T>(
    work: impl Future<Output = Result<T, NotStarted>>,
    signals: &Signals,
) -> Result<T, NotStarted> {
    tokio::select! {
        biased;
        () = signals.wait() => Err(NotStarted::Signaled(signals.first().unwrap_or(Signal::Terminate))),
        done = work => done,
    }
}

pub(super) fn listen() -> Result<Signals, Problems> {
    Signals::listen().map_err(|error| Problem::new("signals", (problems::no_signals(&error), "")).into())
}
