//! What one line of a log is: an error, a consequence, a command, a part of a stack.

use super::forms::{is_error, is_exception, is_killed, is_label};
use super::layout::{is_command, is_frame, is_place, is_ruler, is_source, script, succeeds};
use super::prefix;
use super::words::{CAUSES, CONSEQUENCES, COUNTED, HARMLESS, HINTS, SOFTENED, THINGS, holds, is_one_of};

/// So much of a line is read, in bytes.
const LONGEST: usize = 1000;

/// How much a line says about what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing.
    None,
    /// That something failed, not what.
    Consequence,
    /// Words that often say it.
    Hint,
    /// What failed.
    Error,
}

/// What a line is.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineKind {
    pub(super) weight: Weight,
    pub(super) role: Role,
    /// A part of what stands beside it: source, a stack, anything indented.
    pub(super) attached: bool,
}

/// What a line does for the lines around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    None,
    /// A command: what follows is its output.
    Command,
    /// It says that what stands before it succeeded.
    Success,
    /// A call of a stack.
    Call,
    /// A warning or news, or a ruler: no part of an error beside it.
    Apart,
}

/// Each line by itself, but for Python's exceptions: their names are free, so the place in the traceback tells them.
pub(super) fn kinds(lines: &[String]) -> Vec<LineKind> {
    let mut trace = Trace::None;
    lines
        .iter()
        .map(|line| {
            let line = line.get(..line.floor_char_boundary(LONGEST)).unwrap_or_default();
            let (next, weight) = trace.step(line);
            trace = next;
            let kind = LineKind::of(line);
            match weight {
                Some(weight) if kind.role == Role::Call => LineKind { weight, ..kind },
                Some(weight) => LineKind { weight, role: Role::None, ..kind },
                None => kind,
            }
        })
        .collect()
}

/// Where in a Python traceback a line stands.
#[derive(Clone, Copy)]
enum Trace {
    None,
    /// After its heading, or after a line of source.
    Frames,
    /// After `File "x.py", line 3`: a line of source follows.
    Source,
}

impl Trace {
    /// The place after this line, and the line's weight where the traceback decides it.
    fn step(self, line: &str) -> (Self, Option<Weight>) {
        let (text, _) = prefix::strip(line);
        let is_pointer = text.chars().all(|c| matches!(c, '^' | '~' | ' '));
        match self {
            _ if text.starts_with("Traceback (most recent call last)") => (Self::Frames, Some(Weight::None)),
            Self::None => (Self::None, None),
            _ if text.starts_with("File \"") => (Self::Source, Some(Weight::None)),
            Self::Source if !names_exception(text) => (Self::Frames, Some(Weight::None)),
            _ if is_pointer || text.starts_with("[Previous line") => (Self::Frames, Some(Weight::None)),
            _ => {
                let weight = weight(text);
                let is_end = matches!(weight, Weight::Consequence);
                (Self::None, Some(if is_end { weight } else { Weight::Error }))
            }
        }
    }
}

/// Whether a line begins with the name of an exception: `app.errors.ParseError: …`.
fn names_exception(text: &str) -> bool {
    let head = text.split_whitespace().next().unwrap_or_default();
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && (is_exception(head) || head.ends_with("Error:"))
}

impl LineKind {
    fn of(line: &str) -> Self {
        let (text, _) = prefix::strip(line);
        let (is_frame, is_source) = (is_frame(text), is_source(line));
        let command = is_command(line) || script(line).is_some_and(|script| weight(script) < Weight::Error);
        let weight = if command || is_frame || is_source { Weight::None } else { weight(line) };
        let indented = prefix::after_time(line).starts_with("  ");
        let role = match weight {
            _ if is_frame => Role::Call,
            _ if command => Role::Command,
            Weight::None if succeeds(line) => Role::Success,
            Weight::None if is_news(text) || is_ruler(line.trim()) => Role::Apart,
            _ => Role::None,
        };
        Self { weight, role, attached: is_frame || is_source || indented || is_place(text) }
    }
}

