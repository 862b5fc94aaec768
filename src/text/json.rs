//! `--format json`: one event per line, as `docs/events.schema.json` has it.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

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
                "task": task_name(task),
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
        Event::Heartbeat { word, in_state, left, .. } => {
            let times = (millis(*in_state), millis(*left));
            ("heartbeat", json!({ "state": word, "in_state_ms": times.0, "left_ms": times.1 }))
        }
        Event::Verifying { report, .. } => ("verifying", site(report, context)),
        Event::Polled { polls, pause } => ("poll", json!({ "polls": polls, "pause_ms": millis(*pause) })),
        Event::Finished { report } => ("finished", finished(report, context)),
    };
    if let Value::Object(fields) = &mut fields {
        let message = match event {
            Event::Finished { report } => Some(messages::verdict(report, context).happened),
            other => messages::event(other, context),
        };
        fields.insert("message".to_owned(), json!(message));
        fields.insert("elapsed_ms".to_owned(), json!(millis(elapsed)));
    }
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
    let outputs = output_map(outputs);
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

fn line(name: &str, now: SystemTime, fields: Value) -> String {
    let mut all =
        Map::from_iter([("event".to_owned(), json!(name)), ("time".to_owned(), json!(format::time(now)))]);
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    Value::Object(all).to_string()
}

fn finished(report: &Report, context: &RunContext) -> Value {
    let message = messages::verdict(report, context);
    json!({
        "outputs": output_map(outputs::all(report, context)),
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

fn output_map(pairs: Vec<(&'static str, String)>) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
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

fn task_name(task: &Task) -> &'static str {
    match task {
        Task::Deploy => "deploy",
        Task::Follow(_) => "follow",
    }
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
