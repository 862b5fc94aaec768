//! Where it is told: the terminal or log, and what the CI at hand offers beside it.

mod disk;
pub mod files;
pub mod github;
pub mod gitlab;
pub mod out;
pub mod records;
pub mod terminal;
mod writer;

use std::time::{Duration, SystemTime};

use crate::deploy::ports::Reporter;
use crate::deploy::report::Event;
use crate::render::{Place, json};

use self::files::Files;
use self::github::GitHub;
use self::gitlab::GitLab;
use self::out::Out;
use self::records::Aside;
use self::terminal::Terminal;

/// Everybody who is told about a run.
pub struct Told {
    /// People, or programs, who read along.
    pub voice: Voice,
    /// GitHub's runner.
    pub github: Option<GitHub>,
    /// GitLab's.
    pub gitlab: Option<GitLab>,
    /// Files for a CI without places of its own.
    pub files: Option<Files>,
    /// What the run is about.
    pub place: Place,
    /// What was warned of beside the run's events: a file that cannot be written is tried more than once.
    pub warned: Vec<String>,
}

/// Who reads along.
pub enum Voice {
    /// People.
    Human(Box<Terminal>),
    /// Programs: one event a line.
    Json {
        /// Where to.
        out: Out,
        /// Every look as well.
        verbose: bool,
    },
}

impl Told {
    /// Tells of something beside the run's events that a reader should act on.
    pub fn warn(&mut self, message: &str) {
        match (&mut self.github, &mut self.voice) {
            (_, Voice::Json { out, .. }) => out.data(&json::warning(message, SystemTime::now())),
            (Some(github), _) => github.warning(message),
            (None, Voice::Human(terminal)) => terminal.warning(message),
        }
    }

    /// Tells people of something they should know.
    pub fn note(&self, message: &str) {
        if let Voice::Human(terminal) = &self.voice {
            terminal.note(message);
        }
    }

    /// Tells whatever the CI at hand offers; what a reader should know of that comes back.
    async fn tell_aside(&mut self, event: &Event) -> Vec<Aside> {
        let mut asides = match &mut self.github {
            Some(github) => github.tell(event, &self.place).await,
            None => Vec::new(),
        };
        // The files before the records at GitLab: those wait for its answers, and a runner that cancels does not wait.
        let files = self.files.as_ref().map(|files| files.tell(event, &self.place)).unwrap_or_default();
        asides.extend(files.into_iter().map(Aside::Warning));
        let Some(gitlab) = &mut self.gitlab else { return asides };
        let (more, became) = gitlab.tell(event, &self.place).await;
        asides.extend(more);
        if let (Event::Finished { report }, Some(files), false) = (event, &self.files, became.is_empty()) {
            let again = files.summary(report, &self.place, &became).map(Aside::Warning);
            asides.extend(again.filter(|again| !asides.contains(again)));
        }
        asides
    }

    fn say(&mut self, elapsed: Duration, event: &Event) {
        match &mut self.voice {
            Voice::Human(terminal) => terminal.tell(elapsed, event, &self.place),
            Voice::Json { verbose: false, .. } if matches!(event, Event::Polled { .. }) => {}
            Voice::Json { out, .. } => out.data(&json::event(elapsed, event, &self.place, SystemTime::now())),
        }
    }
}

impl Reporter for Told {
    async fn tell(&mut self, elapsed: Duration, event: &Event) {
        // The last event of the JSON form is the end, so whatever there is to warn of comes before it.
        let last = matches!((&self.voice, event), (Voice::Json { .. }, Event::Finished { .. }));
        if !last {
            self.say(elapsed, event);
        }
        for aside in self.tell_aside(event).await {
            match (aside, &self.voice) {
                (Aside::Warning(text), _) if self.warned.contains(&text) => {}
                (Aside::Warning(text), _) => {
                    self.warn(&text);
                    self.warned.push(text);
                }
                (Aside::Line(text), Voice::Human(terminal)) => terminal.note(&text),
                (Aside::Line(_), Voice::Json { .. }) => {} // for readers; the summary has it too
            }
        }
        if last {
            self.say(elapsed, event);
        }
    }
}
