//! Reads the parts of a hook's URL.

use url::Url;

/// The segments of the path, without empty ones.
pub(super) fn segments(url: &Url) -> Vec<&str> {
    url.path().split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The last value of this parameter of the query, not decoded.
pub(super) fn raw_parameter<'a>(url: &'a Url, name: &str) -> Option<&'a str> {
    let mut values = url.query()?.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    values.next_back()
}

/// The first value of this parameter of the query, decoded.
pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.trim().to_owned())
}
