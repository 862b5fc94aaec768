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

use crate::cli::{self, Cli, Command, DeployArgs};
use crate::core::report::Task;
use crate::env::Env;
use crate::error::{BAD_INPUT, Problem};
use crate::reporting::github::{self, post};
use crate::reporting::gitlab::entrypoint::{self, JobStart};
use crate::reporting::output::Output;
use crate::reporting::writer;
use crate::text::problems;

use self::not_started::{NotStarted, Planned};

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
    let command = match Cli::try_parse_from(args) {
        Ok(Cli { command: Some(command) }) => command,
        Ok(Cli { command: None }) if is_job => Command::Deploy(DeployArgs::default()),
        Ok(Cli { command: None }) => {
            out.log_line(Cli::command().render_help().to_string().trim_end());
            return BAD_INPUT;
        }
        Err(error) => return not_started::usage(&error, args, env, out),
    };
    match command {
        Command::Platforms(format) => {
            platforms::run(format, out);
            return 0;
        }
        Command::Completions(shell) => {
            out.data(&cli::completions::script(shell));
            return 0;
        }
        _ => {}
    }
    if own.is_some() {
        entrypoint::prepare_job(env);
    }
    run_once_a_job(command, own.is_some(), env, out).await
}

/// Runs a command. Started by the image's ENTRYPOINT, a job deploys once however often the runner starts it.
async fn run_once_a_job(command: Command, by_entrypoint: bool, env: &Env, out: &Output) -> u8 {
    let planned = Planned::of(&command, env);
    if planned.inputs.output.quiet {
        writer::hold();
    }
    let is_deploy = planned.task == Some(Task::Deploy);
    let mark = match (by_entrypoint && is_deploy).then(|| entrypoint::start(env)) {
        None => None,
        Some(Ok(JobStart::First(mark))) => Some(mark),
        Some(Ok(again)) => return not_started::again(&again, out),
        Some(Err(error)) => {
            let problem = Problem::new("this job", problems::unmarked(&error));
            return not_started::report_bad_input(&problem.into(), &planned, env, out);
        }
    };
    let code = match Box::pin(execute(command, env, out)).await {
        Ok(code) => code,
        Err(NotStarted::BadInput(problems)) => not_started::report_bad_input(&problems, &planned, env, out),
        Err(NotStarted::Signaled(signal)) => not_started::report_interrupted(signal, planned, env, out),
    };
    if let Some(mark) = mark {
        mark.ended(code);
    }
    code
}

async fn execute(command: Command, env: &Env, out: &Output) -> Result<u8, NotStarted> {
    match command {
        Command::Deploy(args) => deploy::run(&args, env).await,
        Command::Follow(args) => follow::run(&args, env).await,
        Command::Status(args) => status::run(&args, env).await,
        Command::Doctor(inputs) => doctor::run(&inputs, env).await,
        Command::Sandbox(args) => sandbox::run(&args, out).await,
        Command::Platforms(_) | Command::Completions(_) => Ok(0),
    }
}
