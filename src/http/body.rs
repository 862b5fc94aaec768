//! An answer's body: read within its limits, decompressed, and decoded to UTF-8.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::encoding::{self, NotText};

/// No answer is read beyond this many bytes, compressed or not.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// More codings than any server applies.
const MOST_CODINGS: usize = 4;

/// Why a body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyFault {
    /// Larger than [`LARGEST_BODY`].
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
    /// The body was truncated.
    #[error("the answer ended early")]
    BrokeOff,
    /// Compressed, although no compression was asked for, and not in a way that can be read.
    #[error("the answer is compressed ({0}), which was not asked for")]
    Compressed(&'static str),
    /// In an encoding that cannot be read.
    #[error("the answer is {0}")]
    NotText(NotText),
}

/// Reads a body to its end.
pub(super) async fn read(response: &mut reqwest::Response) -> Result<Vec<u8>, BodyFault> {
    let mut bytes = Vec::new();
    let whole = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > LARGEST_BODY => return Err(BodyFault::TooLarge),
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    // A server that closes without TLS's close_notify has sent everything where its JSON is complete. What begins
    // and ends with a bracket cannot be the beginning of anything longer.
    match decode(&bytes, response.headers()) {
        Ok(body) if whole || is_whole_json(&body) => Ok(body),
        Err(fault) if whole => Err(fault),
        _ => Err(BodyFault::BrokeOff),
    }
}

fn is_whole_json(body: &[u8]) -> bool {
    let bracket = body.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'['));
    bracket && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// The body as UTF-8 without a byte order mark.
fn decode(bytes: &[u8], head: &HeaderMap) -> Result<Vec<u8>, BodyFault> {
    let bytes = decompress(bytes, &words(head, CONTENT_ENCODING.as_str()))?;
    let kind = words(head, CONTENT_TYPE.as_str());
    let (text, is_damaged) = match encoding::text(&bytes) {
        Ok(text) => (text, false),
        Err(NotText::NotUtf8) if is_latin1(&kind) => (bytes.iter().copied().map(char::from).collect(), false),
        Err(NotText::NotUtf8) => (String::from_utf8_lossy(&bytes).into_owned(), true),
        Err(fault) => return Err(BodyFault::NotText(fault)),
    };
    let text = without_lone_surrogates(text).into_bytes();
    // One bad byte in a commit's title must not hide a deployment's state, nor one in a log the rest of it: read as Go
    // and browsers read it.
    if is_damaged && !is_whole_json(&text) && !kind.starts_with("text/plain") {
        return Err(BodyFault::NotText(NotText::NotUtf8));
    }
    Ok(text)
}

/// JSON with U+FFFD for half of a pair of UTF-16, which JavaScript writes where a text was cut inside an emoji. Browsers,
/// Go and Python read that; serde refuses it.
fn without_lone_surrogates(text: String) -> String {
    const ESCAPE: usize = r"\ud800".len();
    if !text.contains(r"\ud") && !text.contains(r"\uD") {
        return text;
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let second = escape.get(ESCAPE..).and_then(unit).is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
        let (length, lone) = match unit(escape) {
            Some(0xd800..0xdc00) if second => (2 * ESCAPE, false),
            Some(0xd800..0xe000) => (ESCAPE, true),
            Some(_) => (ESCAPE, false),
            // A backslash and what it escapes, which may be another one.
            None => (1 + escape.chars().nth(1).map_or(0, char::len_utf8), false),
        };
        let (escape, after) = escape.split_at(length);
        whole.push_str(if lone { r"\ufffd" } else { escape });
        rest = after;
    }
    whole.push_str(rest);
    if is_whole_json(whole.as_bytes()) { whole } else { text }
}

/// The unit of UTF-16 that an escape at the start of this text stands for.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(r"\u")?.get(..4)?;
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| hex)
}

/// All of a header's values, in small letters.
fn words(head: &HeaderMap, name: &str) -> String {
    let values = head.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(",").to_ascii_lowercase()
}

