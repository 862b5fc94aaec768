//! The entry point: calls `deploy_hook::run` and returns its exit code.

use std::io::Write as _;
use std::process::ExitCode;

use deploy_hook::env::Env;
use deploy_hook::error::BAD_INPUT;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the arguments")]
    let args: Vec<_> = std::env::args_os().collect();
    match deploy_hook::run(&args, &Env::snapshot()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Without a runtime there is no other way to print it; and standard error may be closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(BAD_INPUT) // nothing was sent
        }
    }
}
