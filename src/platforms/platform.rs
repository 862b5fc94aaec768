//! The trait of a hosting platform. Pure: requests and answers are values, so each is tested by a table.

use std::slice;

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::body::{self, at, last_lines, log_body, reports_error, texts};
pub use super::deployment::{Acceptance, Deployment, ReadTarget, StateSource};
use super::facts::{Facts, Need};
use super::path::segments;
use crate::core::state::{DeploymentId, MissingInput, Snapshot};
use crate::core::trigger::RefusalReason;
use crate::secrets::{DocumentedHook, HookUrl, Redactor, Token, UrlFault};

/// A hosting platform: how its hooks are known, what is sent to it, and what its answers mean.
///
/// No method does I/O: [`Client`](super::Client) sends the requests. What the platform does not document is treated as
/// not there. Texts that come back are cleaned.
pub trait Platform: Sync {
    /// What is the same for every hook and every run.
    fn facts(&self) -> &'static Facts;

    /// The platform's name, as in `deploy-hook platforms`.
    fn name(&self) -> &'static str {
        self.facts().name
    }

    /// Whether this is a page of the platform's dashboard.
    fn is_page(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.facts().dashboards.contains(&host))
    }

    /// Whether a hook is this platform's, by its URL alone. `any_host`: the hook is on this machine, or at the origin
    /// that `api-url` names, so that its path decides.
    fn owns(&self, url: &Url, any_host: bool) -> bool {
        let Facts { host, hook_path, .. } = self.facts();
        let is_here = any_host || url.host_str() == *host;
        is_here && !hook_path.is_empty() && segments(url).starts_with(hook_path)
    }

    /// What the platform's documents say of this hook's URL: which parts are secret and which may be shown. `None`: they
    /// do not show a URL of this form.
    ///
    /// # Errors
    ///
    /// The URL is of a documented form and something is wrong with it.
    fn hook(&self, url: &Url) -> Result<Option<DocumentedHook>, UrlFault> {
        let path = self.facts().hook_path;
        match segments(url).strip_prefix(path) {
            _ if path.is_empty() => Ok(None),
            Some(&[secret]) => Ok(Some(DocumentedHook::new(url, format!("{}/", path.join("/")), secret))),
            _ => Err(UrlFault::NoSecret),
        }
    }

    /// The id of this name in a hook's URL, such as that of the service which it deploys.
    fn hook_id(&self, _hook: &Url, _name: &str) -> Option<String> {
        None
    }

    /// The `POST` that triggers the hook; `None` without a hook.
    fn trigger(&self, access: &PlatformAccess) -> Option<Request> {
        let hook = access.hook.as_ref()?;
        Some(Request { body: access.body.clone(), ..Request::of_hook(hook) })
    }

    /// What a successful answer to the trigger means. Where none is documented, any is an acceptance, unless its body is
    /// JSON that reports an error.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        if reports_error(&serde_json::from_slice(body).unwrap_or_default()) {
            return Acceptance::reports_error(status, body::error(body, Facts::NONE.error_fields, redactor));
        }
        Acceptance::Unnamed { at: None }
    }

    /// The message of an error in the platform's own format; `None` where the body is anything else, such as a proxy's page.
    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String> {
        body::error(body, self.facts().error_fields, redactor)
    }

    /// The kind of a refusal, where the body says more than the status.
    fn refusal(&self, _status: u16, _body: &[u8]) -> Option<RefusalReason> {
        None
    }

    /// What to do about a refusal with this message, where this platform's users need to know more than others.
    fn advice(&self, _status: u16, _message: &str) -> Option<&'static str> {
        None
    }

    /// Base of the platform's API, without its version: where the platform is hosted by its users, the hook's origin.
    /// `None` where there is no API.
    fn api(&self, _hook: Option<&Url>) -> Option<Url> {
        let Facts { host, api_host, .. } = self.facts();
        Url::parse(&format!("https://{}", api_host.or(*host)?)).ok()
    }

    /// Whether a text has the form of an account's id, where the documents show one that nothing else has.
    fn is_account(&self, _id: &str) -> bool {
        false
    }

    /// Where deployments are read with what the user gave; `None` where they cannot be.
    fn source(&self, access: &PlatformAccess, _of: ReadTarget<'_>) -> Option<StateSource> {
        (access.api.is_some() && access.missing().is_empty()).then_some(StateSource::Api)
    }

    /// The request that reads the newest deployments.
    fn list(&self, access: &PlatformAccess, source: StateSource) -> Option<Request> {
        Request::of_api(access, self.facts().list?, None).filter(|_| source == StateSource::Api)
    }

    /// The request that reads this deployment.
    fn poll(&self, access: &PlatformAccess, source: StateSource, id: &DeploymentId) -> Option<Request> {
        Request::of_api(access, self.facts().poll?, Some(id)).filter(|_| source == StateSource::Api)
    }

    /// Every deployment that the answer to [`Platform::list`] or [`Platform::poll`] describes, the newest first, without
    /// entries that are none. `None`: the answer is not in the platform's own form, so that nothing is known.
    fn deployments(&self, body: &Value, redactor: &Redactor) -> Option<Vec<Deployment>> {
        let Facts { deployments, deployment, .. } = self.facts();
        let list = deployments.iter().find_map(|pointer| at(body, pointer)?.as_array()).map(Vec::as_slice);
        let mut single = deployment.iter().filter_map(|pointer| at(body, pointer));
        let entries = list.or_else(|| single.find(|one| one.is_object()).map(slice::from_ref))?;
        let mut found: Vec<_> = entries.iter().filter_map(|entry| self.deployment(entry, redactor)).collect();
        found.sort_by_key(Deployment::newest_first);
        (entries.is_empty() || !found.is_empty()).then_some(found)
    }

    /// The deployment that an entry of such a list describes, or the whole answer.
    fn deployment(&self, value: &Value, redactor: &Redactor) -> Option<Deployment> {
        Deployment::read(self.facts(), value, redactor)
    }

    /// Whether a deployment in the answer to [`Platform::list`] belongs to what our hook deploys, whoever started it.
    fn in_scope(&self, _access: &PlatformAccess, _source: StateSource, _deployment: &Deployment) -> bool {
        true
    }

    /// Whether such a deployment may have been started by our trigger: by a deploy hook, with our mark.
    fn may_be_ours(&self, _access: &PlatformAccess, deployment: &Deployment) -> bool {
        let by_hook = self.facts().hook_origin;
        by_hook.zip(deployment.origin.as_deref()).is_none_or(|(by_hook, origin)| origin == by_hook)
    }

    /// Whether it was started by our trigger for certain, because it has our mark.
    fn has_our_mark(&self, _access: &PlatformAccess, _deployment: &Deployment) -> bool {
        false
    }

    /// Whether a deployment that is queued or running may be the one that the platform let our trigger join.
    fn may_be_joined(&self, _deployment: &Deployment) -> bool {
        true
    }

    /// Whether this newer deployment can have canceled ours.
    fn may_cancel(&self, _newer: &Deployment) -> bool {
        true
    }

    /// The request that reads the log of an ended deployment; none where there is no log to read.
    fn log(&self, access: &PlatformAccess, of: &LogTarget<'_>) -> Option<Request> {
        let log = Request::of_api(access, self.facts().log?, Some(of.id));
        log.filter(|_| of.source == StateSource::Api)
    }

    /// The texts in the answer to [`Platform::log`], which is JSON or one text.
    fn log_texts<'a>(&self, log: &'a Value) -> Vec<&'a str> {
        texts(log, self.facts().log_fields)
    }

    /// The last `most` lines of that answer.
    fn log_lines(&self, body: &[u8], redactor: &Redactor, most: usize) -> Vec<String> {
        last_lines(self.log_texts(&log_body(body)), redactor, most)
    }

    /// The page of the deployment or its environment, for people. `about` is the answer to [`Facts::about`].
    fn dashboard_url(
        &self,
        _access: &PlatformAccess,
        _about: Option<&Value>,
        snapshot: &Snapshot,
    ) -> Option<String> {
        snapshot.dashboard_url.clone()
    }

    /// The address of the deployed site, where the platform says it.
    fn site(&self, _about: Option<&Value>, snapshot: &Snapshot) -> Option<String> {
        snapshot.site.clone()
    }
}

