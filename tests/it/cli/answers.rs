//! Answers as real servers, gateways and caches send them: whatever browsers and curl can read.

use std::io::Write as _;

use super::run::{Step, run, step};
use super::together;
use crate::secrets::Secrets;
use crate::server::{Authority, Reply, Server};

const BODY: &str = "{\"data\":{\"publicId\":\"dp-abc123\"}}";

async fn trigger(reply: Reply) -> Step {
    let server = Server::plain(reply).await;
    let result = step(
        run("deploy --wait never").env("DEPLOY_HOOK_URL", server.hook()),
        &Secrets::of(&server.hook(), &[]),
    )
    .await;
    assert_eq!(server.requests().len(), 1, "one POST whatever the answer");
    result
}

async fn assert_read(name: &str, answer: Vec<u8>) {
    let result = trigger(Reply::Truncated(answer)).await;
    assert_eq!(result.end(), (0, "triggered"), "{name}\n{}", result.log);
    assert_eq!(result.output("deployment-id"), "dp-abc123", "{name}");
}

async fn assert_named(name: &str, answer: Vec<u8>, wanted: &str) {
    let result = trigger(Reply::Truncated(answer)).await;
    assert_eq!(result.end(), (5, "uncertain"), "{name}\n{}", result.log);
    assert!(result.log.contains(wanted), "{name}: {}", result.log);
}

fn with(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).expect("it is in memory");
    encoder.finish().expect("it is in memory")
}

fn zlib(text: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(text).expect("it is in memory");
    encoder.finish().expect("it is in memory")
}

