//! Which parts of a hook's URL are secret where nobody documents it, and which are words that a log may hold.
//!
//! Masking too little leaks a password, masking too much blacks out the log's own words: so a long segment, a key's
//! value and what looks made up by chance is secret, and a word of the trade, a branch or a commit is not.

use super::SHORTEST;

/// A segment or a value as long as this is secret unless it is a word.
const LONG: usize = 8;

/// Words that stand in hooks' paths and values and in ordinary logs.
const WORDS: &str = "accept account accounts action actions api app application applications apps auto automation \
    automations backend bitbucket branch branches build builds callback callbacks ci client cms command \
    commands container containers content continuous default deliver delivery deploy deployer \
    deployment deployments deploys develop development dispatch dispatches docker endpoint endpoints \
    env environment environments event events execute external false fetch frontend function functions \
    generic git gitea github gitlab group groups handler hook hooks http https id image images incoming \
    index instance instances integration integrations internal invoke job jobs json latest listener \
    live main manual master no notification notifications notify off on organisation organisations \
    organization organizations payload php pipeline pipelines platform preview prod production project \
    projects public publish pull push qa rebuild receive receiver redeploy refresh release releases \
    remote repo repos repositories repository resources rest restart run runs server servers service \
    services site sites stack stacks stage staging start status sync system tasks team teams test \
    testing tests trigger triggers true update updates user users version versions web webhook webhooks \
    website websites workflow workflows workspace workspaces yes";

/// Parameters whose values are no secret, without `-` and `_`.
const PUBLIC: &str = "action app appid application applicationid author branch branchname buildcache cache cause \
    clearcache commit commithash commitid commitmessage commitsha description env environment \
    environmentid environmentname event force gitref image message name nocache owner project projectid \
    reason ref refs region release repo repository rev revision service serviceid servicename sha site \
    siteid source stage tag target team teamid title triggertitle type version";

/// Words in the name of a parameter that holds a secret.
const SECRET: &str = "access apikey auth authorization code credential credentials hmac jwt key pass passphrase passwd \
    password pwd secret sig sign signature token";

/// The parts of a path and a query that give a hook away, as they stand there.
pub(super) fn secret_parts(path: &str, query: &str) -> Vec<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut found = of_query(query, LONG);
    // Most hooks end in their secret, however short, unless the query has it.
    let shortest = if found.is_empty() { SHORTEST } else { LONG };
    if let Some((last, others)) = segments.split_last() {
        found.extend(others.iter().flat_map(|segment| of_segment(segment, LONG)));
        found.extend(of_segment(last, shortest));
    }
    if found.is_empty() {
        found = of_query(query, SHORTEST);
        found.extend(segments.iter().flat_map(|segment| of_segment(segment, SHORTEST)));
    }
    found
}

/// The secret ones of a query's names and values.
pub(super) fn secrets_of_query(query: &str) -> Vec<String> {
    of_query(query, LONG)
}

/// The same, as short as `shortest` where a name says nothing.
fn of_query(query: &str, shortest: usize) -> Vec<String> {
    query.split(['&', ';']).flat_map(|pair| of_pair(pair, shortest)).collect()
}

/// A segment, and after a `;` its parameters.
fn of_segment(segment: &str, shortest: usize) -> Vec<String> {
    let (name, parameters) = segment.split_once(';').unwrap_or((segment, ""));
    let mut found = long(name, shortest);
    found.extend(of_query(parameters, shortest));
    if !found.is_empty() && !parameters.is_empty() {
        found.push(segment.to_owned());
    }
    found
}

fn of_pair(pair: &str, shortest: usize) -> Vec<String> {
    let Some((name, value)) = pair.split_once('=') else { return long(pair, shortest) };
    let plain = name.replace(['-', '_'], "").to_ascii_lowercase();
    if is_in(PUBLIC, &plain) {
        return Vec::new();
    }
    if names_a_secret(name) {
        let flag = matches!(value, "true" | "false");
        return if value.len() < SHORTEST || flag { Vec::new() } else { vec![value.to_owned()] };
    }
    let by_chance = |text| if is_random(text) || shortest < LONG { long(text, shortest) } else { Vec::new() };
    let with_digits = name.bytes().any(|byte| byte.is_ascii_digit());
    let name = if with_digits && is_random(name) { long(name, shortest) } else { Vec::new() };
    name.into_iter().chain(by_chance(value)).collect()
}

fn is_in(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// A text that is long enough and no word, and those of its pieces that are: `SECRET.json`, `v1:SECRET`.
fn long(text: &str, shortest: usize) -> Vec<String> {
    let is_long = |text: &str| text.len() >= shortest && !is_word(text);
    let within = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '~' | '%');
    if !is_long(text) {
        return Vec::new();
    }
    let pieces = text.split(|c| !within(c)).filter(|piece| is_long(piece));
    std::iter::once(text).chain(pieces.filter(|piece| *piece != text)).map(str::to_owned).collect()
}

