//! A deploy hook is a secret URL that starts a deployment when something POSTs to it. This program triggers it
//! once, follows that very deployment to its end, and tells everyone who should know.
//!
//! The story of one run, top down: [`run()`] takes the arguments and one snapshot of the environment ([`mod@env`]),
//! resolves them into what is true ([`settings`]), opens the platform ([`platforms`]) on the one HTTP client
//! ([`http`]), lets the core ([`mod@deploy`]) trigger and follow, and has it told ([`ci`], [`render`]) where the run
//! takes place. The exit code is a promise ([`error`]).

pub mod ci;
pub mod cli;
pub mod deploy;
pub mod doctor;
pub mod encoding;
pub mod env;
pub mod error;
pub mod http;
pub mod platforms;
mod play;
pub mod render;
mod run;
pub mod sandbox;
pub mod secret;
pub mod settings;
mod signals;
mod status;
mod unstarted;

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use tokio::runtime::Builder;

use self::ci::github::{self, post};
use self::ci::gitlab::entrypoint::{self, Start};
use self::ci::out::Out;
use self::cli::{Cli, Command, DeployArgs, FollowArgs, Inputs, StatusArgs};
use self::deploy::report::Task;
use self::deploy::schedule::Timing;
use self::deploy::state::Outcome;
use self::env::Env;
use self::error::{BAD_INPUT, Problem, Problems, Signal};
use self::http::Http;
use self::run::Run;
use self::secret::Redactor;
use self::settings::{Needs, Settings};
use self::signals::Signals;
use self::unstarted::Unstarted;

/// How long the end of a run waits for whoever reads its output: for one that takes nothing, and in all.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// The same after a signal, as who sent it kills next, and in a crash.
const NO_PATIENCE: Duration = Duration::from_secs(1);

/// Runs the program and returns its exit code.
pub fn run(args: &[OsString], env: &Env) -> anyhow::Result<u8> {
    let out = Out::new(Redactor::default(), github::is_here(env));
    crash_quietly(out.clone());
    in_runtime(async {
        signals::outlive_file_size_limit();
        let code = start(args, env, &out).await;
        // Outputs and records are written; what is said may still be on its way.
        let hurried = [Signal::Interrupt, Signal::Terminate].iter().any(|signal| signal.exit_code() == code);
        let (idle, whole) = if hurried { (NO_PATIENCE, NO_PATIENCE) } else { PATIENCE };
        let _ = tokio::task::spawn_blocking(move || Out::wait(idle, whole)).await;
        code
    })
}

async fn start(args: &[OsString], env: &Env, out: &Out) -> u8 {
    let called = args.first().map(Path::new).and_then(Path::file_name);
    if called.is_some_and(|name| name == post::NAME) {
        close_left(env, out).await;
        return 0;
    }
    let own = entrypoint::without_script(args, env);
    let args = own.unwrap_or(args);
    let is_job = own.is_some() || github::is_action(env);
    let command = match Cli::try_parse_from(args) {
        Ok(Cli { command: Some(command) }) => command,
        Ok(Cli { command: None }) if is_job => Command::Deploy(DeployArgs::default()),
        Ok(Cli { command: None }) => {
            out.talk(&Cli::command().render_help().to_string());
            return BAD_INPUT;
        }
        Err(error) => return unstarted::usage(&error, args, env, out),
    };
    if let Command::Completions { shell } = command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "deploy-hook", &mut script);
        out.data(String::from_utf8_lossy(&script).trim_end());
        return 0;
    }
    if own.is_some() {
        entrypoint::settle(env);
    }
    let files = unstarted::report_files(&command, env);
    let run = unstarted::run_of(&command);
    let format = unstarted::format_of(&command);
    let is_deploy = matches!(run, Some((Task::Deploy, _)));
    let mark = match (own.is_some() && is_deploy).then(|| entrypoint::start(env)) {
        None => None,
        Some(Ok(Start::First(mark))) => Some(mark),
        Some(Ok(again)) => return unstarted::again(&again, out),
        Some(Err(error)) => {
            return unstarted::complain(&unstarted::unmarked(&error), env, out, files.as_ref(), format);
        }
    };
    let code = match obey(command, env, out).await {
        Ok(code) => code,
        Err(Unstarted::BadInput(problems)) => {
            unstarted::complain(&problems, env, out, files.as_ref(), format)
        }
        Err(Unstarted::Signaled(signal)) => unstarted::call_off(signal, run, env, out, files.as_ref()),
    };
    if let Some(mark) = mark {
        mark.ended(code);
    }
    code
}

/// One thread: there is one deployment to follow.
fn in_runtime<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    // A name is looked up on a thread of its own; where none can be had, better to say so than to crash in a library.
    std::thread::Builder::new().spawn(|| ()).context("no thread can be started here")?;
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let done = runtime.block_on(work);
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(done)
}

async fn obey(command: Command, env: &Env, out: &Out) -> Result<u8, Unstarted> {
    match command {
        Command::Deploy(args) => deploy(&args, env).await,
        Command::Follow(args) => follow(&args, env).await,
        Command::Status(args) => status(&args, env).await,
        Command::Doctor(inputs) => diagnose(&inputs, env).await,
        Command::Sandbox(args) => play::run(&args, out).await.map(|()| 0).map_err(Unstarted::BadInput),
        Command::Completions { .. } => Ok(0),
    }
}