#[tokio::test]
async fn header_sections_that_browsers_and_curl_read_are_read() {
    let end = format!("Content-Length: {}\r\n\r\n{BODY}", BODY.len());
    let many: String = (0..1000).fold(String::new(), |done, n| done + &format!("X-Trace-{n}: {n}\r\n"));
    let long = "a".repeat(60_000);
    let heads = [
        ("no reason", format!("HTTP/1.1 200\r\n{end}")),
        ("an empty reason", format!("HTTP/1.1 200 \r\n{end}")),
        ("a reason in UTF-8", format!("HTTP/1.1 200 Schön\r\n{end}")),
        ("HTTP/1.0", format!("HTTP/1.0 200 OK\r\n\r\n{BODY}")),
        ("HTTP/1.0 that stays", format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n{end}")),
        ("line feeds alone", format!("HTTP/1.1 200 OK\r\n{end}").replace("\r\n", "\n")),
        ("an empty line first", format!("\r\nHTTP/1.1 200 OK\r\n{end}")),
        ("many headers", format!("HTTP/1.1 200 OK\r\n{many}{end}")),
        ("a long header", format!("HTTP/1.1 200 OK\r\nContent-Security-Policy: {long}\r\n{end}")),
        ("a folded header", format!("HTTP/1.1 200 OK\r\nX-Note: one\r\n two\r\n\tthree\r\n{end}")),
        ("a space after a name", format!("HTTP/1.1 200 OK\r\nX-Note : one\r\n{end}")),
        ("a space in a name", format!("HTTP/1.1 200 OK\r\nX Note: one\r\n{end}")),
        ("no value", format!("HTTP/1.1 200 OK\r\nX-Note:\r\n{end}")),
        ("no name", format!("HTTP/1.1 200 OK\r\n: one\r\n{end}")),
        ("no colon", format!("HTTP/1.1 200 OK\r\nnonsense\r\n{end}")),
        ("UTF-8 in a value", format!("HTTP/1.1 200 OK\r\nX-Note: Größe\r\n{end}")),
        ("a control character in a value", format!("HTTP/1.1 200 OK\r\nX-Note: a\u{1}b\r\n{end}")),
        ("a name twice", format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{end}", BODY.len())),
        ("100 first", format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n{end}")),
        (
            "102 and 103 first",
            format!(
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n{end}"
            ),
        ),
        ("more behind the body", format!("HTTP/1.1 200 OK\r\n{end}\r\n\r\nHTTP/1.1 500 No\r\n\r\n")),
        (
            "chunks with extensions and a trailer",
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x};a=b\r\n{BODY}\r\n0\r\nX-Sum: 1\r\n\r\n",
                BODY.len()
            ),
        ),
    ];
    together(heads.map(|(name, answer)| async move { assert_read(name, answer.into_bytes()).await })).await;
    let latin =
        with("X-Note: Gr\u{1}\u{1}e\r\n", BODY).into_iter().map(|byte| if byte == 1 { 0xf6 } else { byte });
    assert_read("Latin-1 in a value", latin.collect()).await;
}

#[tokio::test]
async fn a_body_is_read_in_every_encoding_that_shows_what_it_is() {
    let marked = format!("\u{feff}{BODY}");
    let deflated = zlib(BODY.as_bytes(), 1);
    let raw = deflated[2..deflated.len() - 4].to_vec();
    let latin = b"{\"data\":{\"publicId\":\"dp-abc123\",\"note\":\"Gr\xf6\xdfe\"}}";
    let bodies = [
        ("a byte order mark", with("", &marked)),
        ("UTF-16, little end first", with("", utf16(&marked, u16::to_le_bytes))),
        ("UTF-16, big end first", with("", utf16(&marked, u16::to_be_bytes))),
        ("gzip", with("Content-Encoding: gzip\r\n", gzip(BODY.as_bytes()))),
        ("gzip by its old name", with("Content-Encoding: X-GZIP\r\n", gzip(BODY.as_bytes()))),
        ("gzip without the header", with("", gzip(marked.as_bytes()))),
        ("deflate", with("Content-Encoding: deflate\r\n", &deflated)),
        ("deflate without its wrapper", with("Content-Encoding: deflate\r\n", &raw)),
        ("a header alone", with("Content-Encoding: gzip\r\n", BODY)),
        ("identity", with("Content-Encoding: identity\r\n", BODY)),
        ("Latin-1 that says so", with("Content-Type: application/json; charset=ISO-8859-1\r\n", latin)),
        ("one bad byte in a text", with("", latin)),
        ("white space around", with("", format!("\r\n {BODY}\n\n"))),
    ];
    together(bodies.map(|(name, answer)| async move { assert_read(name, answer).await })).await;
}

#[tokio::test]
async fn compressed_bodies_are_read_however_often_and_by_whatever_window() {
    let zipped = gzip(BODY.as_bytes());
    let deflated = zlib(BODY.as_bytes(), 9);
    let raw = deflated[2..deflated.len() - 4].to_vec();
    // Windows of 256 bytes to 32 KiB; BODY is shorter than any of them.
    let small = [&[0x18, 0x19], &deflated[2..]].concat();
    let middle = [&[0x58, 0x85], &deflated[2..]].concat();
    let (first, second) = BODY.split_at(9);
    let bodies = [
        ("gzip twice", with("Content-Encoding: gzip, gzip\r\n", gzip(&zipped))),
        ("in two headers", with("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", gzip(&zipped))),
        ("gzip around deflate", with("Content-Encoding: deflate, gzip\r\n", gzip(&deflated))),
        ("gzip around bare deflate", with("Content-Encoding: deflate, gzip\r\n", gzip(&raw))),
        ("deflate around gzip", with("Content-Encoding: gzip, deflate\r\n", zlib(&zipped, 6))),
        ("identity between", with("Content-Encoding: deflate, identity, gzip\r\n", gzip(&deflated))),
        ("named twice, applied once", with("Content-Encoding: gzip, gzip\r\n", &zipped)),
        ("applied twice, named once", with("Content-Encoding: gzip\r\n", gzip(&zipped))),
        ("a small window", with("Content-Encoding: deflate\r\n", &small)),
        ("another window", with("Content-Encoding: deflate\r\n", &middle)),
        ("fast zlib", with("Content-Encoding: deflate\r\n", zlib(BODY.as_bytes(), 0))),
        ("zlib without the header", with("", &deflated)),
        ("small zlib without the header", with("", &small)),
        ("zeros behind", with("Content-Encoding: gzip\r\n", [zipped.as_slice(), &[0; 512]].concat())),
        ("two members", with("", [gzip(first.as_bytes()), gzip(second.as_bytes()), vec![0; 3]].concat())),
    ];
    together(bodies.map(|(name, answer)| async move { assert_read(name, answer).await })).await;
}

/// As `JSON.stringify` writes a title that was cut inside an emoji.
#[tokio::test]
async fn half_an_emoji_hides_no_answer() {
    let bodies = [
        r"\ud83d",
        r"\uDE00",
        r"\ud83d\ud83d\ude00",
        r"\\\ud83dx",
        r"\ud83d\n",
        r"\ud83d\u0041",
        r"\\ud83d\ud83d",
    ];
    let bodies = bodies.map(|title| (title, format!("{{\"title\":\"{title}\",{}", &BODY[1..])));
    together(bodies.map(|(name, body)| async move { assert_read(name, with("", body)).await })).await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_named() {
    let bomb = gzip(&vec![b' '; 8 * 1024 * 1024]);
    let bodies = [
        ("br", with("Content-Encoding: br\r\n", b"\x8b\x02\x80"), "compressed (br), which was not asked for"),
        ("zstd", with("", b"\x28\xb5\x2f\xfd\x04\x00"), "compressed (zstd)"),
        ("two at once", with("Content-Encoding: gzip, br\r\n", b"\x8b\x02\x80"), "compressed (br)"),
        ("half of a gzip", with("Content-Encoding: gzip\r\n", &gzip(BODY.as_bytes())[..20]), "ended early"),
        ("zlib that is no JSON", with("", zlib(b"<html>", 6)), "compressed (deflate)"),
        ("half of zlib", with("", &zlib(BODY.as_bytes(), 6)[..20]), "compressed (deflate)"),
        ("a bomb in a bomb", with("Content-Encoding: gzip, gzip\r\n", gzip(&bomb)), "larger than 1 MiB"),
        ("a bomb", with("Content-Encoding: gzip\r\n", bomb), "larger than 1 MiB"),
        ("UTF-32", with("", b"\xff\xfe\0\0{\0\0\0}\0\0\0"), "UTF-32"),
        ("half of UTF-16", with("", b"\xff\xfe{\0}"), "UTF-16"),
        ("Latin-1, and no JSON", with("", b"Gr\xf6\xdfe"), "not in UTF-8"),
        ("bytes", with("", b"\0\x01\x02\x03"), "NUL"),
    ];
    together(bodies.map(|(name, answer, wanted)| async move { assert_named(name, answer, wanted).await }))
        .await;
}

/// A server that closes without TLS's `close_notify`, as many do, has still sent a complete answer where the JSON is complete.
#[tokio::test]
async fn a_whole_answer_counts_however_the_connection_ends_and_half_a_one_never() {
    let whole = [
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{BODY}"),
        format!("HTTP/1.0 200 OK\r\n\r\n{BODY}\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len()),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{BODY}\r\n0\r\n\r\n",
            BODY.len()
        ),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{BODY}\r\n", BODY.len()),
    ];
    let half = &BODY[..BODY.len() - 1];
    let broken = [
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{half}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{half}", BODY.len()),
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12".to_owned(),
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nConte".to_owned(),
    ];
    let cases = whole.map(|answer| (answer, 0)).into_iter().chain(broken.map(|answer| (answer, 5)));
    together(cases.map(|(answer, code)| async move {
        let authority = Authority::new();
        let server =
            Server::tls(&authority, "127.0.0.1", Reply::Truncated(answer.clone().into_bytes())).await;
        let program = run("deploy --wait never").arg("--ca-file").arg(authority.pem.path());
        let hook = server.https_hook();
        let result = step(program.env("DEPLOY_HOOK_URL", &hook), &Secrets::of(&hook, &[])).await;
        assert_eq!(result.code, code, "{answer}\n{}", result.log);
    }))
    .await;
}
