//! The messages of a run: what happened, what it means for the deployment, what to do next.
//!
//! All messages about an outcome are here, so that the log, the summary, annotations and `doctor` are consistent.

mod commands;
mod doctor;
mod message;
mod reports;
mod site;
mod times;
mod unknown_result;

pub use self::commands::*;
pub use self::doctor::*;
pub use self::message::Message;
pub use self::reports::*;
pub use self::site::{site_answer, site_fix};
pub use self::times::{Waiting, usual};

use self::message::{CHECK_HISTORY, NOTHING_TRIGGERED, left_live, quoted, state_suffix, to_fix, was_last_in};
use self::unknown_result::{interrupted, lost, timed_out, triggered};
use super::format::{capital, count, cut, duration};
use super::{RunContext, log};
use crate::core::report::{Cause, Event, Report, Task};
use crate::core::state::{Outcome, Snapshot};
use crate::core::trigger::{NotSent, NotSentReason, Refusal, RefusalReason, ResponseError};

/// The longest line of a log in an annotation, in characters. GitHub cuts an annotation at 4,096.
const MAX_QUOTED: usize = 200;

/// The message for the outcome of a run.
pub fn verdict(report: &Report, context: &RunContext) -> Message {
    let took = duration(report.duration);
    let subject = subject(report);
    let state_suffix = state_suffix(report);
    if let Some(Cause::DryRun { unchecked }) = report.cause {
        return dry_run(report.outcome, unchecked);
    }
    match report.outcome {
        Outcome::Succeeded => site::succeeded(report, context, &subject),
        Outcome::Unverified => site::unverified(report, context, &subject),
        Outcome::Failed => Message::new(
            format!("{subject} failed after {took}{state_suffix}."),
            left_live(report, context),
            to_fix(report),
        ),
        Outcome::Canceled => Message::new(
            format!("{subject} was canceled after {took}{state_suffix}."),
            if was_last_in(report, context.post_deploy) {
                "It was stopped by a user or by the platform. The new code may be live already."
            } else {
                "It was stopped by a user or by the platform. The previous code is still live."
            },
            "If this was not intended, deploy again. To exit with 0 in this case, set `on-canceled: pass`.",
        ),
        Outcome::Superseded => Message::new(
            format!("{subject} was superseded after {took}{}.", by_newer(report)),
            "A newer deployment replaced it. It is unknown whether the code of this deployment went live.",
            "See the run of the newer deployment for the result. To exit with 0 in this case, set `on-canceled: pass`.",
        ),
        Outcome::Triggered => match &report.site {
            Some(site) => site::triggered(report, context, &subject, site),
            None => triggered(report, &subject),
        },
        Outcome::TimedOut => timed_out(report, context, &subject),
        Outcome::Lost => lost(report, &subject),
        Outcome::Refused | Outcome::Unreachable | Outcome::Uncertain => not_accepted(report.cause.as_ref()),
        Outcome::Interrupted if report.site.is_some() => site::interrupted(report, context, &subject),
        Outcome::Interrupted => interrupted(report, &subject),
        Outcome::Skipped => Message::new(
            "No hook URL is set, and `if-missing` is `skip`.",
            NOTHING_TRIGGERED,
            "Pull requests from forks and from Dependabot have no access to secrets. If this run should deploy, store the hook URL as a secret.",
        ),
    }
}

/// The end of a dry run.
fn dry_run(outcome: Outcome, unchecked: usize) -> Message {
    let (happened, next) = match outcome {
        Outcome::Skipped => {
            let nothing = nothing_wrong(unchecked);
            (format!("Dry run: n{}", nothing.trim_start_matches('N')), "")
        }
        Outcome::Interrupted => ("Interrupted during the dry run.".to_owned(), ""),
        _ => {
            ("Dry run: a trigger would fail.".to_owned(), "See the failed checks above and how to fix them.")
        }
    };
    Message::new(happened, NOTHING_TRIGGERED, next)
}

