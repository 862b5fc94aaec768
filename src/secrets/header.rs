//! What is secret in a header's value.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::parts::{could_be_secret, is_secret_name, is_word};

/// Headers that say what is sent and by whom: only what looks random in them may be a secret.
const PUBLIC: [&str; 6] =
    ["accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"];

/// The texts that give a header's value away: the whole of it, what stands behind a scheme such as `Bearer`, and what
/// `Basic` encodes. A word that is common in logs is no secret, unless the header's name says that it holds one.
pub fn secrets_of_header(name: &str, value: &str) -> Vec<String> {
    let mut found = vec![value.to_owned()];
    let is_scheme = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if let Some((scheme, rest)) = value.split_once(' ').filter(|(scheme, _)| is_scheme(scheme)) {
        let rest = rest.trim();
        found.push(rest.to_owned());
        if scheme.eq_ignore_ascii_case("basic") {
            found.extend(credentials(rest));
        }
    }
    // What follows the name of a cookie or a parameter: `session=…; theme=dark`.
    let pairs = value.split([';', ',', ' ']).filter_map(|pair| pair.split_once('='));
    found.extend(pairs.map(|(_, value)| value.trim_matches('"').to_owned()));
    let name = name.to_ascii_lowercase();
    let is_named = is_secret_name(&name) || name == "cookie";
    let is_public = PUBLIC.contains(&name.as_str());
    found.retain(|text| match text.as_str() {
        "" | "true" | "false" => false,
        text if is_public => could_be_secret(text),
        text => is_named || !is_word(text),
    });
    found
}

/// The user name with the password, and the password alone.
fn credentials(encoded: &str) -> Vec<String> {
    let encoded = encoded.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(encoded).or_else(|_| URL_SAFE_NO_PAD.decode(encoded));
    let Some(text) = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()) else { return Vec::new() };
    let password = text.split_once(':').map(|(_, password)| password.to_owned());
    [Some(text), password].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_gives_itself_away_whole_and_in_its_parts() {
        for (name, value, wanted) in [
            ("x-gateway-key", "Zx9kkLONG", &["Zx9kkLONG"] as &[&str]),
            ("authorization", "Bearer Zx9kkLONG", &["Bearer Zx9kkLONG", "Zx9kkLONG"]),
            ("authorization", "bearer  Zx9kkLONG", &["bearer  Zx9kkLONG", "Zx9kkLONG"]),
            (
                "authorization",
                "Basic dXNlcjpodW50ZXIy",
                &["Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy", "user:hunter2", "hunter2"],
            ),
            (
                "x-credentials",
                "BASIC YTpiOmM_Pz8=",
                &["BASIC YTpiOmM_Pz8=", "YTpiOmM_Pz8=", "a:b:c???", "b:c???"],
            ),
            ("cookie", "id=Zx9kkLONG; theme=dark", &["id=Zx9kkLONG; theme=dark", "Zx9kkLONG", "dark"]),
            ("x-auth-token", "production", &["production"]),
            ("user-agent", "ci-Zx9kkLONG7Wm2Tt5R", &["ci-Zx9kkLONG7Wm2Tt5R"]),
        ] {
            assert_eq!(secrets_of_header(name, value), wanted, "{name}: {value}");
        }
    }

    #[test]
    fn a_common_word_stays_in_the_log() {
        for (name, value) in [
            ("x-github-event", "push"),
            ("content-type", "application/json"),
            ("x-environment", "production"),
            ("accept", "*/*"),
            ("x-deploy", "true"),
            ("x-auth", "true"),
            ("x-version", "42"),
            ("x-source", "laravel-cloud"),
            ("User-Agent", "fortrabbit"),
            ("User-Agent", "GitHub-Hookshot/044aadd"),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ] {
            assert!(secrets_of_header(name, value).is_empty(), "{name}: {value}");
        }
    }
}
