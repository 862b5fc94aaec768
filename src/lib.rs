//! A deploy hook is a secret URL that starts a deployment when something POSTs to it. This program triggers it
//! once, follows that very deployment to its end, and tells everyone who should know.
//!
//! The story of one run, top down: [`run`] takes the arguments and one snapshot of the environment ([`env`]),
//! resolves them into what is true ([`settings`]), opens the platform ([`provider`]) on the one HTTP client
//! ([`http`]), lets the core ([`deploy`]) trigger and follow, and has it told ([`ci`], [`render`]) where the run
//! takes place. The exit code is a promise ([`error`]).

pub mod ci;
pub mod cli;
pub mod deploy;
pub mod doctor;
pub mod env;
pub mod error;
pub mod http;
mod play;
pub mod provider;
pub mod render;
pub mod sandbox;
pub mod secret;
pub mod settings;
mod signals;
mod status;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};

use self::ci::files::Files;
use self::ci::github::{self, GitHub};
use self::ci::out::Out;
use self::ci::terminal::{Manner, Terminal, Volume};
use self::ci::{Told, Voice};
use self::cli::{Cli, Color, Command, DeployArgs, FollowArgs, Format, Inputs, Telling};
use self::deploy::Plan;
use self::deploy::ports::Reporter as _;
use self::deploy::report::{Cause, Event, Report, Sent, Task};
use self::deploy::schedule::Timing;
use self::deploy::state::Outcome;
use self::env::Env;
use self::error::{BAD_INPUT, Problem, Problems, exit_code};
use self::http::Http;
use self::provider::Access;
use self::provider::fortrabbit::Fortrabbit;
use self::render::Place;
use self::secret::{HookUrl, Redactor, Token};
use self::settings::{Kind, Needs, Settings};
use self::signals::Signals;

/// Runs the program and returns its exit code.
pub fn run(args: &[OsString], env: &Env) -> anyhow::Result<u8> {
    let out = Out::new(Redactor::default(), github::is_here(env));
    crash_quietly(out.clone());
    let command = match Cli::try_parse_from(args) {
        Ok(Cli { command: Some(command) }) => command,
        Ok(Cli { command: None }) if github::is_action(env) => Command::Deploy(DeployArgs::default()),
        Ok(Cli { command: None }) => {
            out.talk(&Cli::command().render_help().to_string());
            return Ok(BAD_INPUT);
        }
        Err(error) => return Ok(usage(&error, args, &out)),
    };
    if let Command::Completions { shell } = command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "deploy-hook", &mut script);
        out.data(String::from_utf8_lossy(&script).trim_end());
        return Ok(0);
    }
    // One thread: there is one deployment to follow.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let code = runtime.block_on(obey(command, env, &out));
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    match code {
        Ok(code) => Ok(code),
        Err(problems) => {
            complain(&problems, &out);
            Ok(BAD_INPUT)
        }
    }
}

async fn obey(command: Command, env: &Env, out: &Out) -> Result<u8, Problems> {
    match command {
        Command::Deploy(args) => deploy(&args, env).await,
        Command::Follow(args) => follow(&args, env).await,
        Command::Status(args) => status::run(&args, env).await,
        Command::Doctor(inputs) => diagnose(&inputs, env).await,
        Command::Sandbox(args) => play::run(&args, out).await.map(|()| 0),
        Command::Completions { .. } => Ok(0),
    }
}

/// Triggers the hook once and follows its deployment to the end.
async fn deploy(args: &DeployArgs, env: &Env) -> Result<u8, Problems> {
    let signals = listen()?;
    let mut timing = Timing::default();
    let (settings, sandbox) = if args.sandbox {
        let sandbox = play::start(&args.play, 0, play::DEPLOY_SPEED).await?;
        timing = timing.at_speed(args.play.speed.unwrap_or(play::DEPLOY_SPEED));
        (on(&sandbox, Settings::resolve(&args.inputs, env, Needs::Nothing)?), Some(sandbox))
    } else {
        (Settings::resolve(&args.inputs, env, Needs::Hook)?, None)
    };
    let speed = sandbox.as_ref().map(|_| args.play.speed.unwrap_or(play::DEPLOY_SPEED));
    let mut run = Run::open(settings, &args.inputs.telling, env, speed)?;
    if run.settings.hook.is_none() {
        return Ok(run.skip(None).await);
    }
    if run.settings.dry_run {
        let code = run.examine().await;
        return if code == 0 { Ok(run.skip(Some(Cause::NotAsked)).await) } else { Ok(code) };
    }
    Ok(run.run(Task::Deploy, timing, &signals).await)
}

