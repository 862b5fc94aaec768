//! Problems with the values of inputs: what is wrong with each, and what is allowed.

use std::io;

/// What is wrong with a value, and how to fix it.
pub(crate) type Advice = (&'static str, &'static str);

pub(crate) const MASKED: &str = "holds ***, so it was copied from a log in which it was masked";
pub(crate) const UNEXPANDED: &str = "is the name of a variable or an expression, not its value";

pub(crate) const HAS_A_FRAGMENT: &str = "holds a #, and what follows one is never sent";
pub(super) const WITH_USER: &str = "holds a user name or password";

pub(crate) const NOT_A_FLAG: Advice = ("is not true or false", "Allowed: true, false.");
/// How to name certificate authorities where the machine has none, or a file of them cannot be used.
pub(crate) const NO_AUTHORITIES: &str = "Give a PEM file of certificate authorities as ca-file; in an image, copy them to /etc/ssl/certs/ca-certificates.crt.";
pub(crate) const NOT_AN_ID: Advice = (
    "is not an id or a name that is part of an address",
    "Allowed: one word of at most 200 letters, digits and - _ . ~ : @ +, as the platform's dashboard shows it.",
);
pub(crate) const NOT_A_LABEL: Advice =
    ("is not a plain name", "Allowed: one line of at most 200 characters.");
pub(crate) const NOT_A_URL: Advice = ("is not a URL", "Give the complete URL, as in https://example.com/.");
pub(crate) const TOO_LONG: Advice =
    ("is longer than 32,000 characters", "Give the address alone, as it is in the browser or the dashboard.");
pub(crate) const HAS_A_USER: Advice = (WITH_USER, "Remove the part before the @.");
pub(crate) const NOT_A_WEB_ADDRESS: Advice = ("is not a web address", "Allowed: https://…, http://….");
pub(crate) const NOT_ENCRYPTED: Advice = (
    "is not https",
    "A token goes there. Write https:// instead. Plain http is for localhost and 127.0.0.1.",
);
pub(crate) const NOT_A_BASE: Advice = (
    "is not the base of the API",
    "Give the address without the API's version, a query and a fragment, as in https://api.example.com.",
);
pub(crate) const NOT_A_COMMIT: Advice = ("is not a commit", "Give the whole hash, 40 hexadecimal digits.");
pub(crate) const NONE_AND_OTHERS: Advice =
    ("combines none with other reports", "Give either none or the others.");
pub(crate) const NOT_A_DEPLOYMENT: Advice = (
    "is not a deployment's id",
    "Copy the whole id, such as dp-abc123: the output `deployment-id` of a run holds it.",
);
pub(crate) const NOT_A_CHOICE: &str = "is not an allowed value";

pub(crate) const HOOK_ON_COMMAND_LINE: Advice = (
    "was given on the command line, where every process on this machine can read it",
    "Give it as DEPLOY_HOOK_URL or by --hook-url-file PATH (- is standard input), and rotate the hook.",
);
/// A path in a secret's place: GitLab's variables of type File hold one.
pub(crate) const IS_FILE: Advice = (
    "is the path of a file, not the secret itself",
    "Name a variable that holds a path with _FILE at its end: DEPLOY_HOOK_URL_FILE, DEPLOY_HOOK_API_TOKEN_FILE, DEPLOY_HOOK_GITLAB_TOKEN_FILE, DEPLOY_HOOK_HEADERS_FILE, DEPLOY_HOOK_VERIFY_HEADERS_FILE.",
);
pub(crate) const LONG_BODY: Advice = ("is larger than 1 MiB", "Send less with the trigger.");

pub(crate) const SOCKS_PROXY: Advice = (
    "is a SOCKS proxy, which cannot be used here",
    "Set HTTPS_PROXY to an http proxy, or name the host in NO_PROXY. Allowed: http://host:port, https://host:port.",
);
pub(crate) const NOT_A_PROXY: Advice =
    ("is not a proxy's URL that can be used here", "Allowed: http://host:port, https://host:port.");
