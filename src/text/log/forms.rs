//! The forms in which tools write an error.

use super::layout::is_place;
use super::words::{THINGS, holds, is_number, is_one_of};

/// Whether a line has one of these forms.
pub(super) fn is_error(text: &str, words: &[&str]) -> bool {
    let Some(head) = words.first().copied() else { return false };
    let next = words.get(1).copied().unwrap_or_default();
    let labeled = words.iter().enumerate().any(|(n, word)| is_label(word) && !is_denied(words, n));
    let code = words.array_windows().any(|[word, code]| word.ends_with("error") && is_code(code));
    let level = words
        .iter()
        .take(4)
        .enumerate()
        .any(|(n, word)| is_level(word, words.get(n + 1).copied().unwrap_or_default()));
    let shell = ["sh:", "bash:", "/bin/sh:", "/bin/bash:", "zsh:", "env:", "ash:", "dash:"].contains(&head);
    labeled
        || code
        || level
        || shell && words.len() > 2
        || is_bare_error(head, next)
        || is_exception(head)
        || words.last().is_some_and(|last| last.starts_with('(') && is_exception(last))
        || is_message_at_place(text)
        || matches!(head, "FAIL" | "FAILED" | "FAILED:" | "E:") && words.len() > 1
        || next == "FAIL:" && head == "---"
        || text.starts_with("** (")
        || text.starts_with("E  ")
        || text.starts_with("Failed to ")
        || head.starts_with("ERR_PNPM_")
        || head == "In" && text.contains(".php line ")
        || is_record(text)
}

/// `Error:`, `fatal:`, `error[E0308]:`, `TypeError:`, `Failure/Error:`.
pub(super) fn is_label(word: &str) -> bool {
    let word = word.trim_start_matches(['[', '(', '"', '\'', '`']);
    let lower = word.to_ascii_lowercase();
    let Some((label, after)) = lower.split_once(':') else { return false };
    let inside = lower.contains(":error:") || lower.contains(":fatal:");
    let names = "error | fatal | exception | panic | failure | fail | failed | critical | emergency | err";
    let is_name = is_one_of(label.trim_end_matches([']', ')', '"']), names)
        || label.starts_with("error[")
        || label.ends_with("/error");
    let own = word.get(..label.len()).unwrap_or_default();
    // `error:0308010C:…` is OpenSSL's; `error:/path` is nothing.
    let ends = after.is_empty() || after == "]" || after.starts_with(|c: char| c.is_ascii_digit());
    inside || ends && (is_name || is_exception(own)) || lower == "error(s):"
}

/// Whether a label says that there is none: `error: null`, `no error:`, `on error:`.
fn is_denied(words: &[&str], n: usize) -> bool {
    let before = n.checked_sub(1).and_then(|n| words.get(n)).copied().unwrap_or_default();
    let after = words.get(n + 1).copied().unwrap_or_default();
    let value = after.trim_end_matches([',', ';', '.', '}', ')']);
    let ends = n + 2 >= words.len() || value.len() < after.len();
    let nothing = "0 | null | none | nil | undefined | false | no | [] | {} | \"\" | '' | off | -";
    is_one_of(before, "no | without | any | zero | if | on | except | catch | 0 | handle")
        || ends && (value.is_empty() || is_one_of(value, nothing))
}

/// A word by itself that a logger or a tool puts before an error.
fn is_level(word: &str, next: &str) -> bool {
    let bare = word.trim_matches(['[', ']', '(', ')', ':', '*']);
    let in_bracket = word.starts_with('[') && word.ends_with([']', ':']);
    let upper = ["ERROR", "FATAL", "CRITICAL", "SEVERE", "PANIC", "EMERGENCY"].contains(&bare);
    let lower = in_bracket && is_one_of(bare, "error | err | fatal | critical");
    (upper || lower) && !is_one_of(next, THINGS) && word.trim_end_matches(':').len() <= bare.len() + 2
}

/// `error Couldn't find …`, `Error response from daemon`, but not `Error pages written`.
fn is_bare_error(head: &str, next: &str) -> bool {
    let following = "in | during | occurred | while | when | running | at | from | on | response | code | [";
    let goes_on = is_one_of(next, following);
    let is_doing = next.to_ascii_lowercase().ends_with("ing") && !is_one_of(next, THINGS);
    match head {
        "error" => goes_on || next.starts_with(|c: char| c.is_ascii_uppercase()),
        "Error" => goes_on || next.starts_with('[') || is_doing,
        _ => false,
    }
}

/// `TypeError`, `Illuminate\Database\QueryException:`, `[RuntimeException]`, `(NoMethodError)`.
pub(super) fn is_exception(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let name = word.rsplit(['.', '\\', ':']).next().unwrap_or_default();
    let stem = name.strip_suffix("Error").or_else(|| name.strip_suffix("Exception"));
    stem.is_some_and(|stem| {
        !stem.is_empty()
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// `TS2322:`, `CS1002:`, `NU1101:`.
fn is_code(word: &str) -> bool {
    let code = word.trim_end_matches(':');
    let digits = code.trim_start_matches(|c: char| c.is_ascii_uppercase());
    digits.len() < code.len() && digits.len() >= 3 && is_number(digits)
}

/// `./main.go:10:2: undefined: foo`, `12:5  error  'x' is not defined`.
fn is_message_at_place(text: &str) -> bool {
    let (place, message) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let message = message.trim_start();
    let harmless = ["warning", "note", "info", "in ", "in `", "help", "hint", "ok", "at "];
    let harmless = harmless.iter().any(|word| message.starts_with(word));
    let in_file = is_place(place) && place.ends_with(':');
    let numbers = place.split(':').all(is_number);
    let of_eslint = place.contains(':') && numbers && message.to_ascii_lowercase().starts_with("error");
    of_eslint || in_file && !message.is_empty() && !harmless
}

/// A line of JSON or logfmt at the level of an error.
fn is_record(text: &str) -> bool {
    let plain: String = text.to_ascii_lowercase().split_whitespace().collect();
    let levels = "\"level\":\"error | \"level\":\"fatal | \"severity\":\"error | \"level\":50, | \"level\":60, | \
        level=error | level=fatal";
    holds(&plain, levels)
}

/// `Killed`: what the shell prints for a process that the kernel ended, usually because memory ran out.
pub(super) fn is_killed(words: &[&str]) -> bool {
    let killed = words.iter().position(|word| *word == "Killed");
    killed.is_some_and(|n| match n.checked_sub(1).and_then(|n| words.get(n)) {
        Some(pid) => is_number(pid),
        None => words.len() < 4,
    })
}
