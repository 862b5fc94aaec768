//! What the run saves for the Action's post step: which reports are open, and how the run ended.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bodies::GitHubTarget;
use super::files;
use crate::core::state::Outcome;
use crate::env::Env;
use crate::reporting::updater::api_text;
use crate::reporting::updater::report_state::ReportState;
use crate::reporting::updater::requests::{Creation, OpenReports};

/// The name of the state that lists what is open.
pub(super) const STATE: &str = "deploy_hook_records";

/// The name of the state that holds the verdict.
pub(super) const END: &str = "deploy_hook_end";

/// The longest Markdown that is carried to the post step: it gets it as a variable of its environment.
const CARRIED: usize = 16 * 1024;

/// What is open, as the post step must know it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Open {
    pub(super) target: GitHubTarget,
    /// Each report that is not closed.
    pub(super) records: OpenReports,
}

/// The runner's state file. One that cannot be written costs a sentence in the log, once.
#[derive(Clone, Debug, Default)]
pub(super) struct StateFile {
    path: Option<PathBuf>,
    error: Arc<OnceLock<String>>,
}

impl StateFile {
    pub(super) fn new(env: &Env) -> Self {
        Self { path: env.get("GITHUB_STATE").map(PathBuf::from), error: Arc::default() }
    }

    pub(super) fn save_open(&self, target: &GitHubTarget, records: OpenReports) {
        self.save(STATE, json!(Open { target: target.clone(), records }).to_string());
    }

    /// How the run ended; it is saved before any report says so.
    pub(super) fn save_end(&self, state: &ReportState) {
        if let Some(end) = to_end(state) {
            self.save(END, end);
        }
    }

    /// Why the state could not be saved.
    pub(super) fn error(&self) -> Option<String> {
        self.error.get().cloned()
    }

    fn save(&self, name: &str, value: String) {
        let (Some(path), Some(text)) = (&self.path, files::outputs(&[(name, value)])) else { return };
        if let Err(error) =
            files::append(path, &text, "if the job is killed, its post step cannot close the reports")
        {
            let _ = self.error.set(error);
        }
    }
}

/// The state as the post step finds it; what could steer a request elsewhere is none. A report that was not there when the
/// state was saved may have been made since, so it is looked for first.
pub(super) fn from_state(state: &str) -> Option<Open> {
    let mut open: Open = serde_json::from_str(state).ok()?;
    for (_, creation) in open.records.iter_mut().filter(|(_, creation)| *creation == Creation::No) {
        *creation = Creation::Maybe;
    }
    Some(open).filter(|open| !open.records.is_empty() && api_text::commit(&open.target.sha).is_some())
}

/// The end as it is carried to the post step; `None` for a run that goes on.
fn to_end(state: &ReportState) -> Option<String> {
    let (outcome, passed) = state.end()?;
    let markdown = api_text::markdown(&state.markdown, CARRIED);
    Some(json!((outcome.as_str(), passed, &state.text, markdown)).to_string())
}

/// The end as the post step finds it.
pub(super) fn from_end(state: &str) -> Option<ReportState> {
    let (outcome, passed, text, markdown) = serde_json::from_str::<(String, bool, _, _)>(state).ok()?;
    let outcome = Outcome::ALL.into_iter().find(|known| known.as_str() == outcome)?;
    Some(ReportState::finished(outcome, passed, text, markdown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ReportKind;

    #[test]
    fn a_state_that_could_steer_a_request_is_none() {
        let state = |sha: &str, records: OpenReports| {
            let target = GitHubTarget { sha: sha.to_owned(), ..GitHubTarget::default() };
            json!(Open { target, records }).to_string()
        };
        let (sha, records) = ("a".repeat(40), vec![(ReportKind::Check, Creation::Id(7))]);
        assert_eq!(from_state(&state(&sha, records.clone())).unwrap().records, records);
        assert!(from_state(&state("../../../user/keys", records)).is_none());
        assert!(from_state(&state(&sha, Vec::new())).is_none());
        let crooked = state(&sha, vec![(ReportKind::Check, Creation::Id(7))]).replace('7', "\"../7\"");
        for none in [crooked.as_str(), "", "{", "{}", "no JSON"] {
            assert!(from_state(none).is_none(), "{none}");
        }
    }

    #[test]
    fn a_report_that_may_have_been_made_since_is_looked_for() {
        let target = GitHubTarget { sha: "a".repeat(40), ..GitHubTarget::default() };
        let saved = json!(Open { target, records: vec![(ReportKind::Check, Creation::No)] }).to_string();
        assert_eq!(from_state(&saved).unwrap().records, [(ReportKind::Check, Creation::Maybe)]);
    }

    #[test]
    fn the_end_is_carried_whole_but_for_a_page_that_is_too_long() {
        for outcome in Outcome::ALL {
            let state = ReportState::finished(outcome, true, "It ended.".to_owned(), "### Ended".to_owned());
            assert_eq!(from_end(&to_end(&state).unwrap()), Some(state));
        }
        let long = ReportState::finished(Outcome::Failed, false, String::new(), "\n".repeat(100_000));
        assert!(to_end(&long).unwrap().len() < 64 * 1024, "an environment has no room for more");
        for none in ["", "{}", r#"["live",true,"",""]"#, r#"["failed",true,"It ended."]"#] {
            assert_eq!(from_end(none), None);
        }
    }
}
