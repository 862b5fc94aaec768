//! `follow`: follows a deployment that already exists to its end. Triggers nothing.

use super::not_started::NotStarted;
use super::run::Run;
use super::start::{listen, resolve};
use crate::cli::Cli;
use crate::config::{self, Needs};
use crate::core::report::Task;
use crate::core::schedule::Timing;
use crate::env::Env;

pub(super) async fn run(cli: &Cli, env: &Env) -> Result<u8, NotStarted> {
    let id = config::deployment_id(cli.id.as_deref().unwrap_or_default())?;
    let signals = listen()?;
    let settings = resolve(&cli.inputs, env, Needs::HookOrToken, &signals).await?;
    let mut run = Run::open(settings, cli, env, None, Some(&signals))?;
    run.must_read(Some(&id))?;
    run.warn_of_unknown_variables(env);
    Ok(run.run(Task::Follow(id), Timing::default(), &signals).await?)
}
