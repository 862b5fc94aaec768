//! `status`: reads the deployment's present state and triggers nothing.

use std::time::{Duration, SystemTime};

use super::not_started::NotStarted;
use super::run::Run;
use super::start::{listen, resolve, unless_signaled};
use crate::cli::Cli;
use crate::config::{Needs, Settings, deployment_id};
use crate::core::rate::RateHint;
use crate::core::state::{DeploymentId, Outcome};
use crate::core::traits::{DeployTarget as _, Poll, PollResult};
use crate::env::Env;
use crate::error::{Problems, exit_code};
use crate::text::{json, messages};

pub(super) async fn run(cli: &Cli, env: &Env) -> Result<u8, NotStarted> {
    let signals = listen()?;
    let id = cli.id.as_deref().map(deployment_id).transpose()?;
    let settings = resolve(&cli.inputs, env, Needs::HookOrToken, &signals).await?;
    unless_signaled(async { Ok(read(cli, id, settings, env).await?) }, &signals).await
}

/// Prints the state on standard output. Exit code 0 means that it was read, whatever it is; 7 that it was not.
async fn read(cli: &Cli, id: Option<DeploymentId>, settings: Settings, env: &Env) -> Result<u8, Problems> {
    let mut run = Run::open(settings, cli, env, None, None)?;
    run.must_read(id.as_ref())?;
    run.warn_of_unknown_variables(env);
    let poll = match &id {
        Some(id) => run.platform.poll(id, Duration::MAX).await,
        None => run
            .platform
            .reader()
            .newest()
            .await
            .unwrap_or(Poll { result: PollResult::NotThere, rate_hint: RateHint::default() }),
    };
    if let Some(why) = messages::no_status(&poll.result) {
        run.reporters.warn(&why);
        return Ok(exit_code(Outcome::Lost, false, None));
    }
    if let PollResult::Ours(snapshot) = poll.result {
        run.out.data(&if cli.is_json() {
            json::status(&snapshot, SystemTime::now())
        } else {
            messages::status(&snapshot)
        });
    }
    Ok(0)
}
