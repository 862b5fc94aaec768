//! Takes a run's secrets out of any text, in whatever case or encoding.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::escapes::{escape_at_start, has_escapes};
use super::forms::{escaped_forms, lower_escapes, unescaped_forms};
use super::hook_url::HookUrl;
use super::parts::SHORTEST;
use super::sanitize::{STARS, strip};
use super::token::Token;

/// Fewer than there are bytes: every run makes and drops them.
const BUCKETS: usize = 64;

/// Knows every secret of a run and takes it out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Arc<Secrets>,
}

/// The secrets of a run, and the texts to look for.
#[derive(Clone, Default)]
struct Secrets {
    /// As they were given.
    values: Vec<String>,
    /// The secrets and their forms without escaped characters.
    unescaped: Forms,
    /// The secrets and all their forms, made for the first text that holds an escaped character.
    all: OnceLock<Forms>,
}

/// Texts to look for, by [`bucket`].
#[derive(Clone, Default)]
struct Forms(Vec<Vec<String>>);

impl Forms {
    /// Adds one, and says whether it is a new one that is long enough.
    fn add(&mut self, form: String) -> bool {
        self.0.resize_with(BUCKETS, Vec::new);
        let first = form.bytes().next().filter(|_| form.len() >= SHORTEST);
        let alike = first.and_then(|first| self.0.get_mut(bucket(first)));
        let alike = alike.filter(|alike| !alike.contains(&form));
        alike.map(|alike| alike.push(form)).is_some()
    }

    /// Adds forms of a secret. Stars in stars' place would hide nothing.
    fn extend(&mut self, forms: Vec<String>) {
        let forms = forms.into_iter().filter(|form| form.bytes().any(|byte| byte != b'*'));
        forms.for_each(|form| _ = self.add(form));
    }

    /// How long the longest one is that a text begins with.
    fn at_start(&self, text: &[u8]) -> Option<usize> {
        let alike = self.0.get(bucket(*text.first()?))?.iter();
        let is_here = |form: &&String| {
            text.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form.as_bytes()))
        };
        alike.filter(is_here).map(String::len).max()
    }

    /// The same where any of its characters may be escaped: encoders differ in which ones they leave alone.
    fn escaped_at_start(&self, text: &[u8]) -> Option<usize> {
        let first = escape_at_start(text).map_or(*text.first()?, |(byte, _)| byte);
        let length = |form: &String| {
            let mut rest = text;
            for byte in form.bytes() {
                let (found, length) = match escape_at_start(rest) {
                    Some(escape) if escape.0.eq_ignore_ascii_case(&byte) => escape,
                    _ => (*rest.first()?, 1),
                };
                rest = rest.get(length..).filter(|_| found.eq_ignore_ascii_case(&byte))?;
            }
            Some(text.len() - rest.len())
        };
        self.0.get(bucket(first))?.iter().filter_map(length).max().max(self.at_start(text))
    }
}

impl Redactor {
    /// A redactor for these secrets.
    pub fn new<'a>(hook: Option<&HookUrl>, tokens: impl IntoIterator<Item = &'a Token>) -> Self {
        let tokens = tokens.into_iter().map(|token| token.expose().to_owned());
        Self::default().with(hook.map(HookUrl::texts).unwrap_or_default().into_iter().chain(tokens))
    }

    /// The same for these secrets as well.
    #[must_use]
    pub fn with(self, secrets: impl IntoIterator<Item = String>) -> Self {
        let mut known = Secrets { all: OnceLock::new(), ..Arc::unwrap_or_clone(self.secrets) };
        for secret in secrets {
            if known.unescaped.add(secret.clone()) {
                known.unescaped.extend(unescaped_forms(&secret));
                known.values.push(secret);
            }
        }
        Self { secrets: Arc::new(known) }
    }

    fn all_forms(&self) -> &Forms {
        self.secrets.all.get_or_init(|| {
            let mut all = self.secrets.unescaped.clone();
            for secret in &self.secrets.values {
                all.extend(escaped_forms(secret));
            }
            all
        })
    }

    /// The texts a runner should mask in its log, longest first: the secrets and the encoded forms of them that a
    /// runner does not derive by itself.
    pub fn masks(&self) -> Vec<String> {
        let forms = || self.all_forms().0.iter().flatten();
        let lower = forms().filter(|form| form.contains('%')).map(|form| lower_escapes(form));
        let mut masks: Vec<String> = forms().cloned().chain(lower).collect();
        masks.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        masks.dedup();
        masks
    }

    /// The text with stars for every secret in it, in any case and any usual encoding, of whichever of its characters.
    pub fn redact(&self, text: &str) -> String {
        let has_escapes = has_escapes(text);
        let at_start = |rest| {
            let Secrets { unescaped, .. } = &*self.secrets;
            if has_escapes { self.all_forms().escaped_at_start(rest) } else { unescaped.at_start(rest) }
        };
        let mut safe = String::with_capacity(text.len());
        // Everything before this is in `safe`; what is secret reaches up to `secret`.
        let (mut shown, mut secret) = (0, 0);
        for at in 0..text.len() {
            let Some(length) = text.as_bytes().get(at..).and_then(at_start) else { continue };
            if at >= secret {
                safe.push_str(text.get(shown..at).unwrap_or_default());
                safe.push_str(STARS);
            }
            secret = secret.max(at + length);
            shown = secret;
        }
        safe.push_str(text.get(shown..).unwrap_or_default());
        safe
    }

    /// One line of foreign text, fit to be shown: no control or escape sequence, nothing that reorders or hides
    /// text, no secret, at most `longest` characters.
    pub fn clean(&self, text: &str, longest: usize) -> String {
        let plain = self.redact(strip(text).trim());
        match plain.char_indices().nth(longest) {
            Some((cut, _)) => format!("{}…", plain.get(..cut).unwrap_or_default()),
            None => plain,
        }
    }

    /// The same for a line of a log, with its indentation, which says what belongs together.
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
        write!(f, "Redactor({} secrets)", self.secrets.values.len())
    }
}

/// Where forms that begin with this byte are, in either case; some with other bytes are there as well.
fn bucket(first: u8) -> usize {
    usize::from(first.to_ascii_lowercase()) % BUCKETS
}

#[cfg(test)]
mod tests {
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
            "Zx9%2Dkk%5FLO%2FNG%2BST%3Dr%26q", // all but letters and digits, as in Rust and Swift
            "Zx9-kk_LO%252FNG%252BST%253Dr%2526q", // encodeURIComponent, twice
            "Zx9-kk_LO/NG&#43;ST=r&amp;q",     // Go's html/template
            "Zx9-kk_LO&#x2F;NG+ST&#x3D;r&amp;q", // mustache
            "Zx9-kk_LO/NG+ST&#61;r&amp;amp;q", // HTML, twice
            "Zx9-kk_LO/NG+ST=r\\u0026q",       // Go's JSON
            "Zx9-kk_LO\\/NG+ST=r\\u0026q",     // Rails' JSON, PHP's
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
}
