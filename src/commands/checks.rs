//! The checks of `doctor` and of a dry run: why would a trigger fail?
//!
//! In this order: the URL, the hook, the network, and the deployments.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use url::{Host, Url};

use crate::core::Wait;
use crate::core::site::{SiteAnswer, SiteFault};
use crate::core::state::{Outcome, ReadDenied};
use crate::core::traits::PollResult;
use crate::core::trigger::{NotSent, NotSentReason, Refusal, RefusalReason};
use crate::error::{self, BAD_INPUT, Problem};
use crate::http::{Http, Method, Network, RequestError};
use crate::platforms::{Client, ReadTarget, Reader, StateSource};
use crate::text::{format, json, messages};

/// How long one check may take.
const LIMIT: Duration = Duration::from_secs(15);

/// The name of the check of the platform's token.
const API_TOKEN: &str = "API token";

/// One check, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What was checked.
    pub name: &'static str,
    /// The result.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where nothing needs doing.
    pub fix: String,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// As it should be.
    Good,
    /// Perhaps not as it should be, or not known.
    Unsure,
    /// A trigger would be refused as bad input.
    BadInput,
    /// A trigger would end so.
    Bad(Outcome),
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Health::Good, (found, ""))
    }

    fn unsure(name: &'static str, (found, fix): (impl Into<String>, impl Into<String>)) -> Self {
        Self::new(name, Health::Unsure, (found, fix))
    }

    fn new(name: &'static str, health: Health, (found, fix): (impl Into<String>, impl Into<String>)) -> Self {
        Self { name, health, found: found.into(), fix: fix.into() }
    }

    /// The check as one line, with its fix: of text, or of JSON with the time `now`.
    pub(crate) fn line(&self, is_json: bool, now: SystemTime) -> String {
        let (mark, health) = match self.health {
            Health::Good => ("✓", "good"),
            Health::Unsure => ("?", "unsure"),
            Health::BadInput | Health::Bad(_) => ("✗", "bad"),
        };
        if is_json {
            return json::check(self.name, health, &self.found, &self.fix, now);
        }
        let fix = if self.fix.is_empty() { String::new() } else { format!(" → {}", self.fix) };
        format!("{mark} {:<11} {}{fix}", self.name, self.found)
    }
}

/// The exit code of a diagnosis: of the first thing that would make a trigger fail.
pub(crate) fn exit_code(checks: &[Check]) -> u8 {
    let code = |check: &Check| match check.health {
        Health::BadInput => Some(BAD_INPUT),
        Health::Bad(outcome) => Some(error::exit_code(outcome, false, None)),
        Health::Good | Health::Unsure => None,
    };
    checks.iter().find_map(code).unwrap_or(0)
}

/// How a dry run ends that found no bad input.
pub(crate) fn outcome(checks: &[Check]) -> Outcome {
    let outcome = |check: &Check| if let Health::Bad(outcome) = check.health { Some(outcome) } else { None };
    checks.iter().find_map(outcome).unwrap_or(Outcome::Skipped)
}

/// How many checks could not be made.
pub(crate) fn unchecked(checks: &[Check]) -> usize {
    checks.iter().filter(|check| check.health == Health::Unsure).count()
}

/// What the checks found to be bad input: a token that the platform refuses, a project that it does not know.
pub(crate) fn problems(checks: &[Check]) -> Vec<Problem> {
    let bad = checks.iter().filter(|check| check.health == Health::BadInput);
    let problem = |check: &Check| {
        let input = if check.name == API_TOKEN { "api-token" } else { check.name };
        Problem::new(input, (&check.found, &check.fix))
    };
    bad.map(problem).collect()
}

/// What is wrong with the input, as a check.
pub(crate) fn bad_input(problem: &Problem) -> Check {
    let Problem { value, wrong, .. } = problem;
    let found = value.as_ref().map_or(wrong.clone(), |value| format!("\"{value}\" {wrong}"));
    Check::new("input", Health::BadInput, (format!("{}: {found}", problem.input), problem.fix.clone()))
}

