//! A deploy hook's URL. It is sent as it was pasted, and only its public parts can be printed.

use std::fmt;

use url::Url;

use super::parts::{SHORTEST, secret_parts, secrets_of_query};
use super::pasted::{PasteFault, UrlFault, has_host};
use super::sanitize::{STARS, unwrap_pasted};
use super::url_safety::{has_user, is_safe, is_sendable, is_too_long};

/// A deploy hook's URL.
#[derive(Clone)]
pub struct HookUrl {
    url: Url,
    pasted: String,
    documented: Option<DocumentedHook>,
}

/// What a platform's documents say of a hook's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentedHook {
    /// The URL as it is sent.
    pub url: Url,
    /// What of its path and query may be shown, without the slash in front.
    pub public: String,
    /// The parts that are secret, as they are written in the URL.
    pub secrets: Vec<String>,
}

impl DocumentedHook {
    /// A hook whose secret is this part, beside those of its query.
    pub fn new(url: &Url, public: String, secret: &str) -> Self {
        let mut secrets = secrets_of_query(url.query().unwrap_or_default());
        secrets.push(secret.to_owned());
        Self { url: url.clone(), public, secrets }
    }
}

impl HookUrl {
    /// Reads a pasted URL. White space around it and one pair of quotes are taken off.
    pub fn parse(pasted: &str) -> Result<Self, UrlFault> {
        let text = unwrap_pasted(pasted);
        if let Some(fault) = PasteFault::of(text) {
            return Err(UrlFault::Paste(fault));
        }
        let url = Url::parse(text).ok().filter(|url| url.has_host() && !has_host(text));
        let url = url.ok_or_else(|| UrlFault::of_no_url(text))?;
        if !is_safe(&url) {
            return Err(if url.scheme() == "http" { UrlFault::Http } else { UrlFault::NotHttps });
        }
        if has_user(&url) {
            return Err(UrlFault::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlFault::Fragment);
        }
        if is_too_long(&url) {
            return Err(UrlFault::TooLong);
        }
        if !is_sendable(&url) {
            return Err(UrlFault::BadHost);
        }
        if url.query().unwrap_or_default().is_empty() && url.path().bytes().all(|byte| byte == b'/') {
            return Err(UrlFault::NoPath);
        }
        Ok(Self { pasted: text.to_owned(), url, documented: None })
    }

    /// The same hook, with what its platform's documents say of it.
    #[must_use]
    pub fn documented(self, hook: DocumentedHook) -> Self {
        Self { url: hook.url.clone(), documented: Some(hook), ..self }
    }

    /// Whether it ends in a word and holds no secret. Most hooks end in their secret: then this one was cut off.
    pub fn ends_early(&self) -> bool {
        const WORDS: [&str; 4] = ["deploy-hook", "deploy", "environments", "webhooks"];
        let mut segments = self.url.path().split('/');
        let last = segments.rfind(|segment| !segment.is_empty()).unwrap_or_default();
        self.query().is_empty()
            && (last.len() < SHORTEST || WORDS.contains(&last))
            && secret_parts(self.url.path(), "").is_empty()
    }

    fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
    }

    /// The URL itself, for the one place that sends requests.
    pub fn expose(&self) -> &Url {
        &self.url
    }

    /// The host, which is no secret.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The URL with stars for all that is secret. Of a hook that no platform documents only the origin is shown.
    pub fn label(&self) -> String {
        let public = self.documented.as_ref().map_or("", |hook| hook.public.as_str());
        format!("{}/{public}{STARS}", self.url.origin().ascii_serialization())
    }

    /// Every text that gives the hook away: the URL as pasted and as sent, and the secret parts alone.
    pub(super) fn texts(&self) -> Vec<String> {
        let parts = match &self.documented {
            Some(hook) => hook.secrets.clone(),
            None => secret_parts(self.url.path(), self.query()),
        };
        [self.pasted.clone(), self.url.as_str().to_owned()].into_iter().chain(parts).collect()
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookUrl(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://ci.example/webhooks/environments/en-wjl0ai/deploy/Zx9-kk_LONGSTRING%2Fq";

    fn fault(text: &str) -> UrlFault {
        HookUrl::parse(text).expect_err(text)
    }

    #[test]
    fn a_pasted_url_loses_what_the_paste_added() {
        for pasted in
            [format!("  {URL}\n"), format!("\"{URL}\""), format!("'{URL}'\r\n"), format!("\u{feff}{URL}")]
        {
            assert_eq!(HookUrl::parse(&pasted).unwrap().expose().as_str(), URL, "{pasted:?}");
        }
        for loopback in
            ["http://127.0.0.1:8080/v1/deploy-hook/LONG", "http://[::1]/x/LONG", "http://localhost/a/LONG"]
        {
            assert!(HookUrl::parse(loopback).is_ok(), "{loopback}");
        }
    }

    #[test]
    fn what_is_sent_is_what_was_pasted() {
        for url in [
            "https://ci.example/deploy/srv-1?key=abcdef",
            "https://ci.example/git/Zx9kkLONG/trigger",
            "https://ci.example/hooks//Zx9kkLONG/",
            "https://ci.example/hooks/Zx9%2fkk%2BLONG%7e;v=1/deploy.json",
            "https://ci.example/hooks/Zx9kk+LONG,(a)!*$@:x=y",
            "https://ci.example/?Zx9kkLONG",
            "https://ci.example/d?key=Zx9%2bkk==&branch=feature%2Fa+b&empty=&&x=~%7E[1]|^",
            "https://ci.example/v1/deploy-hook//LONGSTRING",
            "https://ci.example/v1/deploy-hook/LONGSTRING/",
        ] {
            assert_eq!(HookUrl::parse(url).unwrap().expose().as_str(), url);
        }
    }

    #[test]
    fn only_what_is_documented_as_public_is_shown() {
        for (url, shown) in [
            (URL, "https://ci.example/***"),
            ("https://ci.example:8443/v1/deploy-hook/LONGSTRING", "https://ci.example:8443/***"),
            ("http://127.0.0.1:8080/git/Zx9kkLONG/trigger?key=abc", "http://127.0.0.1:8080/***"),
            ("https://ci.example?Zx9kkLONG", "https://ci.example/***"),
        ] {
            let hook = HookUrl::parse(url).unwrap();
            assert_eq!((hook.label().as_str(), format!("{hook:?}").as_str()), (shown, "HookUrl(***)"));
        }
        let (hook, secrets) = (HookUrl::parse(URL).unwrap(), vec!["Zx9-kk_LONGSTRING%2Fq".to_owned()]);
        let (url, public) = (hook.expose().clone(), "webhooks/environments/en-wjl0ai/deploy/".to_owned());
        let hook = hook.documented(DocumentedHook { url, public, secrets });
        assert_eq!(hook.label(), "https://ci.example/webhooks/environments/en-wjl0ai/deploy/***");
        assert_eq!(hook.texts(), [URL, URL, "Zx9-kk_LONGSTRING%2Fq"]);
    }

    #[test]
    fn every_way_to_paste_it_wrong_has_a_name_of_its_own() {
        for (text, wanted) in [
            ("***", UrlFault::Paste(PasteFault::Masked)),
            ("https://a.example/v1/deploy-hook/***", UrlFault::Paste(PasteFault::Masked)),
            ("$DEPLOY_HOOK_URL", UrlFault::Paste(PasteFault::Unexpanded)),
            ("${{ secrets.HOOK }}", UrlFault::Paste(PasteFault::Unexpanded)),
            ("\"https://a.example/v1/deploy-hook/LONGSTRING", UrlFault::Paste(PasteFault::Quoted)),
            ("https://a.example/v1/deploy hook/LONGSTRING", UrlFault::Paste(PasteFault::Spaced)),
            ("https://a.example/v1/deploy-hook/LONG\u{7}STRING", UrlFault::Paste(PasteFault::Control)),
            ("https://a.example/v1/deploy-hook/LONG\nSTRING", UrlFault::Paste(PasteFault::LineBreak)),
            ("https://a.example/v1/deploy-hook/LONG\u{200b}STRING", UrlFault::Paste(PasteFault::NotAscii)),
            ("LONGSTRING", UrlFault::Word),
            ("mailto:a@b.example", UrlFault::NotUrl),
            ("http://a.example/v1/deploy-hook/LONGSTRING", UrlFault::Http),
            ("https://a.example:99999/v1/deploy-hook/LONGSTRING", UrlFault::BadHost),
            ("http://127.0.0.1:99999/v1/deploy-hook/LONGSTRING", UrlFault::BadHost),
            ("https:///", UrlFault::BadHost),
            ("https://1.2.3.999/v1/deploy-hook/LONGSTRING", UrlFault::BadHost),
            ("https//a.example/v1/deploy-hook/LONGSTRING", UrlFault::NoScheme),
            ("ftp://a.example/v1/deploy-hook/LONGSTRING", UrlFault::NotHttps),
            ("http://127.0.0.1.evil.example/v1/deploy-hook/LONGSTRING", UrlFault::Http),
            ("https://user:pw@a.example/v1/deploy-hook/LONGSTRING", UrlFault::Credentials),
            ("https://a.example/v1/deploy-hook/LONGSTRING#top", UrlFault::Fragment),
            ("https://a.example", UrlFault::NoPath),
            ("https://a.example//", UrlFault::NoPath),
            ("https://a.example/?", UrlFault::NoPath),
        ] {
            assert_eq!(fault(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_hook_that_was_cut_off_ends_in_a_word() {
        let ends_early = |url: &str| HookUrl::parse(url).unwrap().ends_early();
        for url in
            ["https://a.example/v1/deploy-hook/", "https://a.example/hooks/deploy", "https://a.example/x"]
        {
            assert!(ends_early(url), "{url}");
        }
        for url in [URL, "https://a.example/deploy?key=abcdef", "https://a.example/git/Zx9kkLONG/deploy"] {
            assert!(!ends_early(url), "{url}");
        }
    }

    #[test]
    fn a_url_of_which_no_request_can_be_made_is_none_of_a_hook() {
        let of_length = |length: usize| format!("https://a.example/{}", "a".repeat(length - 18));
        assert!(HookUrl::parse(&of_length(32_000)).is_ok());
        for length in [32_001, 65_536, 200_000] {
            assert_eq!(fault(&of_length(length)), UrlFault::TooLong, "{length}");
        }
        // The parser of URLs takes these in a host's name. Those that it takes in a path and a query can be sent.
        for url in ["https://a\"b.example/x", "https://a`b.example/x", "https://a{b}.example/x"] {
            assert!(!is_sendable(&Url::parse(url).unwrap()), "{url}");
        }
        let ascii: String = (' '..='~').filter(|c| !"#?".contains(*c)).collect();
        for url in [format!("https://a.example/{ascii}"), format!("https://a.example/x?{ascii}?")] {
            assert!(is_sendable(&Url::parse(&url).unwrap()), "{url}");
        }
    }
}
