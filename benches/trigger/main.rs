//! The trigger alone, `deploy --wait never`, against `curl -sS -X POST`: whole processes, pair by pair.
//!
//! Three scenarios on loopback servers in this process: plain http, which is the process and nothing else; https with a
//! private certificate authority, where both programs also read the system's authorities, as they do for any hook;
//! and the same with a curl that does not read them. Each scenario runs twice: once for wall and CPU time, untouched; once
//! for peak memory, traced ([`process`]).
//!
//! `BENCH_BINARY` names the program; without it, it is the one cargo just built, which is not what is shipped.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[cfg(target_os = "linux")]
mod compare;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod tls;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    compare::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Peak memory is read as Linux gives it: nothing to compare elsewhere.");
}
