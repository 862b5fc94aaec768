//! `doctor` and dry runs: print why a trigger would fail. They trigger nothing.

use std::time::{Duration, SystemTime};

use super::checks::{self, Check, Health};
use super::not_started::NotStarted;
use super::run::{Run, options};
use super::start::{listen, resolve, unless_signaled};
use crate::cli::Cli;
use crate::config::{self, Needs, Settings};
use crate::core::report::Cause;
use crate::core::state::Outcome;
use crate::env::Env;
use crate::error::{BAD_INPUT, Problems};
use crate::reporting::output::Output;
use crate::reporting::updater::TokenCheck;
use crate::reporting::{github, gitlab};
use crate::secrets::Redactor;
use crate::signals::Signals;
use crate::text::messages;

/// Runs the checks and prints each. The exit code is that of the first one that would make a trigger fail.
pub(super) async fn run(cli: &Cli, env: &Env) -> Result<u8, NotStarted> {
    let signals = listen()?;
    match resolve(&cli.inputs, env, Needs::HookOrToken, &signals).await {
        Ok(settings) => {
            let mut run = Run::open(settings, cli, env, None, None)?;
            let checks = unless_signaled(async { Ok(examine(&mut run, env).await) }, &signals).await?;
            let code = checks::exit_code(&checks);
            if code == 0 && !cli.is_json() {
                run.out.data(&messages::nothing_wrong(checks::unchecked(&checks)));
            }
            Ok(code)
        }
        Err(NotStarted::BadInput(problems)) => {
            let out = Output::new(Redactor::default(), env.in_github());
            for warning in config::unknown_variables(env) {
                out.log_line(&format!("warning: {warning}"));
            }
            problems.0.iter().for_each(|problem| {
                out.data(&checks::bad_input(problem).line(cli.is_json(), SystemTime::now()));
            });
            Ok(BAD_INPUT)
        }
        signaled => signaled.map(|_| 0),
    }
}

/// A dry run: everything but the trigger.
pub(super) async fn dry_run(run: &mut Run, env: &Env, signals: &Signals) -> Result<u8, Problems> {
    let checks = tokio::select! {
        biased;
        () = signals.wait() => None,
        checks = examine(run, env) => Some(checks),
    };
    let checks = checks.as_deref();
    let problems = checks::problems(checks.unwrap_or_default());
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let outcome = checks.map_or(Outcome::Interrupted, checks::outcome);
    let cause = Cause::DryRun { unchecked: checks::unchecked(checks.unwrap_or_default()) };
    Ok(run.end_untriggered(outcome, Some(cause), signals.first()).await)
}

async fn examine(run: &mut Run, env: &Env) -> Vec<Check> {
    let Settings { network, wait, is_named, .. } = &run.settings;
    let is_known = run.platform.is_known() || *is_named;
    let mut checks = checks::examine(is_known, network, &run.http, &run.platform, *wait).await;
    checks.extend(examine_page(run).await);
    checks.extend(examine_tokens(run, env).await);
    for check in &checks {
        run.out.data(&check.line(run.is_json, SystemTime::now()));
    }
    checks
}

/// What the page that is to be verified answers now.
async fn examine_page(run: &Run) -> Option<Check> {
    let (site, page) = (run.site.as_ref()?, run.settings.page.as_ref()?);
    let url = run.reporters.context.page_url()?;
    let answer = site.request(None, Duration::MAX).await;
    Some(checks::page(&url, page.text.is_some(), answer.as_ref()))
}

/// The CI's own tokens. What is wrong with one costs a report, never the deployment.
async fn examine_tokens(run: &Run, env: &Env) -> Vec<Check> {
    let options = options(&run.settings, run.settings.report.kinds(), None);
    let github = github::examine(env, &run.http, &options).await;
    let gitlab = gitlab::examine(env, (&run.http, &run.settings.network), &options).await;
    let check = |check: TokenCheck| Check {
        name: check.token,
        health: if check.good { Health::Good } else { Health::Unsure },
        found: check.found,
        fix: check.fix,
    };
    github.into_iter().chain(gitlab).map(check).collect()
}