/// Triggers the hook once and follows its deployment to the end.
async fn deploy(args: &DeployArgs, env: &Env) -> Result<u8, Unstarted> {
    let signals = listen()?;
    let speed = args.sandbox.then(|| args.play.speed.unwrap_or(play::DEPLOY_SPEED));
    let (sandbox, needs) = match speed {
        Some(speed) => (Some(play::start(&args.play, 0, speed).await?), Needs::Sandbox),
        None => (None, play::only_with_sandbox(&args.play).map(|()| Needs::Hook)?),
    };
    // only now is the speed known to be one
    let timing = speed.map_or_else(Timing::default, |speed| Timing::default().at_speed(speed));
    let settings = resolve(&args.inputs, env, needs, &signals).await?;
    let settings = if let Some(sandbox) = &sandbox { play::on(sandbox, settings) } else { settings };
    let mut run = Run::open(settings, &args.inputs.telling, env, speed, Some(&signals))?;
    if run.settings.hook.is_none() {
        return Ok(run.end_untriggered(Outcome::Skipped, None, None).await);
    }
    run.must_follow()?;
    if run.settings.dry_run {
        return Ok(run.rehearse(env, &signals).await?);
    }
    Ok(run.run(Task::Deploy, timing, &signals).await?)
}

/// Follows a deployment that already exists.
async fn follow(args: &FollowArgs, env: &Env) -> Result<u8, Unstarted> {
    let id = settings::deployment_id(&args.id)?;
    let signals = listen()?;
    let settings = resolve(&args.inputs, env, Needs::HookOrToken, &signals).await?;
    let mut run = Run::open(settings, &args.inputs.telling, env, None, Some(&signals))?;
    run.must_read(Some(&id))?;
    Ok(run.run(Task::Follow(id), Timing::default(), &signals).await?)
}

/// Reads a deployment's present state.
async fn status(args: &StatusArgs, env: &Env) -> Result<u8, Unstarted> {
    let signals = listen()?;
    let settings = resolve(&args.inputs, env, Needs::HookOrToken, &signals).await?;
    let read = async { Ok(status::run(args, settings, env).await?) };
    unless_signaled(read, &signals).await
}

/// Finds out why a trigger would fail.
async fn diagnose(inputs: &Inputs, env: &Env) -> Result<u8, Unstarted> {
    let signals = listen()?;
    match resolve(inputs, env, Needs::HookOrToken, &signals).await {
        Ok(settings) => {
            let mut run = Run::open(settings, &inputs.telling, env, None, None)?;
            let examine = async { Ok(doctor::exit_code(&run.examine(env).await)) };
            unless_signaled(examine, &signals).await
        }
        Err(Unstarted::BadInput(problems)) => {
            let out = Out::new(Redactor::default(), github::is_here(env));
            problems.0.iter().for_each(|problem| {
                out.data(&doctor::bad_input(problem).line(inputs.telling.format, SystemTime::now()));
            });
            Ok(BAD_INPUT)
        }
        signaled => signaled.map(|_| 0),
    }
}

/// Reads the inputs on a thread of their own: a secret may be awaited on standard input, and whoever is asked for it can
/// still say no with a signal.
async fn resolve(inputs: &Inputs, env: &Env, needs: Needs, signals: &Signals) -> Result<Settings, Unstarted> {
    let (inputs, env) = (inputs.clone(), env.clone());
    let read = tokio::task::spawn_blocking(move || Settings::resolve(&inputs, &env, needs));
    let read = async {
        match read.await {
            Ok(settings) => Ok(settings?),
            Err(crashed) => std::panic::resume_unwind(crashed.into_panic()),
        }
    };
    unless_signaled(read, signals).await
}

/// What comes of this, unless a signal comes first.
async fn unless_signaled<T>(
    work: impl Future<Output = Result<T, Unstarted>>,
    signals: &Signals,
) -> Result<T, Unstarted> {
    tokio::select! {
        biased;
        () = signals.wait() => Err(Unstarted::Signaled(signals.first().unwrap_or(Signal::Terminate))),
        done = work => done,
    }
}

/// The Action's post step: closes what a killed run left open. It never fails: the outcome stands. Bad input was told
/// by the run itself, which then opened nothing.
async fn close_left(env: &Env, out: &Out) {
    let Ok(settings) = Settings::resolve(&Inputs::default(), env, Needs::Nothing) else { return };
    let redactor = settings.redactor();
    let tls = env.get("GITHUB_API_URL").is_some_and(|url| url.starts_with("https:"));
    match Http::new(&settings.network, tls, redactor.clone()) {
        Ok(http) => {
            let out = Out::new(redactor, github::is_here(env));
            out.mask();
            let stop = Signals::listen().ok().map(|signals| signals.watch());
            post::run(env, &out, &http, settings.github_token.as_ref(), stop).await;
        }
        Err(error) => out.talk(&error.to_string()),
    }
}

fn listen() -> Result<Signals, Problems> {
    Signals::listen().map_err(|error| {
        let (input, wrong) = ("signals".to_owned(), format!("cannot be handled ({error})"));
        Problems(vec![Problem { input, value: None, wrong, remedy: String::new() }])
    })
}

/// A panic's message could hold anything; only the place of the bug is told.
fn crash_quietly(out: Out) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        out.talk(&format!("error: a bug in deploy-hook at {place}; please report it."));
        out.talk(
            "A deployment may have been triggered: look at the deployment history before you trigger again.",
        );
        Out::wait(NO_PATIENCE, NO_PATIENCE);
    }));
}
