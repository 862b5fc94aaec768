//! The Action's post step: closes what a killed run left open.
//!
//! The runner starts the image once more after the job, with another entrypoint and the state the run saved. It
//! triggers nothing and reads no hook.

use super::api::GitHubApi;
use super::event::WorkflowRun;
use super::post_state::{self, END, STATE, StateFile};
use super::reports::{GitHubReports, ReadFirst};
use crate::core::state::Outcome;
use crate::env::Env;
use crate::http::Http;
use crate::reporting::output::Output;
use crate::reporting::updater::Stop;
use crate::reporting::updater::report_state::ReportState;
use crate::reporting::updater::worker::UpdaterHandle;
use crate::secrets::Token;
use crate::text::messages;

/// The name under which the image holds the program for this step.
pub(crate) const NAME: &str = "deploy-hook-post";

/// Closes what is open, if anything is: as the run ended, where that was saved. A signal shortens the time for it.
pub(crate) async fn run(env: &Env, out: &Output, http: &Http, token: Option<&Token>, stop: Option<Stop>) {
    let state = |name: &str| env.get(&format!("STATE_{name}"));
    let Some(open) = state(STATE).and_then(post_state::from_state) else {
        return out.log_line("The run closed all its reports.");
    };
    let run = WorkflowRun::detect(env, None, http.redactor());
    let Some(token) = token.filter(|_| !run.repository.is_empty()) else {
        return out.log_line(
            "Some reports are still open and cannot be closed: the repository's name or the token is missing.",
        );
    };
    let api = match GitHubApi::new(http, &run, token) {
        Ok(api) => api,
        Err(error) => {
            let why = error.message(run.code_host);
            return out.log_line(&format!("Some reports are still open and cannot be closed: {why}."));
        }
    };
    let verdict = state(END).and_then(post_state::from_end);
    let read_first = if verdict.is_some() { ReadFirst::Yes } else { ReadFirst::WithoutOutcome };
    let state = verdict.unwrap_or_else(|| {
        let text = messages::RUN_KILLED.to_owned();
        ReportState::finished(Outcome::Interrupted, false, text.clone(), text)
    });
    let reports = GitHubReports { api, target: open.target, read_first, state: StateFile::default() };
    for result in UpdaterHandle::start(reports, open.records).close(state, false, stop).await {
        let noun = result.kind.noun(result.code_host);
        let closed = || format!("Closed the {noun} that the run had left open.");
        out.log_line(&messages::error(&result).unwrap_or_else(closed));
    }
}
