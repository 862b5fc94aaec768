//! Requests and answers against the vendors' own descriptions of their APIs, in `tests/contract/`.

mod exceptions;

use crate::common::pause;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use deploy_hook::core::state::{DeploymentId, Phase};
use deploy_hook::platforms::{Acceptance, LogTarget, PlatformAccess, Request, StateSource};
use deploy_hook::sandbox::{Options, Sandbox, scenarios};
use deploy_hook::secrets::{Redactor, Token};
use serde_json::Value;
use url::Url;

use self::exceptions::{EXCEPTIONS, Exception};
use super::{Subject, example_of, list, requests, subjects, text, url};
use crate::contract::{Contract, Operation};
use crate::sandbox::{Answer, send};

/// The description of each platform that has one.
const DESCRIPTIONS: [(&str, &str); 10] = [
    ("render", include_str!("../../contract/render.openapi.json")),
    ("vercel", include_str!("../../contract/vercel.openapi.json")),
    ("netlify", include_str!("../../contract/netlify.openapi.json")),
    ("cloudflare-workers", include_str!("../../contract/cloudflare-workers-builds.openapi.json")),
    ("cloudflare-pages", include_str!("../../contract/cloudflare-pages.openapi.json")),
    ("coolify", include_str!("../../contract/coolify.openapi.json")),
    ("dokploy", include_str!("../../contract/dokploy.openapi.json")),
    ("forge", include_str!("../../contract/laravel-forge.openapi.json")),
    ("laravel-cloud", include_str!("../../contract/laravel-cloud.openapi.json")),
    ("sevalla", include_str!("../../contract/sevalla.openapi.json")),
];

/// The platforms whose vendor publishes no description, and `other`.
const WITHOUT: [&str; 2] = ["fortrabbit", "other"];

/// The fault of a list instead of an object.
const NO_OBJECT: &str = ": the value is not of type \"object\"";

/// What is checked against a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A request that the program sends.
    Request,
    /// An answer in a contract's exchanges.
    Recorded,
    /// An answer of the sandbox.
    Sandbox,
}

