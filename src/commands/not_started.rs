//! What is reported of a run that was not started: a command line or input that is wrong, a signal that came first, a job that
//! has deployed already. Nothing was sent.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use clap::error::ErrorKind;

use crate::cli::help::COMMANDS;
use crate::cli::{self, Cli, Command, Inputs};
use crate::config;
use crate::core::report::{Event, Report, Task};
use crate::core::state::Outcome;
use crate::env::Env;
use crate::error::{BAD_INPUT, Problem, Problems, Signal, exit_code};
use crate::reporting::files::Files;
use crate::reporting::github;
use crate::reporting::gitlab::entrypoint::JobStart;
use crate::reporting::output::Output;
use crate::secrets::{Redactor, strip};
use crate::text::{RunContext, json, messages, outputs, problems};

/// Why a command was not begun. Nothing was sent.
pub(super) enum NotStarted {
    /// Everything that is wrong with the input.
    BadInput(Problems),
    /// A signal came while its inputs were read.
    Signaled(Signal),
}

impl From<Problems> for NotStarted {
    fn from(problems: Problems) -> Self {
        Self::BadInput(problems)
    }
}

/// A later start of the image in one job does nothing, and ends as the first did: mostly it is `after_script`, whose code
/// is ignored, but a runner that lost the container starts the script itself again.
pub(super) fn again(start: &JobStart, out: &Output) -> u8 {
    let (text, code) = match start {
        JobStart::Again(None) => (messages::STARTED_BEFORE, exit_code(Outcome::Uncertain, false, None)),
        JobStart::Again(Some(code)) => (messages::AFTER_SCRIPT, *code),
        JobStart::First(_) | JobStart::After => (messages::AFTER_SCRIPT, 0),
    };
    out.log_line(text);
    code
}

/// The task of a command that deploys or follows, which leaves report files.
fn task(cli: &Cli) -> Option<Task> {
    let id = || config::deployment_id(cli.id.as_deref().unwrap_or_default());
    match cli.command {
        Some(Command::Deploy) => Some(Task::Deploy),
        Some(Command::Follow) => Some(id().map_or(Task::Deploy, Task::Follow)),
        _ => None,
    }
}

/// Prints help or the version, or reports a usage error. Arguments that may be a secret are hidden.
pub(super) fn usage(error: &clap::Error, args: &[OsString], env: &Env, out: &Output) -> u8 {
    if error.kind() == ErrorKind::DisplayVersion {
        out.data(&cli::version());
        return 0;
    }
    let text = error.render();
    if !error.use_stderr() {
        let in_color = help_in_color(args, env);
        let text = if in_color { text.ansi().to_string() } else { text.to_string() };
        out.data(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end());
        return 0;
    }
    // The message repeats arguments, which may hold control characters.
    let mut text = text.to_string().lines().map(strip).collect::<Vec<_>>().join("\n");
    for arg in args.iter().skip(1).map(|arg| arg.to_string_lossy()) {
        let parts = [arg.as_ref(), arg.split_once('=').map_or("", |(_, value)| value)];
        for secret in parts.into_iter().filter(|part| part.len() > 20 || part.contains("://")) {
            text = text.replace(secret, &config::shown_argument(secret));
        }
    }
    let problem = super::usage::problem(error, args);
    let problem = if let Some(problem) = problem {
        out.log_line(&format!("error: {problem}"));
        out.log_line(messages::NOTHING_SENT);
        problem
    } else {
        out.log_line(text.trim_end());
        let reason = text.split("\n\n").next().unwrap_or_default();
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Problem::new("command line", problems::not_understood(reason.trim_start_matches("error: ")))
    };
    let dir = option(args, "--output-dir").map(str::to_owned);
    let inputs = Inputs::default().with("output-dir", dir);
    report_to_ci(&Problems::from(problem), &inputs, leaves_files(args), env, out);
    BAD_INPUT
}

/// Where a command leaves its report files.
fn files(inputs: &Inputs, env: &Env) -> Option<Files> {
    config::report_dir(inputs, env).map(|dir| Files::new(dir, Redactor::default(), true))
}

