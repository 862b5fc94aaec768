//! `platforms`: prints how each platform is known, what it needs, and how it is followed.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::Format;
use crate::platforms::{self, Need, Platform};
use crate::reporting::output::Output;
use crate::text::{json, messages};

/// An input that a platform's API asks for.
struct ApiInput {
    name: &'static str,
    variables: &'static [&'static str],
    is_required: bool,
}

pub(super) fn run(format: Format, out: &Output) {
    if format == Format::Json {
        let listed: Vec<Value> = platforms::all().iter().map(|platform| value(*platform)).collect();
        return out.data(&json::platforms(&listed, SystemTime::now()));
    }
    let [name, followed, live] = messages::PLATFORMS_HEAD;
    out.data(&line(name, followed, live));
    platforms::all().iter().flat_map(|platform| rows(*platform)).for_each(|row| out.data(&row));
    out.data("");
    for line in messages::PLATFORMS_NOTE {
        out.data(line);
    }
}

fn line(name: &str, followed: &str, live: &str) -> String {
    format!("{name:<18}  {followed:<13}  {live}")
}

fn row(label: &str, text: &str) -> String {
    format!("  {label:<9}  {text}")
}

fn rows(platform: &dyn Platform) -> Vec<String> {
    let live = match tried_live(platform) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    };
    let input = |input: &ApiInput| {
        let variables =
            if input.variables.is_empty() { "–".to_owned() } else { input.variables.join(", ") };
        let for_trigger = input.name == "api-token" && platform.facts().trigger_needs_token;
        let note = messages::platform_input_note(input.is_required, for_trigger);
        row(input.name, &format!("{variables}{note}"))
    };
    let head =
        [line(platform.name(), platform.facts().followed, live), row("known by", platform.facts().known_by)];
    head.into_iter().chain(inputs(platform).iter().map(input)).collect()
}

fn value(platform: &dyn Platform) -> Value {
    let input = |input: &ApiInput| json!({ "input": input.name, "variables": input.variables, "required": input.is_required });
    json!({
        "platform": platform.name(),
        "known_by": platform.facts().known_by,
        "followed": platform.facts().followed,
        "inputs": inputs(platform).iter().map(input).collect::<Vec<_>>(),
        "trigger_needs_token": platform.facts().trigger_needs_token,
        "tried_live": tried_live(platform),
    })
}

/// Whether the platform was tried against its live service; `None` where there is no one service.
fn tried_live(platform: &dyn Platform) -> Option<bool> {
    (platform.facts().followed != "not").then(|| platform.facts().tried_live)
}

/// The inputs that the platform's API asks for, or takes.
fn inputs(platform: &dyn Platform) -> Vec<ApiInput> {
    let needs = if platform.facts().followed == "not" { &[] } else { platform.facts().needs };
    let all = [
        ("api-token", Need::Token, platform.facts().token_variables),
        ("account", Need::Account, platform.facts().account_variables),
        ("project", Need::Project, platform.facts().project_variables),
    ];
    let input = |(name, need, variables): (&'static str, Need, &'static [&'static str])| {
        let is_required = needs.contains(&need);
        (is_required || !variables.is_empty()).then_some(ApiInput { name, variables, is_required })
    };
    all.into_iter().filter_map(input).collect()
}
