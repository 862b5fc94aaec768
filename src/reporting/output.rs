//! The one place that prints. Every line is redacted once more here, whatever was cleaned before.

use super::live_line::LiveText;
use super::writer::{self, Stream};
use crate::reporting::github::command;
use crate::secrets::Redactor;

/// The process's two streams: data on standard output, talk on standard error; in GitHub Actions, whose runner
/// reads both in no certain order, everything goes to standard output.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    redactor: Redactor,
    github: bool,
    /// Unit tests read here what would be printed.
    #[cfg(test)]
    printed: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Output {
    /// Streams for this run. `github`: the log is read by GitHub's runner, so no line may look like a command.
    pub(crate) fn new(redactor: Redactor, github: bool) -> Self {
        Self {
            redactor,
            github,
            #[cfg(test)]
            printed: std::sync::Arc::default(),
        }
    }

    /// Prints a line for people.
    pub(crate) fn log_line(&self, line: &str) {
        self.print(self.notice(), &self.safe(line));
    }

    /// Prints a line for programs.
    pub(crate) fn data(&self, line: &str) {
        self.print(Stream::Out, &self.safe(line));
    }

    /// Prints a workflow command, alone on its line.
    pub(crate) fn command(&self, line: &str) {
        self.print(Stream::Out, &self.redactor.redact(line));
    }

    /// Asks the runner to mask the secrets. The only lines that hold them, swallowed by the runner: printed nowhere
    /// else than in GitHub Actions.
    pub(crate) fn mask(&self) {
        if self.github {
            for secret in self.redactor.masks() {
                writer::print_at_once(Stream::Out, format!("{}\n", command::mask(&secret)));
            }
        }
    }

    /// Shows a live line at the end of the terminal, or changes what it says.
    pub(super) fn show_live(&self, mut text: LiveText) {
        text.state = self.safe(&text.state);
        writer::live(Some(text));
    }

    /// The text with stars for every secret in it.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.redactor.redact(text)
    }

    /// A line as it would be printed.
    pub(crate) fn safe(&self, line: &str) -> String {
        let line = self.redactor.redact(line);
        if self.github { command::defuse(&line) } else { line }
    }

    /// Where talk goes.
    fn notice(&self) -> Stream {
        if self.github { Stream::Out } else { Stream::Err }
    }

    /// One write a line, so that lines of several processes are not torn.
    fn print(&self, stream: Stream, line: &str) {
        #[cfg(test)]
        if let Ok(mut printed) = self.printed.lock() {
            printed.push_str(line);
            return printed.push('\n');
        }
        writer::print(stream, format!("{line}\n"), self.notice());
    }

    #[cfg(test)]
    pub(super) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }
}
