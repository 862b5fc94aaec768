//! The scenarios: how a deployment goes, and what goes wrong between platform and client. They are in `scenarios.json`.
//!
//! Fields: `name` and `about`; `stages` (`deployment.rs`) and `log`, what the deployment goes through and writes; `on_trigger` and
//! `on_read` (`routes.rs`, `reply.rs`), how the requests fail; `site` (`site.rs`); `hidden_until` and `hidden_from`, the seconds in
//! which reads know the deployment; `has_rival`, a second deployment; `echoes`, errors hold the request; `needs_log`, only
//! for platforms with logs.

use std::sync::OnceLock;

use serde_json::Value;

/// A name that a user can choose, with everything it changes.
pub(super) type Scenario = &'static Value;

/// Every scenario that is not a single platform's, the default first.
pub(super) fn shared() -> &'static [Value] {
    table()["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Which stages a deployment goes through, by the name that `deployment.rs` knows.
pub(super) fn stages(scenario: Scenario) -> &'static str {
    scenario["stages"].as_str().unwrap_or("success")
}

/// The lines of the build log, each with the second in which it was written, counted from the trigger at speed 1.
pub(super) fn log(scenario: Scenario) -> Vec<(f64, &'static str)> {
    let parts = scenario.get("log").unwrap_or(&table()["log"]).as_array();
    let parts = parts.into_iter().flatten().filter_map(Value::as_str);
    let lines = parts.filter_map(|part| table()["logs"][part].as_array()).flatten();
    lines.filter_map(|line| Some((line[0].as_f64()?, line[1].as_str()?))).collect()
}

fn table() -> &'static Value {
    static PARSED: OnceLock<Value> = OnceLock::new();
    // The tests find a file that cannot be parsed.
    PARSED.get_or_init(|| serde_json::from_str(include_str!("scenarios.json")).unwrap_or_default())
}
