//! Reads JSON whose form is not guaranteed: ids, texts, whether a field is empty, and where an error has its text.

use std::time::SystemTime;

use serde_json::Value;

use crate::core::state::DeploymentId;
use crate::secrets::{Redactor, strip};

/// The longest line of a log, in characters.
pub(super) const LOG_LINE: usize = 500;

/// What a JSON pointer without escapes leads to. The library's own makes a new text of each name.
pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, name| value.get(name))
}

/// Whether a value is anything but `false`, `0`, `null` or empty.
pub(super) fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => list.iter().any(has_content),
        Value::Object(object) => object.values().any(has_content),
    }
}

/// The first of these fields of an object that has content.
pub(super) fn first_field<'a>(value: &'a Value, fields: &[&str]) -> Option<&'a Value> {
    fields.iter().find_map(|field| value.get(field).filter(|value| has_content(value)))
}

/// The first text of an error: the value itself, the first one of a list, or what the first of these fields holds.
/// An object without any of them may hold its texts in lists (`{"branch":["is gone"]}`).
pub(super) fn first_text<'a>(value: &'a Value, fields: &[&str]) -> Option<&'a str> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()).map(String::as_str),
        Value::Array(list) => list.iter().find_map(|value| first_text(value, fields)),
        Value::Object(object) => {
            let named = fields.iter().find_map(|field| first_text(object.get(*field)?, fields));
            let lists =
                || object.values().filter(|value| value.is_array()).find_map(|list| first_text(list, fields));
            named.or_else(lists)
        }
        _ => None,
    }
}

/// A deployment's id: a text, or a whole number.
pub(super) fn id(value: &Value) -> Option<DeploymentId> {
    match value {
        Value::String(text) => DeploymentId::new(text),
        Value::Number(number) => DeploymentId::new(&number.as_u64()?.to_string()),
        _ => None,
    }
}

/// The text of a field, cleaned, at most `longest` characters of it; empty where there is none.
pub(super) fn cleaned(value: &Value, field: &str, redactor: &Redactor, longest: usize) -> String {
    value[field].as_str().map(|text| redactor.clean(text, longest)).unwrap_or_default()
}

/// The same, or `None` where it is empty.
pub(super) fn text(value: &Value, field: &str, redactor: &Redactor, longest: usize) -> Option<String> {
    Some(cleaned(value, field, redactor, longest)).filter(|text| !text.is_empty())
}

/// The first text in these fields of an error, cleaned; `None` where the body is no JSON or has none.
pub(super) fn error(body: &[u8], fields: &[&str], redactor: &Redactor) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(redactor.clean(first_text(&answer, fields)?, 300))
}

/// A state word as it is compared: in small letters, with `_` for `-` and for a space.
pub(super) fn normal(word: &str) -> String {
    word.to_ascii_lowercase().replace(['-', ' '], "_")
}

/// Whether an answer reports an error: a field for errors that is not empty, or a field for success that is false.
pub(super) fn reports_error(answer: &Value) -> bool {
    let error = |key| answer.get(key).is_some_and(has_content);
    let denied = |key| answer.get(key) == Some(&Value::Bool(false));
    error("error") || error("errors") || denied("success") || denied("ok")
}

/// A log's body: JSON, or a text. A page is neither.
pub(super) fn log_body(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        if text.trim_start().starts_with('<') { Value::Null } else { Value::from(text) }
    })
}

/// The texts of a log, in their order: the value itself, those of a list, and those in these fields of an object, which
/// have spaces between them.
pub(super) fn texts<'a>(value: &'a Value, fields: &str) -> Vec<&'a str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(|value| texts(value, fields)).collect(),
        Value::Object(object) => {
            let values = fields.split(' ').filter_map(|field| object.get(field));
            values.flat_map(|value| texts(value, fields)).collect()
        }
        _ => Vec::new(),
    }
}

/// The entries of a log that lists the newest first, unless the times say otherwise; those of the same moment stay in their
/// order.
pub(super) fn oldest_first(log: &Value, at: fn(&Value) -> Option<SystemTime>) -> Vec<&Value> {
    let mut entries: Vec<&Value> = log.as_array().into_iter().flatten().collect();
    let is_oldest_first = entries.first().map(|first| at(first)) < entries.last().map(|last| at(last));
    if !is_oldest_first {
        entries.reverse();
    }
    entries.sort_by_key(|entry| at(entry));
    entries
}

/// The last `most` lines of these texts, cleaned, without empty ones.
pub(super) fn last_lines<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    redactor: &Redactor,
    most: usize,
) -> Vec<String> {
    let lines: Vec<&str> = texts.into_iter().flat_map(lines).collect();
    let kept = lines.get(lines.len().saturating_sub(most)..).unwrap_or_default();
    let cleaned = kept.iter().map(|line| redactor.clean_line(line, LOG_LINE));
    cleaned.filter(|line| !line.is_empty()).collect()
}

/// The lines of a text, without empty ones. A progress bar writes over itself, after a carriage return: of what a
/// terminal would not show any more, only what begins with other words than the next is kept.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
        let mut pieces = vec![line];
        if line.trim_end().contains('\r') {
            pieces = line.split('\r').filter(|piece| !strip(piece).trim().is_empty()).collect();
        }
        let words: Vec<String> = pieces.iter().map(|piece| first_word(piece)).collect();
        for (n, piece) in pieces.iter().enumerate() {
            let is_progress = |next: &String| words.get(n).is_none_or(|word| word.is_empty() || word == next);
            if !words.get(n + 1).is_some_and(is_progress) {
                lines.push(*piece);
            }
        }
    }
    lines
}

fn first_word(text: &str) -> String {
    let text = strip(text);
    text.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_log_is_shown_as_a_terminal_would_show_it_and_keeps_its_indentation() {
        let log = "\u{1b}[1mnpm ci\u{1b}[0m\r\n\r\n  10%\r  20%\r\u{1b}[K\r100%\r\n⠋ build\r⠙ build\r\u{1b}[31merror: no\u{1b}[0m\r\n\
                   Receiving objects:  1% (1/9)\rReceiving objects: 100% (9/9), done.\rResolving deltas: 5%\n\tgo get x\n    \u{1b}[2mat f\u{1b}[0m\n\u{1b}[0m\n";
        let lines = last_lines([log], &Redactor::default(), 200);
        let expected = [
            "npm ci",
            "100%",
            "⠙ build",
            "error: no",
            "Receiving objects: 100% (9/9), done.",
            "Resolving deltas: 5%",
            "    go get x",
            "    at f",
        ];
        assert_eq!(lines, expected);
        assert_eq!(last_lines([log], &Redactor::default(), 3).len(), 2, "the last one is empty");
        let wide = format!("{}{}", " ".repeat(900), "x".repeat(9000));
        assert_eq!(
            last_lines([wide.as_str()], &Redactor::default(), 9)[0].chars().count(),
            40 + LOG_LINE + 1
        );
    }
}
