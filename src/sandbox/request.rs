//! A request as the sandbox reads it.

use axum::http::{HeaderMap, Uri};

/// A request as the endpoints see it.
pub(super) struct Incoming<'a> {
    pub(super) method: &'a str,
    /// The path without the query, and without `/redirected` in front.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// Whether a redirect of the `redirect` scenario led here.
    pub(super) redirected: bool,
    headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl<'a> Incoming<'a> {
    pub(super) fn new(method: &'a str, uri: &'a Uri, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        const REDIRECTED: &str = "/redirected";
        let redirected = uri.path().strip_prefix(REDIRECTED).filter(|rest| rest.starts_with('/'));
        let path = redirected.unwrap_or(uri.path());
        let query = uri.query().unwrap_or_default();
        Self { method, path, query, redirected: redirected.is_some(), headers, body }
    }

    /// The value of this header; empty where it is no text.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or_default())
    }

    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, self.query) }
    }

    pub(super) fn segments(&self) -> Vec<&'a str> {
        self.path.split('/').skip(1).collect()
    }

    /// What the placeholders of a pattern of path and query stand for; none where the pattern does not fit.
    pub(super) fn captures<'p>(&self, pattern: &'p str) -> Option<Vec<(&'p str, String)>> {
        let (path, query) = pattern.split_once('?').unwrap_or((pattern, ""));
        let own: Vec<&str> = path.split('/').skip(1).collect();
        let segments = self.segments();
        let mut pairs: Vec<(&str, String)> =
            own.iter().copied().zip(segments.iter().map(|one| (*one).to_owned())).collect();
        for wanted in query.split('&').filter(|wanted| !wanted.is_empty()) {
            let (name, wanted) = wanted.split_once('=').unwrap_or((wanted, ""));
            let mut given = url::form_urlencoded::parse(self.query.as_bytes());
            pairs.push((wanted, given.find(|(given, _)| given == name)?.1.into_owned()));
        }
        let fits = own.len() == segments.len()
            && pairs.iter().all(|(own, given)| placeholder(own).map_or(own == given, |_| !given.is_empty()));
        let named = |(own, given)| Some((placeholder(own)?, given));
        fits.then(|| pairs.into_iter().filter_map(named).collect())
    }
}

/// The name in `{name}`.
pub(super) fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_parts_of_path_and_query() {
        let captures = |target: &str, pattern: &'static str| {
            let (uri, headers) = (target.parse().unwrap(), HeaderMap::new());
            Incoming::new("GET", &uri, &headers, &[]).captures(pattern)
        };
        let named = |pairs: &[(&'static str, &str)]| {
            Some(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(captures("/a/b", "/a/{id}"), named(&[("id", "b")]));
        assert_eq!(captures("/redirected/a/b?x=1", "/a/{id}"), named(&[("id", "b")]));
        assert_eq!(
            captures("/d/s-1?ref=main&key=k%21", "/d/{id}?key={secret}"),
            named(&[("id", "s-1"), ("secret", "k!")])
        );
        assert_eq!(captures("/a//b", "/a//{id}"), named(&[("id", "b")]));
        for (target, pattern) in [
            ("/a/b", "/a"),
            ("/a/", "/a/{id}"),
            ("/a//b", "/a/{id}"),
            ("/a/b/c", "/a/{id}"),
            ("/d/s-1?key=", "/d/{id}?key={secret}"),
            ("/d/s-1", "/d/{id}?key={secret}"),
        ] {
            assert_eq!(captures(target, pattern), None, "{target} {pattern}");
        }
    }
}