fn is_latin1(content_type: &str) -> bool {
    let charset = content_type.split(';').find_map(|part| part.trim().strip_prefix("charset="));
    charset
        .is_some_and(|name| matches!(name.trim_matches(['"', ' ']), "iso-8859-1" | "latin1" | "windows-1252"))
}

/// No compression is asked for, yet some servers and caches compress all they send, and some do not even say so. The last
/// coding named was the last applied.
fn decompress(bytes: &[u8], codings: &str) -> Result<Vec<u8>, BodyFault> {
    let named = codings.rsplit(',').map(str::trim).filter(|coding| !matches!(*coding, "" | "identity"));
    let mut bytes = bytes.to_vec();
    let mut last = None;
    for coding in named.take(MOST_CODINGS) {
        // Some proxies name a coding twice that was applied once.
        if last.is_some() && !is_zlib(&bytes) && std::str::from_utf8(&bytes).is_ok() {
            break;
        }
        bytes = decompress_one(&bytes, Some(coding))?;
        last = Some(coding);
    }
    // Without a label, or once more than the labels say.
    match (last, bytes.as_slice()) {
        (None, _) | (_, [0x1f, 0x8b, ..]) => decompress_one(&bytes, None),
        _ => Ok(bytes),
    }
}

fn decompress_one(bytes: &[u8], coding: Option<&str>) -> Result<Vec<u8>, BodyFault> {
    match (coding, bytes) {
        (_, []) => Ok(Vec::new()),
        (_, [0x1f, 0x8b, ..]) => gunzip(bytes),
        (_, [0x28, 0xb5, 0x2f, 0xfd, ..]) => Err(BodyFault::Compressed("zstd")),
        // Labelled, but not compressed: some proxies decompress and leave the header.
        (_, bytes) if is_whole_json(bytes) => Ok(bytes.to_vec()),
        (Some("deflate"), bytes) if is_zlib(bytes) => {
            // What old Microsoft servers call deflate may begin with the same two bytes.
            inflate(ZlibDecoder::new(bytes))
                .or_else(|fault| inflate(DeflateDecoder::new(bytes)).map_err(|_| fault))
        }
        (Some("deflate"), _) => inflate(DeflateDecoder::new(bytes)), // as old Microsoft servers understand the word
        // The name of its coding stays where a proxy took off one of several.
        (Some("gzip" | "x-gzip"), bytes) if is_zlib(bytes) => inflate(ZlibDecoder::new(bytes)),
        (Some(other), _) => Err(BodyFault::Compressed(name(other))),
        // Text can begin with these two bytes as well: `x^`, `HG`.
        (None, bytes) if is_zlib(bytes) => match inflate(ZlibDecoder::new(bytes)) {
            Ok(body) if is_whole_json(&body) => Ok(body),
            _ if std::str::from_utf8(bytes).is_err() => Err(BodyFault::Compressed("deflate")),
            _ => Ok(bytes.to_vec()),
        },
        (None, bytes) => Ok(bytes.to_vec()),
    }
}

/// RFC 1950: deflate, and a header whose check holds.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, ..] if first & 15 == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

/// All members of gzip, and nothing of the zero bytes that may fill a block behind them.
fn gunzip(mut bytes: &[u8]) -> Result<Vec<u8>, BodyFault> {
    let mut all = Vec::new();
    while bytes.iter().any(|byte| *byte != 0) {
        let mut member = GzDecoder::new(bytes);
        all.extend(inflate(&mut member)?);
        if all.len() > LARGEST_BODY {
            return Err(BodyFault::TooLarge);
        }
        bytes = member.into_inner();
    }
    Ok(all)
}

fn inflate(decoder: impl std::io::Read) -> Result<Vec<u8>, BodyFault> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST_BODY).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(most).read_to_end(&mut bytes).map_err(|_| BodyFault::BrokeOff)?;
    if bytes.len() > LARGEST_BODY { Err(BodyFault::TooLarge) } else { Ok(bytes) }
}

/// A coding's name, of those there are.
fn name(coding: &str) -> &'static str {
    ["gzip", "deflate", "br", "zstd", "compress"]
        .into_iter()
        .find(|name| *name == coding.trim_start_matches("x-"))
        .unwrap_or("unknown")
}
