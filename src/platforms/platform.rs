//! The trait of a hosting platform. Pure: requests and answers are values, so each is tested by a table.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::core::schedule::RateLimit;
use crate::core::state::{DeploymentId, Snapshot};
use crate::core::trigger::Unclear;
use crate::secrets::{DocumentedHook, HookUrl, Redactor, Token, UrlFault};

/// A hosting platform: how its hooks are known, what is sent to it, and what its answers mean.
///
/// No method does I/O: [`Client`](super::Client) sends the requests. What the platform does not document is treated as
/// not there. Texts that come back are cleaned.
pub trait Platform: Sync {
    /// The platform's name, as in `deploy-hook platforms`.
    fn name(&self) -> &'static str;

    /// Whether a hook is this platform's, by its URL alone. `any_host`: the hook is on this machine, or at the origin
    /// that `api-url` names, so that its path decides.
    fn owns(&self, url: &Url, any_host: bool) -> bool;

    /// What the platform's documents say of this hook's URL: which parts are secret and which may be shown. `None`: they
    /// do not show a URL of this form.
    ///
    /// # Errors
    ///
    /// The URL is of a documented form and something is wrong with it.
    fn hook(&self, _url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        Ok(None)
    }

    /// Variables that customarily hold a hook's URL.
    fn hook_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// What a successful answer to the trigger means.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance;

    /// The message of an error in the platform's own format; `None` where the body is anything else, such as a proxy's page.
    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String>;

    /// Base of the platform's public API, without its version; `None` where there is no API.
    fn api(&self) -> Option<&'static str> {
        None
    }

    /// Variables that customarily hold a token of that API; the first one that is set counts.
    fn token_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where deployments are read with what the user gave; `None` where they cannot be.
    fn source(&self, _access: &PlatformAccess, _of: ReadTarget<'_>) -> Option<StateSource> {
        None
    }

    /// The request that reads the newest deployments.
    fn list(&self, _access: &PlatformAccess, _source: StateSource) -> Option<Request> {
        None
    }

    /// The request that reads this deployment.
    fn poll(&self, _access: &PlatformAccess, _source: StateSource, _id: &DeploymentId) -> Option<Request> {
        None
    }

    /// Every deployment that the answer to [`Platform::list`] or [`Platform::poll`] describes, the newest first.
    fn deployments(&self, _body: &Value, _redactor: &Redactor) -> Vec<Deployment> {
        Vec::new()
    }

    /// Whether a deployment in the answer to [`Platform::list`] may belong to our hook.
    fn may_be_ours(&self, _access: &PlatformAccess, _source: StateSource, _deployment: &Deployment) -> bool {
        false
    }

    /// The request that reads the log of an ended deployment; none where there is no log to read.
    fn log(&self, _access: &PlatformAccess, _source: StateSource, _id: &DeploymentId) -> Option<Request> {
        None
    }

    /// The last `most` lines of the answer to [`Platform::log`].
    fn log_lines(&self, _body: &[u8], _redactor: &Redactor, _most: usize) -> Vec<String> {
        Vec::new()
    }

    /// How long the platform may take to show a deployment after it accepted a trigger and named none.
    fn appears_within(&self) -> Duration {
        Duration::from_mins(2)
    }

    /// The documented rate limit of reading there.
    fn rate_limit(&self, _source: StateSource) -> Option<RateLimit> {
        None
    }

    /// Whether a success may be reported before the last commands ran.
    fn success_may_be_early(&self) -> bool {
        false
    }

    /// The page of the deployment or its environment, for people.
    fn page(&self, _access: &PlatformAccess) -> Option<String> {
        None
    }
}

/// What the user gave to use a platform with.
#[derive(Clone, Debug)]
pub struct PlatformAccess {
    /// The platform.
    pub platform: &'static dyn Platform,
    /// The deploy hook. Only `follow` and `status` can do without, where there is a token.
    pub hook: Option<HookUrl>,
    /// A token of the platform's public API.
    pub token: Option<Token>,
    /// Base of the platform's public API.
    pub api: Option<Url>,
}

/// Which deployments are to be read.
#[derive(Clone, Copy, Debug)]
pub enum ReadTarget<'a> {
    /// Whatever is there.
    Any,
    /// One that this run did not trigger.
    Id(&'a DeploymentId),
    /// The one that the platform has just made for us.
    Accepted(&'a Deployment),
}

/// Where deployments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSource {
    /// State the hook's own URL, without a token.
    Hook,
    /// Through the platform's public API, with a token.
    Api,
}

/// A `GET` as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// Whether it carries the API's token.
    pub with_token: bool,
}

impl std::fmt::Debug for dyn Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Request {
    /// Reads the hook itself.
    #[must_use]
    pub fn of_hook(hook: &HookUrl) -> Self {
        Self { url: hook.expose().clone(), with_token: false }
    }

    /// Reads this path of the API, below its base; `None` where there is no API.
    #[must_use]
    pub fn of_api(access: &PlatformAccess, path: &[&str]) -> Option<Self> {
        let mut url = access.api.clone()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(Self { url, with_token: true })
    }
}

/// What a successful answer to a trigger means.
#[derive(Clone, Debug, PartialEq)]
pub enum Acceptance {
    /// The platform made this deployment.
    Named(Deployment),
    /// The platform accepted the trigger and names no deployment.
    Unnamed,
    /// It is not known whether something was triggered.
    Unclear(Unclear),
}

/// A deployment as an answer describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its id, state and time.
    pub snapshot: Snapshot,
    /// Where a deployment described in this form is read.
    pub source: StateSource,
    /// The id of its environment, where the answer names one.
    pub environment: Option<String>,
    /// Whether the answer gives a time that cannot be read, so that its age is not known.
    pub unreadable_time: bool,
}
