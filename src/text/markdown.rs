//! The job summary: outcome, what failed, and the next step first, then facts, stages and other reports.
//!
//! Check runs and comments show the same page, so it must fit their size limits.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::format::{count, cut, duration, time};
use super::messages::{self, Message};
use super::{ReportResult, RunContext, format, log, timeline};
use crate::core::report::{Report, StateSpan};
use crate::core::state::{Outcome, Phase};

/// The maximum size in bytes. GitHub allows 1 MiB per step summary and 65,535 characters per check run or comment.
const MAX_PAGE: usize = 59_900;

/// The maximum size of the log in it.
const MAX_LOG: usize = 36 * 1024;

/// The maximum length of untrusted texts, in characters: a sentence, a fact, a line of the log.
const MAX_SENTENCE: usize = 800;
const MAX_FACT: usize = 300;
const MAX_LOG_LINE: usize = 600;

/// Longer URLs are shown without a link.
const MAX_LINK: usize = 2000;

/// The maximum number of states in the table: the last ones.
const MAX_STATES: usize = 8;

/// The maximum number of input problems in the list; there are fewer inputs.
const MAX_PROBLEMS: usize = 50;

/// The summary of a run. All untrusted text is escaped.
///
/// It ends with a horizontal rule, because other runs of the job append to the same page.
pub fn summary(report: &Report, context: &RunContext, results: &[ReportResult]) -> String {
    let mut page = String::new();
    let mut add = |block: String| {
        if !block.is_empty() && page.len() + block.len() < MAX_PAGE {
            let _ = write!(page, "{block}\n\n");
        }
    };
    add(heading(report.outcome, context));
    let Message { happened, meaning, next } = messages::verdict(report, context);
    add(format!("**{}** {}", prose(&happened), prose(&meaning)));
    if context.sandbox.is_some() {
        add("_This run used the embedded platform. Nothing was really deployed._".to_owned());
    }
    add(cause(&report.log));
    add(self::next(&next, report));
    add(log(&report.log));
    add(facts(report, context, !next.is_empty()));
    add(chart(report));
    add(reports(results));
    add("---".to_owned());
    page
}

/// The summary of a run with bad input.
pub fn bad_input(problems: &[String]) -> String {
    let listed = problems.iter().take(MAX_PROBLEMS).map(|problem| format!("- {}\n", prose(problem)));
    format!("### ❌ Bad input\n\n{}\n{}\n\n---\n\n", listed.collect::<String>(), messages::NOTHING_SENT)
}

fn heading(outcome: Outcome, context: &RunContext) -> String {
    let word = format::capital(&outcome.as_str().replace('-', " "));
    let of = context.environment.as_ref().map(|name| format!(" · {}", escape(&cut(name, 80))));
    format!("### {} {word}{}", emoji(outcome), of.unwrap_or_default())
}

/// The symbol of an outcome on a web page.
const fn emoji(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "✅",
        Outcome::Failed | Outcome::Unverified | Outcome::Refused | Outcome::Unreachable => "❌",
        Outcome::Canceled | Outcome::Superseded | Outcome::Interrupted => "🚫",
        Outcome::TimedOut | Outcome::Lost | Outcome::Uncertain => "⚠️",
        Outcome::Triggered => "🚀",
        Outcome::Skipped => "⏭️",
    }
}

/// What to do next, with a link to the dashboard.
fn next(next: &str, report: &Report) -> String {
    if next.is_empty() {
        return String::new();
    }
    let page = report.snapshot.as_ref().and_then(|seen| seen.dashboard_url.as_deref()).and_then(href);
    let page = page.map(|page| format!(" [Open the dashboard]({page})")).unwrap_or_default();
    format!("**Next:** {}{page}", prose(next))
}

/// `linked`: the dashboard's link stands behind the next step.
fn facts(report: &Report, context: &RunContext, linked: bool) -> String {
    let seen = report.snapshot.as_ref();
    let id = report.deployment_id().map(|id| code(id.as_str()));
    let created = seen.and_then(|seen| seen.created_at).map(|at| format!(", created {}", timestamp(at)));
    let site = context.environment_url.as_deref().map(link);
    let environment = context.environment.as_deref().map(fact).into_iter().chain(site);
    let requests = [(report.triggers, "POST"), (report.polls, "poll")];
    let requests = requests.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n, noun));
    let took = (report.triggers > 0 || report.polls > 0).then(|| duration(report.duration));
    let took = took.map(|took| match report.usual_duration {
        Some(usual) => format!("{took} (usually {})", duration(usual)),
        None => took,
    });
    let dashboard = seen.and_then(|seen| seen.dashboard_url.as_deref());
    let dashboard = dashboard.filter(|page| !linked || href(page).is_none());
    let rows = [
        ("Environment", environment.collect::<Vec<_>>().join(" · ")),
        ("Deployment", id.unwrap_or_default() + &created.unwrap_or_default()),
        ("Page", page(report, context)),
        ("States", states(report)),
        ("Dashboard", dashboard.map(link).unwrap_or_default()),
        ("Trigger", context.cause.as_deref().map(fact).unwrap_or_default()),
        ("Started", timestamp(report.started)),
        ("Duration", took.into_iter().chain(requests).collect::<Vec<_>>().join(", ")),
        ("Hook", code(&context.hook)),
    ];
    let mut table = format!("| Outcome | {} |\n|:--|:--|", code(report.outcome.as_str()));
    for (name, value) in rows {
        if !value.is_empty() {
            let _ = write!(table, "\n| {name} | {value} |");
        }
    }
    table
}

