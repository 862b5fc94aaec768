//! Values that cannot be printed, and the redaction of everything that came from outside.
//!
//! The hook URL is a password: whoever has it can deploy. So it is a type without `Display`, whose `Debug` says
//! nothing, and every text that a server or the system gave us goes through [`Redactor::clean`] before anybody
//! sees it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

/// Stands where a secret stood.
const STARS: &str = "***";

/// Shorter texts are not taken for secrets: they would black out ordinary words.
const SHORTEST: usize = 4;

/// What RFC 3986 wants encoded in a value: everything but letters, digits and `- . _ ~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A deploy hook's URL.
#[derive(Clone)]
pub struct HookUrl {
    url: Url,
    pasted: String,
}

/// Why a text is not a deploy hook's URL. None of these carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    /// It holds `***`: copied from a log in which it was masked.
    Masked,
    /// It is the name of a variable or an expression nobody expanded.
    Unexpanded,
    /// A quote at one end only, or inside.
    Quoted,
    /// White space inside.
    Spaced,
    /// A control character inside.
    Control,
    /// A character outside ASCII, often an invisible one.
    NotAscii,
    /// No URL at all.
    NotUrl,
    /// Not `https`.
    NotHttps,
    /// A user name or password in front of the host.
    Credentials,
    /// A `#` part, which is never sent.
    Fragment,
    /// No path behind the host.
    NoPath,
    /// The path ends where its secret part should begin.
    NoSecret,
}

impl HookUrl {
    /// Reads a pasted URL. White space around it and one pair of quotes are taken off; doubled slashes in the path
    /// are read as one, as a document of the platform shows the URL that way.
    pub fn parse(pasted: &str) -> Result<Self, UrlFault> {
        let text = unwrap_pasted(pasted);
        if text.contains(STARS) {
            return Err(UrlFault::Masked);
        }
        if text.starts_with('$') || text.contains("${") || text.contains("{{") {
            return Err(UrlFault::Unexpanded);
        }
        if text.contains(char::is_control) {
            return Err(UrlFault::Control);
        }
        if text.contains(['"', '\'', '`']) {
            return Err(UrlFault::Quoted);
        }
        if text.contains(char::is_whitespace) {
            return Err(UrlFault::Spaced);
        }
        if !text.is_ascii() {
            return Err(UrlFault::NotAscii);
        }
        let mut url = Url::parse(text).map_err(|_| UrlFault::NotUrl)?;
        if !url.has_host() {
            return Err(UrlFault::NotUrl);
        }
        if !is_safe(&url) {
            return Err(UrlFault::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlFault::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlFault::Fragment);
        }
        let path: Vec<&str> = url.path().split('/').filter(|segment| !segment.is_empty()).collect();
        if path.is_empty() && url.query().is_none_or(str::is_empty) {
            return Err(UrlFault::NoPath);
        }
        let ends_early = path.last().is_none_or(|last| {
            last.len() < SHORTEST || matches!(*last, "deploy-hook" | "deploy" | "environments" | "webhooks")
        });
        if ends_early && url.query().is_none() {
            return Err(UrlFault::NoSecret);
        }
        let path = format!("/{}", path.join("/"));
        url.set_path(&path);
        Ok(Self { url, pasted: text.to_owned() })
    }

    /// The URL itself, for the one place that sends requests.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.url
    }

    /// The host, which is no secret.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The path's segments but the last, which is the secret one.
    pub fn public_segments(&self) -> impl Iterator<Item = &str> {
        let mut segments: Vec<&str> = self.url.path().trim_start_matches('/').split('/').collect();
        segments.pop();
        segments.into_iter()
    }

    /// The URL with stars for all that is secret, to show where a request goes.
    #[must_use]
    pub fn label(&self) -> String {
        let public: String = self.public_segments().flat_map(|segment| [segment, "/"]).collect();
        format!("{}/{public}{STARS}", self.url.origin().ascii_serialization())
    }

    /// Every text that gives the hook away: the URL as pasted and as sent, and the secret parts alone.
    fn texts(&self) -> Vec<String> {
        let last = self.url.path().rsplit('/').next().unwrap_or_default().to_owned();
        // Shorter ones are parameters: a branch's name, a flag.
        let pairs = self.url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let values = pairs.map(|(_, value)| value).filter(|value| value.len() >= 8);
        let mut texts = vec![self.pasted.clone(), self.url.as_str().to_owned()];
        // Where the secret is in the query, the path ends in a word: `…/deploy?token=…`.
        if self.url.query().is_none_or(str::is_empty) || last.len() >= 16 {
            texts.push(last);
        }
        texts.extend(values.map(str::to_owned));
        texts
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookUrl(***)")
    }
}