/// Follows a deployment that already exists.
async fn follow(args: &FollowArgs, env: &Env) -> Result<u8, Problems> {
    let signals = listen()?;
    let id = settings::deployment_id(&args.id)?;
    let settings = Settings::resolve(&args.inputs, env, Needs::HookOrToken)?;
    let mut run = Run::open(settings, &args.inputs.telling, env, None)?;
    Ok(run.run(Task::Follow(id), Timing::default(), &signals).await)
}

/// Finds out why a trigger would fail.
async fn diagnose(inputs: &Inputs, env: &Env) -> Result<u8, Problems> {
    match Settings::resolve(inputs, env, Needs::HookOrToken) {
        Ok(settings) => Ok(Run::open(settings, &inputs.telling, env, None)?.examine().await),
        Err(problems) => {
            let out = Out::new(Redactor::default(), github::is_here(env));
            problems.0.iter().for_each(|problem| out.data(&doctor::bad_input(problem).line()));
            Ok(BAD_INPUT)
        }
    }
}

/// A run, connected to the platform and to whoever is told.
struct Run {
    settings: Settings,
    http: Http,
    platform: Fortrabbit,
    told: Told,
    out: Out,
}

impl Run {
    /// Masks first, then everything that can fail before anything is sent. `speed`: of the embedded platform.
    fn open(settings: Settings, telling: &Telling, env: &Env, speed: Option<f64>) -> Result<Self, Problems> {
        let redactor = settings.redactor();
        let out = Out::new(redactor.clone(), github::is_here(env));
        out.mask();
        let hook = settings.hook.as_ref();
        let needs_tls = settings.api_url.scheme() == "https" && settings.api_token.is_some();
        let tls = needs_tls || hook.is_some_and(|hook| hook.expose().scheme() == "https");
        let http = Http::new(&settings.network, tls, redactor.clone()).map_err(|error| {
            let remedy = "Give a PEM file of certificate authorities as ca-file; in an image, copy them to \
                          /etc/ssl/certs/ca-certificates.crt.";
            let (input, wrong) = ("ca-file".to_owned(), error.to_string());
            Problems(vec![Problem { input, value: None, wrong, remedy: remedy.to_owned() }])
        })?;
        let access = access(&settings);
        let known = provider::is_known(&access);
        let platform = provider::open(access, http.clone());
        let platform = if let Some(speed) = speed { platform.at_speed(speed) } else { platform };
        let place = Place {
            environment: settings.environment.clone().or_else(|| speed.map(|_| "sandbox".to_owned())),
            environment_url: settings.environment_url.clone(),
            hook: hook.map(HookUrl::label).unwrap_or_default(),
            timeout: settings.timeout,
            pass_canceled: settings.pass_canceled,
            sandbox: speed,
        };
        let summary = settings.report.wants(Kind::Summary);
        let mut told = Told {
            voice: voice(telling, env, &out),
            github: GitHub::detect(env, &out, summary),
            files: settings.output_dir.clone().map(|dir| Files::new(dir, redactor, summary)),
            place,
        };
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Summary) {
            if settings.report.named && settings.report.wants(kind) {
                told.warn(&format!("The report `{}` is not written by this version yet.", kind.as_str()));
            }
        }
        if let (false, Some(hook)) = (known, hook) {
            let host = hook.host();
            told.warn(&format!(
                "{host} is not a platform this version knows; its answers are read as fortrabbit's, and its hook is never read."
            ));
        }
        Ok(Self { settings, http, platform, told, out })
    }

    async fn run(&mut self, task: Task, timing: Timing, signals: &Signals) -> u8 {
        let Settings { wait, timeout, interval, .. } = self.settings;
        let (started, seed) = (SystemTime::now(), fastrand::u64(..));
        let plan = Plan { wait, timeout, interval, timing, started, seed };
        let report = deploy::run(task, &mut self.platform, &mut self.told, plan, signals.wait()).await;
        exit_code(report.outcome, self.settings.pass_canceled, signals.first())
    }

    /// Ends a run in which nothing is to be triggered.
    async fn skip(&mut self, cause: Option<Cause>) -> u8 {
        let report = Report {
            task: Task::Deploy,
            outcome: Outcome::Skipped,
            sent: Sent::No,
            cause,
            started: SystemTime::now(),
            duration: Duration::ZERO,
            snapshot: None,
            stages: Vec::new(),
            triggers: 0,
            looks: 0,
            log: Vec::new(),
        };
        self.told.tell(&Event::Ended { report }).await;
        exit_code(Outcome::Skipped, false, None)
    }

    async fn examine(&mut self) -> u8 {
        let known = provider::is_known(&access(&self.settings));
        let Settings { hook, network, .. } = &self.settings;
        let checks = doctor::examine(hook.as_ref(), known, network, &self.http, &mut self.platform).await;
        for check in &checks {
            self.out.data(&check.line());
        }
        doctor::exit_code(&checks)
    }
}

