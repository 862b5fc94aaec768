//! Finds the lines of a failed deployment's log that say what failed.
//!
//! Every tool ends with lines that only repeat that something failed (`ELIFECYCLE`, `exit code 1`, `Build failed`). So
//! each line gets a weight, the log is divided into steps, and the last step with an error is quoted from its first error.

mod forms;
mod layout;
mod line;
mod prefix;
mod words;

use std::iter;
use std::ops::Range;

use self::line::{LineKind, Role, Weight};

/// The most lines of a log's end that are shown anywhere.
pub const END: usize = 200;

/// A log of so many lines is shown as a whole.
pub const SHORT: usize = 14;

/// Lines of the end that are shown after what failed.
const TAIL: usize = 8;

/// The most lines that are quoted.
const MOST: usize = 14;

/// Errors that are no further apart belong together: the first of them is quoted.
const APART: usize = 40;

/// The most lines before an error: what the tool shows of the source or the stack, or any lines.
const ATTACHED: usize = 4;
const BEFORE: usize = 2;

/// Lines before a consequence where nothing else was found: the command's own output stands there.
const BEFORE_CONSEQUENCE: usize = 8;

/// The most lines after an error that do not look like a part of it, and the most lines of a stack.
const PLAIN: usize = 3;
const FRAMES: usize = 3;

/// Which of these lines say what failed; none where nothing in them looks like an error.
pub fn cause(lines: &[String]) -> Option<Range<usize>> {
    let kinds = line::kinds(lines);
    let step = steps(&kinds).into_iter().rev();
    let has = |step: &Range<usize>, weight| {
        kinds.get(step.clone()).is_some_and(|kinds| at(kinds, weight).is_some())
    };
    // A hint counts as much as an error where the step went on to say that it failed.
    let fails = |step: &Range<usize>| {
        let kinds = kinds.get(step.clone()).unwrap_or_default();
        let hint = at(kinds, Weight::Hint);
        hint.is_some_and(|hint| at(kinds, Weight::Consequence).is_some_and(|end| end > hint))
    };
    let step = (step.clone().find(|step| has(step, Weight::Error) || fails(step)))
        .or_else(|| step.clone().find(|step| has(step, Weight::Hint)))
        .or_else(|| step.clone().find(|step| has(step, Weight::Consequence)))?;
    let top = kinds.get(step.clone())?.iter().map(|kind| kind.weight).max()?;
    let anchor = first_of_last_run(&kinds, &step, top)?;
    Some(if top == Weight::Consequence {
        anchor.saturating_sub(BEFORE_CONSEQUENCE).max(step.start)..end_of(&kinds, anchor)
    } else {
        start(&kinds, anchor, &step)..end_of(&kinds, anchor)
    })
}

/// The last lines of a log.
pub fn end(lines: &[String], most: usize) -> &[String] {
    lines.get(lines.len().saturating_sub(most)..).unwrap_or(lines)
}

/// Which lines of a log to show where there is room for `most`: what failed, and its end.
pub fn excerpt(lines: &[String], most: usize) -> Vec<Range<usize>> {
    let len = lines.len();
    let from = len.saturating_sub(most);
    match cause(lines).filter(|cause| cause.start < from) {
        None => iter::once(from..len).collect(),
        Some(cause) => {
            let tail = len.saturating_sub(TAIL).max(cause.end)..len;
            if tail.start == cause.end { iter::once(cause.start..len).collect() } else { vec![cause, tail] }
        }
    }
}

/// The last line of this weight.
fn at(kinds: &[LineKind], weight: Weight) -> Option<usize> {
    kinds.iter().rposition(|kind| kind.weight == weight)
}

/// The log in steps: each begins with a command, or after a line that says that something succeeded.
fn steps(kinds: &[LineKind]) -> Vec<Range<usize>> {
    let mut steps = Vec::new();
    let mut from = 0;
    for (n, kind) in kinds.iter().enumerate() {
        let next = if kind.role == Role::Success { n + 1 } else { n };
        if matches!(kind.role, Role::Command | Role::Success) && next > from {
            steps.push(from..next);
            from = next;
        }
    }
    steps.push(from..kinds.len());
    steps
}

/// From the last line of this weight in the step back to the first that belongs to it.
fn first_of_last_run(kinds: &[LineKind], step: &Range<usize>, weight: Weight) -> Option<usize> {
    let apart = if weight == Weight::Consequence { PLAIN } else { APART };
    let of_weight = step.clone().rev().filter(|n| kinds.get(*n).is_some_and(|kind| kind.weight == weight));
    let mut first: Option<usize> = None;
    for n in of_weight {
        if first.is_some_and(|first| first - n > apart) {
            break;
        }
        first = Some(n);
    }
    first
}

/// The first line that is quoted: what is attached to the error, else the lines before it, but no news.
fn start(kinds: &[LineKind], anchor: usize, step: &Range<usize>) -> usize {
    let before = |n: &usize| kinds.get(anchor - n);
    let most = anchor - step.start;
    let attached =
        (1..=most.min(ATTACHED)).take_while(|n| before(n).is_some_and(|kind| kind.attached)).count();
    let is_apart = |n: &usize| before(n).is_none_or(|kind| kind.role == Role::Apart);
    anchor
        - match attached {
            0 => (1..=most.min(BEFORE)).take_while(|n| !is_apart(n)).count(),
            // These belong to the warning above them.
            attached if attached < most && is_apart(&(attached + 1)) => 0,
            attached => attached,
        }
}

/// The line after the last one that is quoted.
fn end_of(kinds: &[LineKind], anchor: usize) -> usize {
    let (mut plain, mut frames) = (0, 0);
    let mut end = anchor + 1;
    for kind in kinds.iter().skip(end) {
        frames += usize::from(kind.role == Role::Call);
        plain = if kind.attached || kind.weight >= Weight::Hint { 0 } else { plain + 1 };
        let ends = kind.weight == Weight::Consequence
            || matches!(kind.role, Role::Command | Role::Success | Role::Apart);
        if ends || frames > FRAMES || plain > PLAIN || end - anchor >= MOST - BEFORE {
            break;
        }
        end += 1;
    }
    end
}
