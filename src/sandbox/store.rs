//! What the sandbox remembers: environments, hooks, deployments and the requests received.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::Semaphore;

use super::contract::{Contract, text};
use super::deployment::{SandboxDeployment, StateHistory, TriggeredBy, UnixTime, stages};
use super::limit::Limit;
use super::scenario::{self, Scenario};
use super::{form, page, template};

/// How many requests are remembered, so that a sandbox left running does not grow.
const REMEMBERED: usize = 10_000;

/// How many clients may listen to the dashboard's events at a time. Others are refused, and ask again.
const LISTENERS: usize = 8;

/// At which share of a deployment's duration somebody else triggers, where the scenario has it.
const RIVAL_AT: f64 = 0.6;

/// A request that the sandbox received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The method, upper case.
    pub method: String,
    /// Path and query as they came, a hook's secret included.
    pub path: String,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// Whether a header held the API token.
    pub has_token: bool,
    /// The status that was answered; 0 where the connection ended without an answer.
    pub status: u16,
}

/// An environment that deployments go to.
pub(super) struct Environment {
    pub(super) id: String,
    pub(super) created: UnixTime,
    /// Where its site lives; none where this machine gave no port.
    pub(super) site: Option<String>,
}

/// A deploy hook that is or was enabled.
pub(super) struct SandboxHook {
    pub(super) environment: String,
    /// Kept to recognise requests.
    secret: String,
    /// With the secret. [`Store::enable`] gives it out, and the dashboard shows it.
    pub(super) url: String,
    pub(super) form: &'static Value,
    pub(super) enabled: UnixTime,
    pub(super) revoked: Option<UnixTime>,
}

/// Everything the embedded platform knows: its options, environments, hooks and deployments.
pub(super) struct Store {
    pub(super) contract: &'static Contract,
    pub(super) url: String,
    pub(super) token: String,
    pub(super) speed: f64,
    pub(super) scenario: Scenario,
    /// The ids of everything else that the contract names, such as an account.
    values: Vec<(&'static str, String)>,
    pub(super) environments: Vec<Environment>,
    hooks: Vec<SandboxHook>,
    deployments: Vec<SandboxDeployment>,
    /// Triggers seen since the scenario was chosen.
    pub(super) triggers: u32,
    /// Reads seen since the last trigger, or since the scenario was chosen.
    pub(super) reads: u32,
    /// Requests with the right token.
    pub(super) limit: Limit,
    /// Requests with a wrong token or none.
    pub(super) failed_limit: Limit,
    pub(super) requests: VecDeque<ReceivedRequest>,
    /// A text that the sites show since the first deployment that was triggered here.
    pub(super) site_text: Option<String>,
    pub(super) site_requests: u32,
    /// The sites that nobody serves yet, with their environments.
    pub(super) new_sites: Vec<(String, TcpListener)>,
    /// What the dashboard's page shows with its requests; empty fits nothing.
    pub(super) page_token: String,
    /// One permit for each client that may listen to the dashboard's events.
    pub(super) listeners: Arc<Semaphore>,
    started: (Instant, UnixTime),
}

impl Store {
    /// An empty sandbox at this `url`, which runs `speed` times as fast as the clock.
    pub(super) fn new(contract: &'static Contract, url: String, speed: f64, scenario: Scenario) -> Self {
        const KNOWN: [&str; 4] = ["environment", "deployment", "secret", "token"];
        let values = contract.ids().filter(|name| !KNOWN.contains(name));
        Self {
            contract,
            url,
            token: form::generate(contract.form("token")),
            speed,
            scenario,
            values: values.map(|name| (name, form::generate(contract.form(name)))).collect(),
            environments: Vec::new(),
            hooks: Vec::new(),
            deployments: Vec::new(),
            triggers: 0,
            reads: 0,
            limit: Limit::default(),
            failed_limit: Limit::default(),
            requests: VecDeque::new(),
            site_text: None,
            site_requests: 0,
            new_sites: Vec::new(),
            page_token: page::unguessable().unwrap_or_default(),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            started: (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        }
    }

    /// The present moment. It never goes back, whatever happens to the machine's clock.
    pub(super) fn now(&self) -> UnixTime {
        self.started.1 + self.started.0.elapsed()
    }

    /// How long something really takes that takes so many seconds at speed 1.
    pub(super) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed)
    }

