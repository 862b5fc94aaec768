//! The contracts: what each platform answers, as data. `docs/adding-a-platform.md` explains the format.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use super::scenario::{self, BadBody, Scenario, TriggerFault};

/// The contract files, the default first.
const FILES: [&str; 2] =
    [include_str!("../../contracts/fortrabbit.json"), include_str!("../../contracts/other.json")];

/// One step of a deployment: its state, and how many seconds it lasts at speed 1; none stays.
pub(super) type Stage = (String, Option<f64>);

/// What a platform answers.
#[derive(Deserialize)]
pub(super) struct Contract {
    pub(super) platform: String,
    /// The forms of its ids, by name. What is made has the first form; the others are accepted as well.
    pub(super) ids: BTreeMap<String, Vec<String>>,
    /// The state words, by what they mean: `waiting`, `running`, `succeeded`, `failed`, `canceled`, `superseded`.
    pub(super) states: BTreeMap<String, Vec<String>>,
    /// The stages of a deployment, by scenario.
    pub(super) deployments: BTreeMap<String, Vec<Stage>>,
    /// Scenarios that only this platform has.
    #[serde(default, rename = "scenarios")]
    own_scenarios: Vec<Scenario>,
    /// The state of a deployment that a newer one replaced; none where deployments do not replace each other.
    pub(super) superseded: Option<String>,
    /// How many seconds after a deployment's end its log can be read.
    #[serde(default)]
    pub(super) log_after: f64,
    /// The forms of the hook's URL, the default first.
    pub(super) hooks: Vec<HookForm>,
    /// How a deployment is described: the template of `{deployment}`.
    #[serde(default)]
    pub(super) deployment: Value,
    /// What the hook's URLs answer.
    pub(super) hook: Endpoints,
    /// What the platform's API answers.
    pub(super) api: Option<Endpoints>,
    /// The errors, by name.
    pub(super) errors: BTreeMap<String, ErrorAnswer>,
}

/// A form of the hook's URL.
#[derive(Deserialize)]
pub(super) struct HookForm {
    pub(super) name: String,
    /// Path and query of a new hook's URL.
    pub(super) path: String,
    /// The form of the ids of its deployments, where it is not the usual one.
    pub(super) deployment: Option<String>,
}

/// Routes that share how requests are authorized and how an error looks.
#[derive(Deserialize)]
pub(super) struct Endpoints {
    /// None, `bearer`, or the header that holds the token.
    pub(super) auth: Option<String>,
    pub(super) rate_limit: Option<RateRule>,
    pub(super) routes: Vec<Route>,
    /// The body of every error.
    pub(super) error: Value,
}

/// How often a token may be used.
#[derive(Deserialize)]
pub(super) struct RateRule {
    pub(super) requests: u32,
    /// The length of the window at speed 1.
    pub(super) seconds: f64,
    /// Headers of every answer.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// More headers of the refusal.
    #[serde(default)]
    pub(super) refused: BTreeMap<String, String>,
}

/// What is answered to a method on some paths.
#[derive(Deserialize)]
pub(super) struct Route {
    pub(super) does: Effect,
    pub(super) method: String,
    /// Patterns of path and query: `{name}` stands for one segment, or for one value of the query.
    pub(super) paths: Vec<String>,
    /// The form of the hook, where the route belongs to one.
    pub(super) hook: Option<String>,
    /// Headers that a request must have.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// The error that `refuse` answers.
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) answer: Answer,
    /// The template of one entry of `{deployments}` or `{log}`.
    pub(super) item: Option<Value>,
    /// JSON with the right names and values of the wrong types.
    #[serde(default)]
    pub(super) absurd: Value,
    /// Other answers, by scenario.
    #[serde(default)]
    pub(super) instead: BTreeMap<String, Answer>,
}

/// What a route is for.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Effect {
    /// Starts a deployment.
    Trigger,
    /// Reads every deployment, or every one of the environment in the path.
    List,
    /// Reads the deployment in the path.
    Read,
    /// Reads the newest deployment of the environment.
    Newest,
    /// Reads the log of the deployment in the path.
    Log,
    /// Answers an error.
    Refuse,
    /// Answers, and that is all.
    Answer,
}

impl Effect {
    /// Whether it shows what became of a deployment.
    pub(super) fn reads(self) -> bool {
        matches!(self, Self::List | Self::Read | Self::Newest | Self::Log)
    }
}

/// The template of an answer.
#[derive(Default, Deserialize)]
pub(super) struct Answer {
    /// 200, where it is not given.
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// None is an empty body.
    pub(super) body: Option<Value>,
}

/// An error.
#[derive(Deserialize)]
pub(super) struct ErrorAnswer {
    pub(super) status: u16,
    /// The text of `{message}`.
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The body, where it is not the usual one.
    pub(super) body: Option<Value>,
}

/// Every contract, the default first. They are parsed when the first sandbox starts.
pub(super) fn all() -> &'static [Contract] {
    static PARSED: OnceLock<Vec<Contract>> = OnceLock::new();
    // A file that cannot be parsed is found by the test below.
    PARSED.get_or_init(|| FILES.iter().filter_map(|file| serde_json::from_str(file).ok()).collect())
}

impl Contract {
    /// What a state word means; `unknown` where the contract does not say.
    pub(super) fn meaning(&self, state: &str) -> &str {
        let known = self.states.iter().find(|(_, states)| states.iter().any(|known| known == state));
        known.map_or("unknown", |(meaning, _)| meaning)
    }

