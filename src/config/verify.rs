//! The page that is verified after a deployment: `verify-url` and what belongs to it.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use url::{Position, Url};

use super::sources::{InputValue, Sources, TIMEOUT_RANGE};
use super::trigger;
use crate::core::schedule::Timing;
use crate::platforms;
use crate::secrets::{
    Redactor, has_user, is_safe, is_sendable, is_too_long, is_web, secrets_of_query, strip, unwrap_pasted,
};
use crate::text::problems;

const URL: &str = "verify-url";
const TEXT: &str = "verify-text";
const TIME: &str = "verify-timeout";

/// The headers of the page alone.
const HEADERS: &str = "verify-headers";

/// The longest text that is searched, in characters.
const LONGEST_TEXT: usize = 1000;

/// The page that must answer before a run ends well.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub address: PageAddress,
    /// The text that it must hold.
    pub text: Option<String>,
    /// How long it may take, where the user says so.
    pub timeout: Option<Duration>,
    /// Headers that are sent to it alone; secret.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageAddress {
    /// At this URL.
    Url(Url),
    /// At this path of the deployed site: path and query, beginning with a slash.
    Path(String),
}

impl PageAddress {
    /// The page's URL, with `site` as the address of the deployed site; none where that is not known.
    pub fn on(&self, site: Option<&str>) -> Option<Url> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Path(path) => Url::parse(site?).ok()?.join(path).ok(),
        }
    }

    /// Path and query.
    pub fn path(&self) -> String {
        match self {
            Self::Url(url) => path_of(url),
            Self::Path(path) => path.clone(),
        }
    }

    /// The address as it may be shown.
    pub fn shown(&self) -> String {
        match self {
            Self::Url(url) => url.to_string(),
            Self::Path(path) => path.clone(),
        }
    }

    /// The secret parts of the query.
    pub(super) fn secrets(&self) -> Vec<String> {
        let query = self.path().split_once('?').map(|(_, query)| query.to_owned());
        query.map(|query| secrets_of_query(&query)).unwrap_or_default()
    }
}

fn path_of(url: &Url) -> String {
    url[Position::BeforePath..Position::AfterQuery].to_owned()
}

/// Reads the page, where one is to be verified. `secrets` knows what must not be in an address.
pub(super) fn read(sources: &mut Sources<'_>, secrets: impl Fn(Option<&Url>) -> Redactor) -> Option<Page> {
    let given = sources.find(URL, &[]);
    let address = given.as_ref().and_then(|found| address(sources, found, secrets));
    let (text, headers) = (text(sources), trigger::headers(sources, HEADERS));
    // The Action always gives it. The default says nothing.
    let default = Timing::default().verify_time;
    let timeout = sources.duration(TIME, TIMEOUT_RANGE, false).filter(|time| *time != default);
    if given.is_none() {
        let alone = [(TEXT, text.is_some()), (TIME, timeout.is_some()), (HEADERS, !headers.is_empty())];
        for (name, _) in alone.into_iter().filter(|(_, given)| *given) {
            sources.secret_problem(name, problems::NO_PAGE);
        }
    }
    Some(Page { address: address?, text, timeout, headers })
}

/// Reports headers for a page that is requested without encryption. `site` is the deployed site's address, where it is given.
pub(super) fn check_headers(sources: &mut Sources<'_>, page: Option<&Page>, site: Option<&str>) {
    let Some(page) = page.filter(|page| !page.headers.is_empty()) else { return };
    if page.address.on(site).is_some_and(|url| !is_safe(&url)) {
        sources.secret_problem(HEADERS, problems::HEADERS_NOT_ENCRYPTED);
    }
}

/// Reports a path on a site whose address nobody will know.
pub(super) fn require_site(sources: &mut Sources<'_>) {
    if let Some(found) = sources.find(URL, &[]) {
        let naming = platforms::all().iter().filter(|platform| platform.facts().names_site);
        let naming: Vec<_> = naming.map(|platform| platform.name()).collect();
        sources.problem(&found, problems::no_site(&naming));
    }
}

