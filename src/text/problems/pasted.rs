//! Problems with a pasted hook URL or token: what it is, and what to give instead.

use super::values::{HAS_A_FRAGMENT, MASKED, TOO_LONG, UNEXPANDED, WITH_USER};
use crate::secrets::{PasteFault, TokenFault, UrlFault};

const COPY: &str =
    "Copy the whole deploy hook URL from the dashboard again. If it is shown only once, create a new hook.";
const ENDS_EARLY: &str = "ends before its secret part";
const ONE_LINE: &str = "on one line, without quotes, spaces or a name in front";

/// What a platform's documents say of its hooks, as far as a message needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HookForm {
    pub platform: &'static str,
    /// Where the hook's URL is in the dashboard.
    pub place: &'static str,
    /// What the URL begins with; empty where that is not documented.
    pub known_by: &'static str,
}

impl HookForm {
    fn copy(&self) -> String {
        let form = if self.known_by.is_empty() { String::new() } else { format!(" ({})", self.known_by) };
        format!("Copy the deploy hook URL{form}. In the dashboard it is in {}.", self.place)
    }
}

/// The problem with what should be a deploy hook's URL, and how to fix it.
pub(crate) fn hook_url(fault: UrlFault) -> (String, String) {
    let (wrong, fix) = match fault {
        UrlFault::Paste(fault) => return pasted(fault, "deploy hook URL"),
        UrlFault::OtherKind(wrong, fix) => (wrong, fix),
        UrlFault::NoScheme => {
            ("does not begin with https://", "Put https:// in front of the host: https://host/path.")
        }
        UrlFault::Word => (
            "is a single word, such as a token or only a part of the URL",
            "Give the whole deploy hook URL, which begins with https://. An API token belongs in api-token.",
        ),
        UrlFault::NotUrl => ("is not a URL", "Give the whole deploy hook URL, which begins with https://."),
        UrlFault::BadHost => (
            "has no valid host or port",
            "Check what follows the https://: a host name, and a port, if there is one, of at most 65535.",
        ),
        UrlFault::TooLong => (TOO_LONG.0, COPY),
        UrlFault::Http => (
            "begins with http://, and the URL is a password that must be encrypted on its way",
            "Write https:// instead. Plain http is for localhost and 127.0.0.1.",
        ),
        UrlFault::NotHttps => {
            ("is not https", "A deploy hook URL begins with https://. Check its first letters.")
        }
        UrlFault::Credentials => {
            (WITH_USER, "Remove the part before the @. A deploy hook needs only its URL.")
        }
        UrlFault::Fragment => (HAS_A_FRAGMENT, "Remove the # and everything after it."),
        UrlFault::NoPath => ("is only a host, without the path of a hook", COPY),
        UrlFault::NoSecret => (ENDS_EARLY, COPY),
        UrlFault::EndsInWord => {
            let other = "If the URL is whole and its secret is in `headers`, set `platform: other`.";
            return (ENDS_EARLY.to_owned(), format!("{COPY} {other}"));
        }
    };
    (wrong.to_owned(), fix.to_owned())
}

/// The problem with what should be a token, and how to fix it.
pub(crate) fn token(fault: TokenFault) -> (String, String) {
    let (wrong, fix) = match fault {
        TokenFault::Paste(fault) => return pasted(fault, "token"),
        TokenFault::Url => (
            "is a URL, not a token",
            "Give the token here. A deploy hook's URL belongs in hook-url (DEPLOY_HOOK_URL).",
        ),
        TokenFault::Scheme => (
            "begins with the name of a header or a scheme, such as Bearer",
            "Give the token alone. The right header is added.",
        ),
    };
    (wrong.to_owned(), fix.to_owned())
}

/// The problem with a secret that is not alone in its place. `what` it should be.
fn pasted(fault: PasteFault, what: &str) -> (String, String) {
    let again = format!("Store the secret again: the {what} alone, {ONE_LINE}.");
    let (wrong, fix) = match fault {
        PasteFault::Masked => (
            MASKED,
            format!("Copy the whole {what} from the dashboard, not from a log. If it is no longer shown, create a new one."),
        ),
        PasteFault::Unexpanded => (
            UNEXPANDED,
            "Check the spelling, how this CI system writes a variable (GitHub ${{ secrets.NAME }}, GitLab $NAME), that the secret exists, and that it is available here (protected branches, environments, forks).".to_owned(),
        ),
        PasteFault::Placeholder => (
            "holds an example's placeholder, such as YOUR_TOKEN, <token>, ... or xxx",
            format!("Replace it: copy the whole {what} from the dashboard."),
        ),
        PasteFault::Named => ("has a name in front of the URL", format!("Remove the name. {again}")),
        PasteFault::Command => {
            ("is a command line, not the URL alone", format!("Take the URL out of the command. {again}"))
        }
        PasteFault::Markdown => {
            ("is a Markdown link", format!("Take the URL out of the parentheses. {again}"))
        }
        PasteFault::Brackets => ("is in < and >", format!("Remove both. {again}")),
        PasteFault::Several => (
            "holds more than one URL",
            "Give one deploy hook URL. Each hook needs a run of its own.".to_owned(),
        ),
        PasteFault::Quoted => ("holds a quote", again),
        PasteFault::Spaced => ("holds white space", again),
        PasteFault::LineBreak => ("holds a line break", again),
        PasteFault::Control => ("holds a control character", again),
        PasteFault::NotAscii => {
            ("holds a character that is not ASCII, perhaps an invisible one", again)
        }
    };
    (wrong.to_owned(), fix)
}

/// The problem with a page of a platform's dashboard instead of a hook, and how to fix it.
pub(crate) fn dashboard_page(form: &HookForm) -> (String, String) {
    let wrong = format!("is a page of the dashboard of {}, not a deploy hook URL", form.platform);
    (wrong, form.copy())
}

/// The problem with another address of a platform instead of a hook. `forms`: of all that have their hooks at its host.
pub(crate) fn not_a_hook(forms: &[HookForm]) -> (String, String) {
    let known_by: Vec<&str> = forms.iter().map(|form| form.known_by).collect();
    let platforms: Vec<&str> = forms.iter().map(|form| form.platform).collect();
    (
        format!("is an address of {}, but not of a deploy hook there", platforms.join(" or ")),
        format!(
            "Copy the deploy hook URL ({}) from the dashboard. If it is a deploy hook anyway, set platform to other.",
            known_by.join(" or ")
        ),
    )
}

/// The problem with a platform's token instead of a hook, and how to fix it.
pub(crate) fn token_as_hook(owner: &str, form: Option<&HookForm>) -> (String, String) {
    let wrong = format!("is a token of {owner}, not a deploy hook URL");
    let fix = form.map_or_else(
        || "Give the deploy hook URL here, which begins with https://.".to_owned(),
        |form| format!("Give the token as api-token. {}", form.copy()),
    );
    (wrong, fix)
}

/// The problem with somebody else's token in a token's place, and how to fix it.
pub(crate) fn token_of_another(owner: &str, wanted: &str) -> (String, String) {
    (
        format!("is a token of {owner}, but a token of {wanted} is needed here. It was not sent"),
        format!("Give a token of {wanted}, or leave this out."),
    )
}