/// A token of an API.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Reads a pasted token. White space around it and one pair of quotes are taken off. `None` where what is left
    /// is empty or cannot be sent in a header.
    #[must_use]
    pub fn parse(pasted: &str) -> Option<Self> {
        let text = unwrap_pasted(pasted);
        let sendable = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        (sendable && !text.contains(STARS)).then(|| Self(text.to_owned()))
    }

    /// Whether both are the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// The token itself, for the one place that sends requests.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Whether a secret may be sent there: over https, or to this machine itself.
#[must_use]
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether the URL's host is this machine itself.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Takes off what a copy and paste adds: white space around, and one pair of quotes.
#[must_use]
pub fn unwrap_pasted(pasted: &str) -> &str {
    let text = pasted.trim().trim_start_matches('\u{feff}');
    let inner = ['"', '\'', '`']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)));
    inner.unwrap_or(text).trim()
}

/// Knows every secret of a run and takes it out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What a runner should mask, as it stands.
    masks: Vec<String>,
    /// What is looked for, in lower case, longest first.
    forms: Vec<String>,
}

impl Redactor {
    /// A redactor for these secrets.
    #[must_use]
    pub fn new<'a>(hook: Option<&HookUrl>, tokens: impl IntoIterator<Item = &'a Token>) -> Self {
        let mut masks: Vec<String> = hook.map(HookUrl::texts).unwrap_or_default();
        masks.extend(tokens.into_iter().map(|token| token.0.clone()));
        masks.retain(|text| text.len() >= SHORTEST);
        let derived: Vec<String> = masks.iter().flat_map(|text| forms(text)).collect();
        // Stars in stars' place would never end.
        masks
            .extend(derived.into_iter().filter(|form| form.len() >= SHORTEST && form.contains(|c| c != '*')));
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

    /// The text with stars for every secret in it, in whatever case or usual encoding it stands there.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            let folded = text.to_ascii_lowercase();
            if folded.contains(form.as_str()) {
                let mut safe = String::with_capacity(text.len());
                let mut from = 0;
                for (at, found) in folded.match_indices(form.as_str()) {
                    safe.push_str(text.get(from..at).unwrap_or_default());
                    safe.push_str(STARS);
                    from = at + found.len();
                }
                safe.push_str(text.get(from..).unwrap_or_default());
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
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.masks.len())
    }
}

/// The encoded forms of a secret that turn up in logs: percent-encoded in either case and decoded, with JSON's
/// escaped slashes, hexadecimal, and base64 in both alphabets.
fn forms(secret: &str) -> Vec<String> {
    let encoded = utf8_percent_encode(secret, RESERVED).to_string();
    let bytes = secret.as_bytes();
    vec![
        percent_decode_str(secret).decode_utf8_lossy().into_owned(),
        secret.replace('/', "\\/"),
        lower_escapes(&encoded),
        encoded,
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|d| char::from_digit(d.into(), 16))
            .collect(),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
    ]
}

/// `%2F` as `%2f`; all else as it is.
fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{done}%{}{rest}", hex.to_ascii_lowercase())
    })
}

/// The text without control characters, escape sequences, and the invisible characters that hide or reorder text.
/// A tab becomes a space; so does a line break, for whoever forgot to split.
#[must_use]
pub fn strip(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_until_final(&mut rest),
            '\t' | '\n' | '\r' => plain.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => plain.push(c),
        }
    }
    plain
}

