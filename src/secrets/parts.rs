//! Which parts of a hook's URL are secret where no platform documents it, and which are ordinary words.
//!
//! Masking too little leaks a password, masking too much hides words of the log. So a long segment, the value of a key
//! and what looks random is secret; a word that is common in URLs, a branch or a commit is not.

use percent_encoding::percent_decode_str;

/// Shorter texts are not taken for secrets: they would black out ordinary words.
pub(super) const SHORTEST: usize = 4;

/// A segment or a value as long as this is secret unless it is a word.
const LONG: usize = 8;

/// Words that are common in the paths and values of hooks and in logs.
const WORDS: &str = "accept account accounts action actions api app application applications apps auto automation \
    automations backend bitbucket branch branches build builds callback callbacks ci client cloud \
    cms command commands container containers content continuous default deliver delivery deploy \
    deployer deployment deployments deploys develop development dispatch dispatches docker endpoint \
    endpoints env environment environments event events execute external false fetch frontend \
    function functions generic git gitea github gitlab group groups handler hook hooks http https id \
    image images incoming index instance instances integration integrations internal invoke job jobs \
    json latest listener live main manual master no notification notifications notify oauth off on \
    organisation organisations organization organizations pages payload php pipeline pipelines \
    platform preview prod production project projects public publish pull push qa rebuild receive \
    receiver redeploy refresh release releases remote repo repos repositories repository resources \
    rest restart run runs server servers service services site sites stack stacks stage staging \
    start status sync system tasks team teams test testing tests trigger triggers true update \
    updates user users version versions web webhook webhooks website websites workers workflow \
    workflows workspace workspaces yes";

/// The words of the platforms' names, which outputs and reports hold.
const PLATFORMS: &str = env!("PLATFORM_WORDS");

/// Words in the name of a parameter whose value is no secret.
const PUBLIC: &str = "action app application author branch cache cause comment commit description env environment event \
    force head image job message msg name namespace note org organisation organization owner pipeline project reason ref \
    refs region release repo repository rev revision service sha site source stage subject tag target team title type \
    version workflow";

/// Words in the name of a parameter that holds a secret.
const SECRET: &str = "access auth authorization bearer code credential credentials hmac jwt otp pass passcode passphrase \
    passwd pin psk pw pwd secrets sig sign tokens totp";

/// Ends of such words: `apikey`, `accesstoken`.
const SECRET_ENDS: [&str; 5] = ["key", "token", "secret", "password", "signature"];

/// The secret parts of a path and a query, as they are written there.
pub(super) fn secret_parts(path: &str, query: &str) -> Vec<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut found = secrets_of_query(query);
    // Most hooks end in their secret, however short, unless the query has it.
    let in_query = found.iter().any(|value| value.len() >= LONG) || has_named_secret(query);
    let shortest = if in_query { LONG } else { SHORTEST };
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
pub fn secrets_of_query(query: &str) -> Vec<String> {
    of_query(query, LONG)
}

/// The same, where a name says nothing any value that is no word and as long as `shortest`.
fn of_query(query: &str, shortest: usize) -> Vec<String> {
    query.split(['&', ';']).flat_map(|pair| of_pair(pair, shortest)).collect()
}

fn has_named_secret(query: &str) -> bool {
    let named = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| names_a_secret(&words_of(name)));
    query.split(['&', ';']).any(|pair| named(pair) && !of_pair(pair, LONG).is_empty())
}

/// A segment, and after a `;` its parameters.
fn of_segment(segment: &str, shortest: usize) -> Vec<String> {
    let (name, parameters) = segment.split_once(';').unwrap_or((segment, ""));
    let mut found = long(name, shortest);
    if found.is_empty() && is_short_secret(name) {
        found.push(name.to_owned());
    }
    found.extend(of_query(parameters, shortest));
    if !found.is_empty() && !parameters.is_empty() {
        found.push(segment.to_owned());
    }
    found
}

fn of_pair(pair: &str, shortest: usize) -> Vec<String> {
    let (name, value) = match pair.split_once('=') {
        // A value without a name, perhaps with the padding of base64.
        None | Some((_, "" | "=")) => {
            let text = pair.trim_end_matches('=');
            let found = long(text, shortest);
            return if found.is_empty() { opaque("a value", text) } else { found };
        }
        Some(pair) => pair,
    };
    let words = words_of(name);
    if names_a_secret(&words) {
        let flag = matches!(value, "true" | "false");
        return if value.len() < SHORTEST || flag { Vec::new() } else { vec![value.to_owned()] };
    }
    if words.iter().any(|word| is_public(word)) {
        return Vec::new();
    }
    let value = if shortest < LONG { long(value, shortest) } else { opaque(name, value) };
    let with_digits = name.bytes().any(|byte| byte.is_ascii_digit());
    let name = if with_digits && is_random(name) { long(name, shortest) } else { Vec::new() };
    name.into_iter().chain(value).collect()
}

/// The words of a parameter's name, in small letters: of `auth[apiToken]` and `AUTH_API-token2` the same three.
fn words_of(name: &str) -> Vec<String> {
    let name: Vec<char> = percent_decode_str(name).decode_utf8_lossy().chars().collect();
    let mut words = vec![String::new()];
    for (at, &c) in name.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| name.get(before)).copied().unwrap_or(' ');
        let lower_next = name.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins = c.is_ascii_uppercase() && (!before.is_ascii_uppercase() || lower_next);
        if begins || !c.is_ascii_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphabetic()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a header of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    names_a_secret(&words_of(name))
}

