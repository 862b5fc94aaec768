//! The contracts: what each platform answers, as data. `contracts/schema.json` describes the format.

use std::sync::OnceLock;

use serde_json::Value;

use super::scenario::{self, Scenario};

/// The contracts, without what is for the tests alone: see `build.rs`.
const FILE: &str = include_str!(concat!(env!("OUT_DIR"), "/contracts.json"));

/// What a platform answers.
pub(super) struct Contract(pub(super) Value);

/// Every contract, the default first. They are parsed when the first sandbox starts.
pub(super) fn all() -> &'static [Contract] {
    static PARSED: OnceLock<Vec<Contract>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let contracts: Vec<Value> = serde_json::from_str(FILE).unwrap_or_default();
        contracts.into_iter().map(Contract).collect()
    })
}

/// The text of a field; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The list of a field; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether a route shows what became of a deployment.
pub(super) fn is_read(route: &Value) -> bool {
    matches!(text(route, "does"), "list" | "read" | "newest" | "log")
}

impl Contract {
    /// The platform's name.
    pub(super) fn platform(&self) -> &str {
        text(&self.0, "platform")
    }

    /// The forms of the ids of this name, such as `environment`.
    pub(super) fn forms(&self, name: &str) -> impl Iterator<Item = &str> {
        list(&self.0["ids"], name).iter().filter_map(Value::as_str)
    }

    /// The form of the ids that are made under this name.
    pub(super) fn form(&self, name: &str) -> &str {
        self.forms(name).next().unwrap_or_default()
    }

    /// The names of all ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0["ids"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// What a state means; `unknown` where the contract does not say.
    pub(super) fn meaning(&self, state: &str) -> &str {
        let states = self.0["states"].as_object().into_iter().flatten();
        let has =
            |words: &Value| words.as_array().is_some_and(|words| words.iter().any(|word| word == state));
        states.into_iter().find(|(_, words)| has(words)).map_or("unknown", |(meaning, _)| meaning)
    }

    /// Whether a deployment in this state has ended.
    pub(super) fn is_final(&self, state: &str) -> bool {
        !matches!(self.meaning(state), "waiting" | "running" | "unknown")
    }

    /// The stages of a deployment under this name, each with how many seconds it lasts at speed 1; none stays.
    pub(super) fn stages(&self, name: &str) -> impl Iterator<Item = (&str, Option<f64>)> {
        let stages = list(&self.0["deployments"], name).iter();
        stages.map(|stage| (stage[0].as_str().unwrap_or_default(), stage[1].as_f64()))
    }

    /// The state of a deployment that a newer one replaced; none where deployments do not replace each other.
    pub(super) fn superseded(&self) -> Option<&str> {
        self.0["superseded"].as_str()
    }

    /// The forms of the hook's URL, the default first.
    pub(super) fn hooks(&self) -> &[Value] {
        list(&self.0, "hooks")
    }

    /// The form of this name of the hook's URL.
    pub(super) fn hook(&self, name: &str) -> Option<&Value> {
        self.hooks().iter().find(|form| text(form, "name") == name)
    }

    /// The form of the ids of deployments that a hook of this form starts.
    pub(super) fn deployment_id<'a>(&'a self, hook: &'a Value) -> &'a str {
        hook["deployment"].as_str().unwrap_or_else(|| self.form("deployment"))
    }

    /// What the hook's URLs answer.
    pub(super) fn of_hook(&self) -> &Value {
        &self.0["hook"]
    }

    /// What the platform's API answers, where it has one.
    pub(super) fn of_api(&self) -> Option<&Value> {
        self.0.get("api")
    }

    /// The error of this name.
    pub(super) fn error(&self, name: &str) -> Option<&Value> {
        self.0["errors"].get(name)
    }

    /// Every route.
    fn routes(&self) -> impl Iterator<Item = &Value> {
        list(self.of_hook(), "routes")
            .iter()
            .chain(self.of_api().map(|api| list(api, "routes")).unwrap_or_default())
    }

    /// The scenarios that make sense on this platform, and those that it alone has. The first is the default.
    pub(super) fn scenarios(&'static self) -> Vec<Scenario> {
        let shared = scenario::shared().iter().filter(|scenario| self.fits(scenario));
        shared.chain(list(&self.0, "scenarios")).collect()
    }

