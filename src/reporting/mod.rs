//! Reporters: the terminal or log, files, and what the CI system offers.

pub(crate) mod durations;
pub(crate) mod files;
pub(crate) mod github;
pub(crate) mod gitlab;
mod live_line;
pub(crate) mod output;
mod regular_file;
pub(crate) mod terminal;
pub(crate) mod updater;
pub(crate) mod writer;

use std::time::{Duration, SystemTime};

use crate::core::report::Event;
use crate::core::traits::Reporter;
use crate::text::{RunContext, json};

use self::files::Files;
use self::github::GitHub;
use self::gitlab::GitLab;
use self::output::Output;
use self::terminal::Terminal;
use self::updater::Notice;

/// Everything that reports a run.
pub(crate) struct Reporters {
    /// The log, for people or for programs.
    pub output: OutputFormat,
    pub github: Option<GitHub>,
    pub gitlab: Option<GitLab>,
    /// Files for a CI without places of its own.
    pub files: Option<Files>,
    /// What the run is about.
    pub context: RunContext,
    /// Warnings printed so far: a file that cannot be written is tried more than once.
    pub warned: Vec<String>,
}

/// Whom the events of a run are printed for.
pub(crate) enum OutputFormat {
    Human(Box<Terminal>),
    /// Programs: one event a line.
    Json {
        out: Output,
        /// Each poll as well.
        verbose: bool,
    },
}

impl Reporters {
    pub(crate) fn warn(&mut self, message: &str) {
        match (&mut self.github, &mut self.output) {
            (_, OutputFormat::Json { out, .. }) => out.data(&json::warning(message, SystemTime::now())),
            (Some(github), _) => github.warning(message),
            (None, OutputFormat::Human(terminal)) => terminal.warning(message),
        }
    }

    /// Prints a line for people.
    pub(crate) fn info(&self, message: &str) {
        if let OutputFormat::Human(terminal) = &self.output {
            terminal.line(message);
        }
    }

    /// Reports to the CI system and to files. Returns what the log should say about that.
    async fn report_to_ci(&mut self, event: &Event) -> Vec<Notice> {
        let mut notices = match &mut self.github {
            Some(github) => github.report(event, &self.context).await,
            None => Vec::new(),
        };
        // The files first: the reports at GitLab wait for its answers, and a runner that cancels does not wait.
        let files = self.files.as_ref().map(|files| files.report(event, &self.context)).unwrap_or_default();
        notices.extend(files.into_iter().map(Notice::Warning));
        let Some(gitlab) = &mut self.gitlab else { return notices };
        let (more_notices, results) = gitlab.report(event, &self.context).await;
        notices.extend(more_notices);
        if let (Event::Finished { report }, Some(files), false) = (event, &self.files, results.is_empty()) {
            let again = files.summary(report, &self.context, &results).map(Notice::Warning);
            notices.extend(again.filter(|again| !notices.contains(again)));
        }
        notices
    }

    fn print(&mut self, elapsed: Duration, event: &Event) {
        match &mut self.output {
            OutputFormat::Human(terminal) => terminal.report(elapsed, event, &self.context),
            OutputFormat::Json { verbose: false, .. } if matches!(event, Event::Polled { .. }) => {}
            OutputFormat::Json { out, .. } => {
                out.data(&json::event(elapsed, event, &self.context, SystemTime::now()));
            }
        }
    }
}

impl Reporter for Reporters {
    async fn report(&mut self, elapsed: Duration, event: &Event) {
        if self.context.environment_url.is_none() {
            self.context.environment_url = event.site().map(str::to_owned);
        }
        // The last event of the JSON form is the end, so whatever there is to warn of comes before it.
        let last = matches!((&self.output, event), (OutputFormat::Json { .. }, Event::Finished { .. }));
        if !last {
            self.print(elapsed, event);
        }
        for notice in self.report_to_ci(event).await {
            match notice {
                Notice::Warning(text) if !self.warned.contains(&text) => {
                    self.warn(&text);
                    self.warned.push(text);
                }
                Notice::Warning(_) => {}
                Notice::Line(text) => self.info(&text), // for readers; the summary has it too
            }
        }
        if last {
            self.print(elapsed, event);
        }
    }
}
