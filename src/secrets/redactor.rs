//! Takes a run's secrets out of any text, in whatever case or encoding.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::hook_url::HookUrl;
use super::parts::SHORTEST;
use super::sanitize::{STARS, strip};
use super::token::Token;

/// What RFC 3986 wants encoded in a value: everything but letters, digits and `- . _ ~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Knows every secret of a run and takes it out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What a runner should mask.
    masks: Vec<String>,
    /// What is looked for, in lower case, longest first.
    forms: Vec<String>,
}

impl Redactor {
    /// A redactor for these secrets.
    #[must_use]
    pub fn new<'a>(hook: Option<&HookUrl>, tokens: impl IntoIterator<Item = &'a Token>) -> Self {
        let tokens = tokens.into_iter().map(|token| token.expose().to_owned());
        Self::default().with(hook.map(HookUrl::texts).unwrap_or_default().into_iter().chain(tokens))
    }

    /// The same for these secrets as well.
    #[must_use]
    pub fn with(self, secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets: Vec<String> = secrets.into_iter().filter(|text| text.len() >= SHORTEST).collect();
        let derived: Vec<String> = secrets.iter().flat_map(|text| forms(text)).collect();
        // Stars in stars' place would never end.
        let derived =
            derived.into_iter().filter(|form| form.len() >= SHORTEST && form.contains(|c| c != '*'));
        let mut masks = [self.masks, secrets, derived.collect()].concat();
        masks.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        masks.dedup();
        let mut forms: Vec<String> = masks.iter().map(|text| text.to_ascii_lowercase()).collect();
        forms.dedup();
        Self { masks, forms }
    }

    /// The texts a runner should mask in its log, longest first: the secrets and the encoded forms of them that a
    /// runner does not derive by itself.
    #[must_use]
    pub fn masks(&self) -> &[String] {
        &self.masks
    }

    /// The text with stars for every secret in it, in any case and any usual encoding.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut folded = text.to_ascii_lowercase();
        for form in &self.forms {
            if folded.contains(form.as_str()) {
                let mut safe = String::with_capacity(text.len());
                let mut from = 0;
                for (at, found) in folded.match_indices(form.as_str()) {
                    safe.push_str(text.get(from..at).unwrap_or_default());
                    safe.push_str(STARS);
                    from = at + found.len();
                }
                safe.push_str(text.get(from..).unwrap_or_default());
                folded = safe.to_ascii_lowercase();
                text = safe;
            }
        }
        text
    }

    /// One line of foreign text, fit to be shown: no control or escape sequence, nothing that reorders or hides
    /// text, no secret, at most `longest` characters.
    #[must_use]
    pub fn clean(&self, text: &str, longest: usize) -> String {
        let plain = self.redact(strip(text).trim());
        match plain.char_indices().nth(longest) {
            Some((cut, _)) => format!("{}…", plain.get(..cut).unwrap_or_default()),
            None => plain,
        }
    }

    /// The same for a line of a log, with its indentation, which says what belongs together.
    #[must_use]
    pub fn clean_line(&self, text: &str, longest: usize) -> String {
        const DEEPEST: usize = 40;
        let plain = strip(&text.replace('\t', "    "));
        let indent = plain.chars().take_while(|c| c.is_whitespace()).count().min(DEEPEST);
        match self.clean(&plain, longest) {
            line if line.is_empty() => line,
            line => format!("{:indent$}{line}", ""),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.masks.len())
    }
}

/// The encoded forms of a secret that turn up in logs: percent-encoded in either case and decoded, escaped for JSON and
/// HTML, hexadecimal, and base64 in both alphabets, alone or within a longer text.
fn forms(secret: &str) -> Vec<String> {
    let decoded = percent_decode_str(secret).decode_utf8_lossy();
    let mut found =
        vec![secret.replace('/', "\\/"), hex(secret, "%"), hex(secret, ""), secret.replace('&', "&amp;")];
    let texts = [Some(secret), Some(&*decoded).filter(|decoded| *decoded != secret)];
    for text in texts.into_iter().flatten() {
        let encoded = utf8_percent_encode(text, RESERVED).to_string();
        found.push(lower_escapes(&encoded));
        found.push(encoded);
        found.extend(base64_forms(text.as_bytes()));
        // As frameworks escape all but letters and digits: for HTML in both notations, for JSON and JavaScript.
        found.push(escape(text, |form, c| write!(form, "&#{};", u32::from(c))));
        found.push(escape(text, |form, c| write!(form, "&#x{:x};", u32::from(c))));
        found.push(escape(text, |form, c| write!(form, "\\u{:04x}", u32::from(c))));
    }
    found.push(decoded.into_owned());
    found
}

fn hex(text: &str, before: &str) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let mut form = String::with_capacity(text.len() * (before.len() + 2));
    for byte in text.bytes() {
        form.push_str(before);
        form.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    form
}

fn escape(text: &str, write: impl Fn(&mut String, char) -> fmt::Result) -> String {
    let mut form = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~') {
            form.push(c);
        } else {
            let _ = write(&mut form, c); // writing into a string cannot fail
        }
    }
    form
}

/// The base64 of a secret, alone and wherever it may begin in a longer text: of the three ways a text can lie, the
/// characters that its neighbours have no part in.
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut found = vec![STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    for before in 0..3 {
        let shifted = [&[0_u8, 0][..before], secret].concat();
        let first = (before * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            found.extend(encoded.get(first..last).filter(|form| form.len() >= 8).map(str::to_owned));
        }
    }
    found
}

/// `%2F` as `%2f`; all else as it is.
fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.extend(hex.chars().map(|digit| digit.to_ascii_lowercase()));
        lower.push_str(rest);
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_secret_in_the_query_leaves_the_words_of_the_path_alone() {
        let hook =
            HookUrl::parse("https://ploi.example/sites/1/deploy?token=0123456789abcdef&ref=main").unwrap();
        let redactor = Redactor::new(Some(&hook), []);
        assert_eq!(redactor.redact("deploy main with 0123456789abcdef"), "deploy main with ***");
    }

    #[test]
    fn masks_cover_the_secrets_and_never_hosts_or_ids() {
        let redactor = redactor(URL);
        let has = |text: &str| redactor.masks().iter().any(|mask| mask == text);
        assert!(has(URL) && has("Zx9-kk_LONGSTRING%2Fq") && has("Zx9-kk_LONGSTRING/q"));
        let lower =
            "https%3a%2f%2fci.example%2fwebhooks%2fprojects%2fshop%2fdeploy%2fZx9-kk_LONGSTRING%252Fq";
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
            hex(secret, "%").to_uppercase(),
            hex(secret, ""),
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
}
