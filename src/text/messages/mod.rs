//! What a person reads: what happened, what it means for the deployment, what to do next.
//!
//! Every sentence about an outcome is made here, so that the log, the summary, annotations and `doctor` say the same.

mod input;
mod job;
mod reports;
mod unfinished;

use std::time::Duration;

pub use self::input::{cannot_follow, token_denied};
pub use self::job::{AFTER_SCRIPT, STARTED_BEFORE, cut_short};
pub use self::reports::{
    LEFT_OPEN, absent, advice, error, going, may_need, needed_permissions, nowhere_to_comment,
};

use self::unfinished::{interrupted, lost, timed_out, triggered};
use super::RunContext;
use super::format::{count, duration};
use crate::core::report::{Cause, Event, Report, Task};
use crate::core::state::{Outcome, Phase, Snapshot};
use crate::core::trigger::{NotSent, NotSentReason, Refusal, RefusalReason, ResponseError, Unclear};

/// A verdict in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What happened, in one line.
    pub happened: String,
    /// What that means for the deployment.
    pub meaning: String,
    /// What to do next; empty where there is nothing to do.
    pub next: String,
}

const LOOK: &str = "Look at the deployment history in the dashboard before you trigger again.";
const NOTHING: &str = "Nothing was triggered.";

/// The verdict of a run.
#[must_use]
pub fn verdict(report: &Report, context: &RunContext) -> Message {
    let took = duration(report.duration);
    let which = which(report);
    let state = state(report);
    let words = |happened: String, meaning: &str, next: &str| Message {
        happened,
        meaning: meaning.to_owned(),
        next: next.to_owned(),
    };
    match report.outcome {
        Outcome::Succeeded => words(format!("{which} succeeded after {took}."), "The new code is live.", ""),
        Outcome::Failed => words(
            format!("{which} failed after {took}{state}."),
            left_live(report),
            if report.log.is_empty() {
                "Read its log in the dashboard, fix what it names, and deploy again."
            } else {
                "Read the end of its log, fix what it names, and deploy again."
            },
        ),
        Outcome::Canceled => words(
            format!("{which} was canceled after {took}{state}."),
            "Somebody, or the platform, stopped it. The code that was live before still is.",
            "If that was not meant, deploy again. `on-canceled: pass` makes this a success.",
        ),
        Outcome::Superseded => words(
            format!("{which} was superseded after {took}{}.", by(report.cause.as_ref())),
            "A newer deployment took its place; whether this one's code ever went live is not known.",
            "The newer deployment's own run has the verdict. `on-canceled: pass` makes this a success.",
        ),
        Outcome::Triggered => triggered(report, &which),
        Outcome::TimedOut => timed_out(report, context, &which),
        Outcome::Lost => lost(report, &which),
        Outcome::Refused | Outcome::Unreachable | Outcome::Uncertain => not_accepted(report.cause.as_ref()),
        Outcome::Interrupted => interrupted(report, &which),
        Outcome::Skipped if report.cause == Some(Cause::NotAsked) => words(
            "Dry run: everything but the trigger was done, and nothing was found to be wrong.".to_owned(),
            NOTHING,
            "",
        ),
        Outcome::Skipped => words(
            "There is no hook URL here, and `if-missing: skip` says that is fine.".to_owned(),
            NOTHING,
            "Pull requests from forks and Dependabot get no secrets. If this run should deploy, store the hook URL as a secret.",
        ),
    }
}

/// Which code a failure leaves live, as the platform's documents have it: the old after a failing build, the new
/// after a failing post-deploy command.
fn left_live(report: &Report) -> &'static str {
    let last = report.stages.iter().rev().find(|stage| !matches!(stage.phase, Phase::Ended(_)));
    let word = last.map(|stage| stage.word.to_ascii_lowercase()).unwrap_or_default();
    if word.contains("post") {
        "It was last seen running post-deploy commands; where one of those fails, the new code is live all the same."
    } else if word.contains("build") {
        "It was last seen building; a failing build leaves the old code live."
    } else {
        "A failing build leaves the old code live; where a post-deploy command fails, the new code is live all the same."
    }
}

fn which(report: &Report) -> String {
    match (&report.snapshot, &report.task) {
        (Some(seen), _) => format!("Deployment {}", seen.id),
        (None, Task::Follow(id)) => format!("Deployment {id}"),
        (None, Task::Deploy) => "The deployment".to_owned(),
    }
}

