//! Problems with the hook as a whole, with headers, with the page that is verified, and with the embedded platform.

use std::io;

use super::values::{Advice, WITH_USER};

/// The problem with a missing hook, and how to fix it. `misspelt`: a variable whose name is nearly right. `likely`:
/// variables of the platforms that a token is set for.
pub(crate) fn missing_hook(misspelt: Option<&str>, likely: &[&str]) -> (&'static str, String) {
    let misspelt =
        misspelt.map(|name| format!("{name} is set, but only DEPLOY_HOOK_URL is read. ")).unwrap_or_default();
    let likely = if likely.is_empty() { String::new() } else { format!(", {}", likely.join(", ")) };
    let fix = format!(
        "{misspelt}Store the deploy hook's URL as a secret and pass it as hook-url (GitHub), DEPLOY_HOOK_URL{likely} (elsewhere) \
         or --hook-url-file. Pull requests from forks and Dependabot get no secrets: `if-missing: skip` lets those pass. \
         On GitLab, protected variables are empty on unprotected branches and tags."
    );
    ("is empty", fix)
}

/// The problem with hooks of more than one platform: its name, and the variable that holds its hook.
pub(crate) fn several_hooks(set: &[(&str, &str)]) -> (String, String) {
    let (platforms, variables): (Vec<&str>, Vec<&str>) = set.iter().copied().unzip();
    let platforms = platforms.join(", ");
    (
        format!("is given for {} platforms: {}", set.len(), variables.join(", ")),
        format!("Set platform to one of {platforms}, or give the one hook as hook-url or DEPLOY_HOOK_URL."),
    )
}

/// The problem with tokens of more than one platform and no hook.
pub(crate) fn several_tokens(platforms: &[&str]) -> (String, String) {
    (
        format!("is not set, and there are tokens of {}", platforms.join(", ")),
        "Set platform to the one that is to be read, or give its hook URL.".to_owned(),
    )
}

/// The warning about a variable that is not read, and the one that may have been meant.
pub(crate) fn unknown_variable(name: &str, meant: &str) -> String {
    format!("{name} is not read. Did you mean {meant}?")
}

/// The problem with an account and a project of this platform in each other's place.
pub(crate) fn swapped(platform: &str) -> (String, String) {
    (
        format!("is swapped with project, which holds the id of an account of {platform}"),
        "Give the id of the account as account, and the name of the project as project.".to_owned(),
    )
}

/// The problem with an id that this platform does not ask for, while the one that it does is missing.
pub(crate) fn unused(platform: &str, given: &str, wanted: &str) -> (String, String) {
    (
        format!("is not used by {platform}, which asks for {wanted}"),
        format!(
            "If this is the id of the {wanted}, give it as {wanted}. Otherwise remove {given} and set {wanted}."
        ),
    )
}

/// What is wrong with a line that should be a header. The texts are the header's name, as far as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault<'a> {
    NoColon,
    Url,
    /// Something that is no name; empty where it may be a secret.
    NotAName(&'a str),
    /// A header that HTTP sets itself.
    OfHttp(&'a str),
    Twice(&'a str),
    /// A value with `***`.
    Masked(&'a str),
    /// A value with a character that no header has.
    Characters(&'a str),
}

const FORM: &str = "Write each header on a line of its own, as Name: value.";

/// The problem with a header, and how to fix it.
pub(crate) fn header(fault: HeaderFault<'_>) -> (String, &'static str) {
    match fault {
        HeaderFault::NoColon => ("has no colon".to_owned(), FORM),
        HeaderFault::Url => ("is a URL, not a header".to_owned(), FORM),
        HeaderFault::NotAName("") => ("does not begin with a valid header name".to_owned(), FORM),
        HeaderFault::NotAName(name) => (format!("does not begin with a valid header name ({name})"), FORM),
        HeaderFault::OfHttp(name) => {
            (format!("sets {name}, which is set automatically"), "Leave this header out.")
        }
        HeaderFault::Twice(name) => (format!("sets {name} a second time"), "Give each header once."),
        HeaderFault::Masked(name) => (
            format!("gives {name} a value with ***, copied from a log in which it was masked"),
            "Store the value again.",
        ),
        HeaderFault::Characters(name) => (
            format!("gives {name} a value with a character that no header has, perhaps an invisible one"),
            "Store the value again: printable ASCII characters alone.",
        ),
    }
}

/// The problem with headers on the command line: of this input, with this variable.
pub(crate) fn headers_on_command_line(input: &str, variable: &str) -> (&'static str, String) {
    (
        "were given on the command line, where every process on this machine can read them",
        format!(
            "Give them as {variable} or by --{input}-file PATH (- is standard input), and replace the secrets in them."
        ),
    )
}

pub(crate) const NO_PAGE: Advice = (
    "is given without verify-url, so nothing would be verified",
    "Set verify-url to the page that is to be verified, or leave this out.",
);
pub(crate) const HEADERS_NOT_ENCRYPTED: Advice = (
    "would be sent over plain http",
    "They are secret: use https. Plain http is for localhost and 127.0.0.1.",
);
/// The problem with a path on a site whose address these platforms alone would name.
pub(crate) fn no_site(platforms: &[&str]) -> (&'static str, String) {
    (
        "is a path on the deployed site, whose address is not known",
        format!(
            "Set environment-url to the site's address, or give the whole URL of the page. These platforms name the address of a deployment that is followed: {}.",
            platforms.join(", ")
        ),
    )
}
pub(crate) const PAGE_WITH_SECRET: Advice = (
    "holds the hook's secret or a token",
    "Give the address of a page of the deployed site. It is shown in logs and reports.",
);
pub(crate) const PAGE_WITH_USER: Advice =
    (WITH_USER, "Take it out. A page behind a password gets it as verify-headers: `Authorization: Basic …`.");
pub(crate) const PAGE_ALLOWED: &str =
    "Allowed: https://…, http://…, or a path on environment-url such as /version.";
pub(crate) const PAGE_UNEXPANDED: &str = "is masked, or the name of a variable and not its value";
pub(crate) const PAGE_OF_ANOTHER_HOST: &str = "begins with two slashes, so it names another host";
pub(crate) const EMPTY_TEXT: Advice = (
    "is empty, which every page contains",
    "Give a text that only the new version has, such as its commit, or leave the option out.",
);
pub(crate) const TEXT_ALLOWED: &str =
    "Allowed: one line of at most 1000 characters, as it stands in the page's source.";
pub(crate) const LONG_TEXT: &str = "is longer than 1000 characters";
pub(crate) const UNSEEN_TEXT: &str = "holds a line break or another character that cannot be seen";

pub(crate) const ONLY_WITH_SANDBOX: Advice =
    ("is for the embedded platform alone", "Add --sandbox, or leave it out.");

pub(crate) const CHOOSE_PLATFORM: &str = "Name one of them, or leave it out.";
pub(crate) const CHOOSE_GENERATION: &str = "Leave it out, or choose another --platform.";
pub(crate) const CHOOSE_SCENARIO: &str = "`deploy-hook sandbox --scenario list` shows every scenario.";
pub(crate) const CHOOSE_SPEED: &str = "Leave it out for the default.";

/// A port that cannot be listened on.
pub(crate) fn port(error: &io::Error) -> (String, &'static str) {
    let wrong = match error.kind() {
        io::ErrorKind::AddrInUse => "is in use by another program, perhaps by another sandbox".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "may not be opened by this user: ports below 1024 are for root".to_owned()
        }
        _ => format!("cannot be listened on ({error})"),
    };
    (wrong, "Choose another port, or leave it out for any free one.")
}