/// The text of an annotation: what happened, the lines of the log that say why, what it means and what to do.
pub fn annotation(report: &Report, context: &RunContext) -> String {
    let Message { happened, meaning, next } = verdict(report, context);
    let cause = log::cause(&report.log).and_then(|lines| report.log.get(lines)).unwrap_or_default();
    let lines: Vec<String> = cause.iter().map(|line| format!("│ {}\n", cut(line, MAX_QUOTED))).collect();
    let gap = if cause.is_empty() { " " } else { "\n" };
    format!("{happened}{gap}{}{meaning} {next}", lines.concat()).trim_end().to_owned()
}

fn subject(report: &Report) -> String {
    report.deployment_id().map_or_else(|| "The deployment".to_owned(), |id| format!("Deployment {id}"))
}

fn by_newer(report: &Report) -> String {
    match &report.cause {
        Some(Cause::Newer(id)) => format!(" by {id}"),
        _ => report.snapshot.as_ref().map(|seen| quoted(&seen.message)).unwrap_or_default(),
    }
}

fn not_accepted(cause: Option<&Cause>) -> Message {
    match cause {
        Some(Cause::Refused(refusal)) => refused(refusal),
        Some(Cause::NotSent(not_sent)) => unreachable(not_sent),
        Some(Cause::Unclear(unclear)) => Message::new(
            format!("The trigger was sent, but {}{}.", response_error(unclear.why), quoted(&unclear.message)),
            "A deployment may be running, but none could be identified. The trigger was not sent again, because that could deploy twice.",
            CHECK_HISTORY,
        ),
        _ => dry_run(Outcome::Refused, 0),
    }
}

/// The message for a refused trigger.
pub fn refused(refusal: &Refusal) -> Message {
    let (what, next) = match refusal.why {
        RefusalReason::NotFound => (
            "did not find this hook",
            "The URL is wrong or incomplete, or the hook was deleted. Copy the URL from the dashboard again. If the hook is gone, create a new one and replace the secret.",
        ),
        RefusalReason::Gone => (
            "reports that this hook was revoked",
            "Create a new hook in the dashboard and replace the secret.",
        ),
        RefusalReason::Forbidden => (
            "denied access",
            "Check in the dashboard that the hook is enabled and its environment is active. Check that no proxy or firewall answers instead of the platform.",
        ),
        RefusalReason::Unprocessable => (
            "cannot deploy this environment now",
            "The platform's message above gives the reason. Check the state of the environment in the dashboard.",
        ),
        RefusalReason::MethodNotAllowed => (
            "does not accept POST at this address",
            "Compare the hook URL with the dashboard: it may be the address of something else.",
        ),
        RefusalReason::RateLimited => (
            "rejected the trigger because of its rate limit",
            "Wait, and deploy less often. If many CMS events trigger deployments, limit them with `concurrency`.",
        ),
        RefusalReason::Redirected => (
            "responded with a redirect, which is not followed because the URL is a secret",
            "Compare the host and path of the hook URL with the dashboard.",
        ),
        RefusalReason::Other => ("refused the trigger", "Check the hook in the dashboard."),
    };
    let (status, message) = (refusal.status, quoted(&refusal.message));
    let happened = format!("The platform {what} (HTTP {status}{message}).");
    Message::new(happened, NOTHING_TRIGGERED, refusal.advice.unwrap_or(next))
}

/// The message for a request that was not sent.
pub fn unreachable(not_sent: &NotSent) -> Message {
    let (what, next) = match not_sent.why {
        NotSentReason::Invalid => (
            "The request to the hook could not be made",
            "Check the hook URL, the headers and the proxy's URL (HTTPS_PROXY).",
        ),
        NotSentReason::Dns => (
            "The hook's host name could not be resolved",
            "Check the host in the hook URL and the DNS settings of this machine.",
        ),
        NotSentReason::Connect => (
            "Could not connect to the hook's host",
            "Check that this machine can reach the host: DNS, firewall, proxy (HTTPS_PROXY), and the platform's status page.",
        ),
        NotSentReason::Tls => (
            "Could not establish a trusted TLS connection to the hook's host",
            "If the host or a proxy uses a private certificate authority or a self-signed certificate, add it with `ca-file`. Otherwise the connection may be intercepted.",
        ),
        NotSentReason::Proxy => (
            "The request did not get through the proxy",
            "Check HTTPS_PROXY, its user name and password, and whether NO_PROXY should include the host.",
        ),
    };
    let meaning = format!("{NOTHING_TRIGGERED} The request was not sent, so it is safe to retry.");
    Message::new(format!("{what}{}.", quoted(&not_sent.message)), meaning, next)
}

