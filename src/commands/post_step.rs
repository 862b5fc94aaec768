//! The Action's post step: closes the reports that a killed run left open. It never fails, so that the job's outcome stays as it is.

use crate::cli::Inputs;
use crate::config::{Needs, Settings};
use crate::env::Env;
use crate::http::Http;
use crate::reporting::github::post;
use crate::reporting::output::Output;
use crate::signals::Signals;

/// Closes what is open. Bad input was reported by the run itself, which then opened nothing.
pub(super) async fn run(env: &Env, out: &Output) {
    let Ok(settings) = Settings::resolve(&Inputs::default(), env, Needs::Nothing) else { return };
    let redactor = settings.redactor();
    let tls = env.ci_api().is_some_and(|url| url.starts_with("https:"));
    match Http::new(&settings.network, tls, redactor.clone()) {
        Ok(http) => {
            let out = Output::new(redactor, env.in_github());
            out.mask();
            let stop = Signals::listen().ok().map(|signals| signals.watch());
            post::run(env, &out, &http, settings.github_token.as_ref(), stop).await;
        }
        Err(error) => out.log_line(&error.to_string()),
    }
}