    /// Whether a deployment in this state has ended.
    pub(super) fn is_final(&self, state: &str) -> bool {
        !matches!(self.meaning(state), "waiting" | "running" | "unknown")
    }

    /// The form of the ids that are made under this name.
    pub(super) fn form(&self, name: &str) -> &str {
        self.ids.get(name).and_then(|forms| forms.first()).map_or("[0-9a-z]{6}", String::as_str)
    }

    /// The form of the hook's URL of this name.
    pub(super) fn hook_form(&self, name: &str) -> Option<&HookForm> {
        self.hooks.iter().find(|form| form.name == name)
    }

    /// Every route.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.hook.routes.iter().chain(self.api.iter().flat_map(|api| &api.routes))
    }

    /// The scenarios that make sense on this platform, the default first.
    pub(super) fn scenarios(&'static self) -> impl Iterator<Item = &'static Scenario> {
        scenario::shared().iter().filter(|scenario| self.fits(scenario)).chain(&self.own_scenarios)
    }

    /// Whether the contract has what the scenario takes, and its effect can be seen.
    fn fits(&self, scenario: &Scenario) -> bool {
        const MADE_OF_SUCCESS: [&str; 4] = ["instant", "slow", "stuck", "unknown-state"];
        let stages = scenario.stages.as_str();
        let does = |wanted: fn(Effect) -> bool| self.routes().any(|route| wanted(route.does));
        let is_seen_by_reads = stages != "success"
            || scenario.on_read.is_some()
            || scenario.hidden_until > 0.0
            || scenario.hidden_from.is_some();
        let has_answer = match &scenario.on_trigger {
            Some(TriggerFault::LimitFirst | TriggerFault::Limit) => self.errors.contains_key("rate_limited"),
            Some(TriggerFault::Refuse(error)) => self.errors.contains_key(error),
            Some(TriggerFault::BadBody(BadBody::Truncated | BadBody::Absurd | BadBody::Huge)) => {
                self.hook.routes.iter().any(|route| route.answer.body.is_some())
            }
            _ => true,
        };
        has_answer
            && (MADE_OF_SUCCESS.contains(&stages) || self.deployments.contains_key(stages))
            && (!is_seen_by_reads || does(Effect::reads))
            && (!scenario.needs_log || does(|effect| effect == Effect::Log))
            && (!scenario.has_rival || self.superseded.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_file_can_be_parsed() {
        for file in FILES {
            let parsed: Result<Contract, _> = serde_json::from_str(file);
            assert!(parsed.is_ok(), "{:?}\n{}", parsed.err(), &file[..200]);
        }
        assert_eq!(all().len(), FILES.len());
    }

    #[test]
    fn every_contract_is_whole() {
        for contract in all() {
            let name = &contract.platform;
            for id in ["environment", "deployment", "secret", "token"] {
                assert!(contract.ids.contains_key(id), "{name}: ids.{id}");
            }
            assert!(!contract.hooks.is_empty() && contract.deployments.contains_key("success"), "{name}");
            for (scenario, stages) in &contract.deployments {
                let (last, before) = stages.split_last().unwrap();
                assert!(
                    last.1.is_none() && before.iter().all(|stage| stage.1.is_some()),
                    "{name}: {scenario}"
                );
                assert!(before.iter().all(|(state, _)| !contract.is_final(state)), "{name}: {scenario}");
                assert!(contract.is_final(&last.0), "{name}: {scenario} ends as {}", last.0);
            }
            assert!(contract.deployments["success"].len() > 1, "{name}");
            assert!(contract.superseded.as_ref().is_none_or(|state| contract.is_final(state)), "{name}");
            for route in contract.routes() {
                let known = |form: &String| contract.hook_form(form).is_some();
                assert!(route.hook.as_ref().is_none_or(known), "{name}: {:?}", route.hook);
                let known = |error: &String| contract.errors.contains_key(error);
                assert!(route.error.as_ref().is_none_or(known), "{name}: {:?}", route.error);
            }
        }
    }

    #[test]
    fn every_scenario_is_whole_and_has_a_name_of_its_own() {
        for contract in all() {
            let names: Vec<&str> = contract.scenarios().map(|scenario| scenario.name.as_str()).collect();
            let is_unique = |(index, name)| !names[index + 1..].contains(name);
            assert!(names.iter().enumerate().all(is_unique), "{}: {names:?}", contract.platform);
            assert_eq!(names[0], "success", "{}", contract.platform);
            for scenario in contract.scenarios() {
                assert!(
                    scenario.log().is_some_and(|log| log.is_sorted_by_key(|line| line.0)),
                    "{}",
                    scenario.name
                );
            }
        }
    }

    #[test]
    fn a_platform_has_the_scenarios_that_make_sense_on_it() {
        let names = |platform: &str| {
            let contract = all().iter().find(|one| one.platform == platform).unwrap();
            contract.scenarios().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names("fortrabbit").len(), scenario::shared().len());
        let other = names("other");
        for name in ["success", "answer-lost", "reset", "absurd", "not-json", "rate-limited", "redirect"] {
            assert!(other.contains(&name), "{name}");
        }
        for name in ["build-fails", "stuck", "early-404", "superseded", "reads-dead", "hostile-log", "echo"] {
            assert!(!other.contains(&name), "{name}");
        }
    }
}
