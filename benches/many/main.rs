//! A thousand deployments followed at once by one process: its CPU time and peak memory for 30,000 polls.
//!
//! The benchmark starts itself again as the process that is measured ([`client`]), with the project's own client and core over
//! real connections, and is the platform for it ([`server`]). Every follow has a hook and a secret of its own, triggers, polls
//! 30 times and ends. All share one client, and the limit of one token, on a platform that is [`client::SPEED`] times as fast as a
//! real one.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
#[path = "../follow/plan.rs"]
mod plan;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
#[path = "../trigger/tls.rs"]
mod tls;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    server::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Peak memory is read as Linux gives it: nothing to measure elsewhere.");
}
