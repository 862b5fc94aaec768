//! The tests of every hosting platform, by its contract: how its answers are read, and that no secret leaks.
#![cfg(test)]

mod exchanges;
mod found;
mod tokens;
mod traps;
mod vendors;

use std::path::Path;

use deploy_hook::core::state::{DeploymentId, Phase, Verdict};
use deploy_hook::platforms::{self, LogTarget, Platform, PlatformAccess, Request, StateSource};
use deploy_hook::sandbox;
use deploy_hook::secrets::{HookUrl, Redactor, Token};
use serde_json::{Value, json};
use url::Url;

use crate::cli::run::Run;

/// A platform, and what its contract says.
pub(crate) struct Subject {
    pub(crate) platform: &'static dyn Platform,
    pub(crate) contract: Value,
}

/// Every platform of the registry. One without a contract fails here.
pub(crate) fn subjects() -> Vec<Subject> {
    let contract = |platform: &&'static dyn Platform| {
        let path = format!("{}/contracts/{}.json", env!("CARGO_MANIFEST_DIR"), platform.name());
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{path}: {error}; see docs/adding-a-platform.md"));
        Subject { platform: *platform, contract: serde_json::from_str(&text).expect("it is JSON") }
    };
    platforms::all().iter().map(contract).collect()
}

impl Subject {
    pub(crate) fn name(&self) -> &'static str {
        self.platform.name()
    }

    /// The examples of the hook's URL, with the parts that are secret.
    pub(crate) fn examples(&self) -> Vec<(&Value, String, Vec<String>)> {
        let examples = list(&self.contract["examples"]).iter();
        let secret = |example: &Value| list(&example["secret"]).iter().map(text).collect();
        examples.map(|example| (example, text(&example["url"]), secret(example))).collect()
    }

    /// What a user of this platform has: this hook, and a token where there is an API.
    pub(crate) fn access(&self, hook: &str) -> PlatformAccess {
        let token = self.contract.get("api").and_then(|_| Token::parse(TOKEN));
        let of_contract =
            |name: &str| self.contract["ids"].get(name).map(|forms| example_of(&text(&forms[0])));
        PlatformAccess {
            hook: Some(self.hook(hook)),
            token,
            api: self.platform.api(Some(&url(hook))),
            account: of_contract("account"),
            project: of_contract("project"),
            ..PlatformAccess::new(self.platform)
        }
    }

    /// The hook, with what the platform says of its URL.
    fn hook(&self, hook: &str) -> HookUrl {
        let parsed = HookUrl::parse(hook).and_then(|hook| platforms::documented(self.platform, hook));
        parsed.unwrap_or_else(|fault| panic!("{hook}: {fault:?}"))
    }
}

/// With the platform's name, where the hook's URL does not show it.
pub(crate) fn named(program: Run, name: &str, hook: &str) -> Run {
    if platforms::of_hook(&url(hook), None).name() == name {
        return program;
    }
    program.env("DEPLOY_HOOK_PLATFORM", name)
}

/// A token of some platform.
pub(crate) const TOKEN: &str = "token-0123456789abcdef0123456789abcdef";

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The phase of this name in a contract.
fn phase(name: &str) -> Phase {
    match name {
        "waiting" => Phase::Waiting,
        "running" => Phase::Running,
        "succeeded" => Phase::Ended(Verdict::Succeeded),
        "failed" => Phase::Ended(Verdict::Failed),
        "canceled" => Phase::Ended(Verdict::Canceled),
        "superseded" => Phase::Ended(Verdict::Superseded),
        "unknown" => Phase::Unknown,
        other => panic!("{other} is no phase"),
    }
}

#[test]
fn every_contract_has_its_platform_and_fits_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let schema = std::fs::read_to_string(folder.join("schema.json")).expect("the schema");
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    for subject in subjects() {
        let faults: Vec<String> = schema
            .iter_errors(&subject.contract)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", subject.name());
        assert_eq!(subject.contract["platform"], subject.name());
        assert_eq!(
            subject.contract.get("api").is_some(),
            subject.platform.api(Some(&url(&subject.examples()[0].1))).is_some(),
            "{}",
            subject.name()
        );
    }
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(files, subjects().len() + 1, "every contract belongs to a platform");
    let names: Vec<&str> = subjects().iter().map(Subject::name).collect();
    assert_eq!(sandbox::platforms(), names, "the sandbox imitates every platform");
}

/// Else a failure would say which code is live after states that never come.
#[test]
fn the_states_of_a_build_and_after_it_are_states_under_way() {
    for subject in subjects() {
        let facts = subject.platform.facts();
        for word in facts.building.split_whitespace().chain(facts.post_deploy.split_whitespace()) {
            assert!(
                facts.running.split_whitespace().any(|running| running == word),
                "{}: {word}",
                facts.name
            );
        }
    }
}