fn access(settings: &Settings) -> Access {
    let Settings { hook, api_token, api_url, .. } = settings;
    Access { hook: hook.clone(), token: api_token.clone(), api: api_url.clone() }
}

/// The same settings for the embedded platform: its hook, its API, its token.
fn on(sandbox: &sandbox::Sandbox, mut settings: Settings) -> Settings {
    settings.hook = HookUrl::parse(&sandbox.hook_url()).ok();
    settings.api_token = Token::parse(&sandbox.api_token());
    if let Ok(url) = url::Url::parse(&sandbox.url()) {
        settings.api_url = url;
    }
    settings
}

/// How this run is told: by what was asked for, what reads along, and what the CI at hand can show.
fn voice(telling: &Telling, env: &Env, out: &Out) -> Voice {
    if telling.format == Format::Json {
        return Voice::Json { out: out.clone(), verbose: telling.verbose };
    }
    let github = github::is_here(env);
    let terminal = std::io::stderr().is_terminal() && !github && env.get("TERM") != Some("dumb");
    let volume = match (telling.quiet, telling.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    let color = match telling.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => env.get("NO_COLOR").is_none() && (terminal || github),
    };
    let live = terminal && volume != Volume::Quiet && !env.says_yes("CI");
    Voice::Human(Box::new(Terminal::new(out.clone(), Manner { volume, color, live, github })))
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
    }));
}

/// Help and version as asked for; a usage error without the arguments it was given, as one may be a secret.
fn usage(error: &clap::Error, args: &[OsString], out: &Out) -> u8 {
    let mut text = error.render().to_string();
    if !error.use_stderr() {
        out.data(text.trim_end());
        return 0;
    }
    for arg in args.iter().skip(1).map(|arg| arg.to_string_lossy()) {
        let parts = [arg.as_ref(), arg.split_once('=').map_or("", |(_, value)| value)];
        for secret in parts.into_iter().filter(|part| part.len() > 20 || part.contains("://")) {
            text = text.replace(secret, "***");
        }
    }
    out.talk(text.trim_end());
    BAD_INPUT
}

/// Everything that is wrong with the input, at once, before anything was sent.
fn complain(problems: &Problems, out: &Out) {
    for problem in &problems.0 {
        out.talk(&format!("error: {problem}"));
    }
    out.talk("Nothing was sent.");
    if out.is_github() {
        out.command(&github::command::annotation("error", &format!("{problems}\nNothing was sent.")));
    }
}
