//! Sections of GitLab's job log, which it shows folded or unfolds on demand, with the time each took.
//!
//! Source: GitLab's documents on job logs. A name holds letters, digits and `_ . -`; without the `0K` the lines that
//! make a section would show.

use std::time::{Duration, SystemTime};

/// The line that begins a section and is its heading.
pub(crate) fn start(name: &str, heading: &str, collapsed: bool, now: SystemTime) -> String {
    let options = if collapsed { "[collapsed=true]" } else { "" };
    format!("\x1b[0Ksection_start:{}:{name}{options}\r\x1b[0K{heading}", seconds(now))
}

/// The line that ends it.
pub(crate) fn end(name: &str, now: SystemTime) -> String {
    format!("\x1b[0Ksection_end:{}:{name}\r\x1b[0K", seconds(now))
}

/// A name of its own for each section of a job, even where the program runs more than once in it.
pub(crate) fn name(what: &str, now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("deploy_hook_{what}_{}", since.as_millis())
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
