//! A thousand deployments followed at once by one process: its CPU time and peak memory for 30,000 polls.
//!
//! The benchmark starts itself again as the process that is measured ([`client`]), with the project's own client and core over
//! real connections, and is the platform for it ([`server`]). Every follow has a hook, a secret and a [`Http`] of its own, and
//! triggers, polls 30 times and ends. All have one token, and so share its limit, on a platform that is
//! [`SPEED`] times as fast as a real one.
//!
//! [`Http`]: deploy_hook::http::Http

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

/// Deployments at once.
const FOLLOWS: u32 = 1000;

/// Polls of each.
const POLLS: u32 = 30;

/// So many times as fast is the platform: 18 polls a minute and token become 1,080 a second.
const SPEED: f64 = 3600.0;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use deploy_hook::env::Env;

    let env = Env::snapshot();
    if let Some(url) = env.get("BENCH_MANY_URL") {
        return client::main(url, env.get("BENCH_MANY_CA"));
    }
    println!("{FOLLOWS} follows in one process, {POLLS} polls each, one token.\n");
    println!("| | CPU | a poll | peak memory | took |\n|---|---:|---:|---:|---:|");
    let schemes = if env.is_true("BENCH_QUICK") { &["http"][..] } else { &["http", "https"] };
    for scheme in schemes {
        server::measure(scheme)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Peak memory is read as Linux gives it.");
}
