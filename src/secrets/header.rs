//! Finds what is secret in a header's value.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use url::Url;

use super::parts::{could_be_secret, is_secret_name, is_word, secrets_of_query};
use super::sanitize::unwrap_pasted;

/// Headers that say what is sent and by whom: only what looks random in them may be a secret.
const PUBLIC: [&str; 6] =
    ["accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"];

/// The texts that give a header's value away: the whole of it, what stands behind a scheme such as `Bearer`, what `Basic`
/// encodes, and the parts that are a secret of their own: what is in quotes or in JSON, the values of a cookie or of
/// parameters, the password in a URL. A word that is common in logs is no secret, unless the header's name says that it
/// holds one.
pub fn secrets_of_header(name: &str, value: &str) -> Vec<String> {
    let (content, mut found) = behind_scheme(value);
    found.insert(0, value.to_owned());
    let json = serde_json::from_str(content).ok();
    if json.is_none() {
        for text in quoted(content) {
            found.extend(behind_scheme(&text).1);
            found.push(text);
        }
    }
    // What follows the name of a cookie or a parameter: `session=…; theme=dark`.
    let pairs = value.split([';', ',', ' ']).filter_map(|pair| pair.split_once('='));
    found.extend(pairs.map(|(_, value)| value.trim_matches('"').to_owned()));
    let (mut of_urls, mut passwords) = (Vec::new(), Vec::new());
    for text in value.split([' ', '"', '<', '>']).chain(value.split([' ', ',', ';', '"', '\'', '<', '>'])) {
        secrets_of_url(text, &mut of_urls, &mut passwords);
    }
    found.extend(of_urls);
    let name = name.to_ascii_lowercase();
    found.retain(|text| is_secret(&name, &name, text));
    found.extend(passwords);
    if let Some(json) = json {
        let mut within = Vec::new();
        values(&name, &json, &mut within);
        within.retain(|(of, text)| is_secret(&name, of, text));
        found.extend(within.into_iter().map(|(_, text)| text));
    }
    let mut known = HashSet::new();
    found.retain(|text| known.insert(text.clone()));
    found
}

/// Whether a text in the value of this header, under a name of its own or the header's, is secret.
fn is_secret(header: &str, name: &str, text: &str) -> bool {
    match text {
        "" | "true" | "false" => false,
        text if PUBLIC.contains(&header) => could_be_secret(text),
        text => is_secret_name(name) || name == "cookie" || !is_word(text),
    }
}

/// What is within quotes: all of the text, or the value of a parameter.
fn quoted(text: &str) -> Vec<String> {
    let all = Some(unwrap_pasted(text)).filter(|inner| *inner != text);
    let parts = text.split('"').skip(1).step_by(2).filter(|part| part.chars().any(char::is_alphanumeric));
    all.into_iter().chain(parts).map(str::to_owned).collect()
}

/// What stands behind a scheme such as `Bearer`, else all of the value; and the secrets that this brings: it, and what
/// `Basic` encodes.
fn behind_scheme(value: &str) -> (&str, Vec<String>) {
    let is_scheme = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let Some((scheme, rest)) = value.split_once(' ').filter(|(scheme, _)| is_scheme(scheme)) else {
        return (value, Vec::new());
    };
    let content = rest.trim();
    let mut found = vec![content.to_owned()];
    if scheme.eq_ignore_ascii_case("basic") {
        found.extend(credentials(content));
    }
    (content, found)
}

/// The texts and numbers in JSON, each with the name that it has there, and what stands behind a scheme in them.
fn values(name: &str, json: &Value, found: &mut Vec<(String, String)>) {
    match json {
        Value::String(text) => {
            let parts = behind_scheme(text).1.into_iter().chain([text.clone()]);
            found.extend(parts.map(|part| (name.to_owned(), part)));
        }
        Value::Number(number) => found.push((name.to_owned(), number.to_string())),
        Value::Array(list) => list.iter().for_each(|json| values(name, json, found)),
        Value::Object(members) => members.iter().for_each(|(name, json)| values(name, json, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The secrets in a URL: what is secret in path and query; the password, with the user name and alone, or the user name
/// that stands in its place.
fn secrets_of_url(text: &str, found: &mut Vec<String>, passwords: &mut Vec<String>) {
    let Some(colon) = text.find("://") else { return };
    let scheme = text[..colon].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
    let Some(url) = text.get(scheme..).and_then(|text| Url::parse(text).ok()) else { return };
    found.extend(secrets_of_query(url.query().unwrap_or_default()));
    found.extend(url.path().split('/').filter(|part| could_be_secret(part)).map(str::to_owned));
    match (url.username(), url.password()) {
        ("", None) => {}
        (user, None) => passwords.push(user.to_owned()),
        (user, Some(password)) => passwords.extend([format!("{user}:{password}"), password.to_owned()]),
    }
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
    fn the_parts_of_a_value_that_are_secrets_themselves_are_found() {
        for (name, value, wanted) in [
            ("x-key", "\"Zx9kkLONG\"", &["Zx9kkLONG"] as &[&str]),
            ("x-key", "'Zx9kkLONG'", &["Zx9kkLONG"]),
            ("authorization", "Key \"Zx9kk LONG\"", &["Zx9kk LONG"]),
            ("authorization", "Digest user=\"ci\", pw=\"Zx9, LONG\"", &["Zx9, LONG"]),
            ("x-key", "{\"k\":\"Zx9kkLONG\",\"n\":[12345678]}", &["Zx9kkLONG", "12345678"]),
            ("authorization", "Json {\"k\":{\"v\":\"Zx9\\\"kk\"}}", &["Zx9\"kk"]),
            ("x-key", "\"Zx9\\\"kk\"", &["Zx9\"kk"]),
            ("x-proxy", "https://ci:Zx9%21kk@a.example/", &["ci:Zx9%21kk", "Zx9%21kk"]),
            ("x-proxy", "via <https://Zx9kkLONG@a.example/>", &["Zx9kkLONG"]),
            ("authorization", "\"Bearer Zx9kkLONG\"", &["Zx9kkLONG"]),
            ("x-key", "{\"a\":\"Basic dXNlcjpodW50ZXIy\"}", &["user:hunter2", "hunter2"]),
            ("x-proxy", "https://ci:p,w99@a.example", &["p,w99"]),
            ("user-agent", "bot (+https://ci:hunter22@a.example)", &["hunter22"]),
            ("x-chat", "https://hooks.example/services/T0/Zx9kkLONGSTRING7Wm2", &["Zx9kkLONGSTRING7Wm2"]),
            ("x-next", "https://a.example/?ref=main&key=abc123", &["abc123"]),
        ] {
            let found = secrets_of_header(name, value);
            for secret in wanted {
                assert!(found.iter().any(|text| text == secret), "{name}: {value} -> {found:?}");
            }
        }
        let config = "{\"env\":\"production\",\"token\":\"main\",\"on\":true,\"n\":3}";
        assert_eq!(secrets_of_header("x-api-key", config)[1..], ["main"], "the names in JSON count there");
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
