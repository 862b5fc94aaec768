//! The scenarios: how a deployment goes, and what goes wrong between platform and client.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// What is in `scenarios.json`.
#[derive(Default, Deserialize)]
struct Table {
    /// Parts of build logs: lines with the second in which they were written, counted from the trigger at speed 1.
    logs: BTreeMap<String, Vec<(f64, String)>>,
    scenarios: Vec<Scenario>,
}

/// A name that a user can choose, with everything it changes. Times are seconds at speed 1.
#[derive(Deserialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// One line for help texts.
    pub(super) about: String,
    /// Whose stages of the contract's `deployments` it has, or what is made of those of a success: see
    /// [`stages`](super::deployment::stages).
    #[serde(default = "success")]
    pub(super) stages: String,
    /// The parts of the build log.
    #[serde(default = "whole_log")]
    log: Vec<String>,
    /// Whether the scenario is about its log alone.
    #[serde(default)]
    pub(super) needs_log: bool,
    /// Reads of the deployment answer 404 until this age.
    #[serde(default)]
    pub(super) hidden_until: f64,
    /// Reads of the deployment answer 404 from this age on.
    pub(super) hidden_from: Option<f64>,
    /// Whether somebody else triggers the same environment meanwhile.
    #[serde(default)]
    pub(super) has_rival: bool,
    /// Errors repeat the requested URL, secret included, as careless servers do.
    #[serde(default)]
    pub(super) echoes: bool,
    pub(super) on_trigger: Option<TriggerFault>,
    pub(super) on_read: Option<ReadFault>,
}

/// What happens to a request that asks for a deployment.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TriggerFault {
    /// Accepted; the answer comes twenty seconds later.
    Delayed,
    /// Accepted; the answer cannot be used.
    BadBody(BadBody),
    /// Accepted; the connection closes without an answer.
    AnswerLost,
    /// Nothing starts; the connection closes without an answer.
    NothingStarted,
    /// Nothing starts; the connection is reset.
    Reset,
    /// Every other trigger is refused for its rate, beginning with the first.
    LimitFirst,
    /// Every trigger is refused for its rate.
    Limit,
    /// Nothing starts; this error is answered.
    Refuse(String),
    /// Answered with a redirect to a path that would count as a trigger.
    Redirect,
}

/// What happens to a request that reads.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ReadFault {
    /// Answered; the answer cannot be used.
    BadBody(BadBody),
    /// Every third read is refused for its rate.
    LimitThird,
    /// Reads three to six are answered 503.
    Burst,
    /// Every read is answered 503.
    Dead,
}

/// How an answer becomes useless.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BadBody {
    /// The connection ends in the middle of the body.
    Truncated,
    /// A page of HTML with status 200.
    Html,
    /// JSON whose values have the wrong types.
    Absurd,
    /// Good JSON, but more than a mebibyte of it.
    Huge,
}

fn table() -> &'static Table {
    static PARSED: OnceLock<Table> = OnceLock::new();
    // A file that cannot be parsed is found by the test below.
    PARSED.get_or_init(|| serde_json::from_str(include_str!("scenarios.json")).unwrap_or_default())
}

/// Every scenario that is not a single platform's, the default first.
pub(super) fn shared() -> &'static [Scenario] {
    &table().scenarios
}

impl Scenario {
    /// The lines of the build log; none if it has a part that is not there.
    pub(super) fn log(&self) -> Option<Vec<&'static (f64, String)>> {
        let parts: Option<Vec<_>> = self.log.iter().map(|part| table().logs.get(part)).collect();
        Some(parts?.into_iter().flatten().collect())
    }
}

fn success() -> String {
    "success".to_owned()
}

fn whole_log() -> Vec<String> {
    ["start", "build", "built", "done"].map(str::to_owned).into()
}
