//! The encoded forms of a secret.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode_byte, utf8_percent_encode,
};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

/// What RFC 3986 wants encoded in a value: everything but letters, digits and `- . _ ~`.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &RESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// The forms of a secret that hold no escaped characters, and turn up in logs: decoded, hexadecimal, and base64 in both
/// alphabets, alone or within a longer text. Some may be the secret itself.
pub(super) fn unescaped_forms(secret: &str) -> Vec<String> {
    let mut found = Vec::with_capacity(16);
    for text in with_decoded(secret) {
        found.extend(base64_forms(text.as_bytes()));
        found.extend(blank_forms(&text));
        found.push(text);
    }
    found.push(hex(secret));
    found
}

/// The forms of a secret with escaped characters: for URLs, HTML, JSON and JavaScript. Some may be the secret itself.
pub(super) fn escaped_forms(secret: &str) -> Vec<String> {
    let mut found = vec![secret.bytes().map(percent_encode_byte).collect(), secret.replace("%20", "+")];
    let is_plain = |text: &str| text.bytes().all(|byte| is_unreserved(byte) && byte != b'~');
    for text in with_decoded(secret).into_iter().filter(|text| !is_plain(text)) {
        found.extend(escapes(&text));
    }
    found
}

/// The secret, and what it is where it is percent-encoded.
fn with_decoded(secret: &str) -> Vec<String> {
    let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    let mut texts = vec![secret.to_owned(), decoded];
    texts.dedup();
    texts
}

/// A letter, a digit, or one of `- . _ ~`, which RFC 3986 wants encoded nowhere.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// As frameworks escape a text: all but letters and digits for URLs, for HTML in both notations, for JSON and JavaScript;
/// and only what must be for URLs, forms, JSON and HTML.
fn escapes(text: &str) -> Vec<String> {
    let json = Value::from(text).to_string();
    let json = &json[1..json.len() - 1]; // without its quotes
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = html.replace('"', "&quot;");
    let encoded = utf8_percent_encode(text, RESERVED).to_string();
    vec![
        encoded.replace("%20", "+"),
        encoded,
        text.replace('/', "\\/"),
        escape(text, |form, c| write!(form, "&#{};", u32::from(c))),
        escape(text, |form, c| write!(form, "&#x{:x};", u32::from(c))),
        escape(text, |form, c| write!(form, "\\u{:04x}", u32::from(c))),
        utf8_percent_encode(text, COMPONENT).to_string(),
        byte_serialize(text.as_bytes()).collect(),
        json.to_owned(),
        json.replace('/', "\\/"),
        quoted.replace('\'', "&#39;"),
        quoted.replace('\'', "&#039;"),
        html,
    ]
}

/// With `+` for a blank, as forms are sent, and with a blank for `+`, as they are read.
fn blank_forms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.contains(' ') {
        found.push(text.replace(' ', "+"));
    }
    if text.contains('+') {
        found.push(percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned());
    }
    found
}

/// `2f` for each byte.
fn hex(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| &percent_encode_byte(byte)[1..]).collect();
    digits.to_ascii_lowercase()
}

fn escape(text: &str, write: impl Fn(&mut String, char) -> fmt::Result) -> String {
    let mut form = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !is_unreserved(byte)) {
        let (plain, others) = rest.split_at(at);
        form.push_str(plain);
        let mut others = others.chars();
        if let Some(c) = others.next() {
            let _ = write(&mut form, c); // writing into a string cannot fail
        }
        rest = others.as_str();
    }
    form + rest
}

/// The base64 of a secret, alone and wherever it may begin in a longer text: of the three ways a text can lie, the
/// characters that its neighbours have no part in.
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |encoded: &str| {
        if encoded.bytes().any(|byte| matches!(byte, b'+' | b'/')) {
            found.push(encoded.replace('+', "-").replace('/', "_"));
        }
        found.push(encoded.to_owned());
    };
    add(&STANDARD_NO_PAD.encode(secret));
    for before in 0..3 {
        let shifted = [&[0_u8, 0][..before], secret].concat();
        let first = (before * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        let encoded = STANDARD_NO_PAD.encode(&shifted);
        if let Some(form) = encoded.get(first..last).filter(|form| form.len() >= 8) {
            add(form);
        }
    }
    found
}

/// `%2F` as `%2f`; all else as it is.
pub(super) fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |lower, part| match part.split_at_checked(2) {
        Some((hex, rest)) => lower + "%" + &hex.to_ascii_lowercase() + rest,
        None => lower + "%" + part,
    })
}
