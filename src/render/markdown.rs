//! The job summary: the verdict first, the facts, the stages, the log's end, the next step.

use std::fmt::Write as _;
use std::time::Duration;

use super::text::{count, duration, mark, phase_mark, time};
use super::words::{self, Words};
use super::{Filed, Place, text};
use crate::deploy::report::{Report, Task};

/// The most a log may take of a summary, whose whole must stay under GitHub's 1 MiB.
const LONGEST_LOG: usize = 64 * 1024;

/// The summary of a run. Everything that came from outside is escaped.
#[must_use]
pub fn summary(report: &Report, place: &Place, filed: &[Filed]) -> String {
    let Words { happened, meaning, next } = words::verdict(report, place);
    let mut page = String::new();
    let title = place.environment.as_ref().map(|name| format!(" · {}", escape(name))).unwrap_or_default();
    let mut add = |block: String| {
        if !block.is_empty() {
            let _ = write!(page, "{block}\n\n");
        }
    };
    add(format!(
        "### {} {}{title}",
        mark(report.outcome),
        text::capital(&report.outcome.as_str().replace('-', " "))
    ));
    add(escape(&happened));
    add(escape(&meaning));
    add(if next.is_empty() { next } else { format!("**Next:** {}", escape(&next)) });
    add(facts(report, place));
    add(stages(report));
    add(log(&report.log));
    add(reports(filed));
    if place.sandbox.is_some() {
        add("_On the embedded platform: nothing real was deployed._".to_owned());
    }
    page
}

fn facts(report: &Report, place: &Place) -> String {
    let seen = report.snapshot.as_ref();
    let id = match (&report.task, seen) {
        (_, Some(seen)) => Some(seen.id.to_string()),
        (Task::Follow(id), None) => Some(id.to_string()),
        (Task::Deploy, None) => None,
    };
    let link = |url: &String| format!("<{}>", url.replace(['<', '>', '|'], ""));
    let rows = [
        ("Environment", place.environment.as_deref().map(escape)),
        ("Site", place.environment_url.as_ref().map(link)),
        ("Deployment", id.map(|id| code(&id))),
        ("State", seen.map(|seen| seen.word.as_str()).filter(|word| !word.is_empty()).map(code)),
        ("Created", seen.and_then(|seen| seen.created_at).map(|at| escape(&time(at)))),
        ("Page", seen.and_then(|seen| seen.page.as_ref()).map(link)),
        ("Hook", (!place.hook.is_empty()).then(|| code(&place.hook))),
        ("Trigger", place.cause.as_deref().map(escape)),
        ("Took", Some(format!("{}, {}", duration(report.duration), count(report.looks, "look")))),
    ];
    let mut table = "| | |\n|:--|:--|".to_owned();
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = write!(table, "\n| {name} | {value} |");
        }
    }
    table
}

/// The summary of a run that bad input ended before it began.
#[must_use]
pub fn bad_input(problems: &[String]) -> String {
    let list: Vec<String> = problems.iter().map(|problem| format!("- {}", escape(problem))).collect();
    format!("### ✗ Bad input\n\n{}\n\n{}\n\n", list.join("\n"), words::NOTHING_SENT)
}

/// What was and was not reported elsewhere, and why.
fn reports(filed: &[Filed]) -> String {
    let written: Vec<&str> =
        filed.iter().filter(|filed| filed.trouble.is_none()).map(|filed| filed.kind.noun()).collect();
    let mut lines = Vec::new();
    if !written.is_empty() {
        lines.push(format!("Also reported as: {}.", written.join(", ")));
    }
    lines.extend(filed.iter().filter_map(|filed| words::missed(filed, false)).map(|missed| escape(&missed)));
    lines.join("\n\n")
}

fn stages(report: &Report) -> String {
    if report.stages.is_empty() {
        return String::new();
    }
    let ends = report.stages.iter().skip(1).map(|stage| stage.at).chain([report.duration]);
    let mut table = "| Stage | From | Took |\n|:--|--:|--:|".to_owned();
    for (stage, end) in report.stages.iter().zip(ends) {
        let took: Duration = end.saturating_sub(stage.at);
        let (mark, from) = (phase_mark(stage.phase), text::clock(stage.at));
        let took = if matches!(stage.phase, crate::deploy::state::Phase::Ended(_)) {
            String::new()
        } else {
            duration(took)
        };
        let _ = write!(table, "\n| {mark} {} | {from} | {took} |", code(&stage.word));
    }
    table
}

/// The log's end, folded, in a fence that no line of it can close.
fn log(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut size = 0;
    for line in lines.iter().rev() {
        size += line.len() + 1;
        if size > LONGEST_LOG {
            break;
        }
        kept.push(line);
    }
    kept.reverse();
    let text = kept.join("\n");
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let lines = count(u32::try_from(kept.len()).unwrap_or(u32::MAX), "line");
    format!(
        "<details><summary>The end of the log ({lines})</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>"
    )
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// Foreign text between Markdown: whatever could be markup is escaped, line breaks become spaces.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '@' | '!' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    // a bare address would become a link
    safe.replace("://", "\\://")
}

/// Foreign text as code, fit for a table's cell.
#[must_use]
pub fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_never_markup() {
        assert_eq!(escape("<script>[x](https://e)|*a*"), "&lt;script&gt;\\[x\\](https\\://e)\\|\\*a\\*");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn a_log_cannot_leave_its_fence_nor_outgrow_its_share() {
        let hostile = ["```".to_owned(), "</details><script>".to_owned(), "````".to_owned()];
        assert!(log(&hostile).contains("\n`````text\n```\n</details><script>\n````\n`````\n"));
        let long = vec!["x".repeat(500); 1000];
        let text = log(&long);
        assert!(text.len() < LONGEST_LOG + 200, "{}", text.len());
        assert_eq!(log(&[]), "");
    }
}
