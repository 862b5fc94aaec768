//! GitLab's reader of dotenv reports, as strict as the strictest GitLab.
//!
//! Source: `parse_dotenv_artifact_service.rb`. A value is expanded when a later job uses it, so that a `$` in it could
//! become one of that job's secrets.
#![cfg(test)]

use std::collections::BTreeMap;

/// The variables in a report; one bad line fails all of it.
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    assert!(text.len() < 5120, "{} bytes: GitLab takes no more", text.len());
    assert!(text.is_empty() || text.ends_with('\n'), "the last line does not end: {text:?}");
    assert!(!text.contains(['\r', '\0']), "a line may end there: {text:?}");
    let mut variables = BTreeMap::new();
    for line in text.split_terminator('\n') {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("not key=value: {line:?}"));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(!key.is_empty() && key.chars().all(plain), "no key: {line:?}");
        assert!(!value.contains('$'), "it would be expanded: {line:?}");
        assert_eq!(value, value.trim(), "white space around it is lost: {line:?}");
        assert!(variables.insert(key.to_owned(), value.to_owned()).is_none(), "twice: {line:?}");
    }
    assert!(variables.len() <= 20, "{} variables: GitLab takes no more", variables.len());
    variables
}

#[test]
fn the_reader_is_as_strict_as_gitlab() {
    let expected = [("A_1", "b=c"), ("B", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(read("A_1=b=c\nB=\n"), expected.into());
    let bad =
        ["words\n", "\n", "A=1\n\nB=2\n", "# words\n", "a-b=1\n", "=1\n", "A=$B\n", "A=1", "A=1\nA=2\n"];
    let long = format!("A={}\n", "b".repeat(5117));
    let many = (0..21).map(|n| format!("A{n}=1\n")).collect::<Vec<_>>().concat();
    for bad in bad.into_iter().chain([long.as_str(), many.as_str()]) {
        assert!(std::panic::catch_unwind(|| read(bad)).is_err(), "{bad:?}");
    }
}
