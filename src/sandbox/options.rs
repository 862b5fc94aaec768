//! The options of a sandbox, and why one cannot be started.

use std::io;

use serde_json::Value;

use super::contract::{self, Contract, text};
use super::scenario::{self, Scenario};

/// How quick a sandbox may be: each of its durations is divided by a number in this range.
pub(super) const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

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
    /// There is no platform, no form of the hook or no scenario of the name that was given.
    #[error("{wrong}")]
    UnknownName {
        /// The field of [`Options`] that it was given for.
        field: &'static str,
        /// What is wrong, and which names there are.
        wrong: String,
    },
    /// The speed is out of range, or no number.
    #[error("the speed must be from {} to {}, not {_0}", SPEEDS.start(), SPEEDS.end())]
    Speed(f64),
    /// The port could not be opened.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl StartError {
    fn unknown(field: &'static str, wrong: &str, known: &[&str]) -> Self {
        Self::UnknownName { field, wrong: format!("{wrong}; the {field}s are: {}", known.join(", ")) }
    }
}

impl Options {
    /// What the names stand for.
    pub(super) fn check(&self) -> Result<(&'static Contract, &'static Value, Scenario), StartError> {
        let contract = find_platform(self.platform.as_deref())?;
        let known: Vec<&str> = contract.hooks().iter().map(|form| text(form, "name")).collect();
        let name = self.hook.as_deref().or(known.first().copied()).unwrap_or_default();
        let wrong = || format!("{} has no hook `{name}`", contract.platform());
        let hook = contract.hook(name).ok_or_else(|| StartError::unknown("hook", &wrong(), &known))?;
        let scenario = find_scenario(contract, &self.scenario)?;
        if !SPEEDS.contains(&self.speed) {
            return Err(StartError::Speed(self.speed));
        }
        Ok((contract, hook, scenario))
    }
}

/// The names of the platforms that can be imitated, the default first.
pub fn platforms() -> Vec<&'static str> {
    contract::all().iter().map(Contract::platform).collect()
}

/// The scenarios of a platform, of the default one where none is named: each with its name and a line that describes
/// it. The first is the default.
pub fn scenarios(platform: Option<&str>) -> Result<Vec<(&'static str, &'static str)>, StartError> {
    let scenarios = find_platform(platform)?.scenarios();
    Ok(scenarios.into_iter().map(|scenario| (text(scenario, "name"), text(scenario, "about"))).collect())
}

/// Whether a text is the name of a platform or of a scenario, and so no secret.
pub fn is_name(name: &str) -> bool {
    let is_name = |contract: &'static Contract| {
        contract.platform() == name || contract.scenarios().iter().any(|scenario| scenario["name"] == name)
    };
    contract::all().iter().any(is_name)
}

/// The contract of this platform, the default one where none is named.
pub(super) fn find_platform(name: Option<&str>) -> Result<&'static Contract, StartError> {
    let mut all = contract::all().iter();
    let found = match name {
        Some(name) => all.find(|contract| contract.platform() == name),
        None => all.next(),
    };
    let wrong = || format!("there is no platform `{}` to imitate", name.unwrap_or_default());
    found.ok_or_else(|| StartError::unknown("platform", &wrong(), &platforms()))
}

/// The scenario of this name, on this platform.
pub(super) fn find_scenario(contract: &'static Contract, name: &str) -> Result<Scenario, StartError> {
    let scenarios = contract.scenarios();
    scenarios.iter().find(|scenario| scenario["name"] == name).copied().ok_or_else(|| {
        let known: Vec<&str> = scenarios.iter().map(|scenario| text(scenario, "name")).collect();
        let distance = |known: &&str| strsim::levenshtein(name, known);
        let near = known.iter().copied().min_by_key(distance);
        let near = near.filter(|known| distance(known) <= known.len().max(name.len()) / 3);
        let wrong = match near {
            _ if scenario::shared().iter().any(|scenario| scenario["name"] == name) => {
                format!("the scenario `{name}` makes no sense on {}", contract.platform())
            }
            Some(near) => format!("there is no scenario `{name}` (did you mean `{near}`?)"),
            None => format!("there is no scenario `{name}`"),
        };
        StartError::unknown("scenario", &wrong, &known)
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
            let text = find_scenario(&contract::all()[0], slip).err().unwrap().to_string();
            let guess = wanted.map(|wanted| format!("did you mean `{wanted}`?"));
            assert_eq!(text.contains("did you mean"), guess.is_some(), "{text}");
            assert!(guess.is_none_or(|guess| text.contains(&guess)), "{text}");
        }
    }
}