fn response_error(why: ResponseError) -> String {
    match why {
        ResponseError::TimedOut => "no response arrived in time".to_owned(),
        ResponseError::Broken => "the connection closed before a response arrived".to_owned(),
        ResponseError::ServerError(status) => {
            format!("the server responded with HTTP {status}, so it is unknown whether a deployment started")
        }
        ResponseError::Unreadable(status) => {
            format!("the response (HTTP {status}) names no deployment that can be followed")
        }
        ResponseError::BodyReportsError(status) => format!("the response (HTTP {status}) reports an error"),
        ResponseError::AlreadyEnded(status) => {
            format!("the response (HTTP {status}) names a deployment that had already ended")
        }
    }
}

/// One line for an event; `None` for the report. `Polled` is printed only with `-v`.
pub fn event(event: &Event, context: &RunContext) -> Option<String> {
    Some(match event {
        Event::Started { task: Task::Deploy, .. } => match &context.environment {
            Some(environment) => format!("Deploying {environment} through {}", context.hook),
            None => format!("Deploying through {}", context.hook),
        },
        Event::Started { task: Task::Follow(id), .. } => format!("Following deployment {id}"),
        Event::Retrying { attempt, pause, cause } => {
            format!(
                "Attempt {attempt}: {} Nothing was triggered. Retrying in {}.",
                not_accepted(Some(cause)).happened,
                duration(*pause)
            )
        }
        Event::Searching { unclear: Some(unclear) } => {
            let error = capital(&response_error(unclear.why));
            format!("{error}{}; checking whether a deployment was created", quoted(&unclear.message))
        }
        Event::Searching { unclear: None } => "Triggered; looking for the deployment".to_owned(),
        Event::Triggered { snapshot: None, .. } => "Triggered".to_owned(),
        Event::Triggered { snapshot: Some(Snapshot { id, message, .. }), adopted } => {
            match (adopted, message.as_str()) {
                (true, "") => format!("Found deployment {id}, created after the trigger"),
                (true, _) => format!("Found deployment {id}{}", quoted(message)),
                (false, _) => format!("Triggered deployment {id}{}", quoted(message)),
            }
        }
        Event::State { stage } => stage.word.clone(),
        Event::PollFailed { message, errors, budget } => {
            format!("Could not read the state ({errors} of {budget}): {message}")
        }
        Event::UnknownState { word } => unknown_state(word),
        Event::Verifying { report, .. } => site::verifying(report, context),
        Event::Heartbeat { word, in_state, left, usual_duration } => {
            let (in_state, usual_duration, left) = (*in_state, *usual_duration, *left);
            Waiting { state: word, in_state, usual_duration, left }.heartbeat()
        }
        Event::Polled { polls, pause } => {
            format!("{} so far, next in {:.1}s", count(*polls, "poll"), pause.as_secs_f64())
        }
        Event::Finished { .. } => return None,
    })
}

/// The warning about a hook of an unsupported platform.
pub fn unknown_host(host: &str) -> String {
    format!("{host} is not a supported platform. The hook is triggered, but the deployment is not followed.")
}

/// The meaning of bad input for the deployment.
pub const NOTHING_SENT: &str = "Nothing was sent.";

/// The first line of a run on the embedded platform.
pub fn sandbox_intro(speed: f64) -> String {
    format!("On the embedded platform, {speed} times as fast as a real one. Nothing leaves this machine.")
}

/// The last line of a run on the embedded platform.
pub const SANDBOX_OUTRO: &str = "Try --scenario build-fails, or `deploy-hook sandbox --scenario list` for all scenarios. \
    With your own hook: DEPLOY_HOOK_URL=… deploy-hook deploy";

/// The warning about an unknown state.
pub fn unknown_state(word: &str) -> String {
    format!(
        "{word} is a state that this version does not know. It is treated as in progress, never as success"
    )
}
