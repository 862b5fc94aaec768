//! How values and paths are shown in messages: as far as they cannot be a secret in the wrong place.

use std::path::Path;

use url::Url;

use crate::secrets::{Redactor, could_be_secret};

/// Linux has no longer paths.
const LONGEST_PATH: usize = 4096;

/// A path as it may be shown in a message: whole, however long. Where it may not be one, but a secret that was given in
/// a path's place, what could be secret is hidden.
pub(crate) fn shown_path(path: &str) -> String {
    let text = path.trim();
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    // One long word without anything that parts it is more like a token than a file's name.
    if text.contains("://") || text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let mixed = has(u8::is_ascii_digit) || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let token = !text.contains("://") && text.len() >= 16 && mixed;
        return if token { "***".to_owned() } else { shown(text) };
    }
    // A pasted URL may have lost its beginning: its folders are not here.
    let mut folders = Path::new(text).ancestors().filter(|folder| folder.parent().is_some());
    let whole = match text.split_once('/') {
        Some(("", rest)) => !rest.starts_with('/') && folders.any(Path::is_dir),
        Some(("." | ".." | "~", rest)) => rest.trim_start_matches("../").contains('/'),
        _ => false,
    };
    let shown = |part: &str| if !whole && could_be_secret(part) { "***".to_owned() } else { part.to_owned() };
    let parts: Vec<String> = text.split('/').map(shown).collect();
    Redactor::default().clean(&parts.join("/"), LONGEST_PATH)
}

/// An argument that was not understood, as it may be shown: a path is.
pub(crate) fn shown_argument(argument: &str) -> String {
    let is_path = argument.contains('/') && !argument.contains("://");
    if is_path { shown_path(argument) } else { "***".to_owned() }
}

/// A value as it may be shown in a message: one short plain line. A secret may have been put into the wrong input,
/// so of a URL only the host is shown, and nothing that is as long as a token.
pub(crate) fn shown(value: &str) -> String {
    let shown = |word: &str| match Url::parse(word) {
        Ok(url) if url.scheme().len() <= 10 && url.host_str().is_some_and(|host| host.len() <= 30) => {
            format!("{}://{}/***", url.scheme(), url.host_str().unwrap_or_default())
        }
        _ if word.len() > 20 => "***".to_owned(),
        _ => word.to_owned(),
    };
    let words: Vec<String> = value.split_whitespace().map(shown).collect();
    Redactor::default().clean(&words.join(" "), 60)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_the_host_is_shown_and_no_secret_that_stands_before_it() {
        for (value, wanted) in [
            ("https://ci.example/hooks/abc", "https://ci.example/***"),
            ("HTTPS://user:password@ci.example:8443", "https://ci.example/***"),
            ("Zx9kkLONGSTRINGq7Whttps://ci.example/hooks/abc", "***"),
            ("frbit-at-0123456789abcdef://ci.example", "***"),
            ("token https://ci.example/abc twice", "token https://ci.example/*** twice"),
        ] {
            assert_eq!(shown(value), wanted);
        }
    }

    #[test]
    fn a_path_is_shown_and_what_may_be_a_secret_is_not() {
        for path in [
            "/usr/store/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2-cacert/etc/ca.crt",
            "/tmp/zXc9Qw12RtYuIoPa/0/group/project.tmp/HOOK",
            "./0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2/hook",
            "~/keys/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "hook.txt",
            "hookfile",
            "certificates",
        ] {
            assert_eq!(shown_path(path), path);
        }
        for secret in [
            "Zx9kkLONGSTRINGq7W",
            "0123456789abcdef",
            "zxkkLONGSTRINGqqW",
            "./Zx9kkLONGSTRINGq7Wm2Tt5R",
            "../0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "/v1/deploy-hook/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "//ci.example/hooks/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "ci.example/hooks/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "https://ci.example/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
        ] {
            let shown = shown_path(secret);
            let end = &secret[secret.len() - 8..];
            assert!(shown.contains("***") && !shown.contains(end), "{secret}: {shown}");
        }
    }
}
