//! Messages of runs that ended without knowing the deployment's result.

use super::commands::why_not_followed;
use super::message::{
    CHECK_HISTORY, Message, NO_DEPLOYMENT, NOTHING_TRIGGERED, READ_THROUGH_API, inputs, not_set, quoted,
    state_suffix,
};
use crate::core::report::{Cause, Report, Task, TriggerState};
use crate::core::state::{CannotFollow, ReadDenied};
use crate::text::RunContext;
use crate::text::format::{count, duration};

const SEE_DASHBOARD: &str = "See the platform's dashboard for the result.";
const ONLY_TRIGGER: &str = "If you only want to trigger, set `wait: never`.";
const NOT_FOLLOWED: &str = "It continues at the platform and is not followed, because `wait` is `never`.";
const CONTINUES_UNKNOWN: &str = "It continues at the platform. Its result is unknown";
const CHECK_TOKEN: &str = "Check that the API token is valid and may read this environment. The request was not retried, because platforms limit failed attempts.";
const CONTINUES: &str = "The deployment continues at the platform. Its result is unknown.";
const TRIGGERED_UNKNOWN: &str = "It was triggered. Its result is unknown, and it may still be running.";
const UNKNOWN_PLATFORM: &str = "The platform accepted it, but its result is unknown. This version does not support the platform. It never reads an unknown hook, because reading can trigger a deployment on some platforms.";

pub(super) fn triggered(report: &Report, subject: &str) -> Message {
    let happened = format!("{subject} was triggered.");
    match &report.cause {
        Some(Cause::Unreadable(CannotFollow::Missing(missing))) => {
            let is_secret = missing.iter().any(|missing| missing.input == "api-token");
            let secret = if is_secret { ", with the token in a secret" } else { "" };
            let (inputs, not_set) = (inputs(missing), not_set(missing));
            Message::new(
                happened,
                format!("{CONTINUES_UNKNOWN}, because {READ_THROUGH_API} and {not_set}."),
                format!("To wait for the result, set {inputs}{secret}. {ONLY_TRIGGER}"),
            )
        }
        Some(Cause::Unreadable(CannotFollow::UnknownPlatform)) => {
            Message::new(happened, UNKNOWN_PLATFORM, SEE_DASHBOARD)
        }
        Some(Cause::Unreadable(CannotFollow::NoDeployment)) => {
            let meaning = format!("The platform accepted it, but its result is unknown: {NO_DEPLOYMENT}.");
            Message::new(happened, meaning, SEE_DASHBOARD)
        }
        _ => Message::new(happened, NOT_FOLLOWED, ""),
    }
}

/// The deadline was reached. Says that the deployment continues only if the last poll could read it.
pub(super) fn timed_out(report: &Report, context: &RunContext, subject: &str) -> Message {
    let (after, state_suffix) = (duration(context.timeout), state_suffix(report));
    let next = if context.cut_short {
        "Check it in the dashboard. The CI job's time limit left no more time. To follow longer, increase the job's `timeout:`."
    } else {
        "Check it in the dashboard. If deployments often take this long, increase `timeout`."
    };
    let Some(last_read) = last_read(report) else {
        let happened = format!("{subject} was still in progress after {after}{state_suffix}.");
        return Message::new(happened, CONTINUES, next);
    };
    let happened = format!("{subject} was not seen to finish within {after}{state_suffix}.");
    Message::new(happened, format!("{last_read} It is unknown whether it is still running."), next)
}

/// When the state was last read, and why not later; `None` if the last poll read it.
fn last_read(report: &Report) -> Option<String> {
    let why = match &report.cause {
        Some(Cause::PollsFailed { message, errors }) => {
            format!("After that, {} failed: {}", count(*errors, "poll"), message.trim_end_matches('.'))
        }
        Some(Cause::AskedToWait) => {
            "After that, the platform asked for a pause longer than the time left".to_owned()
        }
        _ => return None,
    };
    let last = report.last_read.map(duration)?;
    Some(format!("Its state was last read {last} after the trigger. {why}."))
}

pub(super) fn lost(report: &Report, subject: &str) -> Message {
    let meaning = if report.sent == TriggerState::No {
        "Its result is unknown, and it may still be running."
    } else {
        TRIGGERED_UNKNOWN
    };
    let (why, next) = match &report.cause {
        Some(Cause::Unreadable(why)) => (
            format!("cannot be followed: {}", why_not_followed(why, "")),
            match why {
                CannotFollow::Missing(_) => "Set the missing input, or set `wait` to `auto` or `never`.",
                _ => "Set `wait` to `auto` or `never`.",
            },
        ),
        Some(Cause::Denied(ReadDenied { status, message, with_token })) => (
            format!("could not be read: the platform responded with HTTP {status}{}", quoted(message)),
            if *with_token && matches!(status, 401 | 403) { CHECK_TOKEN } else { CHECK_HISTORY },
        ),
        Some(Cause::PollsFailed { message, errors }) => {
            let times = if *errors == 1 { String::new() } else { format!(" {errors} times in a row") };
            (format!("could not be read{times}: {}", message.trim_end_matches('.')), CHECK_HISTORY)
        }
        Some(cause @ (Cause::NotThere | Cause::Several))
            if report.sent == TriggerState::Yes && report.snapshot.is_none() =>
        {
            return no_deployment(cause);
        }
        Some(Cause::NotThere) => ("was not found at the platform".to_owned(), CHECK_HISTORY),
        _ => ("could no longer be read".to_owned(), CHECK_HISTORY),
    };
    Message::new(format!("{subject} {why}."), meaning, next)
}

/// The platform accepted the trigger, and no deployment, or more than one, was found after it.
fn no_deployment(cause: &Cause) -> Message {
    let (happened, meaning) = match cause {
        Cause::Several => (
            "More than one deployment was created after the trigger, and the platform does not say which one belongs to it.",
            "The trigger was accepted, but the result of its deployment is unknown.",
        ),
        _ => (
            "The platform accepted the trigger, but no deployment appeared.",
            "No deployment created after the trigger was found. It may still start.",
        ),
    };
    Message::new(happened, meaning, CHECK_HISTORY)
}

pub(super) fn interrupted(report: &Report, subject: &str) -> Message {
    let took = duration(report.duration);
    let after = |state_suffix: &str| format!("Interrupted after {took}{state_suffix}.");
    let state_suffix = state_suffix(report);
    match (report.sent, &report.task, last_read(report)) {
        (TriggerState::Maybe, ..) => Message::new(
            "Interrupted before the result of the trigger was known.",
            "A deployment may be running.",
            CHECK_HISTORY,
        ),
        (TriggerState::No, Task::Deploy, _) => {
            let again = if report.triggers > 0 { " again" } else { "" };
            Message::new(format!("Interrupted before the trigger was sent{again}."), NOTHING_TRIGGERED, "")
        }
        (.., Some(last_read)) => {
            let meaning = format!("{last_read} It is unknown whether it is still running.");
            Message::new(after(&state_suffix), meaning, CHECK_HISTORY)
        }
        (TriggerState::No, Task::Follow(_), None) => {
            let meaning = format!("{subject} was not stopped. It may still be running at the platform.");
            Message::new(after(""), meaning, "")
        }
        (TriggerState::Yes, ..) if report.snapshot.is_some() => {
            let meaning = format!("{subject} continues at the platform. Its result is unknown.");
            Message::new(after(&state_suffix), meaning, CHECK_HISTORY)
        }
        (TriggerState::Yes, ..) => Message::new(after(""), TRIGGERED_UNKNOWN, CHECK_HISTORY),
    }
}