/// An ended deployment whose log is read.
#[derive(Clone, Copy, Debug)]
pub struct LogTarget<'a> {
    /// Where it is read.
    pub source: StateSource,
    /// Which one.
    pub id: &'a DeploymentId,
    /// The answer to [`Facts::about`].
    pub about: Option<&'a Value>,
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
    /// Base of the platform's public API. `None` where [`Platform::api`] is, whatever the user gave.
    pub api: Option<Url>,
    /// The team, account or organisation at the platform.
    pub account: Option<String>,
    /// The site, project or application at the platform.
    pub project: Option<String>,
    /// Headers that are sent with the trigger alone.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The text that is sent with the trigger.
    pub body: Option<String>,
    /// A word that no other run uses, to mark the deployment with where the platform lets it be named.
    pub mark: String,
}

impl PlatformAccess {
    /// Nothing but the platform, and a mark that no other run has.
    pub fn new(platform: &'static dyn Platform) -> Self {
        Self {
            platform,
            hook: None,
            token: None,
            api: None,
            account: None,
            project: None,
            headers: Vec::new(),
            body: None,
            mark: format!("deploy-hook-{:08x}", fastrand::u32(..)),
        }
    }

    /// Whether the trigger itself wants a token, and neither `api-token` nor a header holds one.
    pub fn lacks_trigger_token(&self) -> bool {
        self.platform.facts().trigger_needs_token && self.token.is_none() && !self.has_token_header()
    }

