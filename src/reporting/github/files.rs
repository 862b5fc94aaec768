//! GitHub's file commands: outputs, the job summary, and the state for the post step.
//!
//! Source: the runner's `FileCommandManager.cs`. A line it cannot read fails the whole step, so every value goes
//! between delimiters that cannot be guessed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::reporting::output::Output;
use crate::reporting::regular_file;
use crate::text::messages;

/// The largest summary of a step that GitHub shows, in bytes: it shows nothing of a larger one.
const LARGEST_SUMMARY: u64 = 1024 * 1024;

/// The files in which a run leaves what later steps and people read.
pub(super) struct CommandFiles {
    out: Output,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
}

impl CommandFiles {
    pub(super) fn new(env: &Env, out: &Output, with_summary: bool) -> Self {
        let path = |name: &str| env.get(name).map(PathBuf::from);
        let summary = path("GITHUB_STEP_SUMMARY").filter(|_| with_summary);
        Self { out: out.clone(), output: path("GITHUB_OUTPUT"), summary }
    }

    /// Sets the outputs. Returns what could not be written.
    pub(super) fn set_outputs(&self, pairs: &[(&str, String)]) -> Option<String> {
        let safe: Vec<(&str, String)> =
            pairs.iter().map(|(name, value)| (*name, self.out.redact(value))).collect();
        append(self.output.as_ref()?, &outputs(&safe)?, "the outputs are missing").err()
    }

    /// Adds to the summary. Returns what could not be written.
    pub(super) fn add_summary(&self, page: &str) -> Option<String> {
        let (path, page) = (self.summary.as_ref()?, self.out.redact(page));
        // Other commands of the step may have written to it. Between two texts there may be the end of a line.
        let there = path.symlink_metadata().map_or(0, |file| file.len());
        if there + 1 + page.len() as u64 > LARGEST_SUMMARY {
            return Some(messages::SUMMARY_TOO_LARGE.to_owned());
        }
        append(path, &page, "the summary is missing").err()
    }
}

/// The text that sets these outputs; `None` where the system has no randomness to make a delimiter of.
pub(super) fn outputs(pairs: &[(&str, String)]) -> Option<String> {
    let mut text = String::new();
    for (name, value) in pairs {
        let delimiter = delimiter()?;
        let _ = writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}");
    }
    Some(text)
}

/// Appends to a file of the runner's; an error says what is `lost` with it.
pub(super) fn append(path: &Path, text: &str, lost: &str) -> Result<(), String> {
    regular_file::append(path, text).map_err(|error| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("The runner's file {name} could not be written ({error}); {lost}.")
    })
}

fn delimiter() -> Option<String> {
    let (high, low) = (getrandom::u64().ok()?, getrandom::u64().ok()?);
    Some(format!("ghadelimiter_{high:016x}{low:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_stands_between_delimiters_of_its_own() {
        let text = outputs(&[("state", "a\nb=c<<d".to_owned()), ("duration", String::new())]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let delimiter = lines[0].strip_prefix("state<<").unwrap();
        assert_eq!(&lines[1..4], ["a", "b=c<<d", delimiter]);
        let second = lines[4].strip_prefix("duration<<").unwrap();
        assert_eq!(&lines[5..], ["", second]);
        assert_ne!(delimiter, second);
    }
}
