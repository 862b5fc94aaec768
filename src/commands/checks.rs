//! The checks of `doctor` and of a dry run: why would a trigger fail?
//!
//! They follow the platform's own Troubleshooting list: the URL, the hook, the network, and the deployments.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use url::{Host, Url};

use crate::cli::Format;
use crate::core::ports::{DeployTarget as _, PollResult};
use crate::core::site::{SiteAnswer, SiteFault};
use crate::core::trigger::{NotSent, NotSentReason, Refusal, RefusalReason};
use crate::error::{BAD_INPUT, Problem};
use crate::http::{ConnectStage, Http, Method, Network, RequestError};
use crate::platforms::{Client, PlatformAccess, ReadTarget, StateSource};
use crate::secrets::HookUrl;
use crate::text::{format, json, messages};

/// How long one check may take.
const LIMIT: Duration = Duration::from_secs(15);

/// The name of the check of the platform's token.
const API_TOKEN: &str = "API token";

/// One line of the diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where nothing needs doing.
    pub fix: String,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// Perhaps not as it should be, or not to be known.
    Unsure,
    /// A trigger would fail; the exit code it would end with.
    Bad(u8),
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, health: Health::Good, found: found.into(), fix: String::new() }
    }

    fn unsure(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, health: Health::Unsure, found: found.into(), fix: fix.into() }
    }

    fn bad(name: &'static str, code: u8, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, health: Health::Bad(code), found: found.into(), fix: fix.into() }
    }

    /// The check as one line, with its fix: of text, or of JSON with the time `now`.
    #[must_use]
    pub fn line(&self, format: Format, now: SystemTime) -> String {
        let (mark, health) = match self.health {
            Health::Good => ("✓", "good"),
            Health::Unsure => ("?", "unsure"),
            Health::Bad(_) => ("✗", "bad"),
        };
        if format == Format::Json {
            return json::check(self.name, health, &self.found, &self.fix, now);
        }
        let fix = if self.fix.is_empty() { String::new() } else { format!(" → {}", self.fix) };
        format!("{mark} {:<11} {}{fix}", self.name, self.found)
    }
}

/// The exit code of a diagnosis: of the first thing that would make a trigger fail.
#[must_use]
pub fn exit_code(checks: &[Check]) -> u8 {
    let code = |check: &Check| {
        if let Health::Bad(code) = check.health { Some(code) } else { None }
    };
    checks.iter().find_map(code).unwrap_or(0)
}

/// What the checks found to be bad input: a token that the platform refuses.
#[must_use]
pub fn problems(checks: &[Check]) -> Vec<Problem> {
    let bad = checks.iter().filter(|check| check.health == Health::Bad(BAD_INPUT));
    let problem = |check: &Check| Problem {
        input: "api-token".to_owned(),
        value: None,
        wrong: check.found.clone(),
        fix: check.fix.clone(),
    };
    bad.map(problem).collect()
}

/// What is wrong with the input, as a check.
#[must_use]
pub fn bad_input(problem: &Problem) -> Check {
    let found = problem
        .value
        .as_ref()
        .map_or(problem.wrong.clone(), |value| format!("\"{value}\" {}", problem.wrong));
    Check::bad("input", BAD_INPUT, format!("{}: {found}", problem.input), problem.fix.clone())
}

/// Runs every check, in the order in which a trigger needs them. `follows`: whether the
/// deployment is to be followed.
pub async fn examine(
    hook: Option<&HookUrl>,
    known: bool,
    network: &Network,
    http: &Http,
    platform: &mut Client,
    follows: bool,
) -> Vec<Check> {
    let mut checks = Vec::new();
    let Some(hook) = hook else {
        checks.push(Check::unsure(
            "hook URL",
            "none was given",
            "Only what an API token can read is checked.",
        ));
        checks.extend(reading(platform, follows).await);
        return checks;
    };
    checks.push(form(hook, known));
    checks.push(of_platform(platform.reader().access()));
    if let Some(proxy) = network.proxy_for(hook.expose()) {
        checks.push(Check::good("proxy", format!("{} is in between", proxy.label())));
    } else {
        checks.push(look_up(hook.expose()).await);
        if exit_code(&checks) != 0 {
            return checks;
        }
    }
    checks.extend(connect(hook.expose(), http).await);
    if exit_code(&checks) == 0 {
        checks.extend(reading(platform, follows).await);
    }
    checks
}

