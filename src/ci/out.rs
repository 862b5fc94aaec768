//! The one place that prints. Every line is redacted once more here, whatever was cleaned before.

use std::io::Write as _;

use crate::ci::github::command;
use crate::secret::Redactor;

/// The process's two streams: data on standard output, talk on standard error; in GitHub Actions, whose runner
/// reads both in no certain order, everything goes to standard output.
#[derive(Clone, Debug)]
pub struct Out {
    redactor: Redactor,
    github: bool,
}

impl Out {
    /// Streams for this run. `github`: the log is read by GitHub's runner, so no line may look like a command.
    #[must_use]
    pub fn new(redactor: Redactor, github: bool) -> Self {
        Self { redactor, github }
    }

    /// Prints a line for people.
    pub fn talk(&self, line: &str) {
        let line = self.safe(line);
        if self.github { print(&line) } else { print_aside(&line) }
    }

    /// Prints a line for programs.
    pub fn data(&self, line: &str) {
        print(&self.safe(line));
    }

    /// Prints a workflow command, alone on its line.
    pub fn command(&self, line: &str) {
        print(&self.redactor.redact(line));
    }

    /// Asks the runner to mask the secrets. The only lines that hold them, swallowed by the runner: printed nowhere
    /// else than in GitHub Actions.
    pub fn mask(&self) {
        if self.github {
            self.redactor.masks().iter().for_each(|secret| print(&command::mask(secret)));
        }
    }

    /// The text with stars for every secret in it.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.redactor.redact(text)
    }

    /// A line as it would be printed.
    #[must_use]
    pub fn safe(&self, line: &str) -> String {
        let line = self.redactor.redact(line);
        if self.github { command::defuse(&line) } else { line }
    }
}

/// One write a line, so that lines of several processes are not torn. A closed pipe is no reason to stop following
/// a deployment.
fn print(line: &str) {
    let mut stream = std::io::stdout().lock();
    let _ = stream.write_all(format!("{line}\n").as_bytes()).and_then(|()| stream.flush());
}

fn print_aside(line: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}