fn names_a_secret(words: &[String]) -> bool {
    words.iter().any(|word| is_in(SECRET, word) || SECRET_ENDS.iter().any(|end| word.ends_with(end)))
}

/// Whether a word of a name says that the value is public: `branch`, and `gitbranch`, `commithash`, `nocache`.
fn is_public(word: &str) -> bool {
    let known = |rest: &str| is_in(PUBLIC, rest) || is_common(rest) || matches!(rest, "hash" | "clear");
    PUBLIC.split(' ').any(|public| {
        word == public
            || word.strip_prefix(public).is_some_and(known)
            || word.strip_suffix(public).is_some_and(known)
    })
}

fn is_common(word: &str) -> bool {
    is_in(WORDS, word) || is_in(PLATFORMS, word)
}

pub(super) fn is_in(words: &str, word: &str) -> bool {
    // Bytes: a third of the instructions of splitting text, in every run.
    words.as_bytes().split(|byte| *byte == b' ').any(|known| known == word.as_bytes())
}

/// A text that is long enough and no word, and those of its pieces that are: `SECRET.json`, `v1:SECRET`.
fn long(text: &str, shortest: usize) -> Vec<String> {
    with_pieces(text, |text| text.len() >= shortest && !is_word(text))
}

/// The value of a parameter whose name says nothing, unless it is a word, a flag or a small number, and those of its
/// pieces that are none either.
fn opaque(name: &str, value: &str) -> Vec<String> {
    // A name of one or two letters is more likely a key than anything else.
    let brief = name.len() <= 2;
    let text = percent_decode_str(value).decode_utf8_lossy().replace('+', " ");
    let is_secret = |text: &str| {
        let plain = |piece: &str| is_plain(piece) && !brief;
        let chance =
            is_random(text) || is_mixed(text) || !text.split(|c: char| !c.is_alphanumeric()).all(plain);
        text.len() >= SHORTEST && !is_word(text) && chance
    };
    if is_secret(&text) { with_pieces(value, |piece| piece == value || is_secret(piece)) } else { Vec::new() }
}

/// A text that is secret, and its pieces that are.
fn with_pieces(text: &str, is_secret: impl Fn(&str) -> bool) -> Vec<String> {
    let within = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '~' | '%');
    if !is_secret(text) {
        return Vec::new();
    }
    let pieces = text.split(|c| !within(c)).filter(|piece| *piece != text && is_secret(piece));
    std::iter::once(text).chain(pieces).map(str::to_owned).collect()
}

/// Whether a short segment of a path looks random: letters and digits in one, as in no word but `web01` and `v1beta1`.
fn is_short_secret(segment: &str) -> bool {
    let numbered = |piece: &str| {
        let word = piece.trim_end_matches(|c: char| c.is_ascii_digit());
        piece.len() - word.len() <= 2 && is_common(&word.to_ascii_lowercase())
    };
    let mut pieces = segment.split(|c: char| !c.is_ascii_alphanumeric());
    segment.len() >= SHORTEST && pieces.any(|piece| is_mixed(piece) && !is_word(piece) && !numbered(piece))
}

/// Common words, alone or joined, short numbers and versions: `deploy-hooks`, `v1beta1`, `deploy.json`, `42`.
pub(super) fn is_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut pieces = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| !piece.is_empty());
    let number = |text: &str| text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let version = |text: &str| {
        let parted = ["alpha", "beta", "rc"].iter().find_map(|stage| text.split_once(stage));
        let (major, minor) = parted.unwrap_or((text, ""));
        (parted.is_none() || !major.is_empty()) && number(major) && number(minor)
    };
    pieces.all(|piece| is_common(piece) || number(piece) || piece.strip_prefix('v').is_some_and(version))
}

/// Whether a text has both letters and digits.
fn is_mixed(text: &str) -> bool {
    text.contains(char::is_alphabetic) && text.contains(|c: char| c.is_ascii_digit())
}

/// Whether a text is written as a word or small number: in small letters, all in capitals, or with a capital in front.
fn is_plain(text: &str) -> bool {
    let rest = text.strip_prefix(char::is_uppercase).unwrap_or(text);
    let letters = text.chars().all(char::is_uppercase) || rest.chars().all(char::is_lowercase);
    letters || is_word(text)
}

/// Whether a text looks random: letters and digits, or both cases, or very long.
fn is_random(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let mixed = is_mixed(text) || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    text.len() >= LONG && !is_word(text) && (mixed || text.len() >= 16)
}

/// Whether a word that was given where no secret belongs could be one.
pub fn could_be_secret(word: &str) -> bool {
    // A token begins with its kind (`glpat-…`, `ghp_…`); a hook URL's secret is one long word.
    let piece = |piece: &str| {
        piece.len() >= 16 && is_random(piece) && piece.bytes().any(|byte| byte.is_ascii_digit())
    };
    word.contains("://") || word.split(|c: char| !c.is_ascii_alphanumeric()).any(piece)
}

#[cfg(test)]
mod tests;
