//! The commands: picks the one that the arguments name, runs it, and reports what kept it from starting.

pub(crate) mod checks;
mod deploy;
mod doctor;
mod follow;
mod not_started;
mod platforms;
mod post_step;
mod run;
mod sandbox;
mod site;
mod start;
mod status;
mod usage;

use std::ffi::OsString;
use std::path::Path;

use crate::cli::{self, Cli, Command};
use crate::env::Env;
use crate::error::{BAD_INPUT, Problem};
use crate::reporting::github::{self, post};
use crate::reporting::gitlab::entrypoint::{self, JobStart};
use crate::reporting::output::Output;
use crate::reporting::writer;
use crate::text::problems;

use self::not_started::NotStarted;

/// Runs the command that the arguments name and returns the exit code.
pub(crate) async fn start(args: &[OsString], env: &Env, out: &Output) -> u8 {
    let called = args.first().map(Path::new).and_then(Path::file_name);
    if called.is_some_and(|name| name == post::NAME) {
        post_step::run(env, out).await;
        return 0;
    }
    let own = entrypoint::without_script(args, env);
    let args = own.unwrap_or(args);
    let is_job = own.is_some() || github::is_action(env);
    let mut cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return not_started::usage(&error, args, env, out),
    };
    if is_job {
        cli.command.get_or_insert(Command::Deploy);
    }
    if own.is_some() {
        entrypoint::prepare_job(env);
    }
    run_once_a_job(&cli, own.is_some(), env, out).await
}

/// Runs a command. Started by the image's ENTRYPOINT, a job deploys once however often the runner starts it.
async fn run_once_a_job(cli: &Cli, by_entrypoint: bool, env: &Env, out: &Output) -> u8 {
    if cli.quiet {
        writer::hold();
    }
    let is_deploy = cli.command == Some(Command::Deploy);
    let mark = match (by_entrypoint && is_deploy).then(|| entrypoint::start(env)) {
        None => None,
        Some(Ok(JobStart::First(mark))) => Some(mark),
        Some(Ok(again)) => return not_started::again(&again, out),
        Some(Err(error)) => {
            let problem = Problem::new("this job", problems::unmarked(&error));
            return not_started::report_bad_input(&problem.into(), cli, env, out);
        }
    };
    let code = match Box::pin(execute(cli, env, out)).await {
        Ok(code) => code,
        Err(NotStarted::BadInput(problems)) => not_started::report_bad_input(&problems, cli, env, out),
        Err(NotStarted::Signaled(signal)) => not_started::report_interrupted(signal, cli, env, out),
    };
    if let Some(mark) = mark {
        mark.ended(code);
    }
    code
}

async fn execute(cli: &Cli, env: &Env, out: &Output) -> Result<u8, NotStarted> {
    match cli.command {
        Some(Command::Deploy) => deploy::run(cli, env).await,
        Some(Command::Follow) => follow::run(cli, env).await,
        Some(Command::Status) => status::run(cli, env).await,
        Some(Command::Doctor) => doctor::run(cli, env).await,
        Some(Command::Sandbox) => sandbox::run(cli, out).await,
        Some(Command::Platforms) => {
            platforms::run(cli.is_json(), out);
            Ok(0)
        }
        Some(Command::Completions(shell)) => {
            out.data(&cli::completions::script(shell));
            Ok(0)
        }
        None => {
            out.log_line(Cli::command().render_help().to_string().trim_end());
            Ok(BAD_INPUT)
        }
    }
}
