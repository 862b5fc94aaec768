//! `deploy`: triggers the hook once and follows its deployment to the end.

use super::not_started::NotStarted;
use super::run::Run;
use super::start::{listen, resolve};
use super::{doctor, sandbox};
use crate::cli::DeployArgs;
use crate::config::Needs;
use crate::core::report::Task;
use crate::core::schedule::Timing;
use crate::core::state::Outcome;
use crate::env::Env;

pub(super) async fn run(args: &DeployArgs, env: &Env) -> Result<u8, NotStarted> {
    let signals = listen()?;
    let speed = args.sandbox.then(|| args.options.speed.unwrap_or(sandbox::DEPLOY_SPEED));
    let (embedded, needs) = match speed {
        Some(speed) => (Some(sandbox::start(&args.options, 0, speed).await?), Needs::Sandbox),
        None => (None, sandbox::only_with_sandbox(&args.options).map(|()| Needs::Hook)?),
    };
    // The sandbox has checked that the speed is above zero.
    let timing = speed.map_or_else(Timing::default, |speed| Timing::default().at_speed(speed));
    let settings = resolve(&args.inputs, env, needs, &signals).await?;
    let settings =
        if let Some(embedded) = &embedded { sandbox::settings_for(embedded, settings) } else { settings };
    let mut run = Run::open(settings, &args.inputs.output, env, speed, Some(&signals))?;
    if run.settings.hook.is_none() {
        return Ok(run.end_untriggered(Outcome::Skipped, None, None).await);
    }
    run.must_authorize()?;
    run.must_follow()?;
    if run.settings.dry_run {
        return Ok(doctor::dry_run(&mut run, env, &signals).await?);
    }
    Ok(run.run(Task::Deploy, timing, &signals).await?)
}