#[test]
fn a_hook_is_known_by_its_url() {
    for subject in subjects() {
        for (example, hook, secret) in subject.examples() {
            let owner = |hook: &str| platforms::of_hook(&url(hook), None).name();
            let mut local = url(&hook);
            local.set_scheme("http").expect("http");
            local.set_host(Some("127.0.0.1")).expect("a host");
            if example["only_when_named"] == true {
                assert_eq!((owner(&hook), owner(local.as_str())), ("other", "other"), "{hook}");
            } else {
                assert_eq!(owner(&hook), subject.name(), "{hook}");
                let is_known = owner(local.as_str()) == subject.name();
                assert_eq!(is_known, example["only_by_host"] != true, "{local}");
            }
            let label = subject.hook(&hook).label();
            assert!(secret.iter().all(|secret| !label.contains(secret.as_str())), "{label}");
            assert!(secret.iter().all(|secret| hook.contains(secret.as_str())), "{hook}");
        }
    }
}

#[test]
fn every_state_word_has_its_phase_in_either_case() {
    for subject in subjects() {
        let id = example_of(&text(&subject.contract["ids"]["deployment"][0]));
        for (meaning, words) in subject.contract["states"].as_object().expect("states") {
            let cases = |word: String| [word.to_lowercase(), word.to_uppercase(), mixed(&word), word];
            for word in list(words).iter().map(text).flat_map(cases) {
                for body in readings(&subject.contract, &word, &id) {
                    let found = subject.platform.deployments(&body, &Redactor::default()).unwrap_or_default();
                    let found: Vec<_> =
                        found.iter().map(|one| (one.snapshot.id.as_str(), one.snapshot.phase)).collect();
                    assert_eq!(found, [(id.as_str(), phase(meaning))], "{}: {body}", subject.name());
                }
            }
        }
    }
}

/// The answers of every route that reads, for a deployment in this state.
fn readings(contract: &Value, word: &str, id: &str) -> Vec<Value> {
    let apis = ["hook", "api"].into_iter().flat_map(|api| list(&contract[api]["routes"]));
    let reads = apis.filter(|route| matches!(route["does"].as_str(), Some("list" | "read" | "newest")));
    reads
        .map(|route| {
            let item = route.get("item").cloned().unwrap_or_else(|| json!("{deployment}"));
            let body = filled(&route["answer"]["body"], "{deployments}", &json!([item]));
            let body = filled(&body, "{deployment}", &contract["deployment"]);
            let mut parts = word.splitn(2, '/');
            let facts = [
                ("{id}", json!(id)),
                ("{state}", json!(word)),
                ("{state.lower}", json!(word)),
                ("{state.1}", json!(parts.next())),
                ("{state.2}", json!(parts.next())),
                ("{environment}", json!(example_of(&text(&contract["ids"]["environment"][0])))),
                ("{created_ms}", json!(1_676_567_890_000_u64)),
            ];
            facts.iter().fold(body, |body, (name, fact)| filled(&body, name, fact))
        })
        .collect()
}

/// The template with this placeholder replaced, where a text holds nothing else.
fn filled(template: &Value, name: &str, fact: &Value) -> Value {
    match template {
        Value::String(text) if text == name => fact.clone(),
        Value::Array(list) => list.iter().map(|item| filled(item, name, fact)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| (key.clone(), filled(field, name, fact))).collect()
        }
        other => other.clone(),
    }
}

/// An id of this form: of each set the first character.
fn example_of(form: &str) -> String {
    let mut pieces = form.split('[');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |id, piece| {
        let (count, after) =
            piece.split_once("]{").and_then(|(_, rest)| rest.split_once('}')).expect("a count");
        id + &piece[..1].repeat(count.parse().expect("a number")) + after
    })
}

/// Upper and lower case in turn.
fn mixed(word: &str) -> String {
    let case = |(index, letter): (usize, char)| {
        if index % 2 == 0 { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
    };
    word.chars().enumerate().map(case).collect()
}

/// The requests by which this platform reads a deployment.
fn requests(subject: &Subject, access: &PlatformAccess, does: &str, id: Option<&str>) -> Vec<Request> {
    let id = id.and_then(DeploymentId::new);
    if does == "about" {
        let about = subject.platform.facts().about;
        return about.and_then(|about| Request::of_api(access, about, None)).into_iter().collect();
    }
    let about = list(&subject.contract["exchanges"]).iter().find(|exchange| exchange["does"] == "about");
    let about = about.map(|exchange| &exchange["answers"][0]["body"]);
    let ask = |source| match (does, &id) {
        ("read", Some(id)) => subject.platform.poll(access, source, id),
        ("log", Some(id)) => subject.platform.log(access, &LogTarget { source, id, about }),
        _ => subject.platform.list(access, source),
    };
    [StateSource::Hook, StateSource::Api].into_iter().filter_map(ask).collect()
}
