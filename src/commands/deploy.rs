//! `deploy`: triggers the hook once and follows its deployment to the end.

use super::not_started::NotStarted;
use super::run::Run;
use super::start::{listen, resolve};
use super::{doctor, sandbox};
use crate::cli::Cli;
use crate::config::Needs;
use crate::core::report::Task;
use crate::core::schedule::Timing;
use crate::core::state::Outcome;
use crate::env::Env;

pub(super) async fn run(cli: &Cli, env: &Env) -> Result<u8, NotStarted> {
    let signals = listen()?;
    let speed = cli.sandbox.then(|| cli.speed.unwrap_or(sandbox::DEPLOY_SPEED));
    let needs = match speed {
        Some(_) => Needs::Sandbox,
        None => sandbox::only_with_sandbox(cli).map(|()| Needs::Hook)?,
    };
    let mut settings = resolve(&cli.inputs, env, needs, &signals).await?;
    let mut embedded = None;
    if let Some(speed) = speed {
        let platform = settings.is_named.then(|| settings.access.platform.name());
        let sandbox = embedded.insert(sandbox::start(cli, platform, speed).await?);
        settings = sandbox::settings_for(sandbox, settings);
    }
    // The sandbox has checked that the speed is above zero.
    let timing = speed.map_or_else(Timing::default, |speed| Timing::default().at_speed(speed));
    let mut run = Run::open(settings, cli, env, speed, Some(&signals))?;
    if run.settings.access.hook.is_none() {
        run.warn_of_unknown_variables(env);
        return Ok(run.end_untriggered(Outcome::Skipped, None, None).await);
    }
    run.must_deploy()?;
    run.warn_of_unknown_variables(env);
    if run.settings.dry_run {
        return Ok(doctor::dry_run(&mut run, env, &signals).await?);
    }
    Ok(run.run(Task::Deploy, timing, &signals).await?)
}
