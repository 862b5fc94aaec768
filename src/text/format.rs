//! Small pieces of plain text: durations, times, marks.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use crate::core::state::{Outcome, Phase, Verdict};

/// A duration for display, with suitable precision: `3.4s`, `12s`, `1m 12s`, `2h 05m`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0..10) if !duration.is_zero() => format!("{:.1}s", duration.as_secs_f64()),
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

/// Elapsed time in clock format: `7.3s`, `12:03`, `1:02:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) => format!("{:.1}s", duration.as_secs_f64()),
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

/// RFC 3339 in UTC, to the second.
pub fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A count with its noun: `1 poll`, `3 polls`.
pub fn count<N: Copy + Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    format!("{n} {noun}{}", if n == N::from(1) { "" } else { "s" })
}

/// The symbol of an outcome.
pub fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "✓",
        Outcome::Triggered | Outcome::Skipped => "•",
        Outcome::Canceled | Outcome::Superseded | Outcome::Interrupted => "⊘",
        Outcome::TimedOut | Outcome::Lost | Outcome::Uncertain => "?",
        Outcome::Failed | Outcome::Unverified | Outcome::Refused | Outcome::Unreachable => "✗",
    }
}

/// The symbol of a phase.
pub fn phase_mark(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "○",
        Phase::Running => "◐",
        Phase::Unknown => "?",
        Phase::Ended(Verdict::Succeeded) => "●",
        Phase::Ended(_) => "✗",
    }
}

/// Shortens the text to at most `most` characters, at a word boundary.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    let end = head.rfind(' ').filter(|end| *end > head.len() / 2).unwrap_or(head.len());
    format!("{}…", head.get(..end).unwrap_or(&head).trim_end())
}

/// Capitalizes the first letter.
pub fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_word_and_never_longer_than_asked() {
        assert_eq!(cut("short", 140), "short");
        assert_eq!(cut("one two three", 9), "one two…");
        assert_eq!(cut(&"ü".repeat(200), 140).chars().count(), 140);
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let of = |millis| duration(Duration::from_millis(millis));
        assert_eq!([of(0), of(300), of(7_900)], ["0s", "0.3s", "7.9s"]);
        assert_eq!([of(72_000), of(7_500_000)], ["1m 12s", "2h 05m"]);
        let of = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!([of(7), of(723), of(3_723)], ["7.0s", "12:03", "1:02:03"]);
    }
}
