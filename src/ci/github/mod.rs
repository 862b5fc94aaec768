//! GitHub Actions: outputs, the job summary, annotations.

pub mod command;
mod files;

use std::path::PathBuf;

use crate::ci::out::Out;
use crate::deploy::report::{Cause, Event};
use crate::deploy::state::Outcome;
use crate::env::Env;
use crate::error::exit_code;
use crate::render::{Place, markdown, outputs, words};

/// The runner, as a container action or a step sees it.
#[derive(Debug)]
pub struct GitHub {
    out: Out,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
}

impl GitHub {
    /// The runner, where this process runs under one. `summary`: whether a job summary is wanted.
    #[must_use]
    pub fn detect(env: &Env, out: &Out, summary: bool) -> Option<Self> {
        let path = |name: &str| env.get(name).map(PathBuf::from);
        let summary = path("GITHUB_STEP_SUMMARY").filter(|_| summary);
        is_here(env).then(|| Self { out: out.clone(), output: path("GITHUB_OUTPUT"), summary })
    }

    /// Takes note of an event; what could not be written comes back, one sentence each.
    pub fn tell(&mut self, event: &Event, place: &Place) -> Vec<String> {
        let mut troubles = Vec::new();
        match event {
            Event::Triggered { snapshot, .. } => {
                troubles.extend(self.output(&outputs::early(snapshot, place)));
            }
            Event::UnknownState { word } => self.warning(&words::unknown_state(word)),
            Event::Ended { report } => {
                troubles.extend(self.output(&outputs::all(report, place)));
                if let Some(path) = &self.summary {
                    let page = markdown::summary(report, place);
                    troubles.extend(files::append(path, &self.out.redact(&page)).err());
                }
                let words = words::verdict(report, place);
                let text = [words.happened, words.meaning, words.next].join(" ");
                if exit_code(report.outcome, place.pass_canceled, None) != 0 {
                    self.out.command(&command::annotation("error", &text));
                } else if report.outcome == Outcome::Triggered
                    && matches!(report.cause, Some(Cause::Unreadable(_)))
                {
                    self.warning(&text);
                }
            }
            _ => {}
        }
        troubles
    }

    /// A warning annotation.
    pub fn warning(&self, message: &str) {
        self.out.command(&command::annotation("warning", message));
    }

    fn output(&self, pairs: &[(&str, String)]) -> Option<String> {
        let path = self.output.as_ref()?;
        let safe: Vec<(&str, String)> =
            pairs.iter().map(|(name, value)| (*name, self.out.redact(value))).collect();
        files::append(path, &files::outputs(&safe)?).err()
    }
}

/// Whether this process runs under GitHub's runner, or one that follows its contract.
#[must_use]
pub fn is_here(env: &Env) -> bool {
    env.says_yes("GITHUB_ACTIONS")
}

/// Whether it was started as an Action: inputs are there.
#[must_use]
pub fn is_action(env: &Env) -> bool {
    is_here(env) && env.names().any(|name| name.starts_with("INPUT_"))
}
