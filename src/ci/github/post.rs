//! The Action's post step: closes what a killed run left open.
//!
//! The runner starts the image once more after the job, with another entrypoint and the state the run saved. It
//! triggers nothing and reads no hook.

use super::api::Api;
use super::event::Run;
use super::registry::{self, Register};
use super::{STATE, forge};
use crate::ci::out::Out;
use crate::ci::records::clerk;
use crate::ci::records::standing::Standing;
use crate::deploy::state::Outcome;
use crate::env::Env;
use crate::http::Http;
use crate::render::words;
use crate::secret::Token;

/// The name under which the image holds the program for this step.
pub const NAME: &str = "deploy-hook-post";

/// Closes what is open, if anything is.
pub async fn run(env: &Env, out: &Out, http: &Http, token: Option<&Token>) {
    let Some(open) = env.get(&format!("STATE_{STATE}")).and_then(registry::from_state) else {
        return out.talk("Every record was closed by the run itself.");
    };
    let (Some(run), Some(token)) = (Run::detect(env, None, http.redactor()), token) else {
        return out
            .talk("Records were left open and cannot be closed without the repository's name and a token.");
    };
    let Ok(api) = Api::new(http, forge(env), &run.api, &run.repository, token) else { return };
    let text = words::LEFT_OPEN.to_owned();
    let standing = Standing::over(Outcome::Interrupted, false, text.clone(), text);
    let register = Register { api, subject: open.subject };
    for filed in clerk::close_left(register, open.records, standing).await {
        match words::missed(&filed) {
            Some(missed) => out.talk(&missed),
            None => {
                out.talk(&format!("Closed the {} that the run had left open.", filed.kind.noun(filed.forge)));
            }
        }
    }
}