fn form(hook: &HookUrl, known: bool) -> Check {
    if known {
        return Check::good("hook URL", format!("has the right form: {}", hook.label()));
    }
    let fix = "It is triggered and not followed. For a staging platform set `api-url`.";
    Check::unsure("hook URL", format!("is not of a platform this version knows: {}", hook.label()), fix)
}

/// Which platform it is, and what is needed to follow its deployments.
fn of_platform(access: &PlatformAccess) -> Check {
    const NAME: &str = "platform";
    let (name, missing) = (access.platform.name(), access.missing());
    if access.lacks_trigger_token() {
        let (wrong, fix) = messages::trigger_needs_token(name, access.platform.facts().token_variables);
        return Check::bad(NAME, BAD_INPUT, format!("{name}: api-token {wrong}"), fix);
    }
    match access.platform.source(access, ReadTarget::Any) {
        Some(StateSource::Hook) => {
            Check::good(NAME, format!("{name}: the hook itself shows its deployments"))
        }
        Some(StateSource::Api) => Check::good(NAME, format!("{name}: deployments are read through its API")),
        None => Check::good(NAME, format!("{name}: {}", messages::followed_with(&missing))),
    }
}

async fn look_up(url: &Url) -> Check {
    const NAME: &str = "DNS";
    let (Some(Host::Domain(name)), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Check::good(NAME, "not needed: the host is an address");
    };
    let started = Instant::now();
    let found = match tokio::time::timeout(LIMIT, tokio::net::lookup_host((name, port))).await {
        Ok(Ok(found)) => found.map(|address: SocketAddr| address.ip().to_string()).collect::<Vec<_>>(),
        Ok(Err(error)) => return unreachable(NAME, NotSentReason::Dns, &error.to_string()),
        Err(_) => return unreachable(NAME, NotSentReason::Dns, "no answer in time"),
    };
    Check::good(NAME, format!("{name} is {} ({})", found.join(", "), format::duration(started.elapsed())))
}

/// A request to the host's root, without the secret: it proves TCP and TLS whatever it answers.
async fn connect(url: &Url, http: &Http) -> Vec<Check> {
    let mut root = url.clone();
    root.set_path("/");
    root.set_query(None);
    let tls = url.scheme() == "https";
    let done = |name| Check::good(name, "works");
    match http.send(Method::HEAD, &root, None, LIMIT).await {
        Ok(_) if tls => vec![done("connection"), done("TLS")],
        Ok(_) => vec![done("connection"), Check::good("TLS", "not used on loopback")],
        Err(RequestError::NotSent { stage: ConnectStage::Dns, message }) => {
            vec![unreachable("DNS", NotSentReason::Dns, &message)]
        }
        Err(RequestError::NotSent { stage: ConnectStage::Connect, message }) => {
            vec![unreachable("connection", NotSentReason::Connect, &message)]
        }
        Err(RequestError::NotSent { stage: ConnectStage::Proxy, message }) => {
            vec![unreachable("proxy", NotSentReason::Proxy, &message)]
        }
        Err(RequestError::NotSent { stage: ConnectStage::Tls, message }) => {
            vec![done("connection"), unreachable("TLS", NotSentReason::Tls, &message)]
        }
        Err(failure) => {
            let fix = "A trigger may end as `uncertain`. Try again later; see the platform's status page.";
            vec![done("connection"), Check::unsure("answer", failure.to_string(), fix)]
        }
    }
}