    /// Whether the contract has what the scenario takes, and its effect can be seen.
    fn fits(&self, scenario: Scenario) -> bool {
        let (stages, on_trigger) = (scenario::stages(scenario), text(scenario, "on_trigger"));
        let is_made_of_success = matches!(stages, "instant" | "slow" | "stuck" | "unknown-state");
        let has_stages = is_made_of_success || self.stages(stages).next().is_some();
        let seen_by_reads = ["on_read", "hidden_until", "hidden_from"];
        let is_seen_by_reads =
            stages != "success" || seen_by_reads.iter().any(|key| !scenario[*key].is_null());
        let has_answer = match on_trigger {
            "limit" | "limit-first" => self.error("rate_limited").is_some(),
            "truncated" | "absurd" | "huge" => {
                list(self.of_hook(), "routes").iter().any(|route| !route["answer"]["body"].is_null())
            }
            "forbidden" | "unprocessable" | "unavailable" => self.error(on_trigger).is_some(),
            _ => true,
        };
        has_stages
            && has_answer
            && (!is_seen_by_reads || self.routes().any(is_read))
            && (scenario["needs_log"].is_null() || self.routes().any(|route| text(route, "does") == "log"))
            && (scenario["has_rival"].is_null() || self.superseded().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_is_whole_and_has_nothing_for_the_tests_alone() {
        assert_eq!(all().len(), crate::platforms::all().len());
        for contract in all() {
            let name = contract.platform();
            assert!(!name.is_empty());
            assert!(["sources", "examples", "exchanges"].iter().all(|field| contract.0[*field].is_null()));
            for id in ["environment", "deployment", "secret", "token"] {
                assert!(!contract.form(id).is_empty(), "{name}: ids.{id}");
            }
            for scenario in contract.0["deployments"].as_object().unwrap().keys() {
                let stages: Vec<_> = contract.stages(scenario).collect();
                let ((end, None), before) = stages.split_last().map(|(end, before)| (*end, before)).unwrap()
                else {
                    panic!("{name}: {scenario} has no end");
                };
                assert!(contract.is_final(end) && !before.is_empty(), "{name}: {scenario} ends as {end}");
                assert!(before.iter().all(|(_, seconds)| seconds.is_some()), "{name}: {scenario}");
                assert!(before.iter().all(|(state, _)| !contract.is_final(state)), "{name}: {scenario}");
            }
            assert!(contract.superseded().is_none_or(|state| contract.is_final(state)), "{name}");
            for route in contract.routes() {
                assert!(route["hook"].as_str().is_none_or(|form| contract.hook(form).is_some()), "{route}");
                assert!(
                    route["error"].as_str().is_none_or(|error| contract.error(error).is_some()),
                    "{route}"
                );
            }
        }
    }

    #[test]
    fn every_scenario_is_whole_and_has_a_name_of_its_own() {
        for contract in all() {
            let names: Vec<&str> =
                contract.scenarios().into_iter().map(|scenario| text(scenario, "name")).collect();
            let is_unique = |(index, name)| !names[index + 1..].contains(name);
            assert!(names.iter().enumerate().all(is_unique), "{}: {names:?}", contract.platform());
            assert_eq!(names[0], "success", "{}", contract.platform());
            for scenario in contract.scenarios() {
                assert!(
                    scenario::log(scenario).is_sorted_by_key(|(second, _)| *second),
                    "{}",
                    text(scenario, "name")
                );
                let known = [
                    "",
                    "delayed",
                    "answer-lost",
                    "nothing-started",
                    "reset",
                    "limit-first",
                    "limit",
                    "redirect",
                    "truncated",
                    "html",
                    "absurd",
                    "huge",
                ];
                let on_trigger = text(scenario, "on_trigger");
                assert!(
                    known.contains(&on_trigger) || contract.error(on_trigger).is_some(),
                    "{}",
                    text(scenario, "name")
                );
                let known = ["", "limit-third", "burst", "dead", "truncated", "html", "absurd", "huge"];
                assert!(known.contains(&text(scenario, "on_read")), "{}", text(scenario, "name"));
            }
        }
    }

    #[test]
    fn a_platform_has_the_scenarios_that_make_sense_on_it() {
        let names = |platform: &str| {
            let contract = all().iter().find(|one| one.platform() == platform).unwrap();
            contract.scenarios().into_iter().map(|scenario| text(scenario, "name")).collect::<Vec<_>>()
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