/// ECMA-48: after ESC comes `[` and a final byte, or a string up to BEL or ST, or one character.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next() {
        Some('[') => skip_until_final(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || (c == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

fn skip_until_final(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// Characters without a shape of their own, or with power over their neighbours' order.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str =
        "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/Zx9-kk_LONGSTRING%2Fq";

    fn fault(text: &str) -> UrlFault {
        HookUrl::parse(text).expect_err(text)
    }

    #[test]
    fn a_pasted_url_loses_what_the_paste_added() {
        for pasted in [
            format!("  {URL}\n"),
            format!("\"{URL}\""),
            format!("'{URL}'\r\n"),
            format!("\u{feff}{URL}"),
            format!("{URL}/"),
        ] {
            assert_eq!(HookUrl::parse(&pasted).unwrap().expose().as_str(), URL, "{pasted:?}");
        }
        let doubled = HookUrl::parse("https://api.fortrabbit.com/v1/deploy-hook//LONGSTRING").unwrap();
        assert_eq!(doubled.expose().as_str(), "https://api.fortrabbit.com/v1/deploy-hook/LONGSTRING");
        for loopback in
            ["http://127.0.0.1:8080/v1/deploy-hook/LONG", "http://[::1]/x/LONG", "http://localhost/a/LONG"]
        {
            assert!(HookUrl::parse(loopback).is_ok(), "{loopback}");
        }
        assert!(
            HookUrl::parse("https://api.example.com/deploy/srv-1?key=abcdef").is_ok(),
            "a secret in the query"
        );
    }

    #[test]
    fn every_way_to_paste_it_wrong_has_a_name_of_its_own() {
        for (text, wanted) in [
            ("***", UrlFault::Masked),
            ("https://api.fortrabbit.com/v1/deploy-hook/***", UrlFault::Masked),
            ("$DEPLOY_HOOK_URL", UrlFault::Unexpanded),
            ("${{ secrets.HOOK }}", UrlFault::Unexpanded),
            ("\"https://a.example/v1/deploy-hook/LONGSTRING", UrlFault::Quoted),
            ("https://a.example/v1/deploy hook/LONGSTRING", UrlFault::Spaced),
            ("https://a.example/v1/deploy-hook/LONG\u{7}STRING", UrlFault::Control),
            ("https://a.example/v1/deploy-hook/LONG\nSTRING", UrlFault::Control),
            ("https://a.example/v1/deploy-hook/LONG\u{200b}STRING", UrlFault::NotAscii),
            ("LONGSTRING", UrlFault::NotUrl),
            ("mailto:a@b.example", UrlFault::NotUrl),
            ("http://api.fortrabbit.com/v1/deploy-hook/LONGSTRING", UrlFault::NotHttps),
            ("ftp://api.fortrabbit.com/v1/deploy-hook/LONGSTRING", UrlFault::NotHttps),
            ("http://127.0.0.1.evil.example/v1/deploy-hook/LONGSTRING", UrlFault::NotHttps),
            ("https://user:pw@a.example/v1/deploy-hook/LONGSTRING", UrlFault::Credentials),
            ("https://a.example/v1/deploy-hook/LONGSTRING#top", UrlFault::Fragment),
            ("https://a.example", UrlFault::NoPath),
            ("https://a.example//", UrlFault::NoPath),
            ("https://a.example/v1/deploy-hook/", UrlFault::NoSecret),
            ("https://a.example/webhooks/environments/en-wjl0ai/deploy", UrlFault::NoSecret),
        ] {
            assert_eq!(fault(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_secret_has_no_shape_that_could_be_printed() {
        let hook = HookUrl::parse(URL).unwrap();
        let token = Token::parse(" \"frbit-at-0123456789abcdef\" ").unwrap();
        assert_eq!(token.expose(), "frbit-at-0123456789abcdef");
        assert_eq!(format!("{hook:?} {token:?}"), "HookUrl(***) Token(***)");
        assert_eq!(hook.label(), "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/***");
        assert!(
            Token::parse("two words").is_none()
                && Token::parse("  ").is_none()
                && Token::parse("***").is_none()
        );
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
        let public = "en-wjl0ai at api.fortrabbit.com: Environment not found. /webhooks/environments/";
        assert_eq!(redactor.redact(public), public);
    }

    #[test]
    fn a_secret_that_decodes_to_stars_or_to_a_word_is_still_redacted_in_finite_time() {
        let redactor = |secret: &str| {
            Redactor::new(Some(&HookUrl::parse(&format!("https://a.example/v1/{secret}")).unwrap()), [])
        };
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
        let redactor = Redactor::new(Some(&HookUrl::parse(URL).unwrap()), []);
        let has = |text: &str| redactor.masks().iter().any(|mask| mask == text);
        assert!(has(URL) && has("Zx9-kk_LONGSTRING%2Fq") && has("Zx9-kk_LONGSTRING/q"));
        let lower = "https%3a%2f%2fapi.fortrabbit.com%2fwebhooks%2fenvironments%2fen-wjl0ai%2fdeploy%2fZx9-kk_LONGSTRING%252Fq";
        assert!(has(lower), "lower-case escapes, which the runner does not derive");
        for public in ["api.fortrabbit.com", "en-wjl0ai", "deploy", "webhooks"] {
            assert!(!has(public), "{public}");
        }
    }

    #[test]
    fn foreign_text_is_one_plain_short_line() {
        let redactor = Redactor::new(Some(&HookUrl::parse(URL).unwrap()), []);
        let clean = |text: &str| redactor.clean(text, 40);
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}plain\u{9b}1m!"), "red plain!");
        assert_eq!(clean("a\rb\nc\td\u{0}\u{202e}e\u{200b}"), "a b c de");
        assert_eq!(clean("Zx9-kk_LONG\u{200b}STRING%2Fq"), "***", "stripped first, then redacted");
        assert_eq!(clean(&"ü".repeat(99)), format!("{}…", "ü".repeat(40)));
    }
}
