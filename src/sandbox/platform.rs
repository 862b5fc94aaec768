//! The platform's memory: environments, hooks, deployments and the requests received.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    Generation, Request,
    deployment::Deployment,
    limit::Limit,
    scenario::{OnTrigger, Scenario},
};

/// How many requests are remembered, so that a platform left running does not grow.
const REMEMBERED: usize = 10_000;

/// A moment: time since the Unix epoch.
pub(super) type Moment = Duration;

/// What a hook deploys into.
pub(super) struct Environment {
    pub(super) id: String,
    pub(super) created: Moment,
}

/// A deploy hook that is or was enabled.
pub(super) struct Hook {
    pub(super) environment: String,
    /// Kept to recognise requests; only [`Platform::enable`] ever gives it out.
    secret: String,
    pub(super) generation: Generation,
    pub(super) enabled: Moment,
    pub(super) revoked: Option<Moment>,
}

/// Everything the platform knows.
pub(super) struct Platform {
    pub(super) url: String,
    pub(super) token: String,
    pub(super) speed: f64,
    pub(super) scenario: &'static Scenario,
    pub(super) environments: Vec<Environment>,
    hooks: Vec<Hook>,
    pub(super) deployments: Vec<Deployment>,
    /// Triggers seen since the scenario was chosen.
    pub(super) triggers: u32,
    /// Reads seen since the last trigger, or since the scenario was chosen.
    pub(super) reads: u32,
    /// Requests with the right token.
    pub(super) limit: Limit,
    /// Requests with a wrong token or none.
    pub(super) failed_limit: Limit,
    pub(super) requests: VecDeque<Request>,
    started: (Instant, Moment),
}

impl Platform {
    /// An empty platform that calls itself `url` and runs `speed` times as fast as the clock.
    pub(super) fn new(url: String, speed: f64, scenario: &'static Scenario) -> Self {
        Self {
            url,
            token: format!("frbit-at-{}", random(64, b"0123456789abcdef")),
            speed,
            scenario,
            environments: Vec::new(),
            hooks: Vec::new(),
            deployments: Vec::new(),
            triggers: 0,
            reads: 0,
            limit: Limit::default(),
            failed_limit: Limit::default(),
            requests: VecDeque::new(),
            started: (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        }
    }

    /// The present moment. It never goes back, whatever happens to the machine's clock.
    pub(super) fn now(&self) -> Moment {
        self.started.1 + self.started.0.elapsed()
    }

    /// How long something really takes that takes so many seconds at speed 1.
    pub(super) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed)
    }

    /// Makes an environment; returns its id.
    pub(super) fn create_environment(&mut self) -> String {
        let id = format!("en-{}", short_id());
        self.environments.push(Environment { id: id.clone(), created: self.now() });
        id
    }

    /// Whether there is such an environment.
    pub(super) fn has_environment(&self, id: &str) -> bool {
        self.environments.iter().any(|environment| environment.id == id)
    }

    /// Enables the environment's hook, in place of the one it had; returns the new hook's URL, which nothing
    /// shows again.
    pub(super) fn enable(&mut self, environment: &str, generation: Generation) -> Option<String> {
        if !self.has_environment(environment) {
            return None;
        }
        self.revoke(environment);
        let secret = random(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        let url = match generation {
            Generation::Draft => format!("{}/v1/deploy-hook/{secret}", self.url),
            Generation::Live => format!("{}/webhooks/environments/{environment}/deploy/{secret}", self.url),
        };
        let environment = environment.to_owned();
        let enabled = self.now();
        self.hooks.push(Hook { environment, secret, generation, enabled, revoked: None });
        Some(url)
    }

    /// Revokes the environment's hook; whether there was one.
    pub(super) fn revoke(&mut self, environment: &str) -> bool {
        let now = self.now();
        let hooks = self.hooks.iter_mut();
        match hooks.rev().find(|hook| hook.environment == environment && hook.revoked.is_none()) {
            Some(hook) => {
                hook.revoked = Some(now);
                true
            }
            None => false,
        }
    }

    /// The hook that is enabled for this environment.
    pub(super) fn hook(&self, environment: &str) -> Option<&Hook> {
        self.hooks.iter().find(|hook| hook.environment == environment && hook.revoked.is_none())
    }

    /// The hook, revoked ones included, that this secret belongs to.
    pub(super) fn hook_of(
        &self,
        secret: &str,
        generation: Generation,
        environment: Option<&str>,
    ) -> Option<&Hook> {
        self.hooks.iter().find(|hook| {
            hook.secret == secret
                && hook.generation == generation
                && environment.is_none_or(|id| id == hook.environment)
        })
    }

    /// Chooses how deployments go and what fails from now on.
    pub(super) fn choose(&mut self, scenario: &'static Scenario) {
        self.scenario = scenario;
        self.triggers = 0;
        self.reads = 0;
    }

    /// Remembers a request.
    pub(super) fn remember(&mut self, request: Request) {
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// Whether this trigger is one of those that the scenario refuses for their rate. Every other one rather
    /// than the first alone, so that a platform left running plays the scenario again for the next caller.
    pub(super) fn limits_trigger(&self) -> bool {
        match self.scenario.on_trigger {
            OnTrigger::Limit => true,
            OnTrigger::LimitFirst => self.triggers % 2 == 1,
            _ => false,
        }
    }
}

/// Letters at random. Nothing here guards anything: the platform is reachable on loopback alone.
pub(super) fn random(length: usize, letters: &[u8]) -> String {
    (0..length).map(|_| char::from(letters[fastrand::usize(..letters.len())])).collect()
}

/// The part of an id that tells it from others.
pub(super) fn short_id() -> String {
    random(6, b"abcdefghijklmnopqrstuvwxyz0123456789")
}
