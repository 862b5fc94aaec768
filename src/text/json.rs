//! `--format json`: one event per line, as `docs/events.schema.json` has it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{RunContext, format, log, messages, outputs};
use crate::core::report::{Event, Report, StateSpan, Task, TriggerState};
use crate::core::site::SiteReport;
use crate::core::state::{Phase, Snapshot};

/// An event as one line of JSON, `elapsed` after the trigger, at `now`.
pub fn event(elapsed: Duration, event: &Event, context: &RunContext, now: SystemTime) -> String {
    let (name, mut fields) = match event {
        Event::Started { task, usual_duration } => (
            "started",
            json!({
                "task": if *task == Task::Deploy { "deploy" } else { "follow" },
                "hook": context.hook,
                "environment": context.environment,
                "timeout_ms": millis(context.timeout),
                "usual_duration_ms": usual_duration.map(millis),
            }),
        ),
        Event::Retrying { attempt, pause, .. } => {
            ("retrying", json!({ "attempt": attempt, "pause_ms": millis(*pause) }))
        }
        Event::Searching { unclear } => {
            ("searching", json!({ "reason": unclear.as_ref().map(|unclear| &unclear.message) }))
        }
        Event::Triggered { snapshot, adopted } => {
            let mut fields = snapshot.as_ref().map_or_else(|| json!({}), deployment);
            fields["adopted"] = json!(adopted);
            ("triggered", fields)
        }
        Event::State { stage } => ("state", self::stage(stage)),
        Event::PollFailed { message, errors, budget } => {
            ("poll_failed", json!({ "reason": message, "errors": errors, "budget": budget }))
        }
        Event::UnknownState { word } => ("unknown_state", json!({ "state": word })),
        Event::Heartbeat { word, in_state, left, .. } => (
            "heartbeat",
            json!({ "state": word, "in_state_ms": millis(*in_state), "left_ms": millis(*left) }),
        ),
        Event::Verifying { report, .. } => ("verifying", site(report, context)),
        Event::Polled { polls, pause } => ("poll", json!({ "polls": polls, "pause_ms": millis(*pause) })),
        Event::Finished { report } => ("finished", finished(report, context)),
    };
    fields["message"] = json!(match event {
        Event::Finished { report } => Some(messages::verdict(report, context).happened),
        other => messages::event(other, context),
    });
    fields["elapsed_ms"] = json!(millis(elapsed));
    line(name, now, fields)
}

/// A deployment's current state, for `status`.
pub fn status(snapshot: &Snapshot, now: SystemTime) -> String {
    let mut fields = deployment(snapshot);
    fields["phase"] = json!(phase(snapshot.phase));
    line("status", now, fields)
}

/// A warning.
pub fn warning(message: &str, now: SystemTime) -> String {
    line("warning", now, json!({ "message": message }))
}

/// Bad input: each problem has `input`, `value` (unless secret), `message` and `remedy`. Nothing was sent.
pub fn invalid_input(
    message: &str,
    problems: &[Value],
    outputs: Vec<(&'static str, String)>,
    now: SystemTime,
) -> String {
    let outputs: Value = outputs.into_iter().collect();
    line("invalid_input", now, json!({ "message": message, "problems": problems, "outputs": outputs }))
}

/// The table of platforms.
pub fn platforms(listed: &[Value], now: SystemTime) -> String {
    line("platforms", now, json!({ "platforms": listed }))
}

/// One check of `doctor`: `health` is `good`, `unsure` or `bad`.
pub fn check(name: &str, health: &str, found: &str, fix: &str, now: SystemTime) -> String {
    line("check", now, json!({ "check": name, "health": health, "message": found, "remedy": fix }))
}

/// An object with these fields, as one line.
fn line(name: &str, now: SystemTime, mut fields: Value) -> String {
    fields["event"] = json!(name);
    fields["time"] = json!(format::time(now));
    fields.to_string()
}

fn finished(report: &Report, context: &RunContext) -> Value {
    let message = messages::verdict(report, context);
    json!({
        "outputs": outputs::all(report, context).into_iter().collect::<Value>(),
        "meaning": message.meaning,
        "next": message.next,
        "sent": match report.sent { TriggerState::No => "no", TriggerState::Yes => "yes", TriggerState::Maybe => "maybe" },
        "started": format::time(report.started),
        "triggers": report.triggers,
        "polls": report.polls,
        "last_read_ms": report.last_read.map(millis),
        "stages": report.stages.iter().map(stage).collect::<Vec<_>>(),
        "site": report.site.as_ref().map(|report| site(report, context)),
        "log_cause": log::cause(&report.log).and_then(|lines| report.log.get(lines)).unwrap_or_default(),
        "log": log::end(&report.log, log::END),
    })
}

/// How far verifying the page is.
fn site(report: &SiteReport, context: &RunContext) -> Value {
    let answer = report.answer.as_ref();
    let wrong = answer.filter(|answer| answer.fault.is_some());
    json!({
        "url": context.page_url(),
        "verified": report.right_since.is_some(),
        "requests": report.requests,
        "status": answer.and_then(|answer| answer.status),
        "reason": wrong.map(messages::site_answer),
        "began_ms": millis(report.began),
        "took_ms": report.took().map(millis),
    })
}

fn stage(stage: &StateSpan) -> Value {
    json!({ "state": stage.word, "phase": phase(stage.phase), "elapsed_ms": millis(stage.at) })
}

fn deployment(snapshot: &Snapshot) -> Value {
    json!({
        "deployment_id": snapshot.id.as_str(),
        "state": snapshot.word,
        "created_at": snapshot.created_at.map(format::time),
    })
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Running => "running",
        Phase::Ended(_) => "ended",
        Phase::Unknown => "unknown",
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
