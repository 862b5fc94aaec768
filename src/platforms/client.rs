//! The one client for every platform: sends a platform's requests and reads the answers.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::earlier::Earlier;
use super::platform::{Deployment, PlatformAccess, ReadTarget, Request, StateSource};
use super::response;
use crate::core::ports::{DeployTarget, Log, LookupResult, Poll, PollResult, SnapshotResult};
use crate::core::schedule::{RateHint, RateLimit};
use crate::core::state::CannotFollow;
use crate::core::state::{DeploymentId, Snapshot};
use crate::core::trigger::{NotSent, NotSentReason, ResponseError, TriggerResult, Unclear};
use crate::http::{self, Http, Method, RequestError};

/// How long a trigger may take. Generous, because a late answer is better than an unclear one.
const TRIGGER: Duration = Duration::from_secs(30);

/// How long a read may take.
const READ: Duration = Duration::from_secs(15);

/// How long the read before a trigger may take. It is only needed after an unclear answer, so it must not delay the trigger.
const READ_BEFORE: Duration = Duration::from_secs(5);

/// Lines of a failed deployment's log that are kept.
const LOG_LINES: usize = 200;

/// One hook, or one token, of a platform.
pub struct Client {
    access: PlatformAccess,
    http: Http,
    /// How many times as fast the platform is as a real one.
    speed: f64,
    /// Where the accepted deployment is read, and before there is one, whatever is there.
    source: Option<StateSource>,
    /// Whether a deployment was accepted.
    accepted: bool,
    earlier: Earlier,
}

impl Client {
    /// A client of the platform that this access belongs to.
    #[must_use]
    pub fn new(access: PlatformAccess, http: Http) -> Self {
        Self {
            source: access.platform.source(&access, ReadTarget::Any),
            access,
            http,
            speed: 1.0,
            accepted: false,
            earlier: Earlier::new(),
        }
    }

    /// The same for a platform that is `speed` times as fast: its rate limit counts in its own time.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// Whether this version knows the platform: where not, its hook is triggered and that is all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.access.platform.api().is_some()
    }

    /// Whether this deployment, or without an id the newest one, can be read with what there is.
    #[must_use]
    pub fn can_read(&self, id: Option<&DeploymentId>) -> bool {
        self.access.platform.source(&self.access, id.map_or(ReadTarget::Any, ReadTarget::Id)).is_some()
    }

    /// Where the newest deployment is read.
    #[must_use]
    pub fn source(&self) -> Option<StateSource> {
        self.source
    }

    /// Reads the newest deployment there is, for `status` and `doctor`.
    pub async fn newest(&mut self) -> Poll {
        let Some((source, request)) = self.list() else { return unreadable() };
        let response = self.read(request, READ).await;
        response::of_reading(self.access.platform, source, response, self.http.redactor(), |body| {
            let found = self.access.platform.deployments(body, self.http.redactor());
            let any = self.access.hook.is_none();
            let ours =
                |found: &Deployment| any || self.access.platform.may_be_ours(&self.access, source, found);
            found
                .into_iter()
                .find(ours)
                .map_or(PollResult::NotThere, |newest| PollResult::Ours(self.with_page(newest.snapshot)))
        })
    }

    fn list(&self) -> Option<(StateSource, Request)> {
        let source = self.source?;
        Some((source, self.access.platform.list(&self.access, source)?))
    }

    /// How this deployment is read.
    fn source_of(&self, id: &DeploymentId) -> Option<StateSource> {
        if self.accepted {
            self.source
        } else {
            self.access.platform.source(&self.access, ReadTarget::Id(id))
        }
    }

    async fn read(&self, request: Request, limit: Duration) -> Result<http::Response, RequestError> {
        let token = self.access.token.as_ref().filter(|_| request.with_token);
        self.http.send(Method::GET, &request.url, token, limit).await
    }

    fn with_page(&self, snapshot: Snapshot) -> Snapshot {
        Snapshot { page: self.access.platform.page(&self.access), ..snapshot }
    }

    fn accept(&mut self, deployment: Deployment) -> Snapshot {
        self.source = self.access.platform.source(&self.access, ReadTarget::Accepted(&deployment));
        self.accepted = true;
        self.earlier.created = deployment.snapshot.created_at;
        self.with_page(deployment.snapshot)
    }
}

impl DeployTarget for Client {
    async fn snapshot(&mut self, limit: Duration) -> SnapshotResult {
        let Some((source, request)) = self.list() else { return SnapshotResult::Unknown };
        self.earlier.asked = true;
        let Ok(response) = self.read(request, READ_BEFORE.min(limit)).await else {
            return SnapshotResult::Unknown;
        };
        let (bytes, redactor) = (response.body.as_deref().unwrap_or_default(), self.http.redactor());
        if let (401 | 403, StateSource::Api) = (response.status, source)
            && let Some(message) = self.access.platform.error(bytes, redactor)
        {
            return SnapshotResult::Denied { status: response.status, message };
        }
        // An answer without deployments may come from a proxy, and proves nothing.
        if let (200..300, Ok(body)) = (response.status, serde_json::from_slice::<Value>(bytes)) {
            let found = self.access.platform.deployments(&body, redactor);
            self.earlier.record(found);
        }
        if self.earlier.is_known() { SnapshotResult::Known } else { SnapshotResult::Unknown }
    }

