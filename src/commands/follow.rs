//! `follow`: follows a deployment that already exists to its end. Triggers nothing.

use super::not_started::NotStarted;
use super::run::Run;
use super::start::{listen, resolve};
use crate::cli::FollowArgs;
use crate::config::{self, Needs};
use crate::core::report::Task;
use crate::core::schedule::Timing;
use crate::env::Env;

pub(super) async fn run(args: &FollowArgs, env: &Env) -> Result<u8, NotStarted> {
    let id = config::deployment_id(&args.id)?;
    let signals = listen()?;
    let settings = resolve(&args.inputs, env, Needs::HookOrToken, &signals).await?;
    let mut run = Run::open(settings, args.inputs.output, env, None, Some(&signals))?;
    run.must_read(Some(&id))?;
    run.warn_of_unknown_variables(env);
    Ok(run.run(Task::Follow(id), Timing::default(), &signals).await?)
}
