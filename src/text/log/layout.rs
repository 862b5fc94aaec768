//! What a line is by its layout: a command, a call of a stack, source, a place in a file.

use super::words::is_number;

/// A call in a stack of JavaScript, Ruby, PHP or Java.
pub(super) fn is_frame(text: &str) -> bool {
    let php = text.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let ruby = text.split_once(":in ").is_some_and(|(place, _)| is_place(place)) && !text.contains("Error)");
    text.starts_with("at ") || text.starts_with("from ") || text.starts_with("File \"") || php || ruby
}

/// A line of source that a tool shows: `12 | …`, `>> 3 |`, `   ^^^`.
pub(super) fn is_source(line: &str) -> bool {
    let text = line.trim().trim_start_matches(['>', ' ', '×', '│']);
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = digits.len() < text.len() && digits.trim_start().starts_with(['|', '│']);
    let pointer = !text.is_empty() && text.chars().all(|c| "^~|│ -".contains(c)) && text.contains(['^', '~']);
    numbered || pointer
}

/// A command that is about to run, as Docker and shells print it.
pub(super) fn is_command(line: &str) -> bool {
    let text = line.trim();
    let docker = text.strip_prefix('#').is_some_and(|rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        rest.starts_with('[') && rest.contains("] ")
    });
    let step = text.strip_prefix("Step ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    docker || step || ["$ ", "+ ", "==> Running "].iter().any(|head| text.starts_with(head))
}

/// The same as npm prints it, `> vite build`. Other tools write what failed behind the same sign.
pub(super) fn script(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix("> ").filter(|_| !is_source(line))?;
    rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '@' || c == '[').then_some(rest)
}

/// Whether the line says that what stands before it went well.
pub(super) fn succeeds(line: &str) -> bool {
    let lower = line.to_lowercase();
    let npm = lower.trim().strip_prefix("added ").is_some_and(|rest| rest.contains(" package"));
    let good =
        ["successfully", "done in ", "built in ", "success in "].iter().any(|words| lower.contains(words));
    npm || good && !lower.contains("unsuccess") && !lower.contains("not ")
        || line.trim().starts_with(['✓', '✔'])
}

/// `-----`, `=====`.
pub(super) fn is_ruler(text: &str) -> bool {
    text.len() >= 4 && text.chars().all(|c| "-=_*─━═".contains(c))
}

/// Whether the text is a place in a file of source and nothing else: `src/app.ts:3:7`, `/app/a.php:12`.
pub(super) fn is_place(text: &str) -> bool {
    let mut parts = text.trim_end_matches(':').rsplit(':');
    let (last, before) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let file = if is_number(before) { parts.next().unwrap_or_default() } else { before };
    let extension = file.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    let is_extension = extension.starts_with(|c: char| c.is_ascii_alphabetic()) && extension.len() <= 6;
    is_number(last) && is_extension && !text.contains(char::is_whitespace) && !text.contains("//")
}