    async fn trigger(&mut self, limit: Duration) -> TriggerResult {
        let Some(hook) = &self.access.hook else {
            let message = "there is no hook to trigger".to_owned();
            return TriggerResult::NotSent(NotSent { why: NotSentReason::Connect, message });
        };
        self.earlier.triggered = Instant::now();
        let response = self.http.send_alone(Method::POST, hook.expose(), TRIGGER.min(limit)).await;
        let (status, date) = response.as_ref().map_or((0, None), |response| (response.status, response.date));
        match response::of_trigger(self.access.platform, response, self.http.redactor()) {
            Ok(Some(old)) if self.earlier.had_ended(&old, date) => {
                let message = format!("it names {}", old.snapshot.id);
                TriggerResult::Unclear(Unclear { why: ResponseError::AlreadyEnded(status), message })
            }
            Ok(deployment) => TriggerResult::Accepted(deployment.map(|deployment| self.accept(deployment))),
            Err(response) => response,
        }
    }

    async fn find(&mut self, limit: Duration) -> LookupResult {
        let Some((source, request)) = self.list() else { return LookupResult::Never };
        let Ok(response) = self.read(request, READ.min(limit)).await else {
            return LookupResult::NotYet(RateHint::default());
        };
        let rate_hint = response::rate_hint(&response);
        let (bytes, redactor) = (response.body.as_deref().unwrap_or_default(), self.http.redactor());
        if !(200..300).contains(&response.status) {
            let denied = matches!(response.status, 401 | 403 | 405 | 410);
            let final_no = denied && self.access.platform.error(bytes, redactor).is_some();
            return if final_no { LookupResult::Never } else { LookupResult::NotYet(rate_hint) };
        }
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let mut found = self.access.platform.deployments(&body, redactor);
        found.retain(|found| {
            self.access.platform.may_be_ours(&self.access, source, found)
                && self.earlier.is_new(found, response.date)
        });
        match (found.pop(), found.is_empty()) {
            (Some(ours), true) => {
                self.earlier.seen = true;
                LookupResult::Ours(self.accept(ours))
            }
            (Some(_), false) => LookupResult::Several,
            (None, _) => LookupResult::NotYet(rate_hint),
        }
    }

    fn can_follow(&self) -> Result<(), CannotFollow> {
        let why = if self.is_known() { CannotFollow::NeedsToken } else { CannotFollow::UnknownPlatform };
        self.source.map(|_| ()).ok_or(why)
    }

    fn appears_within(&self) -> Duration {
        self.access.platform.appears_within().div_f64(self.speed)
    }

    async fn poll(&mut self, id: &DeploymentId, limit: Duration) -> Poll {
        let source = self.source_of(id);
        let Some((source, request)) =
            source.and_then(|source| Some((source, self.access.platform.poll(&self.access, source, id)?)))
        else {
            return unreadable();
        };
        let response = self.read(request, READ.min(limit)).await;
        let poll =
            response::of_reading(self.access.platform, source, response, self.http.redactor(), |body| {
                let found = self.access.platform.deployments(body, self.http.redactor());
                let newest = found.first().map(|deployment| deployment.snapshot.clone());
                let ours = found
                    .into_iter()
                    .map(|deployment| deployment.snapshot)
                    .find(|snapshot| snapshot.id == *id);
                match (ours, newest) {
                    (Some(ours), _) => PollResult::Ours(self.with_page(ours)),
                    (None, Some(_)) if source == StateSource::Api => {
                        PollResult::Failed { message: "the answer is about another deployment".to_owned() }
                    }
                    (None, Some(other)) => self.earlier.in_place_of_ours(other),
                    (None, None) => {
                        PollResult::Failed { message: "the answer names no deployment".to_owned() }
                    }
                }
            });
        self.earlier.seen |= matches!(poll.result, PollResult::Ours(_));
        poll
    }

    async fn log(&mut self, id: &DeploymentId, limit: Duration) -> Log {
        let source = self.source_of(id);
        let Some(request) = source.and_then(|source| self.access.platform.log(&self.access, source, id))
        else {
            return Log::None;
        };
        let Ok(response) = self.read(request, READ.min(limit)).await else {
            return Log::NotYet(RateHint::default());
        };
        let bytes = response.body.as_deref().unwrap_or_default();
        let lines = self.access.platform.log_lines(bytes, self.http.redactor(), LOG_LINES);
        match response.status {
            200..300 if !lines.is_empty() => Log::Lines(lines),
            200..300 | 404 | 429 | 500.. => Log::NotYet(response::rate_hint(&response)),
            _ => Log::None,
        }
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        let with_token = !self.accepted && self.access.token.is_some();
        let source = if with_token { StateSource::Api } else { self.source? };
        let limit = self.access.platform.rate_limit(source)?;
        Some(RateLimit { per: limit.per.div_f64(self.speed), ..limit })
    }

    fn success_may_be_early(&self) -> bool {
        self.access.platform.success_may_be_early()
    }
}

/// A poll that could not be sent. Callers ask [`Client::can_read`] first.
fn unreadable() -> Poll {
    let message = "neither the hook nor, without a token, the API can be read".to_owned();
    Poll { result: PollResult::Failed { message }, rate_hint: RateHint::default() }
}