fn address(
    sources: &mut Sources<'_>,
    found: &InputValue,
    secrets: impl Fn(Option<&Url>) -> Redactor,
) -> Option<PageAddress> {
    let text = unwrap_pasted(&found.value);
    if secrets(Url::parse(text).ok().as_ref()).redact(text) != text {
        sources.secret_problem(&found.input, problems::PAGE_WITH_SECRET);
        return None;
    }
    if text.contains("***") || is_variable(text) {
        sources.problem(found, (problems::PAGE_UNEXPANDED, problems::PAGE_ALLOWED));
        return None;
    }
    let is_path = text.starts_with('/');
    let site = Url::parse("https://site.invalid/").ok();
    let url =
        if is_path { site.as_ref().and_then(|site| site.join(text).ok()) } else { Url::parse(text).ok() };
    let has_blank = text.chars().any(|c| c.is_whitespace() || c.is_control());
    let Some(url) = url.filter(|url| url.has_host() && !has_blank && is_sendable(url)) else {
        sources.problem(found, (problems::NOT_A_URL.0, problems::PAGE_ALLOWED));
        return None;
    };
    let wrong = if is_too_long(&url) {
        problems::TOO_LONG.0
    } else if has_user(&url) {
        sources.secret_problem(&found.input, problems::PAGE_WITH_USER);
        return None;
    } else if is_path && site.is_none_or(|site| site.origin() != url.origin()) {
        problems::PAGE_OF_ANOTHER_HOST
    } else if url.fragment().is_some() {
        problems::HAS_A_FRAGMENT
    } else if !is_web(&url) {
        problems::NOT_A_WEB_ADDRESS.0
    } else {
        let path = path_of(&url);
        return Some(if is_path { PageAddress::Path(path) } else { PageAddress::Url(url) });
    };
    sources.problem(found, (wrong, problems::PAGE_ALLOWED));
    None
}

/// The text. One that is given and empty would be on every page.
fn text(sources: &mut Sources<'_>) -> Option<String> {
    if sources.inputs.get(TEXT).is_some_and(|text| text.trim().is_empty()) {
        sources.secret_problem("--verify-text", problems::EMPTY_TEXT);
        return None;
    }
    let found = sources.find(TEXT, &[])?;
    let text = found.value.trim();
    let checks = [
        (text.chars().count() > LONGEST_TEXT, problems::LONG_TEXT),
        (strip(text) != text, problems::UNSEEN_TEXT),
        (text.contains("***"), problems::MASKED),
        (is_variable(text), problems::UNEXPANDED),
    ];
    match checks.into_iter().find(|(is_so, _)| *is_so) {
        None => Some(text.to_owned()),
        Some((_, wrong)) => {
            sources.problem(&found, (wrong, problems::TEXT_ALLOWED));
            None
        }
    }
}

/// `$NAME`, `${NAME}`, `${{ name }}`, `%NAME%`: nothing else is in the text.
fn is_variable(text: &str) -> bool {
    let inner = match text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) {
        Some(_) => return true,
        None => text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .or_else(|| text.strip_prefix('$'))
            .or_else(|| text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'))),
    };
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    inner.is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_resolved_on_the_site() {
        let on = |address: &str, site: Option<&str>| {
            PageAddress::Path(address.to_owned()).on(site).map(String::from)
        };
        let version = Some("https://www.example.com/version?full=1".to_owned());
        for site in
            ["https://www.example.com", "https://www.example.com/", "https://www.example.com/app/x?y#z"]
        {
            assert_eq!(on("/version?full=1", Some(site)), version, "{site}");
        }
        assert_eq!((on("/", None), on("/", Some("no site"))), (None, None));
        let url = Url::parse("http://other.example/x?a=b").unwrap();
        let address = PageAddress::Url(url.clone());
        assert_eq!((address.on(None), address.path().as_str()), (Some(url), "/x?a=b"));
    }

    #[test]
    fn the_name_of_a_variable_is_no_value() {
        for name in ["$CI_COMMIT_SHA", "${VERSION}", "${{ github.sha }}", "%VERSION%", "$_"] {
            assert!(is_variable(name), "{name}");
        }
        for text in ["$5", "$", "${}", "100%", "price: $VERSION", "version", "%%"] {
            assert!(!is_variable(text), "{text}");
        }
    }
}
