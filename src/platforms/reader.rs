//! Reads from a platform: its list, one deployment, and what the hook deploys.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::platform::{Deployment, Platform, PlatformAccess, ReadTarget, Request, StateSource};
use super::response;
use crate::core::state::{DeploymentId, Snapshot};
use crate::core::traits::{Poll, PollResult};
use crate::core::trigger::RefusalReason;
use crate::http::{self, Credential, Http, Method, RequestError};
use crate::secrets::{Redactor, Token, has_user, is_web};

/// How long a read may take.
pub(super) const READ: Duration = Duration::from_secs(15);

/// Reads from one platform with what the user gave.
pub struct Reader {
    /// The platform, and what it is used with.
    pub(super) access: PlatformAccess,
    pub(super) http: Http,
    /// Where the accepted deployment is read, and before there is one, whatever is there.
    pub(super) source: Option<StateSource>,
    /// What the platform says of that which the hook deploys.
    pub(super) about: Option<Value>,
}

impl Reader {
    pub(super) fn new(access: PlatformAccess, http: Http) -> Self {
        Self { source: access.platform.source(&access, ReadTarget::Any), access, http, about: None }
    }

    /// The platform and what it is used with.
    pub fn access(&self) -> &PlatformAccess {
        &self.access
    }

    pub(super) fn platform(&self) -> &'static dyn Platform {
        self.access.platform
    }

    pub(super) fn redactor(&self) -> &Redactor {
        self.http.redactor()
    }

    /// Where the newest deployment is read.
    pub fn source(&self) -> Option<StateSource> {
        self.source
    }

    /// Whether this deployment, or without an id the newest one, can be read with what there is.
    pub fn can_read(&self, id: Option<&DeploymentId>) -> bool {
        let source = self.platform().source(&self.access, id.map_or(ReadTarget::Any, ReadTarget::Id));
        let request = source.and_then(|source| match id {
            Some(id) => self.platform().poll(&self.access, source, id),
            None => self.platform().list(&self.access, source),
        });
        request.is_some()
    }

    /// Reads the newest deployment there is, for `status` and `doctor`. `None`: there is none yet, or no list to read.
    pub async fn newest(&self) -> Option<Poll> {
        let (source, request) = self.list()?;
        let mut is_empty = false;
        let newest = |body: &Value| {
            let found = self.platform().deployments(body, self.redactor());
            is_empty = found.as_ref().is_some_and(Vec::is_empty);
            let in_scope = |found: &Deployment| {
                self.access.hook.is_none() || self.platform().in_scope(&self.access, source, found)
            };
            let newest = found.unwrap_or_default().into_iter().find(in_scope);
            newest.map_or(PollResult::NotThere, |newest| PollResult::Ours(self.with_links(newest.snapshot)))
        };
        let poll = self.poll(source, self.read(request, READ).await, newest);
        Some(poll).filter(|_| !is_empty)
    }

    /// Asks for a deployment that is not there, where the platform shows no list: the answer says whether the token may
    /// read. `None`: it has a list.
    pub async fn probe(&self) -> Option<Poll> {
        const NONE: &str = "00000000-0000-4000-8000-000000000000";
        let id = DeploymentId::new(NONE).filter(|_| self.list().is_none())?;
        let source = self.source?;
        let request = self.platform().poll(&self.access, source, &id)?;
        let other = |body: &Value| {
            let error = self.platform().error(body.to_string().as_bytes(), self.redactor());
            let message = error.unwrap_or_else(|| "the answer is about another deployment".to_owned());
            PollResult::Failed { message }
        };
        Some(self.poll(source, self.read(request, READ).await, other))
    }

    pub(super) fn list(&self) -> Option<(StateSource, Request)> {
        let source = self.source?;
        Some((source, self.platform().list(&self.access, source)?))
    }

    /// Whether the list is found by the account or the project that the user gave, not by the hook alone.
    pub fn is_found_by_input(&self) -> bool {
        let without = PlatformAccess { account: None, project: None, ..self.access.clone() };
        let request = |access| self.source.and_then(|source| self.platform().list(access, source));
        self.source == Some(StateSource::Api) && request(&without) != request(&self.access)
    }

    /// The platform's message where it does not know the account or the project that the user gave.
    pub(super) fn not_found(&self, response: &http::Response) -> Option<String> {
        let (platform, bytes) = (self.platform(), response.bytes());
        let is_404 = response.status == 404
            || platform.refusal(response.status, bytes) == Some(RefusalReason::NotFound);
        let message = platform.error(bytes, self.redactor()).filter(|_| is_404)?;
        self.is_found_by_input().then_some(message)
    }

    /// What the answer to a read means; `result` reads the body of a success.
    pub(super) fn poll(
        &self,
        source: StateSource,
        response: Result<http::Response, RequestError>,
        result: impl FnOnce(&Value) -> PollResult,
    ) -> Poll {
        response::of_reading(self.platform(), source, response, self.redactor(), result)
    }

    pub(super) async fn read(
        &self,
        request: Request,
        limit: Duration,
    ) -> Result<http::Response, RequestError> {
        let token = self.access.token.as_ref().filter(|_| request.with_token);
        let credential = token.map(|token| self.credential(token));
        self.http.send(Method::GET, &request.url, credential, None, limit).await
    }

    /// The token as the platform wants it.
    pub(super) fn credential<'a>(&self, token: &'a Token) -> Credential<'a> {
        let header = self.platform().facts().token_header;
        header.map_or(Credential::Bearer(token), |name| Credential::Header(name, token))
    }

    /// Reads what the hook deploys, where the platform's file asks for it.
    pub(super) async fn read_about(&self, limit: Duration) -> Option<Value> {
        let about = self.platform().facts().about.filter(|_| self.source.is_some())?;
        let request = Request::of_api(&self.access, about, None)?;
        let response = self.read(request, limit).await.ok()?;
        serde_json::from_slice(&response.body.ok()?).ok().filter(|_| (200..300).contains(&response.status))
    }

    /// The snapshot with the page and the site, as far as they are links to web pages.
    pub(super) fn with_links(&self, snapshot: Snapshot) -> Snapshot {
        let dashboard_url = self.platform().dashboard_url(&self.access, self.about.as_ref(), &snapshot);
        let site = self.platform().site(self.about.as_ref(), &snapshot);
        let [dashboard_url, site] = [dashboard_url, site].map(|link| web_link(&link?));
        Snapshot { dashboard_url, site, ..snapshot }
    }

    /// The platform's deployments that belong to what our hook deploys; `None` where they cannot be read.
    pub(super) async fn read_list(&self, limit: Duration) -> Option<Vec<Deployment>> {
        let (source, request) = self.list()?;
        let response = self.read(request, limit).await.ok()?;
        self.in_scope(source, response.bytes())
    }

    /// The same of this answer.
    pub(super) fn in_scope(&self, source: StateSource, body: &[u8]) -> Option<Vec<Deployment>> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let mut found = self.platform().deployments(&body, self.redactor())?;
        found.retain(|found| self.platform().in_scope(&self.access, source, found));
        Some(found)
    }
}

/// A link as it may be shown: to a web page, without a user or a password.
fn web_link(text: &str) -> Option<String> {
    Url::parse(text).ok().filter(|url| is_web(url) && !has_user(url)).map(String::from)
}
