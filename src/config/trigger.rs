//! What is sent with the trigger besides the hook's URL: headers and a text.

use reqwest::header::{HeaderName, HeaderValue};

use super::sources::{self, Lines, Sources};
use crate::secrets::could_be_secret;

/// An input that holds headers.
pub(super) struct Headers {
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
}

/// The headers of the trigger.
pub(super) const HEADERS: Headers = Headers { name: "headers", variable: "DEPLOY_HOOK_HEADERS" };

/// The longest text that is sent.
const LONGEST_BODY: usize = 1024 * 1024;

/// Headers that HTTP sets itself, or that are for the next server alone.
const OF_HTTP: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const FORM: &str = "Write each header on a line of its own, as Name: value.";

/// The headers, a line each. A value is never shown.
pub(super) fn headers(sources: &mut Sources<'_>, input: &Headers) -> Vec<(HeaderName, HeaderValue)> {
    let Headers { name, variable } = input;
    if sources.inputs.is_refused(name) {
        let wrong = "were given on the command line, where every process on this machine can read them";
        let fix = format!(
            "Give them as {variable} or by --{name}-file PATH (- is standard input), and replace the secrets in them."
        );
        sources.secret_problem(&format!("--{name}"), wrong, &fix);
        return Vec::new();
    }
    let Ok(found) = sources.secret(name, variable, Lines::Several) else { return Vec::new() };
    let Some(found) = found.or_else(|| sources.find(name, &[])) else { return Vec::new() };
    if sources::is_file(&found.value) {
        sources.secret_problem(&found.input, sources::IS_FILE.0, sources::IS_FILE.1);
        return Vec::new();
    }
    let mut headers = Vec::new();
    let lines = found.value.trim_start_matches('\u{feff}').lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        match header(line, &headers) {
            Ok(header) => headers.push(header),
            Err((wrong, fix)) => {
                sources.secret_problem(&format!("{}, line {}", found.input, index + 1), &wrong, fix);
            }
        }
    }
    headers
}

/// One header, or what is wrong with it and what to do.
fn header(
    line: &str,
    earlier: &[(HeaderName, HeaderValue)],
) -> Result<(HeaderName, HeaderValue), (String, &'static str)> {
    let (name, value) = line.split_once(':').ok_or_else(|| ("has no colon".to_owned(), FORM))?;
    let (name, value) = (name.trim(), value.trim());
    if value.starts_with("//") && matches!(name.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err(("is a URL, not a header".to_owned(), FORM));
    }
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        let shown =
            if name.is_empty() || !is_like_a_name(name) { String::new() } else { format!(" ({name})") };
        return Err((format!("begins with what is not a header's name{shown}"), FORM));
    };
    let name = if could_be_secret(name) { "a header" } else { name };
    if OF_HTTP.contains(&header.as_str()) || header.as_str().starts_with("proxy-") {
        return Err((format!("sets {name}, which is not for users to set"), "Leave this header out."));
    }
    if earlier.iter().any(|(other, _)| *other == header) {
        return Err((format!("sets {name} a second time"), "Give each header once."));
    }
    if value.contains("***") {
        let wrong = format!("gives {name} a value with ***, copied from a log in which it was masked");
        return Err((wrong, "Store the value again."));
    }
    match HeaderValue::from_str(value) {
        Ok(mut value) if value.to_str().is_ok() => {
            value.set_sensitive(true);
            Ok((header, value))
        }
        _ => Err((
            format!("gives {name} a value with a character that no header has, perhaps an invisible one"),
            "Store the value again: printable ASCII characters alone.",
        )),
    }
}

/// Whether a text that is no name may be shown as a mistaken one: plain words, which are no credentials.
fn is_like_a_name(text: &str) -> bool {
    const SCHEMES: [&str; 6] = ["basic", "bearer", "digest", "negotiate", "token", "apikey"];
    let mut words = text.split(' ');
    let plain = |word: &str| word.len() <= 20 && word.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    text.len() <= 40
        && words.all(|word| plain(word) && !SCHEMES.contains(&word.to_ascii_lowercase().as_str()))
}

/// The text, as it was given.
pub(super) fn body(sources: &mut Sources<'_>) -> Option<String> {
    let found = sources.find("body", &[])?;
    if found.value.len() > LONGEST_BODY {
        sources.secret_problem(&found.input, "is larger than 1 MiB", "Send less with the trigger.");
    }
    Some(found.value)
}
