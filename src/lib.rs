//! A deploy hook is a secret URL that starts a deployment when something POSTs to it. This program triggers it once,
//! follows that very deployment to its end, and reports the verdict.
//!
//! The path of one run, top down: [`run()`] takes the arguments and one snapshot of the environment ([`mod@env`]).
//! [`commands`] picks the command and has [`config`] resolve and validate its inputs. [`platforms`] knows the hosting
//! platform and sends its requests through [`http`]. [`mod@core`] triggers and follows, and [`reporting`] reports with the
//! strings of [`text`]. The exit codes are in [`error`].

pub mod cli;
mod commands;
pub mod config;
pub mod core;
mod encoding;
pub mod env;
pub mod error;
pub mod http;
pub mod platforms;
mod reporting;
pub mod sandbox;
pub mod secrets;
mod signals;
pub mod text;

use std::ffi::OsString;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Builder;

use self::env::Env;
use self::error::Signal;
use self::reporting::output::Output;
use self::reporting::writer;
use self::secrets::Redactor;

/// How long the end of a run waits for a reader of its output: for one that reads nothing, and in all.
const OUTPUT_WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// The same after a signal, because the sender kills the process next, and after a panic.
const SHORT_OUTPUT_WAIT: Duration = Duration::from_secs(1);

/// Runs the program and returns its exit code.
pub fn run(args: &[OsString], env: &Env) -> anyhow::Result<u8> {
    let out = Output::new(Redactor::default(), env.in_github());
    install_panic_hook(out.clone());
    // A name is looked up on a thread of its own. Where no thread can be started, an error is better than a panic in a
    // library.
    std::thread::Builder::new().spawn(|| ()).context("no thread can be started here")?;
    // One thread: there is one deployment to follow.
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let code = runtime.block_on(async {
        signals::survive_file_size_limit();
        let code = commands::start(args, env, &out).await;
        writer::release(code != 0);
        // Outputs and reports are written; lines of the log may still be on their way.
        let interrupted =
            [Signal::Interrupt, Signal::Terminate].iter().any(|signal| signal.exit_code() == code);
        let (idle, whole) = if interrupted { (SHORT_OUTPUT_WAIT, SHORT_OUTPUT_WAIT) } else { OUTPUT_WAIT };
        let _ = tokio::task::spawn_blocking(move || writer::wait(idle, whole)).await;
        code
    });
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(code)
}

/// The message of a panic could hold a secret: only the place of the bug is shown.
fn install_panic_hook(out: Output) {
    std::panic::set_hook(Box::new(move |panic| {
        writer::release(true);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        out.log_line(&format!("error: a bug in deploy-hook at {place}; please report it."));
        out.log_line(
            "A deployment may have been triggered: look at the deployment history before you trigger again.",
        );
        writer::wait(SHORT_OUTPUT_WAIT, SHORT_OUTPUT_WAIT);
    }));
}
