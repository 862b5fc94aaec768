//! Report files for a CI without places of its own for them: dotenv outputs, a Markdown summary, links.

use std::path::{Path, PathBuf};

use super::regular_file::{self, EVERYBODY};
use crate::core::report::{Event, Report};
use crate::core::state::Snapshot;
use crate::error::Problems;
use crate::secrets::{Redactor, strip};
use crate::text::{ReportResult, RunContext, gitlab_artifacts, markdown, outputs};

/// A folder the files go to.
pub(crate) struct Files {
    dir: PathBuf,
    redactor: Redactor,
    summary: bool,
}

impl Files {
    /// Files in this folder. `summary`: whether a summary is wanted beside the outputs.
    pub(crate) fn new(dir: PathBuf, redactor: Redactor, summary: bool) -> Self {
        Self { dir, redactor, summary }
    }

    /// Takes away what an earlier run left here: if this one is killed, that must not be taken for its report.
    pub(crate) fn clear(&self) {
        for name in [".env", "-summary.md", "-annotations.json"] {
            regular_file::remove(&self.dir.join(format!("deploy-hook{name}")));
        }
    }

    /// Reports an event. Returns what could not be written, one sentence each.
    #[must_use]
    pub(crate) fn report(&self, event: &Event, context: &RunContext) -> Vec<String> {
        match event {
            Event::Triggered { snapshot, .. } => {
                let outputs = self.outputs(&outputs::early(snapshot.as_ref(), context));
                outputs.into_iter().chain(self.links(context, snapshot.as_ref())).collect()
            }
            Event::Finished { report } => {
                let outputs = self.outputs(&outputs::all(report, context));
                let links = self.links(context, report.snapshot.as_ref());
                outputs.into_iter().chain(links).chain(self.summary(report, context, &[])).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Writes the summary, with the results of the reports.
    #[must_use]
    pub(crate) fn summary(
        &self,
        report: &Report,
        context: &RunContext,
        results: &[ReportResult],
    ) -> Option<String> {
        let page = self.summary.then(|| markdown::summary(report, context, results));
        page.and_then(|page| self.write("summary.md", &page))
    }

    /// Reports bad input in the files where a later job looks for the outcome.
    #[must_use]
    pub(crate) fn report_bad_input(&self, problems: &Problems, platform: &str) -> Vec<String> {
        self.make_folder();
        let listed = problems.listed();
        let outputs = self.outputs(&outputs::bad_input(&listed, platform));
        let links = self.links(&RunContext::default(), None);
        let summary = self.write("summary.md", &markdown::bad_input(&listed));
        outputs.into_iter().chain(links).chain(summary).collect()
    }

    /// Makes the folder, where no run has done so; where that fails, each file says so.
    pub(crate) fn make_folder(&self) {
        let _ = std::fs::create_dir_all(&self.dir);
    }

    fn outputs(&self, pairs: &[(&str, String)]) -> Option<String> {
        let pairs: Vec<(&str, String)> =
            pairs.iter().map(|(name, value)| (*name, self.redactor.redact(&strip(value)))).collect();
        write(&self.dir.join("deploy-hook.env"), &gitlab_artifacts::dotenv(&pairs))
    }

    fn links(&self, context: &RunContext, snapshot: Option<&Snapshot>) -> Option<String> {
        self.write("annotations.json", &gitlab_artifacts::annotations(context, snapshot))
    }

    fn write(&self, name: &str, text: &str) -> Option<String> {
        write(&self.dir.join(format!("deploy-hook-{name}")), &self.redactor.redact(text))
    }
}

fn write(path: &Path, text: &str) -> Option<String> {
    let error = regular_file::replace(path, text, EVERYBODY).err()?;
    Some(format!("{} could not be written ({error}).", path.display()))
}