    /// Whether the user gave a header that holds the token of the trigger.
    pub(super) fn has_token_header(&self) -> bool {
        let wanted = self.platform.facts().token_header.unwrap_or("authorization");
        self.headers.iter().any(|(name, _)| name.as_str() == wanted)
    }

    /// What reading deployments through the API needs and the user did not give.
    pub fn missing(&self) -> Vec<MissingInput> {
        let platform = self.platform;
        let missing = |need: &Need| {
            let (is_given, input, variables) = match need {
                Need::Token => (self.token.is_some(), "api-token", platform.facts().token_variables),
                Need::Account => (self.account.is_some(), "account", platform.facts().account_variables),
                Need::Project => (self.project.is_some(), "project", platform.facts().project_variables),
            };
            let variable = variables.first().copied().unwrap_or_default();
            (!is_given).then_some(MissingInput { input, variable })
        };
        platform.facts().needs.iter().filter(|_| self.api.is_some()).filter_map(missing).collect()
    }
}

/// A request as a value: a `POST` to trigger, a `GET` to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// Whether it carries the API's token.
    pub with_token: bool,
    /// What a `POST` carries.
    pub body: Option<String>,
}

impl std::fmt::Debug for dyn Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Request {
    /// Reads the hook itself.
    pub fn of_hook(hook: &HookUrl) -> Self {
        Self { url: hook.expose().clone(), with_token: false, body: None }
    }

    /// Reads from the API, below its base, what a template such as `v1/sites/{project}/deploys/{id}?limit=20` names.
    /// `{id}` is the deployment's, `{account}` and `{project}` are the inputs, any other name is a [`Platform::hook_id`].
    /// `None` where there is no API, or where one of them is not known.
    pub fn of_api(access: &PlatformAccess, template: &str, id: Option<&DeploymentId>) -> Option<Self> {
        let value = |part: &str| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => Some(part.to_owned()),
            Some("id") => id.map(ToString::to_string),
            Some("account") => access.account.clone(),
            Some("project") => access.project.clone(),
            Some(name) => access.platform.hook_id(access.hook.as_ref()?.expose(), name),
        };
        let (path, query) = template.split_once('?').unwrap_or((template, ""));
        let segments: Vec<String> = path.split('/').map(value).collect::<Option<_>>()?;
        let mut url = access.api.clone()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        for (name, part) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            url.query_pairs_mut().append_pair(name, &value(part)?);
        }
        Some(Self { url, with_token: true, body: None })
    }

    /// The same with one more parameter in the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }
}
