//! The scenarios: how a deployment goes, and what goes wrong between platform and client. They are in `scenarios.json`.

use std::sync::OnceLock;

use serde_json::Value;

/// A name that a user can choose, with everything it changes. Times are seconds at speed 1.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// One line for help texts.
    pub(super) about: &'static str,
    /// Which stages a deployment goes through: see [`stages`](super::deployment::stages).
    pub(super) stages: &'static str,
    /// The parts of the build log.
    log: Option<&'static Vec<Value>>,
    /// Whether the scenario is about its log alone.
    pub(super) needs_log: bool,
    /// Reads of the deployment answer 404 until this age.
    pub(super) hidden_until: f64,
    /// Reads of the deployment answer 404 from this age on.
    pub(super) hidden_from: f64,
    /// Whether somebody else triggers the same environment meanwhile.
    pub(super) has_rival: bool,
    /// Errors repeat the requested URL, secret included, as careless servers do.
    pub(super) echoes: bool,
    /// What happens to a request that asks for a deployment, or the name of the error it gets; empty is nothing.
    pub(super) on_trigger: &'static str,
    /// What happens to a request that reads; empty is nothing.
    pub(super) on_read: &'static str,
}

impl From<&'static Value> for Scenario {
    fn from(entry: &'static Value) -> Self {
        let text = |key: &str| entry[key].as_str();
        let is = |key: &str| entry[key] == true;
        Self {
            name: text("name").unwrap_or_default(),
            about: text("about").unwrap_or_default(),
            stages: text("stages").unwrap_or("success"),
            log: entry["log"].as_array(),
            needs_log: is("needs_log"),
            hidden_until: entry["hidden_until"].as_f64().unwrap_or_default(),
            hidden_from: entry["hidden_from"].as_f64().unwrap_or(f64::INFINITY),
            has_rival: is("has_rival"),
            echoes: is("echoes"),
            on_trigger: text("on_trigger").unwrap_or_default(),
            on_read: text("on_read").unwrap_or_default(),
        }
    }
}

impl Scenario {
    /// The lines of the build log, each with the second in which it was written, counted from the trigger.
    pub(super) fn log(&self) -> impl Iterator<Item = (f64, &'static str)> {
        let whole = || table()["log"].as_array();
        let parts = self.log.or_else(whole).into_iter().flatten().filter_map(Value::as_str);
        let lines = parts.filter_map(|part| table()["logs"][part].as_array()).flatten();
        lines.filter_map(|line| Some((line[0].as_f64()?, line[1].as_str()?)))
    }
}

/// Every scenario that is not a single platform's, the default first.
pub(super) fn shared() -> impl Iterator<Item = Scenario> {
    table()["scenarios"].as_array().into_iter().flatten().map(Scenario::from)
}

fn table() -> &'static Value {
    static PARSED: OnceLock<Value> = OnceLock::new();
    // The tests find a file that cannot be parsed.
    PARSED.get_or_init(|| serde_json::from_str(include_str!("scenarios.json")).unwrap_or_default())
}