/// What the page that is to be verified answers before any deployment. `None`: its address is not known yet.
#[must_use]
pub fn page(url: &str, has_text: bool, answer: Option<&SiteAnswer>) -> Check {
    const NAME: &str = "page";
    let Some(answer) = answer else {
        let found =
            format!("{url} is on the deployed site, whose address the platform names after the deployment");
        return Check::good(NAME, found);
    };
    let found = format!("{url} answers now: {}", messages::site_answer(answer));
    match &answer.fault {
        None if has_text => {
            let fix = "Choose a text that only the new version has, such as its commit. What the page holds before the deployment proves nothing.";
            Check::unsure(NAME, format!("{found}, and already holds the text"), fix)
        }
        None => {
            let fix = "The version that is live now may answer the same. To tell the new one from it, set `verify-text`.";
            Check { fix: fix.to_owned(), ..Check::good(NAME, found) }
        }
        Some(SiteFault::NoText) => Check::good(NAME, found),
        Some(_) => Check::unsure(NAME, found, messages::site_fix(answer).unwrap_or_default()),
    }
}

/// What the platform answers where reading is documented.
async fn reading(platform: &mut Client, follows: bool) -> Vec<Check> {
    let by = if platform.reader().source() == Some(StateSource::Hook) { "hook" } else { API_TOKEN };
    if let Err(why) = platform.can_follow() {
        let (found, fix) = messages::not_readable(&why);
        return vec![Check::unsure("state", found, fix)];
    }
    let probe = platform.reader().probe().await;
    if probe.as_ref().is_some_and(|poll| poll.result == PollResult::NotThere) {
        return vec![Check::good(by, "may read deployments; this platform lists none")];
    }
    let refused = |why, status: u16, message: &str| {
        let refusal = Refusal { why, status, message: message.to_owned(), retry_after: None, advice: None };
        let words = messages::refused(&refusal);
        (words.happened, words.next)
    };
    let poll = match probe {
        Some(poll) => Some(poll),
        None => platform.reader().newest().await,
    };
    let Some(poll) = poll else {
        return vec![Check::good(by, "reads deployments: there was none yet")];
    };
    let check = match poll.result {
        PollResult::Ours(snapshot) | PollResult::Newer(snapshot) => {
            Check::good(by, format!("reads the newest deployment: {}", messages::status(&snapshot)))
        }
        PollResult::NotThere if by == API_TOKEN => {
            let fix = "Check that the hook is right, that `account` and `project` are those of the hook, and that the token is of an account that may read them.";
            Check::unsure(by, "finds nothing that this hook deploys (404)", fix)
        }
        PollResult::NotThere => {
            let (_, fix) = refused(RefusalReason::NotFound, 404, "");
            let found =
                "shows no deployment: either there was none yet, or the URL is wrong or the hook deleted";
            Check::unsure(by, found, fix)
        }
        PollResult::Denied { status: 410, message, .. } => {
            let (found, fix) = refused(RefusalReason::Gone, 410, &message);
            Check::bad(by, 3, found, fix)
        }
        PollResult::Denied { status: status @ (401 | 403), message, with_token: true } => {
            let (found, fix) = messages::token_denied(status, &message);
            if follows { Check::bad(by, BAD_INPUT, found, fix) } else { Check::unsure(by, found, fix) }
        }
        PollResult::Denied { status, message, .. } => {
            let (found, fix) = refused(RefusalReason::Forbidden, status, &message);
            Check::bad(by, 3, found, fix)
        }
        PollResult::Failed { message } => Check::unsure(
            by,
            format!("gives no usable answer: {message}"),
            "Try again later; see the platform's status page.",
        ),
    };
    vec![check]
}

fn unreachable(name: &'static str, why: NotSentReason, message: &str) -> Check {
    let words = messages::unreachable(&NotSent { why, message: message.to_owned() });
    Check::bad(name, 4, words.happened, words.next)
}