/// Runs every check, in the order in which a trigger needs them. `wait`: whether the deployment is to be followed.
pub(crate) async fn examine(
    is_known: bool,
    network: &Network,
    http: &Http,
    platform: &Client,
    wait: Wait,
) -> Vec<Check> {
    let access = platform.reader().access();
    let Some(hook) = &access.hook else {
        let mut checks = vec![Check::unsure("hook URL", messages::NO_HOOK)];
        checks.extend(reading(platform, wait).await);
        return checks;
    };
    let health = if is_known { Health::Good } else { Health::Unsure };
    let form = Check::new("hook URL", health, messages::form(is_known, &hook.label()));
    let mut checks = vec![form, of_platform(platform, wait)];
    if let Some(proxy) = network.proxy_for(hook.expose()) {
        checks.push(Check::good("proxy", messages::proxy(&proxy.label())));
    } else {
        checks.push(look_up(hook.expose()).await);
        if exit_code(&checks) != 0 {
            return checks;
        }
    }
    checks.extend(connect(hook.expose(), http).await);
    if exit_code(&checks) == 0 {
        checks.extend(reading(platform, wait).await);
        let untried = match platform.can_follow().ok().and_then(|()| platform.reader().source()) {
            Some(StateSource::Hook) => messages::DEPLOY_UNTRIED,
            Some(StateSource::Api) => messages::HOOK_UNTRIED_BY_API,
            None => messages::HOOK_UNTRIED,
        };
        let has_extras = !access.headers.is_empty() || access.body.is_some();
        let extras = if has_extras { messages::EXTRAS_UNTRIED } else { "" };
        checks.push(Check::unsure("trigger", (format!("{untried}{extras}"), "")));
    }
    checks
}

/// What is missing for this platform, as far as it is known before a trigger: the token that its hook itself wants, or a
/// way to read the verdict that is asked for.
pub(crate) fn platform_problem(platform: &Client, wait: Wait) -> Option<Problem> {
    let access = platform.reader().access();
    match platform.can_follow() {
        _ if access.lacks_trigger_token() => {
            let variables = access.platform.facts().token_variables;
            Some(Problem::new("api-token", messages::trigger_needs_token(access.platform.name(), variables)))
        }
        Err(why) if wait == Wait::Always => {
            Some(Problem::new("wait", messages::cannot_follow(&why)).with_value("always"))
        }
        _ => None,
    }
}

/// Which platform it is, and what is needed to follow its deployments.
fn of_platform(platform: &Client, wait: Wait) -> Check {
    const NAME: &str = "platform";
    let access = platform.reader().access();
    let name = access.platform.name();
    if let Some(Problem { input, value, wrong, fix }) = platform_problem(platform, wait) {
        let value = value.map(|value| format!(": {value}")).unwrap_or_default();
        return Check::new(NAME, Health::BadInput, (format!("{name}: {input}{value} {wrong}"), fix));
    }
    let found = match access.platform.source(access, ReadTarget::Any) {
        Some(source) => messages::read_by(name, source == StateSource::Hook),
        None => messages::followed_with(name, &access.missing()),
    };
    Check::good(NAME, found)
}

async fn look_up(url: &Url) -> Check {
    const NAME: &str = "DNS";
    let (Some(Host::Domain(name)), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Check::good(NAME, messages::NO_LOOKUP);
    };
    let started = Instant::now();
    let found = match tokio::time::timeout(LIMIT, tokio::net::lookup_host((name, port))).await {
        Ok(Ok(found)) => found.map(|address: SocketAddr| address.ip().to_string()).collect::<Vec<_>>(),
        Ok(Err(error)) => return unreachable(NAME, NotSentReason::Dns, &error.to_string()),
        Err(_) => return unreachable(NAME, NotSentReason::Dns, messages::NO_ANSWER),
    };
    Check::good(NAME, format!("{name} is {} ({})", found.join(", "), format::duration(started.elapsed())))
}

/// A request to the host's root, without the secret: it proves TCP and TLS whatever it answers.
async fn connect(url: &Url, http: &Http) -> Vec<Check> {
    let mut root = url.clone();
    root.set_path("/");
    root.set_query(None);
    let tls = url.scheme() == "https";
    let done = |name| Check::good(name, messages::WORKS);
    match http.send(Method::HEAD, &root, None, None, LIMIT).await {
        Ok(_) if tls => vec![done("connection"), done("TLS")],
        Ok(_) => vec![done("connection"), Check::good("TLS", messages::NO_TLS)],
        Err(RequestError::NotSent(NotSent { why, message })) => {
            let of = |name| unreachable(name, why, &message);
            match why {
                NotSentReason::Dns => vec![of("DNS")],
                NotSentReason::Invalid | NotSentReason::Connect => vec![of("connection")],
                NotSentReason::Proxy => vec![of("proxy")],
                NotSentReason::Tls => vec![done("connection"), of("TLS")],
            }
        }
        Err(failure) => {
            vec![done("connection"), Check::unsure("answer", messages::strange_answer(&failure.to_string()))]
        }
    }
}

