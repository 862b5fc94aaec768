//! Deployments: what was requested, and what has become of it, which depends on the time alone.

use std::time::Duration;

use super::contract::Contract;
use super::scenario::Scenario;

/// Time since the Unix epoch.
pub(super) type UnixTime = Duration;

/// What a slow deployment takes, in seconds.
const SLOW: f64 = 1500.0;

pub(super) enum TriggeredBy {
    /// A deploy hook, called by this URL.
    Hook(String),
    Api,
    /// A push to git, an hour before the sandbox was started.
    Git,
}

impl TriggeredBy {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hook(_) => "hook",
            Self::Api => "api",
            Self::Git => "git",
        }
    }
}

/// A deployment as it was requested; [`StateHistory`] is what has become of it.
pub(super) struct SandboxDeployment {
    pub(super) id: String,
    pub(super) environment: String,
    pub(super) by: TriggeredBy,
    pub(super) created: UnixTime,
    pub(super) commit: String,
    pub(super) scenario: Scenario,
    /// The sandbox's speed when it was made.
    pub(super) speed: f64,
    /// The states it goes through, each with how many seconds it lasts at speed 1; the last one stays.
    pub(super) stages: Vec<(&'static str, Option<f64>)>,
    /// Orders deployments of the same moment.
    pub(super) number: usize,
}

impl SandboxDeployment {
    /// How long something of it really takes that takes so many seconds at speed 1.
    pub(super) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed)
    }

    /// Whether reads may see it: its scenario may hide it for a while, or for good.
    pub(super) fn can_be_read(&self, now: UnixTime) -> bool {
        let age = now.saturating_sub(self.created).as_secs_f64() * self.speed;
        let seconds = |key: &str| self.scenario[key].as_f64();
        (seconds("hidden_until").unwrap_or_default()..seconds("hidden_from").unwrap_or(f64::MAX))
            .contains(&age)
    }

    /// What it takes at speed 1, in seconds.
    pub(super) fn duration(&self) -> f64 {
        self.stages.iter().filter_map(|(_, seconds)| *seconds).sum()
    }
}

/// What a deployment has gone through.
pub(super) struct StateHistory<'a> {
    /// The states so far, each with when it began.
    pub(super) states: Vec<(&'static str, UnixTime)>,
    pub(super) ended: Option<UnixTime>,
    /// The deployment that took this one's place.
    pub(super) superseded_by: Option<&'a str>,
}

impl<'a> StateHistory<'a> {
    /// The history until `now`, unless the deployment was replaced by `rival` before it ended.
    pub(super) fn new(
        deployment: &SandboxDeployment,
        rival: Option<&'a SandboxDeployment>,
        contract: &'static Contract,
        now: UnixTime,
    ) -> Self {
        let rival = rival.zip(contract.superseded());
        let until = rival.map_or(now, |(rival, _)| rival.created);
        let mut states = Vec::new();
        let mut seconds = 0.0;
        for (state, lasts) in &deployment.stages {
            let at = deployment.created + deployment.scaled(seconds);
            if at <= until {
                states.push((*state, at));
            }
            seconds += lasts.unwrap_or_default();
        }
        let ended = states.last().filter(|(state, _)| contract.is_final(state)).map(|(_, at)| *at);
        match rival.filter(|_| ended.is_none()) {
            None => Self { states, ended, superseded_by: None },
            Some((rival, state)) => {
                states.push((state, rival.created));
                Self { states, ended: Some(rival.created), superseded_by: Some(&rival.id) }
            }
        }
    }

    pub(super) fn state(&self) -> &'static str {
        self.states.last().map_or("", |(state, _)| state)
    }
}

/// The stages of this name: the contract's, or what is made of those of a success. The longest one never ends where
/// the deployment is stuck, and has a name that nobody knows in `unknown-state`.
pub(super) fn stages(contract: &'static Contract, name: &str) -> Vec<(&'static str, Option<f64>)> {
    let is_made_of_success = matches!(name, "instant" | "slow" | "stuck" | "unknown-state");
    let mut stages: Vec<_> = contract.stages(if is_made_of_success { "success" } else { name }).collect();
    let whole: f64 = stages.iter().filter_map(|(_, seconds)| *seconds).sum();
    let longest = stages
        .iter()
        .enumerate()
        .max_by(|(_, one), (_, other)| one.1.unwrap_or_default().total_cmp(&other.1.unwrap_or_default()));
    let longest = longest.map_or(0, |(index, _)| index);
    let last = stages.len().saturating_sub(1);
    match name {
        "instant" => {
            stages.drain(1..last);
            stages[0].1 = Some(0.0);
        }
        "slow" => {
            for (_, seconds) in &mut stages {
                *seconds = seconds.map(|seconds| seconds * SLOW / whole);
            }
        }
        "stuck" => {
            stages.truncate(longest + 1);
            stages[longest].1 = None;
        }
        "unknown-state" => stages[longest].0 = "QUANTUM_FLUX",
        _ => {}
    }
    stages
}
