//! An answer's body: read within its bounds, decompressed and decoded, so that whoever reads JSON finds UTF-8.

use std::io::Read as _;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::encoding::{self, NotText};

/// No answer is read beyond this many bytes, compressed or not.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// Why a body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyFault {
    /// Larger than [`LARGEST_BODY`].
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
    /// It ended before its end.
    #[error("the answer broke off")]
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
    // A server that closes without TLS's close_notify has said all it had to say where its JSON is whole. What begins
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
    match encoding::text(&bytes) {
        Ok(text) => Ok(text.into_bytes()),
        Err(NotText::NotUtf8) if is_latin1(&words(head, CONTENT_TYPE.as_str())) => {
            Ok(bytes.iter().copied().map(char::from).collect::<String>().into_bytes())
        }
        // One bad byte in a commit's title must not hide a deployment's state: read as Go and browsers read it.
        Err(NotText::NotUtf8) => {
            let text = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
            if is_whole_json(&text) { Ok(text) } else { Err(BodyFault::NotText(NotText::NotUtf8)) }
        }
        Err(fault) => Err(BodyFault::NotText(fault)),
    }
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

/// No compression is asked for, yet some servers and caches compress all they send, and some do not even say so.
fn decompress(bytes: &[u8], codings: &str) -> Result<Vec<u8>, BodyFault> {
    let coding = codings.rsplit(',').map(str::trim).find(|coding| !matches!(*coding, "" | "identity"));
    match (coding, bytes) {
        (_, []) => Ok(Vec::new()),
        (_, [0x1f, 0x8b, ..]) => inflate(MultiGzDecoder::new(bytes)),
        (_, [0x28, 0xb5, 0x2f, 0xfd, ..]) => Err(BodyFault::Compressed("zstd")),
        // A label without the thing: some proxies decompress and leave the header.
        (_, bytes) if is_whole_json(bytes) => Ok(bytes.to_vec()),
        (Some("deflate"), [0x78, ..]) => inflate(ZlibDecoder::new(bytes)),
        (Some("deflate"), _) => inflate(DeflateDecoder::new(bytes)), // as old Microsoft servers understand the word
        (Some(other), _) => Err(BodyFault::Compressed(name(other))),
        (None, bytes) => Ok(bytes.to_vec()),
    }
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
        .find(|name| *name == coding)
        .unwrap_or("unknown")
}
