//! The embedded platform: a stand-in for a hosting platform with deploy hooks, in memory and on loopback.
//!
//! What a platform answers is data, its contract in `contracts/`. The engine here is the same for all: deployments in
//! memory, and scenarios, which are how a deployment goes and what goes wrong between platform and client.
//! Users try a workflow on it before they have an account; the tests use it over real sockets.

mod contract;
mod dashboard;
mod deployment;
mod endpoints;
mod facts;
mod form;
mod guard;
mod limit;
mod manage;
mod options;
mod page;
mod reply;
mod request;
mod routes;
mod scenario;
mod server;
mod shared;
mod site;
mod store;
mod stream;
mod template;
mod wire;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::options::{Options, StartError, is_name, platforms, scenarios};
pub use self::store::ReceivedRequest;

use self::options::find_scenario;
use self::server::Served;
use self::shared::{Shared, lock};
use self::store::Store;

/// A running sandbox. It ends when this is dropped.
pub struct Sandbox {
    store: Shared,
    environment: String,
    hook: &'static Value,
    first_hook: OnceLock<String>,
    /// Dropped with the handle, which is the server's sign to stop.
    _stop: watch::Sender<()>,
}

impl Sandbox {
    /// Starts a sandbox with one environment on 127.0.0.1, or says what about the options is not possible.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let (contract, hook, scenario) = options.check()?;
        let refused = |source| StartError::Listen { port: options.port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(refused)?;
        let url = format!("http://{}", listener.local_addr().map_err(refused)?);
        let mut store = Store::new(contract, url, options.speed, scenario);
        let environment = store.begin(hook);
        let store = Arc::new(Mutex::new(store));
        let (stop, stopped) = watch::channel(());
        server::serve_sites(&store, &stopped);
        let served = Served { store: Arc::clone(&store), stop: stopped, site: None };
        tokio::spawn(server::serve(listener, served));
        Ok(Self { store, environment, hook, first_hook: OnceLock::new(), _stop: stop })
    }

    /// The base of every URL, `http://127.0.0.1:PORT`: the API's and the dashboard's.
    pub fn url(&self) -> String {
        lock(&self.store).url.clone()
    }

    /// The name of the platform that is imitated.
    pub fn platform(&self) -> &'static str {
        lock(&self.store).contract.platform()
    }

    /// Whether the platform has an API, which takes the token.
    pub fn has_api(&self) -> bool {
        lock(&self.store).contract.of_api().is_some()
    }

    /// The token that the platform's API accepts.
    pub fn api_token(&self) -> String {
        lock(&self.store).token.clone()
    }

    /// An id that the platform's API asks for besides, such as an `account`.
    pub fn value(&self, name: &str) -> Option<String> {
        lock(&self.store).value(name).map(str::to_owned)
    }

    /// The id of the environment made at the start.
    pub fn environment(&self) -> String {
        self.environment.clone()
    }

    /// The address of the first environment's site, with a slash at its end; none where this machine gave no port for it.
    pub fn site(&self) -> Option<String> {
        lock(&self.store).site(&self.environment)
    }

    /// Makes every version that is deployed from now on show this text on its site.
    pub fn show_on_site(&self, text: &str) {
        lock(&self.store).site_text = Some(text.to_owned());
    }

    /// Enables an environment's hook of this form and returns its URL, which nothing but the dashboard shows again. A hook that
    /// the environment already had is revoked. `None` if there is no such environment or form.
    pub fn enable_hook(&self, environment: &str, form: &str) -> Option<String> {
        let mut store = lock(&self.store);
        let form = store.contract.hook(form)?;
        store.enable(environment, form)
    }

    /// The URL of a hook for the first environment, enabled by the first call; later calls repeat it.
    pub fn hook_url(&self) -> String {
        let enable = || lock(&self.store).enable(&self.environment, self.hook).unwrap_or_default();
        self.first_hook.get_or_init(enable).clone()
    }

    /// Revokes an environment's hook; false if none was enabled.
    pub fn revoke_hook(&self, environment: &str) -> bool {
        lock(&self.store).revoke(environment)
    }

    /// Chooses how deployments go and what fails from now on. Deployments under way go on as they were; the faults of
    /// triggers and reads begin anew.
    pub fn set_scenario(&self, name: &str) -> Result<(), StartError> {
        let mut store = lock(&self.store);
        let found = find_scenario(store.contract, name)?;
        store.choose(found);
        Ok(())
    }

    /// How many deployments were triggered here, those of other triggers included. The one that was there at the start
    /// is not among them.
    pub fn deployments(&self) -> usize {
        let store = lock(&self.store);
        store.triggered(store.now()).count()
    }

    /// The requests received, oldest first; the last ten thousand of them.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.store).requests.iter().cloned().collect()
    }

    /// Forgets the requests received so far.
    pub fn rewind_requests(&self) {
        lock(&self.store).requests.clear();
    }
}
