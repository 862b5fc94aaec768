//! Texts and links as a code host takes them: what it would refuse is made acceptable before it is sent, as a report that is
//! refused for a character says nothing at all.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::Url;

use crate::secrets::{has_user, is_safe, is_web, strip};
use crate::text::format::cut;

/// The longest link that is sent; longer ones are left out, as a link that is cut leads nowhere.
const LINK: usize = 1024;

/// The longest Markdown, in bytes: GitHub takes 65,535, GitLab a million characters.
pub(crate) const LONGEST: usize = 60_000;

/// What a comment's mark holds encoded: all that could end its markup, so that no two names share a mark.
const MARKUP: &AsciiSet = &NON_ALPHANUMERIC.remove(b' ').remove(b'/').remove(b'_').remove(b'.');

/// One line of at most `most` characters. Code hosts refuse an empty one, so there is a text for where this does
/// not.
pub(crate) fn line(text: &str, most: usize, instead: &str) -> String {
    let words = strip(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(if words.is_empty() { instead } else { &words }, most)
}

/// The same for GitHub's statuses, which take no character beyond the Basic Multilingual Plane: no emoji.
pub(crate) fn plain_line(text: &str, most: usize, instead: &str) -> String {
    let basic: String = strip(text).chars().filter(|c| *c < '\u{fffe}').collect();
    line(&basic, most, instead)
}

/// Markdown of at most `most` bytes. It is cut at the end of a line, and a fence that is open there is closed.
pub(crate) fn markdown(text: &str, most: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if text.len() <= most {
        return text;
    }
    let head =
        text.get(..text.floor_char_boundary(most.saturating_sub(CUT.len() + FENCE))).unwrap_or_default();
    let head = head.rsplit_once('\n').map_or(head, |(whole, _)| whole);
    let fence = open_fence(head).map(|fence| format!("\n{fence}")).unwrap_or_default();
    format!("{head}{fence}{CUT}")
}

/// The mark by which a comment is found again; invisible to readers.
pub(crate) fn mark(name: &str) -> String {
    format!("<!-- deploy-hook: {} -->", utf8_percent_encode(name, MARKUP))
}

/// A comment that is found again by its mark: the report, and a link to the run's page, where there is one.
pub(crate) fn comment(name: &str, report: &str, page: (&str, &str)) -> String {
    let (title, url) = page;
    let link = link(url).map(|url| format!("\n\n[{title}]({url})")).unwrap_or_default();
    format!("{}\n{}{link}", mark(name), markdown(report, LONGEST))
}

/// A field that has no value is left out.
pub(crate) fn without_nulls(mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    body
}

/// Says that a page goes on where it is not shown.
const CUT: &str = "\n\n…";

/// Room for the end of a fence; a longer one is no fence of ours.
const FENCE: usize = 200;

/// The fence that is not closed at the end of this text.
fn open_fence(text: &str) -> Option<&str> {
    let mut open: Option<&str> = None;
    for line in text.lines() {
        let ticks = line.get(..line.len() - line.trim_start_matches('`').len()).unwrap_or_default();
        match open {
            None if (3..FENCE).contains(&ticks.len()) => open = Some(ticks),
            Some(fence) if ticks.len() >= fence.len() && line.trim_end() == ticks => open = None,
            _ => {}
        }
    }
    open
}

/// A link that a code host accepts, as the URL parser writes it: white space and control characters in it are gone or encoded.
pub(crate) fn link(url: &str) -> Option<String> {
    web_url(url).map(String::from).filter(|url| url.len() <= LINK)
}

fn web_url(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(is_web)
}

/// A commit's hash. It goes into paths, so nothing else may be taken for one.
pub(crate) fn commit(text: &str) -> Option<&str> {
    let hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(text).filter(|_| hash)
}

/// The base of an API, without its last slash; `None` where a token may not be sent there, or where the path that is put
/// behind it would not be one.
pub(crate) fn api_base(base: &str) -> Option<String> {
    web_url(base).filter(is_safe).as_ref().and_then(without_slash)
}

/// The base of web pages, without its last slash.
pub(crate) fn web_base(base: &str) -> Option<String> {
    web_url(base).as_ref().and_then(without_slash)
}

fn without_slash(url: &Url) -> Option<String> {
    let is_plain = url.query().is_none() && url.fragment().is_none();
    (is_plain && !has_user(url)).then(|| url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_nothing_that_a_status_refuses() {
        assert_eq!(plain_line("Deployment 🚀 dp_1:\u{0} LIVE\n🎉", 140, "x"), "Deployment dp_1: LIVE");
        assert_eq!(plain_line("🚀🎉 \u{10ffff}", 140, "Deploy"), "Deploy");
        assert_eq!(plain_line("größer → ✓ 日本語", 140, "x"), "größer → ✓ 日本語");
        assert_eq!(line("prod 🚀", 255, "x"), "prod 🚀");
        for text in ["ü🚀".repeat(300), "\u{1f468}\u{200d}\u{1f469}".repeat(200), "\u{7}".repeat(500)] {
            let line = plain_line(&text, 140, "Deploy");
            assert!((1..=140).contains(&line.chars().count()), "{line}");
            assert!(line.encode_utf16().count() <= 140, "{line}");
        }
    }

    #[test]
    fn a_page_is_cut_by_bytes_at_the_end_of_a_line_and_closes_its_fence() {
        assert_eq!(markdown("a\u{0}b\n\tc\r", 100), "ab\n\tc");
        let long = format!("# Head\n\n`````text\n{}`````\n", "```\n🚀 a line of a log\n".repeat(4000));
        let cut = markdown(&long, 60_000);
        assert!((59_000..=60_000).contains(&cut.len()), "{}", cut.len());
        assert!(cut.ends_with("\n`````\n\n…"), "{}", &cut[cut.len() - 60..]);
        let one = markdown(&"ü".repeat(5000), 1000);
        assert!(one.len() <= 1000 && one.ends_with('…'));
    }

    #[test]
    fn only_a_link_that_leads_somewhere_is_one() {
        let link_of = |url: &str| link(url).unwrap_or_default();
        for (url, sent) in [
            ("https://example.com/a", "https://example.com/a"),
            ("https://example.com", "https://example.com/"),
            (" HTTPS://Example.COM/a b\n", "https://example.com/a%20b"),
            ("https://example.com/a\tb\n/c", "https://example.com/ab/c"),
            ("https:\\\\example.com\\a", "https://example.com/a"),
            ("https:example.com/../x", "https://example.com/x"),
            ("https://bücher.example/ü?q=\"<>", "https://xn--bcher-kva.example/%C3%BC?q=%22%3C%3E"),
            ("https://example.com:443/", "https://example.com/"),
        ] {
            assert_eq!(link_of(url), sent, "{url}");
        }
        for none in ["", "javascript:alert(1)", "/actions/runs/1", "ftp://example.com/", "https://"] {
            assert_eq!(link(none), None, "{none}");
        }
        assert_eq!(link(&format!("https://example.com/{}", "x".repeat(2000))), None);
    }

    #[test]
    fn only_a_hash_is_a_commit() {
        let hash = "0123456789abcdef0123456789ABCDEF01234567";
        assert_eq!(commit(hash), Some(hash));
        assert!(commit(&"f".repeat(64)).is_some());
        for none in ["", "main", "../../../user/keys", "abc123", &hash[1..], &"g".repeat(40), &"é".repeat(20)]
        {
            assert_eq!(commit(none), None, "{none}");
        }
    }

    #[test]
    fn only_a_base_that_a_path_can_follow_is_one() {
        assert_eq!(api_base("https://api.github.com/").as_deref(), Some("https://api.github.com"));
        assert_eq!(api_base(" HTTPS://API.github.com:443//\n").as_deref(), Some("https://api.github.com"));
        assert_eq!(api_base("https://ghes.example/api/v3").as_deref(), Some("https://ghes.example/api/v3"));
        for none in [
            "",
            "http://api.github.com",
            "https://api.github.com?x=",
            "https://api.github.com/#",
            "https://user:pw@api.github.com",
            "api.github.com",
        ] {
            assert_eq!(api_base(none), None, "{none}");
        }
    }

    #[test]
    fn a_comments_mark_cannot_end_its_own_markup_and_is_one_names_alone() {
        let names = ["Deploy / a --> <b>", "Deploy / a-b", "Deploy / ab", "Deploy / a%2Db", "Größe", "Gre"];
        let marks = names.map(mark);
        for (n, mark) in marks.iter().enumerate() {
            assert_eq!((mark.matches("--").count(), mark.matches('>').count()), (2, 1), "{mark}");
            assert!(marks[n + 1..].iter().all(|other| !other.starts_with(mark.as_str())), "{mark}");
        }
        assert_eq!(marks[1], "<!-- deploy-hook: Deploy / a%2Db -->");
    }
}