pub(crate) const CERTIFICATE_ITSELF: Advice = (
    "holds a certificate or a key, not the path of a file",
    "Write it to a file, and give the path of that.",
);
pub(crate) const GIVE_PEM: &str = "Give the path of a PEM file.";
pub(crate) const GIVE_FOLDER: &str = "Give a folder that can be written to.";
pub(crate) const GIVE_SECRET_FILE: &str = "Give the path of a file that holds the secret alone, on one line.";
pub(crate) const GIVE_SECRET_LINES: &str = "Give the path of a text file that holds the secret alone.";

pub(crate) const URL_AS_PATH: &str = "is a URL, not the path of a file";
pub(crate) const SEVERAL_LINES: &str = "holds more than one line";
pub(crate) const LARGE_FILE: &str = "is larger than 64 KiB";
pub(crate) const IS_FOLDER: &str = "is a folder, not a file";

/// How to give a secret: in a file, or itself in this variable.
pub(crate) fn file_or_variable(variable: &str) -> String {
    format!(
        "Set {variable} to the secret itself, or give the path of a file that holds it alone, on one line."
    )
}

/// What is wrong with a secret's file that holds nothing.
pub(crate) fn empty_file(path: &str) -> &'static str {
    if path.trim() == "-" { "is standard input, which gave nothing" } else { "is an empty file" }
}

/// What is wrong with standard input that another secret has taken.
pub(crate) fn stdin_twice(other: &str) -> String {
    format!("is standard input, which {other} has read already")
}

/// Why a file cannot be read.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist on this machine or in this container".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        io::ErrorKind::IsADirectory => IS_FOLDER.to_owned(),
        _ => format!("cannot be read ({error})"),
    }
}

/// Why a folder cannot be made.
pub(crate) fn no_folder(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "is a file, or is inside one".to_owned()
        }
        io::ErrorKind::PermissionDenied => "may not be written by this user".to_owned(),
        _ => format!("cannot be made ({error})"),
    }
}

/// A word that is not a kind of report. `shown`: as far as it may be.
pub(crate) fn no_report(shown: &str, word: &str, words: &[&str]) -> (String, String) {
    (format!("holds \"{shown}\", which is not a kind of report"), allowed(word, words))
}

/// The allowed words, and the one that may have been meant.
pub(crate) fn allowed(given: &str, words: &[&str]) -> String {
    format!("{}Allowed: {}.", did_you_mean(nearest(given, words)), words.join(", "))
}

/// The allowed words of an input, and the one that may have been meant: people write yes and no for many of them.
pub(crate) fn choice(name: &str, given: &str, words: &[&str]) -> String {
    let meant = match (name, given) {
        ("wait", "false" | "no" | "0" | "off" | "none" | "skip") => "never",
        ("wait", "true" | "yes" | "1" | "on" | "wait" | "follow") => "always",
        ("if-missing" | "on-canceled", "true" | "error" | "failure") => "fail",
        ("if-missing", "false" | "ignore" | "pass" | "warn" | "continue") => "skip",
        ("on-canceled", "false" | "ignore" | "skip" | "warn" | "succeed" | "success") => "pass",
        _ => return allowed(given, words),
    };
    format!("{}Allowed: {}.", did_you_mean(Some(meant)), words.join(", "))
}

/// The most similar of these words, if one is similar.
pub(crate) fn nearest<'a>(given: &str, words: &[&'a str]) -> Option<&'a str> {
    let likeness = |word: &&&str| strsim::jaro(given, word);
    let nearest = words.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|word| likeness(word) > 0.7).copied()
}

/// `Did you mean always? `, or nothing.
pub(crate) fn did_you_mean(word: Option<impl std::fmt::Display>) -> String {
    word.map(|word| format!("Did you mean {word}? ")).unwrap_or_default()
}

pub(crate) const OUT_OF_RANGE: &str = "is out of range";
pub(crate) const NO_UNIT: &str = "has no unit";
pub(crate) const NOT_A_DURATION: &str = "is not a duration";

/// The durations that are allowed. `meant`: what a wrong one may have been meant to be.
pub(crate) fn durations(meant: Option<&str>, range: (&str, &str), auto: bool) -> String {
    let or = if auto { "auto, or " } else { "" };
    let meant = did_you_mean(meant);
    format!("{meant}Allowed: {or}{} to {}, with a unit: 90s, 20m, 1h.", range.0, range.1)
}

/// Signals that the system does not let the program handle.
pub(crate) fn no_signals(error: &io::Error) -> String {
    format!("cannot be handled ({error})")
}