/// A fault: the platform, and what does not fit where.
type Fault = (&'static str, String);

/// Fails for a fault that is no exception, and for an exception without a fault.
fn check(kind: Kind, faults: &BTreeSet<Fault>) {
    let known = || EXCEPTIONS.iter().filter(|known| known.kinds.contains(&kind));
    let is = |known: &Exception, part: &str, (platform, fault): &Fault| {
        known.platform == *platform && fault.contains(part)
    };
    let is_known =
        |fault: &&Fault| known().any(|known| known.faults.iter().any(|part| is(known, part, fault)));
    let new: Vec<_> = faults.iter().filter(|fault| !is_known(fault)).collect();
    assert!(new.is_empty(), "{kind:?}: {new:#?}");
    for known in known() {
        for part in known.faults {
            let is_needed = faults.iter().any(|fault| is(known, part, fault));
            assert!(is_needed, "no longer needed: {kind:?} {} {part}: {}", known.platform, known.reason);
        }
    }
}

/// Everything about an answer that the description does not allow. Where it describes one entry of a stream and a list
/// came, each entry as well.
fn of_answer(operation: &Operation, status: u16, body: &str) -> Vec<String> {
    let mut faults = operation.answer_faults(status, body);
    if faults == [NO_OBJECT] {
        let entries: Vec<Value> = serde_json::from_str(body).unwrap_or_default();
        faults.extend(entries.iter().flat_map(|entry| operation.answer_faults(status, &entry.to_string())));
    }
    faults
}

/// The platforms with a description, each with it.
fn described() -> Vec<(Subject, Contract)> {
    let described = |subject: Subject| {
        let found = DESCRIPTIONS.iter().find(|(name, _)| *name == subject.name());
        let is_without = WITHOUT.contains(&subject.name());
        assert_ne!(found.is_some(), is_without, "{}: a description, or a reason for none", subject.name());
        Some((subject, Contract::read(found?.1)))
    };
    let found: Vec<_> = subjects().into_iter().filter_map(described).collect();
    assert_eq!(found.len(), DESCRIPTIONS.len(), "every description is a platform's");
    found
}

#[test]
fn a_fault_that_is_new_and_an_exception_that_is_not_needed_fail() {
    let fails = |faults: &[Fault]| {
        let faults = faults.iter().cloned().collect();
        std::panic::catch_unwind(|| check(Kind::Request, &faults)).is_err()
    };
    let known = EXCEPTIONS.iter().filter(|known| known.kinds.contains(&Kind::Request));
    let known: Vec<Fault> = known
        .flat_map(|known| known.faults.iter().map(|part| (known.platform, (*part).to_owned())))
        .collect();
    assert!(!fails(&known));
    assert!(fails(&known[1..]), "one is not needed");
    assert!(fails(&[known.as_slice(), &[("render", "list page is not in the query".to_owned())]].concat()));
}

/// What a user has, and what one has who gives every input.
fn accesses(subject: &Subject, hook: &str) -> Vec<PlatformAccess> {
    let least = subject.access(hook);
    let more = ["my-team", "team_0123456789"].map(|account| PlatformAccess {
        account: least.account.clone().or_else(|| Some(account.to_owned())),
        project: least.project.clone().or_else(|| Some("project-1".to_owned())),
        ..least.clone()
    });
    [vec![least], more.into()].concat()
}

/// Every request that reads, with what it is for.
fn readings(subject: &Subject, access: &PlatformAccess, id: &str) -> Vec<(&'static str, Request)> {
    let asked =
        |does| requests(subject, access, does, Some(id)).into_iter().map(move |request| (does, request));
    ["list", "read", "log", "about"].into_iter().flat_map(asked).collect()
}

/// The path of a request as the description has it: of a platform that its users host, below its base.
fn path(access: &PlatformAccess, url: &Url) -> String {
    let base = access.api.as_ref().filter(|_| access.platform.api(None).is_none());
    let base = base.map(|base| base.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    url.path().strip_prefix(&base).expect("it is below its base").to_owned()
}

/// Everything about a request that the description does not allow.
fn of_request(contract: &Contract, access: &PlatformAccess, method: &str, request: &Request) -> Vec<String> {
    let path = path(access, &request.url);
    let Some((operation, values)) = contract.find(method, &path) else {
        return vec![format!("no operation is {method} {path}")];
    };
    let query = request.url.query().unwrap_or_default();
    let mut faults = operation.faults(&values, query, request.body.as_deref().unwrap_or_default());
    let origin = request.url.origin().ascii_serialization();
    if access.platform.api(None).is_some() && origin != operation.origin {
        faults.push(format!("it goes to {origin}, not to {}", operation.origin));
    }
    if request.with_token != operation.is_secured {
        faults.push(format!("it is sent with a token: {}", request.with_token));
    }
    faults
}

#[test]
fn every_request_is_an_operation_of_the_vendor() {
    let mut faults = BTreeSet::new();
    for (subject, contract) in described() {
        let id = example_of(&text(&subject.contract["ids"]["deployment"][0]));
        let mut seen = BTreeSet::new();
        for access in subject.examples().iter().flat_map(|(_, hook, _)| accesses(&subject, hook)) {
            let trigger = subject.platform.trigger(&access).expect("there is a hook");
            let readings = readings(&subject, &access, &id);
            let readings = readings.iter().map(|(does, request)| (*does, "GET", request));
            for (does, method, request) in readings.chain([("trigger", "POST", &trigger)]) {
                seen.insert(does);
                let of_request = of_request(&contract, &access, method, request);
                faults
                    .extend(of_request.into_iter().map(|fault| (subject.name(), format!("{does} {fault}"))));
            }
        }
        assert!(seen.contains("read") && seen.contains("trigger"), "{}: only {seen:?}", subject.name());
    }
    check(Kind::Request, &faults);
}

/// What the vendor never sent is marked as assumed in its exchange, and says nothing of the vendor.
#[test]
fn every_recorded_answer_is_one_of_the_vendor() {
    let (mut faults, mut judged) = (BTreeSet::new(), BTreeSet::new());
    for (subject, contract) in described() {
        let recorded = list(&subject.contract["exchanges"]).iter();
        for exchange in recorded.filter(|exchange| !text(&exchange["source"]).starts_with("assumed")) {
            let request = text(&exchange["request"]);
            let (method, target) = request.split_once(' ').expect("a method");
            let target = url(target);
            let access = subject.access(&subject.examples()[0].1);
            let Some((operation, _)) = contract.find(method, &path(&access, &target)) else { continue };
            for answer in list(&exchange["answers"]) {
                let status = u16::try_from(answer["status"].as_u64().expect("a status")).expect("a status");
                let body = answer["body"].as_str().map_or_else(|| answer["body"].to_string(), str::to_owned);
                let means = &answer["means"];
                let is_good =
                    ["deployments", "log", "accepted", "about"].iter().any(|kind| !means[kind].is_null());
                if is_good && (200..300).contains(&status) {
                    judged.insert(subject.name());
                    let does = text(&exchange["does"]);
                    let of_answer = of_answer(operation, status, &body).into_iter();
                    faults.extend(of_answer.map(|fault| (subject.name(), format!("{does} {fault}"))));
                }
            }
        }
    }
    assert_eq!(judged.len(), DESCRIPTIONS.len(), "only {judged:?}");
    check(Kind::Recorded, &faults);
}

/// A sandbox, read with the requests that the program sends.
struct Visit<'a> {
    contract: &'a Contract,
    access: PlatformAccess,
    faults: BTreeSet<Fault>,
    /// What was read, and what of it was checked.
    asked: BTreeSet<&'static str>,
    judged: BTreeSet<&'static str>,
}

impl<'a> Visit<'a> {
    fn new(subject: &Subject, contract: &'a Contract, sandbox: &Sandbox) -> Self {
        let access = PlatformAccess {
            hook: Some(subject.hook(&sandbox.hook_url())),
            token: Token::parse(&sandbox.api_token()),
            api: sandbox.url().parse().ok(),
            account: sandbox.value("account"),
            project: sandbox.value("project"),
            ..PlatformAccess::new(subject.platform)
        };
        Self { contract, access, faults: BTreeSet::new(), asked: BTreeSet::new(), judged: BTreeSet::new() }
    }

    /// Sends a request; none where the answer is no success, which the vendors do not describe.
    async fn send(&mut self, does: &'static str, method: &str, request: &Request) -> Option<Answer> {
        let token = self.access.token.as_ref().filter(|_| request.with_token).map(Token::expose);
        let header = match (token, self.access.platform.facts().token_header) {
            (Some(token), Some(name)) => format!("{name}: {token}\r\n"),
            (Some(token), None) => format!("Authorization: Bearer {token}\r\n"),
            (None, _) => String::new(),
        };
        self.asked.insert(does);
        let body = request.body.as_deref().unwrap_or_default();
        let answer = send(method, request.url.as_str(), &header, body).await;
        if !(200..300).contains(&answer.status) {
            return None;
        }
        if let Some((operation, _)) = self.contract.find(method, request.url.path()) {
            let of_answer = of_answer(operation, answer.status, &answer.body).into_iter();
            let name = self.access.platform.name();
            self.judged.insert(does);
            self.faults.extend(of_answer.map(|fault| (name, format!("{does} {fault}"))));
        }
        Some(answer)
    }

    /// Triggers; the id of the deployment, where the answer names one.
    async fn trigger(&mut self) -> Option<DeploymentId> {
        let request = self.access.platform.trigger(&self.access).expect("there is a hook");
        let answer = self.send("trigger", "POST", &request).await?;
        let platform = self.access.platform;
        match platform.acceptance(answer.status, answer.body.as_bytes(), &Redactor::default()) {
            Acceptance::Named(deployment) => Some(deployment.snapshot.id),
            _ => None,
        }
    }

    /// Reads everything that can be read; whether the deployment has ended, and its log is there.
    async fn read(&mut self, named: Option<&DeploymentId>) -> bool {
        let (platform, access, source) = (self.access.platform, self.access.clone(), StateSource::Api);
        let found = |answer: Option<&Answer>| {
            let body: Value = serde_json::from_str(&answer?.body).ok()?;
            platform.deployments(&body, &Redactor::default())?.into_iter().next()
        };
        let mut newest = None;
        if let Some(request) = platform.list(&access, source) {
            newest = found(self.send("list", "GET", &request).await.as_ref());
        }
        let Some(id) = named.cloned().or(newest.map(|newest| newest.snapshot.id)) else {
            return platform.list(&access, source).is_none();
        };
        let mut about = None;
        if let Some(request) = platform.facts().about.and_then(|about| Request::of_api(&access, about, None))
        {
            let answer = self.send("about", "GET", &request).await;
            about = answer.map(|answer| serde_json::from_str::<Value>(&answer.body).expect("JSON"));
        }
        let poll = platform.poll(&access, source, &id).expect("a deployment can be read");
        let read = found(self.send("read", "GET", &poll).await.as_ref());
        let has_log = match platform.log(&access, &LogTarget { source, id: &id, about: about.as_ref() }) {
            Some(request) => self.send("log", "GET", &request).await.is_some_and(|answer| {
                !platform.log_lines(answer.body.as_bytes(), &Redactor::default(), 1).is_empty()
            }),
            None => true,
        };
        has_log && read.is_some_and(|read| matches!(read.snapshot.phase, Phase::Ended(_)))
    }
}

/// Triggers and reads in this scenario: while the deployment waits, or until it has ended where the sandbox is quick.
async fn visit(subject: &Subject, contract: &Contract, options: &Options) -> BTreeSet<Fault> {
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    let mut visit = Visit::new(subject, contract, &sandbox);
    let named = visit.trigger().await;
    let begun = Instant::now();
    let (is_quick, is_there) = (options.speed > 1.0, sandbox.deployments() > 0);
    while !visit.read(named.as_ref()).await && is_quick && is_there {
        assert!(begun.elapsed() < Duration::from_mins(1), "{options:?}: no end");
        pause(5).await;
    }
    visit.asked.remove("trigger");
    assert!(visit.asked.is_subset(&visit.judged), "{options:?}: only {:?}", visit.judged);
    visit.faults
}

/// The scenarios of all platforms in which an answer is as it should be.
const WHOLE: [&str; 5] = ["success", "build-fails", "post-deploy-fails", "canceled", "superseded"];

#[tokio::test]
async fn every_answer_of_the_sandbox_is_one_of_the_vendor() {
    let mut faults = BTreeSet::new();
    for (subject, contract) in described() {
        let own = list(&subject.contract["scenarios"]).iter().map(|scenario| text(&scenario["name"]));
        let all = scenarios(Some(subject.name())).expect("a platform").into_iter();
        let shared = all.map(|(name, _)| name.to_owned()).filter(|name| WHOLE.contains(&name.as_str()));
        for scenario in own.chain(shared).collect::<BTreeSet<_>>() {
            for form in list(&subject.contract["hooks"]) {
                for speed in [1.0, 10_000.0] {
                    let options = Options {
                        port: 0,
                        speed,
                        scenario: scenario.clone(),
                        platform: Some(subject.name().to_owned()),
                        hook: form["name"].as_str().map(str::to_owned),
                    };
                    faults.extend(visit(&subject, &contract, &options).await);
                }
            }
        }
    }
    check(Kind::Sandbox, &faults);
}