/// The platform's last word, and what it was doing before it ended.
fn state(report: &Report) -> String {
    let before = report.stages.iter().rev().find(|stage| !matches!(stage.phase, Phase::Ended(_)));
    match (report.snapshot.as_ref().filter(|seen| !seen.word.is_empty()), before) {
        (Some(seen), Some(stage)) if stage.word != seen.word => {
            format!(" (state {}, last seen {})", seen.word, stage.word)
        }
        (Some(seen), _) => format!(" (state {})", seen.word),
        _ => String::new(),
    }
}

fn by(cause: Option<&Cause>) -> String {
    match cause {
        Some(Cause::Newer(id)) => format!(" by {id}"),
        _ => String::new(),
    }
}

fn not_accepted(cause: Option<&Cause>) -> Message {
    match cause {
        Some(Cause::Refused(refusal)) => refused(refusal),
        Some(Cause::NotSent(not_sent)) => unreachable(not_sent),
        Some(Cause::Unclear(unclear)) => Message {
            happened: format!("The trigger was sent, and {}{}.", no_answer(unclear.why), quoted(&unclear.said)),
            meaning: "A deployment may be running; reading could not settle it. The trigger was not sent again, as \
                      that might deploy twice."
                .to_owned(),
            next: LOOK.to_owned(),
        },
        _ => Message {
            happened: "Dry run: a trigger would fail.".to_owned(),
            meaning: NOTHING.to_owned(),
            next: "The checks above say why, each with its remedy.".to_owned(),
        },
    }
}

/// A refused trigger: the four cases of the platform's Troubleshooting, as far as its answer tells them apart.
#[must_use]
pub fn refused(refusal: &Refusal) -> Message {
    let (what, next) = match refusal.why {
        RefusalReason::NotFound => (
            "does not know this hook",
            "The URL is wrong or incomplete, or the hook was deleted. Copy the URL from the dashboard again; if it is \
             gone, create a new hook and replace the secret.",
        ),
        RefusalReason::Gone => (
            "says this hook is gone: it was revoked",
            "Create a new hook in the dashboard and replace the secret.",
        ),
        RefusalReason::Forbidden => (
            "does not let this request in",
            "Check in the dashboard that the hook is enabled and its environment active, and that nothing in between \
             (a proxy, a firewall) answers in the platform's place.",
        ),
        RefusalReason::Unprocessable => (
            "cannot deploy this environment now",
            "Its own words above name the reason; the dashboard shows the environment's state.",
        ),
        RefusalReason::RateLimited => (
            "asks for fewer requests",
            "Wait, and deploy less often; many CMS events at once are best gathered by `concurrency`.",
        ),
        RefusalReason::Redirected => (
            "answered with a redirect, which is never followed: the URL is a secret",
            "Check the hook URL's host and path against the dashboard.",
        ),
        RefusalReason::Other => ("refused the trigger", "Check the hook in the dashboard."),
    };
    let (status, said) = (refusal.status, quoted(&refusal.said));
    Message {
        happened: format!("The platform {what} (HTTP {status}{said})."),
        meaning: NOTHING.to_owned(),
        next: next.to_owned(),
    }
}

/// A request that never left.
#[must_use]
pub fn unreachable(not_sent: &NotSent) -> Message {
    let (what, next) = match not_sent.why {
        NotSentReason::Dns => (
            "The hook's host name could not be resolved",
            "Check the host in the hook URL, and this machine's DNS.",
        ),
        NotSentReason::Connect => (
            "No connection to the hook's host",
            "Check that this machine may reach it: DNS, firewall, proxy (HTTPS_PROXY), the platform's status page.",
        ),
        NotSentReason::Tls => (
            "No trusted connection to the hook's host",
            "If the host or a proxy here has an authority of its own, or a certificate that signed itself, `ca-file` must hold it. If not, somebody may be in between.",
        ),
        NotSentReason::Proxy => (
            "The proxy did not let the request through",
            "Check HTTPS_PROXY, its user and password, and whether NO_PROXY should name the host.",
        ),
    };
    Message {
        happened: format!("{what}{}.", quoted(&not_sent.said)),
        meaning: format!("{NOTHING} The request never left, so it may safely be tried again."),
        next: next.to_owned(),
    }
}

