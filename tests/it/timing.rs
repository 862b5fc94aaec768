//! *When* the core acts: every timing rule, with a scripted platform on tokio's paused clock. No sockets.
#![cfg(test)]

mod deadline;
mod end;
mod errors;
mod events;
mod history;
mod limit;
mod pace;
mod stop;

mod trigger;
mod unclear;
mod unnamed;
mod verify;
mod world;

use std::time::Duration;

/// Whole seconds.
const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
