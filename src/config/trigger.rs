//! What is sent with the trigger besides the hook's URL: headers and a text.

use reqwest::header::{HeaderName, HeaderValue};

use super::secret_file::Lines;
use super::sources::{Sources, variable_of};
use crate::secrets::could_be_secret;
use crate::text::problems::{self, HeaderFault};

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

/// The headers in an input, a line each. A value is never shown.
pub(super) fn headers(sources: &mut Sources<'_>, name: &str) -> Vec<(HeaderName, HeaderValue)> {
    let variable = variable_of(name);
    if sources.inputs.is_refused(name) {
        sources.secret_problem(&format!("--{name}"), problems::headers_on_command_line(name, &variable));
        return Vec::new();
    }
    let others = |sources: &mut Sources<'_>| Ok(sources.find(name, &[]));
    let Ok(Some(found)) = sources.secret(name, &variable, Lines::Several, others) else { return Vec::new() };
    let mut headers = Vec::new();
    let lines = found.value.trim_start_matches('\u{feff}').lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        match header(line, &headers) {
            Ok(header) => headers.push(header),
            Err(problem) => {
                sources.secret_problem(&format!("{}, line {}", found.input, index + 1), problem);
            }
        }
    }
    headers
}

/// Whether the input `headers` is given, whatever it holds.
pub(super) fn are_headers_given(sources: &Sources<'_>) -> bool {
    let by_file =
        || sources.option("headers-file").is_some() || sources.env.get("DEPLOY_HOOK_HEADERS_FILE").is_some();
    sources.find("headers", &[]).is_some() || by_file()
}

/// One header, or what is wrong with it and what to do.
fn header(
    line: &str,
    earlier: &[(HeaderName, HeaderValue)],
) -> Result<(HeaderName, HeaderValue), (String, &'static str)> {
    let fault = |fault: HeaderFault<'_>| Err(problems::header(fault));
    let Some((name, value)) = line.split_once(':') else { return fault(HeaderFault::NoColon) };
    let (name, value) = (name.trim(), value.trim());
    if value.starts_with("//") && matches!(name.to_ascii_lowercase().as_str(), "http" | "https") {
        return fault(HeaderFault::Url);
    }
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        return fault(HeaderFault::NotAName(if is_like_a_name(name) { name } else { "" }));
    };
    let name = if could_be_secret(name) { "a header" } else { name };
    if OF_HTTP.contains(&header.as_str()) || header.as_str().starts_with("proxy-") {
        return fault(HeaderFault::OfHttp(name));
    }
    if earlier.iter().any(|(other, _)| *other == header) {
        return fault(HeaderFault::Twice(name));
    }
    if value.contains("***") {
        return fault(HeaderFault::Masked(name));
    }
    match HeaderValue::from_str(value) {
        Ok(mut value) if value.to_str().is_ok() => {
            value.set_sensitive(true);
            Ok((header, value))
        }
        _ => fault(HeaderFault::Characters(name)),
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
        sources.secret_problem(&found.input, problems::LONG_BODY);
    }
    Some(found.value)
}