/// The page that was verified, with its last answer.
fn page(report: &Report, context: &RunContext) -> String {
    let Some((site, url)) = report.site.as_ref().zip(context.page_url()) else { return String::new() };
    let page = if url.starts_with('/') { code(&url) } else { link(&url) };
    let answer = site.answer.as_ref().map(|answer| fact(&messages::site_answer(answer)));
    let requests = (site.requests > 0).then(|| count(site.requests, "request"));
    [Some(page), answer, requests].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// A time in UTC, because the reader's time zone is unknown.
fn timestamp(at: SystemTime) -> String {
    time(at).replace('T', " ").replace('Z', " UTC")
}

/// The states seen, with the time spent in each.
fn states(report: &Report) -> String {
    let left_out = report.stages.len().saturating_sub(MAX_STATES);
    let state = |(n, StateSpan { word, phase, at }): (usize, &StateSpan)| match phase {
        Phase::Ended(_) => code(word),
        _ => format!("{} {}", code(word), duration(report.seen_until(n).saturating_sub(*at))),
    };
    let before = (left_out > 0).then(|| "…".to_owned());
    let seen = report.stages.iter().enumerate().skip(left_out).map(state);
    let verifying = report.site.as_ref().map(|site| report.duration.saturating_sub(site.began));
    let verifying = verifying.map(|took| format!("verifying {}", duration(took)));
    let states: Vec<String> = before.into_iter().chain(seen).chain(verifying).collect();
    match (&states[..], &report.snapshot) {
        ([], Some(snapshot)) => code(&snapshot.word),
        _ => states.join(" → "),
    }
}

/// The states as a chart, where it shows more than the table does.
fn chart(report: &Report) -> String {
    timeline::chart(report).map(|chart| format!("```mermaid\n{chart}\n```")).unwrap_or_default()
}

/// The lines of the log that say what failed; empty where the log is short and shown as a whole.
fn cause(lines: &[String]) -> String {
    let cause = log::cause(lines).filter(|_| lines.len() > log::SHORT);
    let cause = cause.and_then(|range| lines.get(range)).unwrap_or_default();
    if cause.is_empty() {
        return String::new();
    }
    details(true, &messages::log_excerpt_title(cause.len(), lines.len()), &fenced(cause))
}

/// The log: open where it is short, else its end, folded.
fn log(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let end = log::end(lines, log::END);
    let mut size = 0;
    let fits = |line: &&String| {
        size += cut(line, MAX_LOG_LINE).len() + 1;
        size <= MAX_LOG
    };
    let end = log::end(end, end.iter().rev().take_while(fits).count());
    details(lines.len() <= log::SHORT, &messages::log_title(end.len(), lines.len()), &fenced(end))
}

/// Lines in a code fence that none of them can close.
fn fenced(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| cut(line, MAX_LOG_LINE)).collect();
    let text = lines.join("\n");
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// Which other reports were written, and why some were not.
fn reports(results: &[ReportResult]) -> String {
    let written: Vec<&str> = results
        .iter()
        .filter(|result| result.error.is_none())
        .map(|result| result.kind.noun(result.code_host))
        .collect();
    let also = (!written.is_empty()).then(|| format!("Also reported as {}.", written.join(", ")));
    let error = results.iter().filter_map(messages::error).map(|error| prose(&error));
    also.into_iter().chain(error).map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}

fn details(open: bool, title: &str, block: &str) -> String {
    let open = if open { " open" } else { "" };
    format!("<details{open}><summary>{title}</summary>\n\n{block}\n\n</details>")
}

/// Escapes one of our sentences, which may contain untrusted text: text between two backticks is code.
fn prose(text: &str) -> String {
    let text = cut(text, MAX_SENTENCE);
    let parts: Vec<&str> = text.split('`').collect();
    let mut safe = String::with_capacity(text.len() + 8);
    for (n, part) in parts.iter().enumerate() {
        match (n % 2, n + 1 < parts.len()) {
            (1, true) if !part.trim().is_empty() => safe.push_str(&code_span(part)),
            (1, _) => {
                let _ = write!(safe, "\\`{}{}", escape(part), if n + 1 < parts.len() { "\\`" } else { "" });
            }
            _ => safe.push_str(&escape(part)),
        }
    }
    safe
}

fn fact(text: &str) -> String {
    escape(&cut(text, MAX_FACT))
}

/// Escapes untrusted text for Markdown; line breaks become spaces.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // GitLab reads `&1` as a reference to an epic
            '&' => safe.push_str("&amp;&#8203;"),
            // GitHub links users and issues after rendering, so a backslash does not help
            '@' | '#' => {
                safe.push(c);
                safe.push_str("&#8203;");
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '!' | '$' | '%' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    // A bare URL would become a link; GitLab links after rendering, so a backslash does not help.
    safe.replace("://", ":&#8203;//").replace("www.", "www&#8203;.")
}

/// Untrusted text as code in a table cell; empty for empty text.
pub fn code(text: &str) -> String {
    code_span(&cut(text, MAX_FACT)).replace('|', "\\|")
}

fn code_span(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = text.replace(['\n', '\r'], " ");
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// An untrusted URL: a link if it is http(s), else code.
fn link(url: &str) -> String {
    match href(url) {
        Some(href) => {
            let shown = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
            format!("[{}]({href})", escape(&cut(shown, 80)))
        }
        None => code(url),
    }
}

/// A link target, encoded so that it cannot end the link or the table cell.
fn href(url: &str) -> Option<String> {
    let is_http = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_http || url.len() > MAX_LINK {
        return None;
    }
    let mut safe = "<".to_owned();
    for byte in url.bytes() {
        match byte {
            b'&' => safe.push_str("&amp;"),
            b if b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$'()*+,;=%".contains(&b) => safe.push(b.into()),
            b => {
                let _ = write!(safe, "%{b:02X}");
            }
        }
    }
    Some(safe + ">")
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
