//! What stands before a line's own words: times, task names, arrows and signs.

use super::words::{holds, is_number};

/// Signs that mark an error.
const ERROR_SIGNS: [char; 8] = ['✖', '✘', '✗', '✕', '×', '⨯', '❌', '🚨'];

/// Signs that say nothing by themselves: frames, arrows, list marks.
const SIGNS: [char; 18] =
    ['│', '┃', '|', '╷', '╵', '├', '└', '╰', '─', '▶', '➤', '→', '•', '·', '>', '*', '-', '='];

/// The line without what stands before its words, and whether a sign marks it as an error.
pub(super) fn strip(line: &str) -> (&str, bool) {
    let (mut text, mut marked) = (line.trim(), false);
    loop {
        let before = text.len();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if let Some(rest) = text.strip_prefix(ERROR_SIGNS) {
            marked = true;
            text = rest.trim_start_matches('\u{fe0f}').trim_start();
        } else if let Some(rest) = text.strip_prefix(SIGNS).filter(|_| !is_meaningful(text)) {
            text = rest.trim_start();
        } else if !rest.is_empty() && is_prefix(word) {
            text = rest.trim_start();
        } else if let Some(rest) = task(word, rest) {
            text = rest;
        }
        if text.len() == before {
            return (text, marked);
        }
    }
}

/// The line without the time in front of it, and with its indentation.
pub(super) fn after_time(line: &str) -> &str {
    line.split_once(' ').filter(|(word, _)| is_time(word)).map_or(line, |(_, rest)| rest)
}

/// `** (CompileError)`, `--- FAIL:` and `*** No rule` begin with signs that belong to them.
fn is_meaningful(text: &str) -> bool {
    ["** (", "--- FAIL"].iter().any(|head| text.starts_with(head))
}

/// A time, a bracket without an error in it, the number of a step, or the name of a stream or a task.
fn is_prefix(word: &str) -> bool {
    let inside = word.trim_matches(['[', ']', '(', ')']);
    let is_bracket = word.starts_with('[') && word.ends_with(']') && word.len() > 2;
    let levels = "err | fatal | exception | critical | fail | warn | notice | info | debug";
    is_time(inside)
        || is_bracket && !holds(&inside.to_ascii_lowercase(), levels)
        || matches!(word, "AM" | "PM" | "remote:" | "stderr:" | "stdout:" | "stderr" | "stdout" | "UTC")
        || word.strip_prefix('#').is_some_and(is_number)
        || is_task(word)
}

/// `12:00:01`, `2026-11-26T12:00:01.5Z`, or the seconds of a container build, `3.456`.
fn is_time(word: &str) -> bool {
    let plain = |b: u8| b.is_ascii_digit() || b":-.,+/TZ".contains(&b);
    let marks = word.bytes().filter(|b| matches!(b, b':' | b'-')).count();
    let is_clock = marks >= 2 && word.len() >= 7;
    let is_seconds = word.split_once('.').is_some_and(|(_, fraction)| fraction.len() == 3);
    word.bytes().all(plain) && word.starts_with(|c: char| c.is_ascii_digit()) && (is_clock || is_seconds)
}

/// `web:build:` or `@acme/web#build:`; a place in a source file is none, and a shell's name is none.
fn is_task(word: &str) -> bool {
    let Some(name) = word.strip_suffix(':') else { return false };
    let parts = name.split([':', '#']);
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.contains('.')
            && part.chars().any(|c| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "@/_-".contains(c))
    };
    name.contains([':', '#'])
        && parts.clone().all(is_name)
        && !holds(&name.to_ascii_lowercase(), "error | fatal")
}

/// `apps/web build: …`, `web-1  | …`.
fn task<'a>(word: &str, rest: &'a str) -> Option<&'a str> {
    let rest = rest.trim_start();
    let (second, after) = rest.split_once(' ')?;
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c));
    let of_package =
        word.contains('/') && !word.contains('.') && !word.starts_with('/') && !word.ends_with(':');
    let of_container = second == "|" && word.contains(|c: char| c.is_ascii_alphabetic()) && is_word(word);
    let is_task = of_container
        || of_package && second.strip_suffix(':').is_some_and(|name| !name.is_empty() && is_word(name));
    is_task.then(|| after.trim_start())
}