fn names_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.split(['-', '_', '.']).any(|piece| is_in(SECRET, piece))
        || ["key", "token", "secret", "password", "signature"].iter().any(|end| lower.ends_with(end))
}

/// Words of the trade, alone or joined, and short numbers: `deploy-hooks`, `v1`, `deploy.json`, `42`.
fn is_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut pieces = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| !piece.is_empty());
    pieces.all(|piece| {
        let digits = piece.strip_prefix('v').unwrap_or(piece);
        is_in(WORDS, piece) || (digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Whether a text looks made up by chance: letters and digits, or both cases, or very long.
fn is_random(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let letters = has(u8::is_ascii_alphabetic);
    let mixed =
        letters && has(u8::is_ascii_digit) || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    text.len() >= LONG && !is_word(text) && (mixed || text.len() >= 16)
}

/// Whether a word that somebody gave where no secret belongs could be one all the same.
#[must_use]
pub fn could_be_secret(word: &str) -> bool {
    // A token begins with its kind (`frbit-at-…`, `ghp_…`); a hook URL's secret is one long word.
    let piece = |piece: &str| {
        piece.len() >= 16 && is_random(piece) && piece.bytes().any(|byte| byte.is_ascii_digit())
    };
    word.contains("://") || word.split(|c: char| !c.is_ascii_alphanumeric()).any(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_found_wherever_a_url_has_it() {
        for (path, query, wanted) in [
            ("/git/Zx9kkLONG/trigger", "", &["Zx9kkLONG"] as &[&str]),
            ("/hook/Zx9kkLONG/deploy.json", "", &["Zx9kkLONG"]),
            ("/hooks/Zx9kkLONG.json", "", &["Zx9kkLONG.json", "Zx9kkLONG"]),
            ("/hooks/Zx9kkLONG;v=1", "", &["Zx9kkLONG", "Zx9kkLONG;v=1"]),
            ("/hooks/deploy;token=abc123", "", &["abc123", "deploy;token=abc123"]),
            ("/hooks/deploy:Zx9kkLONG", "", &["deploy:Zx9kkLONG", "Zx9kkLONG"]),
            ("/hooks/onlysmallletters/run", "", &["onlysmallletters"]),
            ("/deploy", "Zx9kkLONG", &["Zx9kkLONG"]),
            ("/deploy", "Zx9kkLONG=", &["Zx9kkLONG"]),
            ("/deploy", "abc123", &["abc123"]),
            ("/deploy", "key=abc123", &["abc123"]),
            ("/deploy/production", "api_key=abc123&branch=production", &["abc123"]),
            ("/deploy", "x=Zx9kkLONG&y=LONG4q7Wz", &["Zx9kkLONG", "LONG4q7Wz"]),
            ("/deploy", "uuid=vgsco4o&force=false&t=abc1", &["vgsco4o", "abc1"]),
            ("/hooks/abc12", "", &["abc12"]),
            ("/git/abc12/trigger", "", &["abc12"]),
            ("/hooks/our-website-shop/abc12", "", &["our-website-shop", "abc12"]),
            ("/v2/projects/Zx9%2FkkLONG/webhooks/42", "", &["Zx9%2FkkLONG"]),
        ] {
            assert_eq!(secret_parts(path, query), wanted, "{path}?{query}");
        }
    }

    #[test]
    fn what_is_no_secret_is_not_found() {
        for public in [
            "branch=production",
            "ref=refs/heads/feature-2026-long-name",
            "commit=0123456789abcdef0123456789abcdef01234567",
            "sha=0123456789abcdef0123456789abcdef01234567",
            "title=Release-2026-11-26",
            "trigger_title=Published+by+Jane",
            "environment=production",
            "serviceId=srv-d0c8k2h2dbo4c73b",
            "service_id=srv-d0c8k2h2dbo4c73b",
            "clearCache=true&force=false&dry=1&n=42",
            "auth=true",
            "colour=turquoise",
            "",
        ] {
            assert_eq!(
                secret_parts("/api/v1/deploy-hooks", &format!("{public}&token=Zx9kkLONG")),
                ["Zx9kkLONG"]
            );
        }
    }

    #[test]
    fn a_path_is_told_from_a_secret() {
        for secret in [
            "https://api.example.com/hooks/x",
            "Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj",
            "frbit-at-0123456789abcdef0123456789abcdef",
            "api.example.com/hooks/Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj",
            "ghp_0123456789abcdefghij",
        ] {
            assert!(could_be_secret(secret), "{secret}");
        }
        for plain in [
            "/etc/ssl/certs/ca-certificates-of-the-company-2026.pem",
            "secrets/deploy-hook-url-of-production.txt",
            "/builds/group/project.tmp/DEPLOY_HOOK_URL",
            "hook.txt",
        ] {
            assert!(!could_be_secret(plain), "{plain}");
        }
    }
}