    /// The id of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The header that these endpoints want the token in, with its value; none where they take no token.
    pub(super) fn credential(&self, endpoints: &'static Value) -> Option<(&'static str, String)> {
        Some(match endpoints["auth"].as_str()? {
            "bearer" => ("Authorization", format!("Bearer {}", self.token)),
            header => (header, self.token.clone()),
        })
    }

    /// Makes an environment; returns its id.
    pub(super) fn create_environment(&mut self) -> String {
        let id = form::generate(self.contract.form("environment"));
        let listener = listen();
        let port = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let site = port.map(|address| format!("http://{address}/"));
        self.new_sites.extend(listener.map(|listener| (id.clone(), listener)));
        self.environments.push(Environment { id: id.clone(), created: self.now(), site });
        id
    }

    pub(super) fn site(&self, environment: &str) -> Option<String> {
        self.environments.iter().find(|one| one.id == environment)?.site.clone()
    }

    /// Makes the first environment, with a deployment from an hour ago; returns its id.
    pub(super) fn begin(&mut self, hook: &Value) -> String {
        let environment = self.create_environment();
        // As a real environment has one. It had succeeded before the sandbox was started.
        let hour_ago = self.now().saturating_sub(Duration::from_hours(1));
        let id_form = self.contract.deployment_id(hook);
        self.push(&environment, TriggeredBy::Git, id_form, hour_ago, self.success());
        environment
    }

    /// Begins anew as another platform, with a hook enabled. What belongs to the page and to the handle stays.
    pub(super) fn imitate(&mut self, contract: &'static Contract) {
        let (Some(hook), Some(scenario)) = (contract.hooks().first(), contract.scenarios().first().copied())
        else {
            return;
        };
        let old = std::mem::replace(self, Self::new(contract, self.url.clone(), self.speed, scenario));
        let Self { requests, site_text, site_requests, new_sites, page_token, listeners, .. } = old;
        (self.requests, self.site_text, self.site_requests) = (requests, site_text, site_requests);
        (self.new_sites, self.page_token, self.listeners) = (new_sites, page_token, listeners);
        let environment = self.begin(hook);
        self.enable(&environment, hook);
    }

    /// Whether there is such an environment.
    pub(super) fn has_environment(&self, id: &str) -> bool {
        self.environments.iter().any(|environment| environment.id == id)
    }

    /// Enables the environment's hook, in place of the one it had; returns the new hook's URL.
    pub(super) fn enable(&mut self, environment: &str, form: &'static Value) -> Option<String> {
        if !self.has_environment(environment) {
            return None;
        }
        self.revoke(environment);
        let secret = form::generate(self.contract.form("secret"));
        let path = template::render_text(text(form, "path"), &|name| match name {
            "secret" => Some(secret.as_str().into()),
            "environment" => Some(environment.into()),
            other => self.value(other).map(Value::from),
        });
        let url = format!("{}{path}", self.url);
        let (environment, enabled) = (environment.to_owned(), self.now());
        self.hooks.push(SandboxHook { environment, secret, url: url.clone(), form, enabled, revoked: None });
        Some(url)
    }

    /// Revokes the environment's hook; whether there was one.
    pub(super) fn revoke(&mut self, environment: &str) -> bool {
        let now = self.now();
        let enabled = |hook: &&mut SandboxHook| hook.environment == environment && hook.revoked.is_none();
        self.hooks.iter_mut().find(enabled).map(|hook| hook.revoked = Some(now)).is_some()
    }

    /// The hook that is enabled for this environment.
    pub(super) fn hook(&self, environment: &str) -> Option<&SandboxHook> {
        self.hooks.iter().find(|hook| hook.environment == environment && hook.revoked.is_none())
    }

