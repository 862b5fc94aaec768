//! The words for a run that ended without the platform's verdict: what is known of the deployment, and what is not.

use super::{LOOK, Message, NOTHING, quoted, state};
use crate::core::report::{Cause, Report, Task, TriggerState};
use crate::core::state::CannotFollow;
use crate::text::RunContext;
use crate::text::format::{count, duration};

const GOES_ON: &str = "The deployment goes on at the platform; its end was not seen.";
const NOT_KNOWN: &str = "It was triggered; how it ended, or whether it still runs, is not known here.";
const UNKNOWN_PLATFORM: &str = "The platform accepted it; how it ends is not known here. This version does not know \
    that platform, and a hook it does not know is never read, as on some platforms reading triggers.";

pub(super) fn triggered(report: &Report, which: &str) -> Message {
    let (meaning, next) = match &report.cause {
        Some(Cause::Unreadable(CannotFollow::NeedsToken)) => (
            "It runs at the platform; how it ends is not known here, as this hook's deployments are read through the \
             platform's API and no token was given.",
            "Store an API token as a secret and pass it as `api-token`, and the run will wait for the verdict. \
             `wait: never` says that triggering is all you want.",
        ),
        Some(Cause::Unreadable(CannotFollow::UnknownPlatform)) => {
            (UNKNOWN_PLATFORM, "See its end in your platform's dashboard.")
        }
        _ => ("It runs at the platform; `wait: never` asked for no more.", ""),
    };
    Message {
        happened: format!("{which} was triggered."),
        meaning: meaning.to_owned(),
        next: next.to_owned(),
    }
}

/// The deadline came first. That the deployment goes on is only said where the last look saw it going.
pub(super) fn timed_out(report: &Report, context: &RunContext, which: &str) -> Message {
    let (after, state) = (duration(context.timeout), state(report));
    let next = if context.cut_short {
        "Look at it in the dashboard. The job's own time limit left no more: raise the job's `timeout:`."
    } else {
        "Look at it in the dashboard. If it often takes this long, raise `timeout`."
    };
    let Some(unread) = unread(report) else {
        return Message {
            happened: format!("{which} was still going after {after}{state}."),
            meaning: GOES_ON.to_owned(),
            next: next.to_owned(),
        };
    };
    Message {
        happened: format!("{which} was not seen to end within {after}{state}."),
        meaning: format!("{unread} Whether it still goes on is not known here."),
        next: next.to_owned(),
    }
}

/// When the state was last read, and why not later; `None` where the last look read it.
fn unread(report: &Report) -> Option<String> {
    let why = match &report.cause {
        Some(Cause::PollsFailed { said, errors }) => {
            format!("after that it could not be read {} in a row: {said}", count(*errors, "time"))
        }
        Some(Cause::AskedToWait) => {
            "then the platform asked for a longer pause than the time that was left".to_owned()
        }
        _ => return None,
    };
    let last = report.last_read.map(duration)?;
    Some(format!("Its state was last read {last} after the trigger; {why}."))
}

pub(super) fn lost(report: &Report, which: &str) -> Message {
    let meaning = if report.sent == TriggerState::No {
        "How it ended, or whether it still runs, is not known here."
    } else {
        NOT_KNOWN
    };
    let (why, next) = match &report.cause {
        Some(Cause::Unreadable(CannotFollow::NeedsToken)) => (
            "cannot be followed: this hook's deployments are read through the platform's API, and no token was given".to_owned(),
            "Pass an API token as `api-token`, or set `wait: auto` or `never`.",
        ),
        Some(Cause::Unreadable(CannotFollow::UnknownPlatform)) => {
            ("cannot be followed: this version does not know the platform".to_owned(), "Set `wait: auto` or `never`.")
        }
        Some(Cause::Denied { status: status @ (401 | 403), said, with_token: true }) => (
            format!("cannot be read: the platform answered {status}{}", quoted(said)),
            "Check that the API token is valid and belongs to an owner of this environment. It was not tried again: \
             failed attempts are counted.",
        ),
        Some(Cause::Denied { status, said, .. }) => {
            (format!("cannot be read: the platform answered {status}{}", quoted(said)), LOOK)
        }
        Some(Cause::PollsFailed { said, errors }) => {
            (format!("could not be read {} in a row: {said}", count(*errors, "time")), LOOK)
        }
        Some(cause @ (Cause::NotThere | Cause::Several)) if report.sent == TriggerState::Yes && report.snapshot.is_none() => {
            return no_deployment(cause);
        }
        Some(Cause::NotThere) => ("was never found where it should be".to_owned(), LOOK),
        _ => ("could no longer be read".to_owned(), LOOK),
    };
    Message { happened: format!("{which} {why}."), meaning: meaning.to_owned(), next: next.to_owned() }
}

/// The platform accepted the trigger, and no deployment, or more than one, was found after it.
fn no_deployment(cause: &Cause) -> Message {
    let (happened, meaning) = match cause {
        Cause::Several => (
            "More than one deployment was made since the trigger, and the platform does not say which one is ours.",
            "The trigger was accepted; how its deployment ended is not known here.",
        ),
        _ => (
            "The platform accepted the trigger, and no deployment came of it.",
            "No deployment was found that was made since. It may still begin.",
        ),
    };
    Message { happened: happened.to_owned(), meaning: meaning.to_owned(), next: LOOK.to_owned() }
}

pub(super) fn interrupted(report: &Report, which: &str) -> Message {
    let took = duration(report.duration);
    let (happened, meaning, next) = match (report.sent, &report.task) {
        (TriggerState::Yes, _) | (TriggerState::No, Task::Follow(_)) if unread(report).is_some() => (
            format!("Interrupted after {took}{}.", state(report)),
            format!("{} Whether it still goes on is not known here.", unread(report).unwrap_or_default()),
            LOOK,
        ),
        (TriggerState::Yes, _) if report.snapshot.is_some() => (
            format!("Interrupted after {took}{}.", state(report)),
            format!("{which} goes on at the platform; its end was not seen."),
            LOOK,
        ),
        (TriggerState::Yes, _) => (format!("Interrupted after {took}."), NOT_KNOWN.to_owned(), LOOK),
        (TriggerState::No, Task::Follow(_)) => (
            format!("Interrupted after {took}."),
            format!("{which} goes on at the platform, as far as is known here."),
            "",
        ),
        (TriggerState::No, Task::Deploy) if report.triggers > 0 => {
            ("Interrupted before the trigger was sent again.".to_owned(), NOTHING.to_owned(), "")
        }
        (TriggerState::No, Task::Deploy) => {
            ("Interrupted before the trigger was sent.".to_owned(), NOTHING.to_owned(), "")
        }
        (TriggerState::Maybe, _) => (
            "Interrupted before it was known what the trigger had done.".to_owned(),
            "A deployment may be running.".to_owned(),
            LOOK,
        ),
    };
    Message { happened, meaning, next: next.to_owned() }
}
