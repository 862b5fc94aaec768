//! The embedded platform: a stand-in for a hosting platform with deploy hooks, in memory and on loopback.
//!
//! It speaks both generations of fortrabbit's deploy hook and the part of its public API that a deployment is
//! followed by, and plays scenarios: how a deployment goes, and what goes wrong between platform and client.
//! Users try a workflow on it before they have an account; the tests use it over real sockets.

mod api;
mod deployment;
mod hook;
mod limit;
mod log;
mod manage;
mod page;
mod platform;
mod reply;
mod scenario;
mod server;
mod table;
mod wire;

use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::{net::TcpListener, sync::oneshot};

use platform::Platform;
use reply::Dialect;
use server::{Shared, lock};

/// How quick a platform may be: each of its durations is divided by a number in this range.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

/// How a platform is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// What every duration of the platform is divided by, from 0.1 to 10,000; 1 is a real platform's pace.
    pub speed: f64,
    /// The name of the scenario to begin with, one of [`scenarios`].
    pub scenario: String,
    /// The generation of the hook that [`Sandbox::hook_url`] enables.
    pub generation: Generation,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, speed: 1.0, scenario: "success".to_owned(), generation: Generation::Draft }
    }
}

/// Which of the published contracts a hook follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// `/v1/deploy-hook/SECRET`: answers with id, state and time, and can be read with `GET`.
    Draft,
    /// `/webhooks/environments/ENVIRONMENT/deploy/SECRET`: answers with an id, which the public API reads.
    Live,
}

impl Generation {
    /// `draft` or `live`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Live => "live",
        }
    }

    /// The generation of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Draft, Self::Live].into_iter().find(|generation| generation.name() == name)
    }
}

/// Why a platform was not started, or a scenario not chosen.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no scenario of this name.
    #[error("there is no scenario `{name}`{}; the scenarios are: {}", did_you_mean(*nearest), names())]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// The scenario that may have been meant.
        nearest: Option<&'static str>,
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

impl StartError {
    fn unknown_scenario(name: &str) -> Self {
        Self::UnknownScenario { name: name.to_owned(), nearest: scenario::nearest(name) }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

fn names() -> String {
    scenarios().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// Every scenario: its name, and one line that says what it plays. The first is the default.
pub fn scenarios() -> impl Iterator<Item = (&'static str, &'static str)> {
    table::SCENARIOS.iter().map(|scenario| (scenario.name, scenario.about))
}

/// A request the platform received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// Path and query as they came, a hook's secret included.
    pub path: String,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The status that was answered; 0 where the connection ended without an answer.
    pub status: u16,
}

/// A running platform. It ends when this is dropped.
pub struct Sandbox {
    platform: Shared,
    environment: String,
    generation: Generation,
    first_hook: OnceLock<String>,
    /// Dropped with the handle, which is the server's sign to stop.
    _stop: oneshot::Sender<()>,
}

impl Sandbox {
    /// Starts a platform with one environment on 127.0.0.1, or says what about the options is not possible.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let scenario = scenario::find(&options.scenario)
            .ok_or_else(|| StartError::unknown_scenario(&options.scenario))?;
        if !SPEEDS.contains(&options.speed) {
            return Err(StartError::Speed(options.speed));
        }
        let refused = |source| StartError::Listen { port: options.port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(refused)?;
        let url = format!("http://{}", listener.local_addr().map_err(refused)?);
        let mut platform = Platform::new(url, options.speed, scenario);
        let environment = platform.create_environment();
        platform.add_earlier(&environment, Dialect::from(options.generation).separator());
        let platform = Arc::new(Mutex::new(platform));
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(server::serve(listener, Arc::clone(&platform), stopped));
        let generation = options.generation;
        Ok(Self { platform, environment, generation, first_hook: OnceLock::new(), _stop: stop })
    }

    /// The base of every URL, `http://127.0.0.1:PORT`: the API's and the dashboard's.
    #[must_use]
    pub fn url(&self) -> String {
        lock(&self.platform).url.clone()
    }

    /// The token the public API accepts.
    #[must_use]
    pub fn api_token(&self) -> String {
        lock(&self.platform).token.clone()
    }

    /// The id of the environment made at the start.
    #[must_use]
    pub fn environment(&self) -> String {
        self.environment.clone()
    }

    /// Enables an environment's hook and returns its URL, which is not shown again. A hook the environment
    /// already had is revoked. `None` if there is no such environment.
    #[must_use]
    pub fn enable_hook(&self, environment: &str, generation: Generation) -> Option<String> {
        lock(&self.platform).enable(environment, generation)
    }

    /// The URL of a hook for the first environment, enabled by the first call; later calls repeat it.
    #[must_use]
    pub fn hook_url(&self) -> String {
        let enable = || self.enable_hook(&self.environment, self.generation).unwrap_or_default();
        self.first_hook.get_or_init(enable).clone()
    }

    /// Revokes an environment's hook; false if none was enabled.
    pub fn revoke_hook(&self, environment: &str) -> bool {
        lock(&self.platform).revoke(environment)
    }

    /// Chooses how deployments go and what fails from now on. Deployments under way keep their course; the
    /// faults of triggers and reads begin anew.
    pub fn set_scenario(&self, name: &str) -> Result<(), StartError> {
        let found = scenario::find(name).ok_or_else(|| StartError::unknown_scenario(name))?;
        lock(&self.platform).choose(found);
        Ok(())
    }

    /// How many deployments were triggered here, those of other triggers included. The one that was there at the start
    /// is not among them.
    #[must_use]
    pub fn deployments(&self) -> usize {
        let platform = lock(&self.platform);
        platform.triggered(platform.now()).count()
    }

    /// The requests received, oldest first; the last ten thousand of them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.platform).requests.iter().cloned().collect()
    }

    /// Forgets the requests received so far.
    pub fn rewind_requests(&self) {
        lock(&self.platform).requests.clear();
    }
}
