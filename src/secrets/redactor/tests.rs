//! Tests of `redactor.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{percent_encode_byte, utf8_percent_encode};

use super::*;
use crate::secrets::forms::RESERVED;

const URL: &str = "https://ci.example/webhooks/projects/shop/deploy/Zx9-kk_LONGSTRING%2Fq";

fn redactor(hook: &str) -> Redactor {
    Redactor::new(Some(&HookUrl::parse(hook).unwrap()), [])
}

#[test]
fn no_usual_encoding_of_a_secret_survives_redaction_and_nothing_public_is_lost() {
    let (hook, token) = (HookUrl::parse(URL).unwrap(), Token::parse("frbit-at-00ff00ff").unwrap());
    let redactor = Redactor::new(Some(&hook), [&token]);
    let base64 = STANDARD_NO_PAD.encode(URL);
    let hex = URL.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
    for leak in [
        URL.to_owned(),
        URL.to_ascii_uppercase(),
        URL.replace('/', "\\/"),
        utf8_percent_encode(URL, RESERVED).to_string(),
        utf8_percent_encode(URL, RESERVED).to_string().to_lowercase(),
        "path /deploy/Zx9-kk_LONGSTRING%2Fq refused".to_owned(),
        "decoded Zx9-kk_LONGSTRING/q".to_owned(),
        base64,
        hex,
        "Bearer frbit-at-00ff00ff".to_owned(),
    ] {
        let safe = redactor.redact(&leak).to_lowercase();
        for secret in ["longstring", "00ff00ff", "g9uz1nuuk"] {
            assert!(!safe.contains(secret), "{leak} -> {safe}");
        }
    }
    let public = "shop at ci.example: Project not found. /webhooks/projects/";
    assert_eq!(redactor.redact(public), public);
}

#[test]
fn a_secret_that_decodes_to_stars_or_to_a_word_is_still_redacted_in_finite_time() {
    let redactor = |secret: &str| redactor(&format!("https://a.example/v1/{secret}"));
    assert_eq!(redactor("%2a%2a%2a%2a").redact("x ****%2A%2a%2a%2a y"), "x ******* y");
    assert_eq!(redactor("%64%65").redact("the deployment"), "the deployment");
}

#[test]
fn secrets_that_overlap_leave_nothing_of_either() {
    let redactor =
        Redactor::default().with(["abcd-efgh".to_owned(), "efgh-ijkl".to_owned(), "cd-ef".to_owned()]);
    assert_eq!(redactor.redact("x ABCD-efgh-IJKL y"), "x *** y");
    assert_eq!(redactor.redact("abcd-efghabcd-efgh"), "******");
}

#[test]
fn a_secret_in_the_query_leaves_the_words_of_the_path_alone() {
    let hook = HookUrl::parse("https://ploi.example/sites/1/deploy?token=0123456789abcdef&ref=main").unwrap();
    let redactor = Redactor::new(Some(&hook), []);
    assert_eq!(redactor.redact("deploy main with 0123456789abcdef"), "deploy main with ***");
}

#[test]
fn masks_cover_the_secrets_and_never_hosts_or_ids() {
    let redactor = redactor(URL);
    let has = |text: &str| redactor.masks().iter().any(|mask| mask == text);
    assert!(has(URL) && has("Zx9-kk_LONGSTRING%2Fq") && has("Zx9-kk_LONGSTRING/q"));
    let lower = "https%3a%2f%2fci.example%2fwebhooks%2fprojects%2fshop%2fdeploy%2fZx9-kk_LONGSTRING%252Fq";
    assert!(has(lower), "lower-case escapes, which the runner does not derive");
    for public in ["ci.example", "shop", "deploy", "webhooks"] {
        assert!(!has(public), "{public}");
    }
}

#[test]
fn a_secret_is_found_in_whatever_way_a_server_gives_it_back() {
    let secret = "Zx9+kk/LONG=STRING&q7W";
    let redactor = Redactor::new(None, [&Token::parse(secret).unwrap()]);
    let base64 = |text: &str| STANDARD_NO_PAD.encode(text);
    for echo in [
        secret.to_lowercase(),
        secret.replace('/', "\\/"),
        "Zx9\\u002bkk\\u002fLONG\\u003dSTRING\\u0026q7W".to_owned(),
        "Zx9\\u002Bkk\\u002FLONG\\u003DSTRING\\u0026q7W".to_owned(),
        "Zx9+kk/LONG=STRING&amp;q7W".to_owned(),
        "Zx9&#43;kk&#47;LONG&#61;STRING&#38;q7W".to_owned(),
        "Zx9&#x2B;kk&#x2F;LONG&#x3D;STRING&#x26;q7W".to_owned(),
        "Zx9%2Bkk%2fLONG%3DSTRING%26q7W".to_lowercase(),
        secret.bytes().map(percent_encode_byte).collect(),
        secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
        base64(secret),
        base64(&format!("user:{secret}")),
        base64(&format!("x{secret}, and more")),
        base64(&format!("xy{secret}")),
        URL_SAFE_NO_PAD.encode(format!("xyz{secret}!")),
    ] {
        let safe = redactor.redact(&echo).to_lowercase();
        assert!(safe.contains("***"), "{echo} -> {safe}");
        for piece in ["long", "string", "4c4f4e47", "tE9OR", "xPTkc", "MT05H"] {
            assert!(!safe.contains(&piece.to_lowercase()), "{echo} -> {safe}");
        }
    }
}

