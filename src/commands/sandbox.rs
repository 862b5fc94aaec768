//! The embedded platform as a command, and as what `deploy --sandbox` deploys on.

use super::not_started::NotStarted;
use crate::cli::{GenerationArg, PlayArgs, SandboxArgs};
use crate::config::{Settings, shown};
use crate::error::{Problem, Problems};
use crate::reporting::output::Output;
use crate::sandbox::{Generation, Options, Sandbox, StartError, scenarios};
use crate::signals::Signals;

/// A platform for `deploy --sandbox`: quick enough to watch.
pub(super) const DEPLOY_SPEED: f64 = 20.0;

/// Refuses what is meant for the embedded platform where a real one is deployed on.
pub(super) fn only_with_sandbox(play: &PlayArgs) -> Result<(), Problems> {
    let given = [
        ("--scenario", play.scenario.is_some()),
        ("--speed", play.speed.is_some()),
        ("--generation", play.generation.is_some()),
    ];
    let problem = |(input, _): (&str, bool)| Problem {
        input: input.to_owned(),
        value: None,
        wrong: "is for the embedded platform alone".to_owned(),
        fix: "Add --sandbox, or leave it out.".to_owned(),
    };
    let problems: Vec<Problem> = given.into_iter().filter(|(_, given)| *given).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

/// Starts the platform these arguments describe.
pub(super) async fn start(play: &PlayArgs, port: u16, default_speed: f64) -> Result<Sandbox, Problems> {
    let generation = match play.generation {
        Some(GenerationArg::Live) => Generation::Live,
        Some(GenerationArg::Draft) | None => Generation::Draft,
    };
    let scenario = play.scenario.clone().unwrap_or_else(|| "success".to_owned());
    let scenario = if scenarios().any(|(name, _)| name == scenario) { scenario } else { shown(&scenario) };
    let options = Options { port, speed: play.speed.unwrap_or(default_speed), scenario, generation };
    Sandbox::start(&options).await.map_err(|error| {
        let input = match error {
            StartError::UnknownScenario { .. } => "--scenario",
            StartError::Speed(_) => "--speed",
            StartError::Listen { .. } => "--port",
        };
        let fix = "`deploy-hook sandbox --scenario list` shows every scenario.".to_owned();
        Problems(vec![Problem { input: input.to_owned(), value: None, wrong: error.to_string(), fix }])
    })
}

/// Runs the platform until a signal ends it.
pub(super) async fn run(args: &SandboxArgs, out: &Output) -> Result<u8, NotStarted> {
    if args.play.scenario.as_deref() == Some("list") {
        scenarios().for_each(|(name, about)| out.data(&format!("{name:<28} {about}")));
        return Ok(0);
    }
    let sandbox = start(&args.play, args.port, 1.0).await?;
    let (url, token) = (sandbox.url(), sandbox.api_token());
    out.data(&format!("hook-url={}", sandbox.hook_url()));
    out.data(&format!("api-token={token}"));
    out.data(&format!("manage={url}"));
    out.talk("");
    out.talk("The embedded platform runs until Ctrl-C. In another terminal:");
    out.talk(&format!("  DEPLOY_HOOK_URL=… FRBIT_TOKEN=… deploy-hook deploy --api-url {url}"));
    out.talk(&format!("Watch it at {url}/ and change what it plays with:"));
    out.talk(&format!("  curl -X PUT -d '{{\"name\":\"build-fails\"}}' {url}/sandbox/scenario"));
    let listening = Signals::listen();
    if let Ok(signals) = listening {
        signals.wait().await;
    } else {
        std::future::pending::<()>().await; // without handlers the signal itself ends the process
    }
    Ok(0)
}

/// The same settings for the embedded platform: its hook, its API, its token.
pub(super) fn settings_for(sandbox: &Sandbox, settings: Settings) -> Settings {
    settings.on(&sandbox.hook_url(), &sandbox.api_token(), &sandbox.url())
}
