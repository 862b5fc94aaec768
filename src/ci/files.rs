//! Report files for a CI without places of its own for them: dotenv outputs and a Markdown summary.

use std::path::{Path, PathBuf};

use crate::deploy::report::Event;
use crate::render::{Place, markdown, outputs};
use crate::secret::{Redactor, strip};

/// A folder the files go to.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    redactor: Redactor,
    summary: bool,
}

impl Files {
    /// Files in this folder. `summary`: whether a summary is wanted beside the outputs.
    #[must_use]
    pub fn new(dir: PathBuf, redactor: Redactor, summary: bool) -> Self {
        Self { dir, redactor, summary }
    }

    /// Takes note of an event; what could not be written comes back, one sentence each.
    pub fn tell(&mut self, event: &Event, place: &Place) -> Vec<String> {
        match event {
            Event::Triggered { snapshot, .. } => {
                self.outputs(&outputs::early(snapshot, place)).into_iter().collect()
            }
            Event::Ended { report } => {
                let outputs = self.outputs(&outputs::all(report, place));
                let page = self.summary.then(|| self.redactor.redact(&markdown::summary(report, place, &[])));
                let summary = page.and_then(|page| write(&self.dir.join("deploy-hook-summary.md"), &page));
                outputs.into_iter().chain(summary).collect()
            }
            _ => Vec::new(),
        }
    }

    /// GitLab's dotenv reader: `^(.*?)=(.*)$` on every line, no quotes, no comments, no blank lines.
    fn outputs(&self, pairs: &[(&str, String)]) -> Option<String> {
        let line = |(name, value): &(&str, String)| {
            let name = name.to_ascii_uppercase().replace('-', "_");
            format!("DEPLOY_HOOK_{name}={}\n", self.redactor.redact(&strip(value)))
        };
        write(&self.dir.join("deploy-hook.env"), &pairs.iter().map(line).collect::<String>())
    }
}

fn write(path: &Path, text: &str) -> Option<String> {
    let error = std::fs::write(path, text).err()?;
    Some(format!("{} could not be written ({error}).", path.display()))
}
