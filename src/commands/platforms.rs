//! `platforms`: prints how each platform is known, what it needs, and how it is followed.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Value, json};

use crate::platforms::{self, Need, Platform};
use crate::reporting::output::Output;
use crate::text::{json, messages};

/// An input that a platform's API asks for.
#[derive(Serialize)]
struct ApiInput {
    input: &'static str,
    variables: &'static [&'static str],
    required: bool,
}

pub(super) fn run(is_json: bool, out: &Output) {
    if is_json {
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
    let live = tried_live(platform).map_or("–", |live| if live { "yes" } else { "no" });
    let input = |input: &ApiInput| {
        let variables =
            if input.variables.is_empty() { "–".to_owned() } else { input.variables.join(", ") };
        let for_trigger = input.input == "api-token" && platform.facts().trigger_needs_token;
        let note = messages::platform_input_note(input.required, for_trigger);
        row(input.input, &format!("{variables}{note}"))
    };
    let head =
        [line(platform.name(), platform.facts().followed, live), row("known by", platform.facts().known_by)];
    head.into_iter().chain(inputs(platform).iter().map(input)).collect()
}

fn value(platform: &dyn Platform) -> Value {
    json!({
        "platform": platform.name(),
        "known_by": platform.facts().known_by,
        "followed": platform.facts().followed,
        "inputs": inputs(platform),
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
    let input = |(input, need, variables)| ApiInput { input, variables, required: needs.contains(&need) };
    all.map(input).into_iter().filter(|input| input.required || !input.variables.is_empty()).collect()
}