/// How much a line says about what failed.
pub(super) fn weight(line: &str) -> Weight {
    let (text, marked) = prefix::strip(line);
    let lower = text.to_lowercase();
    let words: Vec<&str> = text.split_whitespace().take(60).collect();
    if let Some(rest) = npm(text) {
        return of_npm(rest);
    }
    let failures = failures(&lower);
    let is_consequence = || holds(&lower, CONSEQUENCES) || is_step_of_docker(&lower);
    // 128 and the number of SIGKILL: usually because memory ran out.
    let is_sigkill = || lower.split(|c: char| !c.is_ascii_digit()).any(|n| n == "137");
    match () {
        () if words.is_empty() || failures == Some(0) || is_harmless(text, &words) => Weight::None,
        () if line.trim().starts_with(['✓', '✔', '√']) || holds(&lower, SOFTENED) => Weight::None,
        () if holds(&lower, CAUSES) || is_killed(&words) => Weight::Error,
        () if is_sigkill() && is_consequence() => Weight::Hint,
        () if failures.is_some() || is_consequence() => Weight::Consequence,
        () if marked || is_error(text, &words) => Weight::Error,
        () if holds(&lower, HINTS) || is_heading(&words) => Weight::Hint,
        () => Weight::None,
    }
}

/// `Errors were found`, but not `Error pages: 3`.
fn is_heading(words: &[&str]) -> bool {
    let word = |n: usize| words.get(n).map(|word| word.trim_end_matches(':')).unwrap_or_default();
    is_one_of(word(0), "error | errors") && !is_one_of(word(1), THINGS)
}

/// npm writes one of two words before each line of an error.
fn npm(text: &str) -> Option<&str> {
    ["npm ERR!", "npm error"].iter().find_map(|head| text.strip_prefix(head)).map(str::trim)
}

/// npm's own lines: of a script that failed they repeat only where and how it was called.
fn of_npm(rest: &str) -> Weight {
    let (head, value) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_code =
        matches!(head, "code" | "errno") && !value.trim().starts_with('E') || value.trim() == "ELIFECYCLE";
    let is_place =
        matches!(head, "path" | "workspace" | "location" | "command" | "signal" | "syscall" | "in" | "dest");
    let is_call = head.contains('@') && rest.contains(": `");
    match weight(rest) {
        _ if rest.is_empty() || rest.starts_with('/') => Weight::None,
        _ if is_code || is_place || is_call => Weight::Consequence,
        Weight::Consequence => Weight::Consequence,
        _ => Weight::Error,
    }
}

/// A warning, advice, or another level of a logger, unless an error stands before it.
fn is_harmless(text: &str, words: &[&str]) -> bool {
    let is = |word: &str, list| is_one_of(word.trim_matches(|c: char| !c.is_ascii_alphanumeric()), list);
    let is_level = |word: &&str| {
        ["WARN", "WARNING", "INFO", "DEBUG", "NOTICE"].contains(&word.trim_matches(['[', ']', ':']))
    };
    let is_warning = |word: &&str| is(word, "warning | warn") && word.ends_with(':');
    let warning = words.iter().take(8).position(is_warning);
    let error = words.iter().position(|word| is_label(word));
    words.first().is_some_and(|head| is(head, HARMLESS))
        || words.iter().take(4).any(is_level)
        || warning.is_some_and(|warning| error.is_none_or(|error| warning < error))
        || text.starts_with("npm WARN")
        || text.starts_with("npm warn")
        || text.starts_with('⚠')
}

/// A warning or news of a tool. Notes and advice are left out: they explain the error above them.
fn is_news(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(8).collect();
    let advice = ["note", "help", "hint", "tip", "="];
    is_harmless(text, &words) && !advice.iter().any(|word| text.starts_with(word))
}

/// How many failures a line counts (`2 errors`, `errors: 0`, `no errors`); none where it counts nothing.
fn failures(lower: &str) -> Option<u32> {
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || "=,()[]".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let is_counted = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        is_one_of(word.strip_suffix('s').unwrap_or(word), COUNTED)
    };
    let number = |word: &str| match word {
        "no" | "zero" | "without" => Some(0),
        word => word.trim_end_matches(['.', ';']).parse::<u32>().ok().filter(|n| !(400..600).contains(n)),
    };
    let mut count: Option<u32> = None;
    for &[first, second] in words.array_windows() {
        let labeled = first.ends_with(':') && is_counted(first) && !first.starts_with("error:");
        let found = match () {
            () if is_counted(second) && !second.contains('-') && !second.ends_with(':') => number(first),
            () if labeled || first == "error:" && second == "0" || first == "errors" => number(second),
            () => None,
        };
        count = found.map(|n| count.unwrap_or(0).saturating_add(n)).or(count);
    }
    count
}

/// The heading of a step that Docker repeats at its end: `ERROR [4/5] RUN …`.
fn is_step_of_docker(lower: &str) -> bool {
    lower
        .strip_prefix("error [")
        .is_some_and(|rest| rest.contains("] run ") || rest.contains("] copy ") || rest.contains('/'))
}
