//! The words of `doctor` and of a dry run: what each check found, and what to do.

use super::message::{NO_DEPLOYMENT, inputs, not_set, quoted};
use crate::core::site::{SiteAnswer, SiteFault};
use crate::core::state::{CannotFollow, MissingInput};
use crate::text::format::count;

/// What a check found, and what to do about it; empty where nothing needs doing.
pub type Finding<T = String> = (T, &'static str);

/// No hook was given.
pub const NO_HOOK: Finding<&str> = ("none was given", "Only what an API token can read is checked.");

/// The form of the hook's URL. `label`: the URL, with `***` instead of its secret.
pub fn form(is_known: bool, label: &str) -> Finding {
    if is_known {
        return (format!("has the right form: {label}"), "");
    }
    (
        format!("is not of a platform that this version supports: {label}"),
        "It is triggered and not followed. If it belongs to a supported platform on another host, set `platform` (`deploy-hook platforms` lists them) or `api-url`.",
    )
}

/// How deployments are read.
pub fn read_by(platform: &str, by_hook: bool) -> String {
    let how = if by_hook {
        "the hook itself shows its deployments"
    } else {
        "deployments are read through its API"
    };
    format!("{platform}: {how}")
}

/// What is needed to follow a platform's deployments.
pub fn followed_with(platform: &str, missing: &[MissingInput]) -> String {
    if missing.is_empty() {
        format!("{platform}: its deployments are not followed")
    } else {
        format!("{platform}: followed with {}", inputs(missing))
    }
}

/// What keeps deployments from being read, and how to fix it.
pub fn not_readable(why: &CannotFollow) -> (String, String) {
    let (why, fix) = match why {
        CannotFollow::Missing(missing) => {
            (not_set(missing), format!(" To wait for the result, set {}.", inputs(missing)))
        }
        CannotFollow::UnknownPlatform => ("the platform is not known".to_owned(), String::new()),
        CannotFollow::NoDeployment => (NO_DEPLOYMENT.to_owned(), String::new()),
    };
    (format!("cannot be read: {why}"), format!("Triggering works without it.{fix}"))
}

/// The host is an address.
pub const NO_LOOKUP: &str = "not needed: the host is an address";
/// A connection that was made.
pub const WORKS: &str = "works";
/// No TLS.
pub const NO_TLS: &str = "not used on loopback";
/// A lookup that took too long.
pub const NO_ANSWER: &str = "no answer in time";
/// The platform shows no list of deployments, but answers a token.
pub const TOKEN_READS: &str = "may read deployments; this platform lists none";
/// There is no deployment.
pub const NONE_YET: &str = "can read deployments; there are none yet";

/// A proxy.
pub fn proxy(label: &str) -> String {
    format!("requests go through {label}")
}

/// The host answered, but not as HTTP says.
pub fn strange_answer(message: &str) -> Finding<&str> {
    (message, "A trigger may end as `uncertain`. Try again later; see the platform's status page.")
}

/// No usable answer to a read.
pub fn unusable_answer(message: &str) -> Finding {
    (format!("gives no usable answer: {message}"), "Try again later; see the platform's status page.")
}

/// The newest deployment.
pub fn newest(status: &str) -> String {
    format!("reads the newest deployment: {status}")
}

/// The API knows nothing that this hook deploys.
pub const API_FINDS_NOTHING: Finding<&str> = (
    "finds nothing that this hook deploys (404)",
    "Check that `account` and `project` are those of the hook, and that the token is of an account that may read them.",
);

/// A token that no run with this hook sends.
pub const TOKEN_UNUSED: Finding<&str> =
    ("not tried: the hook itself shows its deployments, so the token is never sent", "");

/// A hook that can be read shows no deployment.
pub const HOOK_SHOWS_NOTHING: Finding<&str> = (
    "shows no deployment, as before the first one",
    "If it has deployed before, its URL is wrong or it was deleted: compare it with the dashboard.",
);

/// A hook that refuses a read, which says nothing about a trigger.
pub fn hook_not_readable(status: u16, message: &str) -> Finding {
    (
        format!("shows no deployments (HTTP {status}{})", quoted(message)),
        "A trigger may still work, but it may not be possible to follow its deployment.",
    )
}

/// A read that the platform refuses for another reason than the token.
pub fn read_refused(status: u16, message: &str) -> Finding {
    (
        format!("cannot read deployments (HTTP {status}{})", quoted(message)),
        "It may not be possible to follow the deployment. Check what the token may read.",
    )
}

/// What only a trigger shows of a hook that nothing can be read of.
pub const HOOK_UNTRIED: &str = "not tried: only a trigger shows whether the hook is right and enabled";
/// The same of a hook whose deployments the API shows.
pub const HOOK_UNTRIED_BY_API: &str =
    "not tried: only a trigger shows whether the hook is right and enabled; the API token cannot show that";
/// The same of a hook that can be read itself.
pub const DEPLOY_UNTRIED: &str = "not tried: only a trigger shows whether the hook may deploy now";
/// What is said besides where the trigger has headers or a body.
pub const EXTRAS_UNTRIED: &str = ", and what `headers` and `body` do";

/// The last line of `doctor`, where nothing is wrong.
pub fn nothing_wrong(unchecked: usize) -> String {
    match unchecked {
        0 => "Nothing wrong was found.".to_owned(),
        _ => format!("Nothing wrong was found; {} could not be made.", count(unchecked, "check")),
    }
}

/// What the page that is to be verified answers before a deployment, and whether that is of use.
pub fn page(url: &str, has_text: bool, answer: Option<&SiteAnswer>) -> Finding {
    let Some(answer) = answer else {
        let found =
            format!("{url} is on the deployed site, whose address the platform names after the deployment");
        return (found, "");
    };
    let found = format!("{url} answers now: {}", super::site::site_answer(answer));
    match &answer.fault {
        None if has_text => (
            format!("{found}, and already holds the text"),
            "Choose a text that only the new version has, such as its commit. What the page holds before the deployment proves nothing.",
        ),
        None => (
            found,
            "The version that is live now may answer the same. To tell the new one from it, set `verify-text`.",
        ),
        Some(SiteFault::NoText) => (found, ""),
        Some(_) => (found, super::site::site_fix(answer).unwrap_or_default()),
    }
}