/// What the page that is to be verified answers before any deployment. `None`: its address is not known yet.
pub(crate) fn page(url: &str, has_text: bool, answer: Option<&SiteAnswer>) -> Check {
    const NAME: &str = "page";
    let finding = messages::page(url, has_text, answer);
    match answer.map(|answer| answer.fault.as_ref()) {
        Some(None) if !has_text => Check::new(NAME, Health::Good, finding),
        Some(Some(SiteFault::NoText)) => Check::good(NAME, finding.0),
        _ => Check::unsure(NAME, finding),
    }
}

/// What the platform answers where reading is documented.
async fn reading(platform: &Client, wait: Wait) -> Vec<Check> {
    let reader = platform.reader();
    let by = if reader.source() == Some(StateSource::Hook) { "hook" } else { API_TOKEN };
    if let Err(why) = platform.can_follow() {
        return vec![Check::unsure("state", messages::not_readable(&why))];
    }
    let probe = reader.probe().await;
    if probe.as_ref().is_some_and(|poll| poll.result == PollResult::NotThere) {
        return vec![Check::good(by, messages::TOKEN_READS)];
    }
    let poll = match probe {
        Some(poll) => Some(poll),
        None => reader.newest().await,
    };
    let Some(poll) = poll else {
        return vec![Check::good(by, messages::NONE_YET)];
    };
    let mut checks = vec![read(by, poll.result, wait != Wait::Never, reader)];
    if reader.source() == Some(StateSource::Hook) && reader.access().token.is_some() {
        checks.push(Check::unsure(API_TOKEN, messages::TOKEN_UNUSED));
    }
    checks
}

/// What the answer to a read says. A token that is refused is bad input on every platform, also where a trigger would not
/// notice before the deployment runs.
fn read(by: &'static str, result: PollResult, follows: bool, reader: &Reader) -> Check {
    let refused = |why, status, message| {
        let words = messages::refused(&Refusal { why, status, message, retry_after: None, advice: None });
        Check::new(by, Health::Bad(Outcome::Refused), (words.happened, words.next))
    };
    match result {
        PollResult::Ours(snapshot) | PollResult::Newer(snapshot) => {
            Check::good(by, messages::newest(&messages::status(&snapshot)))
        }
        PollResult::NotThere if by == API_TOKEN && follows && reader.is_found_by_input() => {
            Check::new("project", Health::BadInput, messages::API_FINDS_NOTHING)
        }
        PollResult::NotThere if by == API_TOKEN => Check::unsure(by, messages::API_FINDS_NOTHING),
        PollResult::NotThere => Check::unsure(by, messages::HOOK_SHOWS_NOTHING),
        PollResult::Denied(ReadDenied { status, message, with_token }) => match (status, with_token) {
            (401 | 403, true) => {
                let health = if follows { Health::BadInput } else { Health::Unsure };
                let triggers = reader.access().platform.facts().trigger_needs_token;
                Check::new(by, health, messages::token_denied(status, &message, triggers))
            }
            (_, true) => Check::unsure(by, messages::read_refused(status, &message)),
            (401 | 403, false) => refused(RefusalReason::Forbidden, status, message),
            (410, false) => refused(RefusalReason::Gone, status, message),
            // Any other refusal may be of the GET alone, as a 405 is, and a trigger is a POST.
            (_, false) => Check::unsure(by, messages::hook_not_readable(status, &message)),
        },
        PollResult::Failed { message } => Check::unsure(by, messages::unusable_answer(&message)),
    }
}

fn unreachable(name: &'static str, why: NotSentReason, message: &str) -> Check {
    let words = messages::unreachable(&NotSent { why, message: message.to_owned() });
    Check::new(name, Health::Bad(Outcome::Unreachable), (words.happened, words.next))
}
