//! A deploy hook's URL: what is sent is what was pasted, and nothing of it can be printed but what is known to be public.

use std::fmt;

use url::Url;

use super::parts::{secret_parts, secrets_of_query};
use super::{SHORTEST, STARS, is_loopback, is_safe, unwrap_pasted};

/// The platform's host.
const HOST: &str = "api.fortrabbit.com";

/// A deploy hook's URL.
#[derive(Clone)]
pub struct HookUrl {
    url: Url,
    pasted: String,
    /// Whether its host is the platform's, so that its path may be shown up to the secret.
    at_home: bool,
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
    /// Reads a pasted URL. White space around it and one pair of quotes are taken off.
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
        let url = Url::parse(text).map_err(|_| UrlFault::NotUrl)?;
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
        let hook =
            Self { at_home: url.host_str() == Some(HOST) || is_loopback(&url), pasted: text.to_owned(), url };
        hook.has_secret().map(|()| hook.tidy())
    }

    /// The same hook, which is the platform's too where its host is that of the API.
    #[must_use]
    pub fn with_api(self, api: &Url) -> Self {
        let at_home = self.at_home || self.url.host_str() == api.host_str();
        Self { at_home, ..self }.tidy()
    }

    /// Documents of the platform show its URL with a doubled slash before the secret: there it is read as one.
    fn tidy(mut self) -> Self {
        let segments = self.segments();
        if self.at_home && is_documented(&segments) {
            let path = format!("/{}", segments.join("/"));
            self.url.set_path(&path);
        }
        self
    }

    fn has_secret(&self) -> Result<(), UrlFault> {
        let segments = self.segments();
        if !self.query().is_empty() {
            return Ok(());
        }
        let Some(last) = segments.last() else { return Err(UrlFault::NoPath) };
        let cut_short = is_documented(&[segments.as_slice(), &["secret"]].concat());
        let ends_early =
            last.len() < SHORTEST || matches!(*last, "deploy-hook" | "deploy" | "environments" | "webhooks");
        let none = || secret_parts(self.url.path(), "").is_empty();
        if cut_short || (ends_early && none()) { Err(UrlFault::NoSecret) } else { Ok(()) }
    }

    /// The path's segments without empty ones.
    fn segments(&self) -> Vec<&str> {
        self.url.path().split('/').filter(|segment| !segment.is_empty()).collect()
    }

    fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
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

    /// The URL with stars for all that is secret, to show where a request goes: of a foreign host's, whose paths nobody
    /// documents here, all but the origin.
    #[must_use]
    pub fn label(&self) -> String {
        let known = self.at_home && is_documented(&self.segments());
        let public =
            self.public_segments().filter(|_| known).flat_map(|segment| [segment, "/"]).collect::<String>();
        format!("{}/{public}{STARS}", self.url.origin().ascii_serialization())
    }

    /// Every text that gives the hook away: the URL as pasted and as sent, and the secret parts alone.
    pub(super) fn texts(&self) -> Vec<String> {
        let segments = self.segments();
        let parts = match segments.last() {
            Some(secret) if is_documented(&segments) => {
                let mut parts = secrets_of_query(self.query());
                parts.push((*secret).to_owned());
                parts
            }
            _ => secret_parts(self.url.path(), self.query()),
        };
        [self.pasted.clone(), self.url.as_str().to_owned()].into_iter().chain(parts).collect()
    }
}

/// Whether a path is one of those the platform's documents show, in which the last segment is the secret.
fn is_documented(segments: &[&str]) -> bool {
    let id = match segments {
        ["v1", "deploy-hook", _] => return true,
        ["v1", "deploy", id, "deploy-hook", _]
        | ["v1", "webhooks", "environments", id, "deploy", _]
        | ["webhooks", "environments", id, "deploy", _] => id,
        _ => return false,
    };
    // As `en-wjl0ai`. Anything else in its place might be a secret of somebody else's.
    let of_id =
        |part: &str| (1..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    id.split_once('-').is_some_and(|(kind, rest)| kind.len() == 2 && of_id(kind) && of_id(rest))
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookUrl(***)")
    }
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
            URL.replace("/en-wjl0ai/", "//en-wjl0ai//"),
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
        let staging: Url = "https://api.staging.example/".parse().unwrap();
        let hook = HookUrl::parse("https://api.staging.example/v1/deploy-hook//LONGSTRING").unwrap();
        let hook = hook.with_api(&staging);
        assert_eq!(hook.expose().as_str(), "https://api.staging.example/v1/deploy-hook/LONGSTRING");
        assert_eq!(hook.label(), "https://api.staging.example/v1/deploy-hook/***");
    }

    #[test]
    fn only_the_platforms_own_paths_are_shown() {
        for (url, wanted) in [
            (URL, "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/***"),
            (
                "https://api.fortrabbit.com/v1/deploy-hook//LONGSTRING?key=abc",
                "https://api.fortrabbit.com/v1/deploy-hook/***",
            ),
            (
                "http://127.0.0.1:80/v1/deploy/en-a/deploy-hook/LONG",
                "http://127.0.0.1/v1/deploy/en-a/deploy-hook/***",
            ),
            ("https://api.fortrabbit.com/v9/Zx9kkLONG/deploy", "https://api.fortrabbit.com/***"),
            (
                "https://api.fortrabbit.com/v1/deploy/Zx9kkLONG/deploy-hook/on",
                "https://api.fortrabbit.com/***",
            ),
            ("https://ci.example:8443/v1/deploy-hook/LONGSTRING", "https://ci.example:8443/***"),
            ("https://ci.example/git/Zx9kkLONG/trigger", "https://ci.example/***"),
            ("http://127.0.0.1:8080/git/Zx9kkLONG/trigger?key=abc", "http://127.0.0.1:8080/***"),
            ("https://ci.example?Zx9kkLONG", "https://ci.example/***"),
        ] {
            let hook = HookUrl::parse(url).unwrap();
            assert_eq!((hook.label().as_str(), format!("{hook:?}").as_str()), (wanted, "HookUrl(***)"));
        }
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
            ("https://a.example/v1/deploy/en-wjl0ai/deploy-hook/", UrlFault::NoSecret),
            ("https://a.example/hooks/deploy", UrlFault::NoSecret),
            ("https://a.example/?", UrlFault::NoPath),
        ] {
            assert_eq!(fault(text), wanted, "{text:?}");
        }
    }
}
