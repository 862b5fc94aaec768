//! The dashboard's page: HTML, style and script in one answer. What it shows comes over the stream (`stream.rs`).

use super::reply::Reply;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// A text that cannot be guessed; none where the system has no randomness.
pub(super) fn unguessable() -> Option<String> {
    let (high, low) = (getrandom::u64().ok()?, getrandom::u64().ok()?);
    Some(format!("{high:016x}{low:016x}"))
}

/// The same without indentation, without comments, each of which has a line of its own, and with these replaced by shorter ones.
fn compact(text: &str, shorter: &[(&str, &str)]) -> String {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    shorter.iter().fold(lines, |text, (long, short)| text.replace(long, short))
}

/// The page, which holds the token that the management wants from it. It uses its own style and script alone, sends
/// requests to the sandbox alone, and is shown in no frame.
pub(super) fn answer(token: &str) -> Reply {
    let nonce = unguessable().unwrap_or_default();
    let page = TEMPLATE
        .replace(
            "{{style}}",
            &compact(STYLE, &[(" { ", "{"), ("; }", "}"), (": ", ":"), ("; ", ";"), (", ", ",")]),
        )
        .replace("{{script}}", &compact(SCRIPT, &[(" => ", "=>"), (" = ", "=")]))
        .replace("{{nonce}}", &nonce)
        .replace("{{token}}", token);
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    Reply::html(200, page)
        .header("content-security-policy", policy)
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
}