fn no_answer(why: ResponseError) -> String {
    match why {
        ResponseError::TimedOut => "no answer came in time".to_owned(),
        ResponseError::Broken => "the connection broke before an answer".to_owned(),
        ResponseError::ServerError(status) => {
            format!("the server answered {status}, which does not tell what became of it")
        }
        ResponseError::Unreadable(status) => {
            format!("the answer ({status}) names no deployment that can be followed")
        }
        ResponseError::SaysNo(status) => format!("the answer ({status}) says that something is wrong"),
        ResponseError::AlreadyEnded(status) => {
            format!("the answer ({status}) names a deployment that had ended before")
        }
    }
}

/// One line for an event, or `None` for those that are told otherwise. `Looked` is for verbose readers.
#[must_use]
pub fn event(event: &Event, context: &RunContext) -> Option<String> {
    Some(match event {
        Event::Started { task: Task::Deploy } => match &context.environment {
            Some(environment) => format!("Deploying {environment} through {}", context.hook),
            None => format!("Deploying through {}", context.hook),
        },
        Event::Started { task: Task::Follow(id) } => format!("Following deployment {id}"),
        Event::Retrying { attempt, pause, cause } => {
            format!(
                "Attempt {attempt}: {} Nothing was triggered; again in {}.",
                not_accepted(Some(cause)).happened,
                duration(*pause)
            )
        }
        Event::Searching { unclear: Some(unclear) } => {
            format!("{}; looking whether a deployment was made", self::unclear(unclear))
        }
        Event::Searching { unclear: None } => "Triggered; looking for the deployment".to_owned(),
        Event::Triggered { snapshot: None, .. } => "Triggered".to_owned(),
        Event::Triggered { snapshot: Some(snapshot), adopted: false } => {
            format!("Triggered deployment {}", snapshot.id)
        }
        Event::Triggered { snapshot: Some(snapshot), adopted: true } => {
            format!("Found deployment {}, made since the trigger: it is ours", snapshot.id)
        }
        Event::State { stage } => stage.word.clone(),
        Event::PollFailed { said, errors, budget } => {
            format!("Could not read the state ({errors} of {budget}): {said}")
        }
        Event::UnknownState { word } => unknown_state(word),
        Event::Heartbeat { word } if word.is_empty() => "still going".to_owned(),
        Event::Heartbeat { word } => format!("still {word}"),
        Event::Polled { polls, pause } => {
            format!("{} so far, the next in {}", count(*polls, "poll"), precise(*pause))
        }
        Event::Finished { .. } => return None,
    })
}

/// The warning about a hook of a platform nobody here knows.
#[must_use]
pub fn unknown_host(host: &str) -> String {
    format!(
        "{host} is not a platform this version knows: its hook is triggered, and the deployment is not followed."
    )
}

/// What bad input means.
pub const NOTHING_SENT: &str = "Nothing was sent.";

/// What a newcomer on the embedded platform is told first.
#[must_use]
pub fn sandbox_intro(speed: f64) -> String {
    format!("On the embedded platform, {speed} times as fast as a real one: nothing leaves this machine.")
}

/// And last.
pub const SANDBOX_OUTRO: &str = "Try --scenario build-fails, or `deploy-hook sandbox --scenario list` for all it can play. \
    With a hook of your own: DEPLOY_HOOK_URL=… deploy-hook deploy";

/// The warning about a state word nobody here knows.
#[must_use]
pub fn unknown_state(word: &str) -> String {
    format!("{word} is a state this version does not know; it is waited on and never taken for success")
}

fn unclear(unclear: &Unclear) -> String {
    let text = no_answer(unclear.why);
    format!("{}{}", super::format::capital(&text), quoted(&unclear.said))
}

fn precise(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}

fn quoted(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {}", said.trim_end_matches('.')) }
}

/// What `status` prints for people.
#[must_use]
pub fn status(snapshot: &Snapshot) -> String {
    let word = if snapshot.word.is_empty() { "no state named" } else { &snapshot.word };
    let created = snapshot.created_at.map(|time| format!(", created {}", super::format::time(time)));
    format!("{} {word}{}", snapshot.id, created.unwrap_or_default())
}