/// Reports bad input where a later job, or a reader of the CI system, looks for the outcome.
fn report_to_ci(problems: &Problems, inputs: &Inputs, leaves_files: bool, env: &Env, out: &Output) {
    let platform = config::platform_name(inputs, env);
    if env.in_github() {
        github::report_bad_input(problems, platform, env, out);
    }
    let files = files(inputs, env).filter(|_| leaves_files);
    for error in files.iter().flat_map(|files| files.report_bad_input(problems, platform)) {
        out.log_line(&error);
    }
}

/// Whether the command leaves report files, as far as the arguments show: `deploy` does, and it is the default.
fn leaves_files(args: &[OsString]) -> bool {
    // The program itself has an entry without a name.
    let is_command = |arg: &&str| !arg.is_empty() && COMMANDS.iter().any(|help| help.name == *arg);
    let named = args.iter().skip(1).filter_map(|arg| arg.to_str()).find(is_command);
    named.is_none_or(|name| matches!(name, "deploy" | "follow"))
}

/// The value of an option in arguments that cannot be parsed or ask for help. So `--output-dir` counts then too: an earlier
/// run's files in that folder must not be taken for this one's.
fn option<'a>(args: &'a [OsString], name: &str) -> Option<&'a str> {
    let mut args = args.iter().filter_map(|arg| arg.to_str()).peekable();
    let mut found = None;
    while let Some(arg) = args.next() {
        found = match arg.strip_prefix(name) {
            Some("") => args.next_if(|value| !value.starts_with('-')),
            Some(value) => value.strip_prefix('='),
            None => found,
        };
    }
    found
}

/// Whether the help is read by a person at a terminal that shows colours, or colours are asked for.
fn help_in_color(args: &[OsString], env: &Env) -> bool {
    match option(args, "--color") {
        Some("always") => true,
        Some("never") => false,
        _ => {
            let plain = env.get("NO_COLOR").is_some() || env.get("TERM") == Some("dumb");
            std::io::stdout().is_terminal() && !plain
        }
    }
}

fn invalid_input(problems: &Problems, platform: &str) -> String {
    let problem = |Problem { input, value, wrong, fix }: &Problem| {
        let message = format!("{wrong}.");
        serde_json::json!({ "input": input, "value": value, "message": message, "remedy": fix })
    };
    let listed: Vec<_> = problems.0.iter().map(problem).collect();
    let outputs = outputs::bad_input(&problems.listed(), platform);
    json::invalid_input(&problems.to_string(), &listed, outputs, SystemTime::now())
}

/// Everything that is wrong with the input, at once, before anything was sent.
pub(super) fn report_bad_input(problems: &Problems, cli: &Cli, env: &Env, out: &Output) -> u8 {
    if cli.is_json() {
        out.data(&invalid_input(problems, config::platform_name(&cli.inputs, env)));
    } else {
        for warning in config::unknown_variables(env) {
            out.log_line(&format!("warning: {warning}"));
        }
        problems.0.iter().for_each(|problem| out.log_line(&format!("error: {problem}")));
        out.log_line(messages::NOTHING_SENT);
    }
    report_to_ci(problems, &cli.inputs, task(cli).is_some(), env, out);
    BAD_INPUT
}

/// A signal came before the run started. The outcome is still written.
pub(super) fn report_interrupted(signal: Signal, cli: &Cli, env: &Env, out: &Output) -> u8 {
    if let Some(task) = task(cli) {
        let platform = config::platform_name(&cli.inputs, env);
        let (context, now) = (RunContext { platform, ..RunContext::default() }, SystemTime::now());
        let report = Report::new(task, now);
        let mut errors = Vec::new();
        if env.in_github() {
            errors = github::report_interrupted(&report, &context, env, out);
        }
        let words = messages::verdict(&report, &context);
        let ended = Event::Finished { report: Box::new(report) };
        if let Some(files) = files(&cli.inputs, env) {
            files.make_folder();
            errors.extend(files.report(&ended, &context));
        }
        for error in &errors {
            out.log_line(error);
        }
        if cli.is_json() {
            out.data(&json::event(Duration::ZERO, &ended, &context, now));
        } else {
            out.log_line(&format!("{} {}", words.happened, words.meaning));
        }
    }
    signal.exit_code()
}