#[test]
fn a_blank_is_found_as_forms_send_it() {
    let header = Redactor::default().with(["correct horse: battery".to_owned()]);
    for echo in ["correct+horse:+battery", "correct+horse%3A+battery", "correct%20horse%3a%20battery"] {
        assert_eq!(header.redact(echo), "***");
    }
    let hook = redactor("https://ci.example/deploy/srv-1?key=Key%20with%26+chars");
    for echo in ["Key+with%26+chars", "Key with&+chars", "Key with& chars", "Key+with%26%2Bchars"] {
        assert_eq!(hook.redact(echo), "***", "{echo}");
    }
    assert!(hook.masks().iter().any(|mask| mask == "Key+with%26+chars"));
}

#[test]
fn a_secret_is_found_as_frameworks_escape_it() {
    let secret = "Pa s!w*r~d\"<'\\&/";
    let redactor = Redactor::default().with([secret.to_owned()]);
    for echo in [
        "Pa+s%21w*r%7Ed%22%3C%27%5C%26%2F",   // URLSearchParams
        "Pa%20s!w*r~d%22%3C'%5C%26%2F",       // encodeURIComponent
        "Pa+s%21w%2Ar~d%22%3C%27%5C%26%2F",   // Python's quote_plus
        "Pa s!w*r~d\\\"<'\\\\&/",             // JSON
        "Pa s!w*r~d\\\"<'\\\\&\\/",           // PHP's JSON
        "Pa s!w*r~d&quot;&lt;&#039;\\&amp;/", // PHP's htmlspecialchars
        "Pa s!w*r~d&quot;&lt;&#39;\\&amp;/",  // Python's, Ruby's
        "Pa s!w*r~d\"&lt;'\\&amp;/",          // the text of an element
    ] {
        assert_eq!(redactor.redact(echo), "***", "{echo}");
    }
    assert_eq!(Redactor::default().with(["Zx9kk~LONG".to_owned()]).redact("Zx9kk%7ELONG"), "***");
}

#[test]
fn a_secret_is_found_whichever_of_its_characters_are_escaped() {
    let redactor = Redactor::default().with(["Zx9-kk_LO/NG+ST=r&q".to_owned()]);
    for echo in [
        "Zx9-kk_LO/NG%2BST%3Dr%26q",                     // Python's quote
        "Zx9-kk_LO/NG+ST=r%26q",                         // Go's PathEscape, but for the slash
        "Zx9%2Dkk%5FLO%2FNG%2BST%3Dr%26q",               // all but letters and digits, as in Rust and Swift
        "Zx9-kk_LO%252FNG%252BST%253Dr%2526q",           // encodeURIComponent, twice
        "Zx9-kk_LO/NG&#43;ST=r&amp;q",                   // Go's html/template
        "Zx9-kk_LO&#x2F;NG+ST&#x3D;r&amp;q",             // mustache
        "Zx9-kk_LO/NG+ST&#61;r&amp;amp;q",               // HTML, twice
        "Zx9-kk_LO/NG+ST=r\\u0026q",                     // Go's JSON
        "Zx9-kk_LO\\/NG+ST=r\\u0026q",                   // Rails' JSON, PHP's
        "%5A\\u0078&#57;-kk_LO\\u002FNG%2bST\\u003dr&q", // all of them
    ] {
        assert_eq!(redactor.redact(&format!("no {echo}.")), "no ***.", "{echo}");
    }
    let others = r"100% of Zx9-kk%_LO, &#; &#x110000; &#99999999999; \u00 \u12 %2 % & \\";
    assert_eq!(redactor.redact(others), others);
    assert_eq!(Redactor::default().with(["ab%2Fcd".to_owned()]).redact("%61b%2Fcd ab%252Fcd"), "*** ***");
}

#[test]
fn words_of_a_foreign_url_stay_in_the_log() {
    let redactor = redactor(
        "https://ci.example/api/projects/production/Zx9kkLONG/deploy?branch=production&title=My+release&key=abc123",
    );
    let line = "deploy of production: My release, projects, My+release; Zx9kkLONG abc123";
    assert_eq!(redactor.redact(line), "deploy of production: My release, projects, My+release; *** ***");
}

#[test]
fn foreign_text_is_one_plain_short_line() {
    let redactor = redactor(URL);
    let clean = |text: &str| redactor.clean(text, 40);
    assert_eq!(clean("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}plain\u{9b}1m!"), "red plain!");
    assert_eq!(clean("a\rb\nc\td\u{0}\u{202e}e\u{200b}"), "a b c de");
    assert_eq!(clean("Zx9-kk_LONG\u{200b}STRING%2Fq"), "***", "stripped first, then redacted");
    assert_eq!(clean(&"ü".repeat(99)), format!("{}…", "ü".repeat(40)));
}
