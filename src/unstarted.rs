//! What is told of a run that was not begun: a command line or input that is wrong, a signal that came first, a job that
//! has deployed already. Nothing was sent.

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use crate::ci::files::Files;
use crate::ci::github;
use crate::ci::gitlab::entrypoint::Start;
use crate::ci::out::Out;
use crate::cli::{Command, Format, Inputs};
use crate::deploy::report::{Event, Report, Task};
use crate::deploy::state::Outcome;
use crate::env::Env;
use crate::error::{BAD_INPUT, Problem, Problems, Signal, exit_code};
use crate::render::{Place, json, words};
use crate::secret::Redactor;
use crate::settings;

/// Why a command was not begun. Nothing was sent.
pub(crate) enum Unstarted {
    /// Everything that is wrong with the input.
    BadInput(Problems),
    /// A signal came while its inputs were read.
    Signaled(Signal),
}

impl From<Problems> for Unstarted {
    fn from(problems: Problems) -> Self {
        Self::BadInput(problems)
    }
}

/// A later start of the image in one job does nothing, and ends as the first did: mostly it is `after_script`, whose code
/// nobody minds, but a runner that lost the container starts the script itself again.
pub(crate) fn again(start: &Start, out: &Out) -> u8 {
    let (text, code) = match start {
        Start::Again(None) => (words::STARTED_BEFORE, exit_code(Outcome::Uncertain, false, None)),
        Start::Again(Some(code)) => (words::AFTER_SCRIPT, *code),
        Start::First(_) | Start::After => (words::AFTER_SCRIPT, 0),
    };
    out.talk(text);
    code
}

/// How a command reports.
pub(crate) fn format_of(command: &Command) -> Format {
    match command {
        Command::Deploy(args) => args.inputs.telling.format,
        Command::Follow(args) => args.inputs.telling.format,
        Command::Status(args) => args.inputs.telling.format,
        Command::Doctor(inputs) => inputs.telling.format,
        Command::Sandbox(_) | Command::Completions { .. } => Format::Human,
    }
}

/// What a command that deploys or follows sets out to do, and how it tells of it.
pub(crate) fn run_of(command: &Command) -> Option<(Task, Format)> {
    let task = match command {
        Command::Follow(args) => settings::deployment_id(&args.id).map_or(Task::Deploy, Task::Follow),
        _ => Task::Deploy,
    };
    Some((task, inputs_of(command)?.telling.format))
}

fn inputs_of(command: &Command) -> Option<&Inputs> {
    match command {
        Command::Deploy(args) => Some(&args.inputs),
        Command::Follow(args) => Some(&args.inputs),
        _ => None,
    }
}

/// Where a command that deploys or follows leaves its report files.
pub(crate) fn report_files(command: &Command, env: &Env) -> Option<Files> {
    let inputs = inputs_of(command)?;
    Some(Files::new(settings::report_dir(inputs, env)?, Redactor::default(), true))
}

/// A job in which a second start could not be told from the first.
pub(crate) fn unmarked(error: &std::io::Error) -> Problems {
    let wrong = format!("cannot be marked as deployed ({error})");
    let remedy = "The image's ENTRYPOINT is started once more for after_script, and without a mark in CI_PROJECT_DIR it \
                  would deploy again. Use the image with a shell, and `script: [deploy-hook deploy]`.";
    let input = "this job".to_owned();
    Problems(vec![Problem { input, value: None, wrong, remedy: remedy.to_owned() }])
}

/// Help and version as asked for; a usage error without the arguments it was given, as one may be a secret.
pub(crate) fn usage(error: &clap::Error, args: &[OsString], env: &Env, out: &Out) -> u8 {
    let mut text = error.render().to_string();
    if !error.use_stderr() {
        out.data(text.trim_end());
        return 0;
    }
    for arg in args.iter().skip(1).map(|arg| arg.to_string_lossy()) {
        let parts = [arg.as_ref(), arg.split_once('=').map_or("", |(_, value)| value)];
        for secret in parts.into_iter().filter(|part| part.len() > 20 || part.contains("://")) {
            text = text.replace(secret, &settings::shown_argument(secret));
        }
    }
    out.talk(text.trim_end());
    // Of the command line nothing is known but that it is wrong, so the files go where they go without it.
    if args.get(1).is_some_and(|word| word == "deploy" || word == "follow") {
        let (input, remedy) = ("command line".to_owned(), "The job's log says what is.".to_owned());
        let problem = Problem { input, value: None, wrong: "is not as it should be".to_owned(), remedy };
        let files = settings::report_dir(&Inputs::default(), env);
        let files = files.map(|dir| Files::new(dir, Redactor::default(), true));
        let problems = Problems(vec![problem]);
        files.iter().flat_map(|files| files.complain(&problems)).for_each(|trouble| out.talk(&trouble));
    }
    BAD_INPUT
}

fn invalid_input(problems: &Problems) -> String {
    let problem = |Problem { input, value, wrong, remedy }: &Problem| {
        let message = format!("{wrong}.");
        serde_json::json!({ "input": input, "value": value, "message": message, "remedy": remedy })
    };
    let listed: Vec<_> = problems.0.iter().map(problem).collect();
    json::invalid_input(&problems.to_string(), &listed, SystemTime::now())
}

/// Everything that is wrong with the input, at once, before anything was sent.
pub(crate) fn complain(
    problems: &Problems,
    env: &Env,
    out: &Out,
    files: Option<&Files>,
    format: Format,
) -> u8 {
    match format {
        Format::Json => out.data(&invalid_input(problems)),
        Format::Human => {
            problems.0.iter().for_each(|problem| out.talk(&format!("error: {problem}")));
            out.talk(words::NOTHING_SENT);
        }
    }
    if github::is_here(env) {
        github::complain(problems, env, out);
    }
    for trouble in files.iter().flat_map(|files| files.complain(problems)) {
        out.talk(&trouble);
    }
    BAD_INPUT
}

/// A signal came before anything was begun. Whoever looks for the outcome of a deployment finds it.
pub(crate) fn call_off(
    signal: Signal,
    run: Option<(Task, Format)>,
    env: &Env,
    out: &Out,
    files: Option<&Files>,
) -> u8 {
    if let Some((task, format)) = run {
        let (place, now) = (Place::default(), SystemTime::now());
        let report = Report { outcome: Outcome::Interrupted, ..Report::new(task, now) };
        let mut troubles =
            if github::is_here(env) { github::call_off(&report, &place, env, out) } else { Vec::new() };
        let words = words::verdict(&report, &place);
        let ended = Event::Finished { report };
        if let Some(files) = files {
            files.make_folder();
            troubles.extend(files.tell(&ended, &place));
        }
        for trouble in &troubles {
            out.talk(trouble);
        }
        match format {
            Format::Human => out.talk(&format!("{} {}", words.happened, words.meaning)),
            Format::Json => out.data(&json::event(Duration::ZERO, &ended, &place, now)),
        }
    }
    signal.exit_code()
}
