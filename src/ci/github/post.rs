//! The Action's post step: closes what a killed run left open.
//!
//! The runner starts the image once more after the job, with another entrypoint and the state the run saved. It
//! triggers nothing and reads no hook.

use super::api::Api;
use super::event::Run;
use super::registry::{self, Register};
use super::{END, STATE, forge};
use crate::ci::out::Out;
use crate::ci::records::Stop;
use crate::ci::records::clerk::Records;
use crate::ci::records::standing::Standing;
use crate::deploy::state::Outcome;
use crate::env::Env;
use crate::http::Http;
use crate::render::words;
use crate::secret::Token;

/// The name under which the image holds the program for this step.
pub const NAME: &str = "deploy-hook-post";

/// Closes what is open, if anything is: as the run ended, where it came to know that. A signal is a hurry.
pub async fn run(env: &Env, out: &Out, http: &Http, token: Option<&Token>, stop: Option<Stop>) {
    let state = |name: &str| env.get(&format!("STATE_{name}"));
    let Some(open) = state(STATE).and_then(registry::from_state) else {
        return out.talk("Every record was closed by the run itself.");
    };
    let (Some(run), Some(token)) = (Run::detect(env, None, http.redactor()), token) else {
        return out
            .talk("Records were left open and cannot be closed without the repository's name and a token.");
    };
    let api = match Api::new(http, forge(env), &run.api, &run.repository, token) {
        Ok(api) => api,
        Err(trouble) => return out.talk(&format!("Records were left open: {}.", trouble.said(forge(env)))),
    };
    let standing = state(END).and_then(registry::from_end).unwrap_or_else(|| {
        let text = words::LEFT_OPEN.to_owned();
        Standing::over(Outcome::Interrupted, false, text.clone(), text)
    });
    let records = Records::reopen(Register { api, subject: open.subject }, open.records);
    for filed in records.close(standing, false, stop).await {
        match words::missed(&filed) {
            Some(missed) => out.talk(&missed),
            None => {
                out.talk(&format!("Closed the {} that the run had left open.", filed.kind.noun(filed.forge)));
            }
        }
    }
}