    /// The hook, revoked ones included, that this secret belongs to. Names that are not given are not compared.
    pub(super) fn hook_of(
        &self,
        secret: &str,
        form: Option<&str>,
        environment: Option<&str>,
    ) -> Option<&SandboxHook> {
        self.hooks.iter().find(|hook| {
            hook.secret == secret
                && form.is_none_or(|name| name == text(hook.form, "name"))
                && environment.is_none_or(|id| id == hook.environment)
        })
    }

    /// Starts a deployment, whose id has this form; returns its number.
    pub(super) fn deploy(&mut self, environment: &str, by: TriggeredBy, id_form: &str) -> usize {
        let now = self.now();
        self.reads = 0;
        // Somebody else's trigger is written down now, with the moment at which it will have come.
        if self.scenario["has_rival"] == true {
            let ours = stages(self.contract, scenario::stages(self.scenario));
            let age = RIVAL_AT * ours.iter().filter_map(|(_, seconds)| *seconds).sum::<f64>();
            let at = now + self.scaled(age);
            self.push(environment, TriggeredBy::Api, id_form, at, self.success());
        }
        self.push(environment, by, id_form, now, self.scenario)
    }

    /// The scenario of deployments that were not triggered by the user: the platform's first.
    fn success(&self) -> Scenario {
        self.contract.scenarios().first().copied().unwrap_or(self.scenario)
    }

    fn push(
        &mut self,
        environment: &str,
        by: TriggeredBy,
        id_form: &str,
        created: UnixTime,
        scenario: Scenario,
    ) -> usize {
        let number = self.deployments.len();
        self.deployments.push(SandboxDeployment {
            id: form::generate(id_form),
            environment: environment.to_owned(),
            by,
            created,
            commit: form::generate("[0-9a-f]{40}"),
            scenario,
            speed: self.speed,
            stages: stages(self.contract, scenario::stages(scenario)),
            number,
        });
        number
    }

    pub(super) fn at(&self, number: usize) -> &SandboxDeployment {
        &self.deployments[number]
    }

    /// Every deployment there is at this moment, newest first.
    pub(super) fn deployments(&self, now: UnixTime) -> Vec<&SandboxDeployment> {
        let mut all: Vec<_> = self.deployments.iter().filter(|one| one.created <= now).collect();
        all.sort_unstable_by_key(|one| std::cmp::Reverse((one.created, one.number)));
        all
    }

    /// The deployments that were triggered here, newest first.
    pub(super) fn triggered(&self, now: UnixTime) -> impl Iterator<Item = &SandboxDeployment> {
        self.deployments(now).into_iter().filter(|one| !matches!(one.by, TriggeredBy::Git))
    }

    /// What the deployment has gone through. A newer one in the same environment ends it if it had not ended by then.
    pub(super) fn history(&self, deployment: &SandboxDeployment, now: UnixTime) -> StateHistory<'_> {
        let place = (deployment.created, deployment.number);
        let rivals = self.deployments.iter();
        let rivals = rivals.filter(|one| one.environment == deployment.environment && one.created <= now);
        let rival = rivals
            .filter(|one| (one.created, one.number) > place)
            .min_by_key(|one| (one.created, one.number));
        StateHistory::new(deployment, rival, self.contract, now)
    }

    /// Chooses how deployments go and what fails from now on.
    pub(super) fn choose(&mut self, scenario: Scenario) {
        self.scenario = scenario;
        self.triggers = 0;
        self.reads = 0;
    }

    pub(super) fn remember(&mut self, request: ReceivedRequest) {
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// Whether this trigger is one of those that the scenario refuses for their rate. Every other one rather
    /// than the first alone, so that a sandbox left running does the same for the next caller.
    pub(super) fn limits_trigger(&self) -> bool {
        let on_trigger = text(self.scenario, "on_trigger");
        on_trigger == "limit" || on_trigger == "limit-first" && self.triggers % 2 == 1
    }
}

/// A port for a site. `None`: this machine gives no more, and the environment has no site.
fn listen() -> Option<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    listener.set_nonblocking(true).ok()?;
    Some(listener)
}

#[cfg(test)]
mod tests;
