//! How a sandbox is started, and why it may not be.

use std::io;

use super::contract::{self, Contract, HookForm};
use super::scenario::{self, Scenario};

/// How quick a sandbox may be: each of its durations is divided by a number in this range.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

/// How a sandbox is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// What every duration of the platform is divided by, from 0.1 to 10,000; 1 is a real platform's pace.
    pub speed: f64,
    /// The name of the scenario to begin with, one of [`scenarios`].
    pub scenario: String,
    /// The name of the platform, one of [`platforms`]; `None` is the first.
    pub platform: Option<String>,
    /// The form of the first hook's URL, where the platform has several; `None` is its first.
    pub hook: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, speed: 1.0, scenario: "success".to_owned(), platform: None, hook: None }
    }
}

/// Why a sandbox was not started, or a scenario not chosen.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no platform of this name.
    #[error("there is no platform `{name}` to imitate; the platforms are: {}", platforms().join(", "))]
    UnknownPlatform {
        /// What was asked for.
        name: String,
    },
    /// The platform has no hook of this form.
    #[error("{platform} has no `{name}` hook; it has: {}", forms.join(", "))]
    UnknownHook {
        /// What was asked for.
        name: String,
        /// The platform.
        platform: &'static str,
        /// The forms that it has.
        forms: Vec<&'static str>,
    },
    /// There is no scenario of this name, or it makes no sense on the platform.
    #[error("{}{}; the scenarios are: {}", missing(name, platform), did_you_mean(*nearest), scenarios.join(", "))]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// The platform.
        platform: &'static str,
        /// The scenario that may have been meant.
        nearest: Option<&'static str>,
        /// The scenarios of the platform.
        scenarios: Vec<&'static str>,
    },
    /// The speed is out of range, or no number.
    #[error("the speed must be from {} to {}, not {_0}", SPEEDS.start(), SPEEDS.end())]
    Speed(f64),
    /// The port could not be opened.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

fn missing(name: &str, platform: &str) -> String {
    if scenario::SCENARIOS.iter().any(|known| known.name == name) {
        format!("the scenario `{name}` makes no sense on {platform}")
    } else {
        format!("there is no scenario `{name}`")
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

impl Options {
    /// What the names stand for.
    pub(super) fn check(&self) -> Result<(&'static Contract, &'static HookForm, Scenario), StartError> {
        let contract = find_platform(self.platform.as_deref())?;
        let hook = match &self.hook {
            Some(name) => contract.hook_form(name),
            None => contract.hooks.first(),
        };
        let hook = hook.ok_or_else(|| StartError::UnknownHook {
            name: self.hook.clone().unwrap_or_default(),
            platform: &contract.platform,
            forms: contract.hooks.iter().map(|form| form.name.as_str()).collect(),
        })?;
        let scenario = find_scenario(contract, &self.scenario)?;
        if SPEEDS.contains(&self.speed) {
            Ok((contract, hook, scenario))
        } else {
            Err(StartError::Speed(self.speed))
        }
    }
}

/// The names of the platforms that can be imitated, the default first.
#[must_use]
pub fn platforms() -> Vec<&'static str> {
    contract::all().iter().map(|contract| contract.platform.as_str()).collect()
}

/// The scenarios of a platform, the default one where none is named: each with its name and a line that describes it.
/// The first is the default.
pub fn scenarios(
    platform: Option<&str>,
) -> Result<impl Iterator<Item = (&'static str, &'static str)>, StartError> {
    let scenarios = scenario::of(find_platform(platform)?);
    Ok(scenarios.map(|scenario| (scenario.name, scenario.about)))
}

fn find_platform(name: Option<&str>) -> Result<&'static Contract, StartError> {
    let mut all = contract::all().iter();
    let found = match name {
        Some(name) => all.find(|contract| contract.platform == name),
        None => all.next(),
    };
    found.ok_or_else(|| StartError::UnknownPlatform { name: name.unwrap_or_default().to_owned() })
}

/// The scenario of this name, on this platform.
pub(super) fn find_scenario(contract: &'static Contract, name: &str) -> Result<Scenario, StartError> {
    let mut all = scenario::of(contract);
    all.find(|scenario| scenario.name == name).ok_or_else(|| {
        let scenarios: Vec<&str> = scenario::of(contract).map(|scenario| scenario.name).collect();
        // Near enough to be a slip.
        let near = |known: &&str| strsim::levenshtein(name, known) <= known.len().max(name.len()) / 3;
        let nearest =
            scenarios.iter().copied().filter(near).min_by_key(|known| strsim::levenshtein(name, known));
        StartError::UnknownScenario {
            name: name.to_owned(),
            platform: &contract.platform,
            nearest,
            scenarios,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_nonsense_is_not() {
        for (slip, wanted) in
            [("succeed", Some("success")), ("build-fail", Some("build-fails")), ("quantum", None)]
        {
            let Err(StartError::UnknownScenario { nearest, .. }) = find_scenario(&contract::all()[0], slip)
            else {
                panic!("{slip} is a scenario");
            };
            assert_eq!(nearest, wanted, "{slip}");
        }
    }
}
