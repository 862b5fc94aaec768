//! The one client for every platform: sends a platform's requests and reads the answers.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::budget;
use super::earlier::{self, Earlier};
use super::platform::{Acceptance, Deployment, LogTarget, PlatformAccess, ReadTarget, StateSource};
use super::reader::{READ, Reader};
use super::response;
use crate::core::rate::{Budget, RateHint, RateLimit};
use crate::core::state::{CannotFollow, DeploymentId, Phase, ReadDenied, Snapshot, Verdict};
use crate::core::traits::{DeployTarget, Log, LookupResult, Poll, PollResult, SnapshotResult, TargetInfo};
use crate::core::trigger::{NotSent, NotSentReason, ResponseError, TriggerResult, Unclear};
use crate::http::{Http, Post};

/// How long a trigger may take. Generous, because a late answer is better than an unclear one.
const TRIGGER: Duration = Duration::from_secs(30);

/// How long the read before a trigger may take. It is only needed after an unclear answer, so it must not delay the trigger.
const READ_BEFORE: Duration = Duration::from_secs(5);

/// Lines of a failed deployment's log that are kept: what failed may stand far above its end.
const LOG_LINES: usize = 2000;

/// One hook, or one token, of a platform.
pub struct Client {
    reader: Reader,
    /// How many times as fast the platform is as a real one.
    speed: f64,
    /// Whether our deployment is known.
    accepted: bool,
    /// What the platform answered where it accepted the trigger and named no deployment.
    unnamed: Option<Acceptance>,
    earlier: Earlier,
}

impl Client {
    /// A client of the platform that this access belongs to.
    pub fn new(access: PlatformAccess, http: Http) -> Self {
        Self {
            reader: Reader::new(access, http),
            speed: 1.0,
            accepted: false,
            unnamed: None,
            earlier: Earlier::new(),
        }
    }

    /// The same for a platform that is `speed` times as fast: its rate limit counts in its own time.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// Whether this version knows the platform: where not, its hook is triggered and that is all.
    pub fn is_known(&self) -> bool {
        self.reader.access.api.is_some()
    }

    /// Reads from the platform without following anything.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    fn source_of(&self, id: &DeploymentId) -> Option<StateSource> {
        if self.accepted {
            self.reader.source
        } else {
            self.reader.platform().source(&self.reader.access, ReadTarget::Id(id))
        }
    }

    fn accept(&mut self, deployment: Deployment) -> Snapshot {
        self.reader.source =
            self.reader.platform().source(&self.reader.access, ReadTarget::Accepted(&deployment));
        self.accepted = true;
        self.earlier.created = deployment.snapshot.created_at;
        self.reader.with_links(deployment.snapshot)
    }

    /// Whether the deployment just accepted can be followed.
    pub fn can_follow(&self) -> Result<(), CannotFollow> {
        if self.unnamed == Some(Acceptance::Untracked) {
            return Err(CannotFollow::NoDeployment);
        }
        self.reader.source.map(|_| ()).ok_or_else(|| {
            if self.is_known() {
                CannotFollow::Missing(self.reader.access.missing())
            } else {
                CannotFollow::UnknownPlatform
            }
        })
    }

    /// What is left of the documented limit on what is read now.
    fn budget(&self) -> Option<Budget> {
        let with_token = !self.accepted && self.reader.access.token.is_some();
        let is_api = with_token || self.reader.source == Some(StateSource::Api);
        let requests = self.reader.platform().facts().requests_per_minute.filter(|_| is_api)?;
        let limit = RateLimit { requests, per: Duration::from_mins(1).div_f64(self.speed) };
        Some(budget::of(&self.reader.access, limit))
    }
}

impl DeployTarget for Client {
    async fn snapshot(&mut self, limit: Duration) -> SnapshotResult {
        let limit = READ_BEFORE.min(limit);
        let Some((source, request)) = self.reader.list() else {
            self.reader.about = self.reader.read_about(limit).await;
            return SnapshotResult::Unknown;
        };
        self.earlier.asked = true;
        let (response, about) = tokio::join!(self.reader.read(request, limit), self.reader.read_about(limit));
        self.reader.about = about;
        let Ok(response) = response else {
            return SnapshotResult::Unknown;
        };
        let (bytes, redactor) = (response.bytes(), self.reader.redactor());
        if let (401 | 403, StateSource::Api) = (response.status, source)
            && let Some(message) = self.reader.platform().error(bytes, redactor)
        {
            return SnapshotResult::Denied(denied(response.status, message));
        }
        if let Some(message) = self.reader.not_found(&response) {
            return SnapshotResult::Denied(denied(404, message));
        }
        // An answer without deployments may come from a proxy, and proves nothing.
        if let (200..300, Ok(body)) = (response.status, serde_json::from_slice::<Value>(bytes))
            && let Some(found) = self.reader.platform().deployments(&body, redactor)
        {
            let (access, platform) = (&self.reader.access, self.reader.platform());
            self.earlier.record(found, |found| platform.in_scope(access, source, found));
        }
        if self.earlier.is_known() { SnapshotResult::Known } else { SnapshotResult::Unknown }
    }

    async fn trigger(&mut self, limit: Duration) -> TriggerResult {
        let Some(request) = self.reader.platform().trigger(&self.reader.access) else {
            let message = "there is no hook to trigger".to_owned();
            return TriggerResult::NotSent(NotSent { why: NotSentReason::Connect, message });
        };
        let access = &self.reader.access;
        let token = access.token.as_ref().filter(|_| request.with_token && !access.has_token_header());
        let post = Post {
            url: &request.url,
            credential: token.map(|token| self.reader.credential(token)),
            headers: &access.headers,
            body: request.body.as_deref(),
        };
        self.earlier.triggered = Instant::now();
        let response = self.reader.http.post_alone(post, TRIGGER.min(limit)).await;
        let (status, date) = response.as_ref().map_or((0, None), |response| (response.status, response.date));
        match response::of_trigger(self.reader.platform(), response, self.reader.redactor()) {
            Err(no) => *no,
            Ok(Acceptance::Unclear(unclear)) => TriggerResult::Unclear(unclear),
            Ok(Acceptance::Named(old)) if self.earlier.had_ended(&old, date) => {
                let message = format!("it names {}", old.snapshot.id);
                TriggerResult::Unclear(Unclear { why: ResponseError::AlreadyEnded(status), message })
            }
            Ok(Acceptance::Named(deployment)) => TriggerResult::Accepted(Some(self.accept(deployment))),
            Ok(unnamed) => {
                if let Acceptance::Unnamed { at } = unnamed {
                    self.earlier.accepted_at = at;
                }
                self.unnamed = Some(unnamed);
                TriggerResult::Accepted(None)
            }
        }
    }

    async fn find(&mut self, limit: Duration) -> LookupResult {
        let Some((source, request)) = self.reader.list() else { return LookupResult::Never };
        let response = match self.reader.read(request, READ.min(limit)).await {
            Ok(response) => response,
            Err(failure) => {
                let (message, rate_hint) = (failure.to_string(), RateHint::default());
                return LookupResult::Failed { message, rate_hint };
            }
        };
        let rate_hint = response::rate_hint(&response);
        let (access, platform) = (&self.reader.access, self.reader.platform());
        let (status, error) = (response.status, platform.error(response.bytes(), self.reader.redactor()));
        let found = self.reader.in_scope(source, response.bytes()).filter(|_| (200..300).contains(&status));
        let Some(mut found) = found else {
            let message = match (status, error) {
                (200..300, error) => error.unwrap_or_else(|| "the answer lists no deployments".to_owned()),
                (401 | 403 | 405 | 410, Some(message)) => {
                    return LookupResult::Denied(denied(status, message));
                }
                (_, Some(message)) => format!("the platform answered {status}: {message}"),
                (_, None) => format!("HTTP {status}, not in the platform's format, perhaps from a proxy"),
            };
            return LookupResult::Failed { message, rate_hint };
        };
        let mut others = if platform.facts().newer_cancels { found.clone() } else { Vec::new() };
        others.retain(|other| platform.may_cancel(other));
        let is_queued = self.unnamed == Some(Acceptance::Queued);
        let is_marked = found.iter().any(|found| platform.has_our_mark(access, found));
        found.retain(|found| match (is_queued, is_marked) {
            (true, _) => !earlier::is_ended(&found.snapshot) && platform.may_be_joined(found),
            (_, true) => platform.has_our_mark(access, found),
            _ => {
                platform.may_be_ours(access, found)
                    && self.earlier.is_new(found, response.date, self.unnamed.is_some())
            }
        });
        match (found.pop(), found.is_empty()) {
            (Some(ours), true) => {
                self.earlier.seen = true;
                let newer = self.earlier.canceled_for(&ours, &others).cloned();
                let mut ours = self.accept(ours);
                if let Some(newer) = newer {
                    supersede(&mut ours, &newer);
                }
                if is_queued {
                    "it was queued or running already".clone_into(&mut ours.message);
                }
                LookupResult::Ours(ours)
            }
            (Some(_), false) => LookupResult::Several,
            (None, _) => LookupResult::NotYet(rate_hint),
        }
    }

    async fn poll(&mut self, id: &DeploymentId, limit: Duration) -> Poll {
        let source = self.source_of(id);
        let Some((source, request)) = source
            .and_then(|source| Some((source, self.reader.platform().poll(&self.reader.access, source, id)?)))
        else {
            return unreadable();
        };
        let (asked, limit) = (Instant::now(), READ.min(limit));
        // Where there is no request for one deployment, a list without it says that it is not there.
        let is_list =
            source == StateSource::Api && self.reader.list().is_some_and(|(_, list)| list == request);
        let mut ended = None;
        let read = |body: &Value| {
            let found = self.reader.platform().deployments(body, self.reader.redactor());
            let is_list = is_list && found.is_some();
            let found = found.unwrap_or_default();
            let newest = found.first().map(|deployment| deployment.snapshot.clone());
            let ours = found.into_iter().find(|deployment| deployment.snapshot.id == *id);
            match (ours, newest) {
                (Some(ours), _) => {
                    ended = earlier::is_ended(&ours.snapshot).then(|| ours.clone());
                    PollResult::Ours(self.reader.with_links(ours.snapshot))
                }
                (None, _) if is_list => PollResult::NotThere,
                (None, Some(_)) if source == StateSource::Api => {
                    PollResult::Failed { message: "the answer is about another deployment".to_owned() }
                }
                (None, Some(other)) => self.earlier.in_place_of_ours(other),
                (None, None) => PollResult::Failed { message: "the answer names no deployment".to_owned() },
            }
        };
        let mut poll = self.reader.poll(source, self.reader.read(request, limit).await, read);
        self.earlier.seen |= matches!(poll.result, PollResult::Ours(_));
        if let (Some(ours), PollResult::Ours(snapshot)) = (ended, &mut poll.result)
            && snapshot.phase == Phase::Ended(Verdict::Canceled)
            && self.reader.platform().facts().newer_cancels
            && let Some(mut others) =
                Box::pin(self.reader.read_list(limit.saturating_sub(asked.elapsed()))).await
        {
            others.retain(|other| self.reader.platform().may_cancel(other));
            if let Some(newer) = self.earlier.canceled_for(&ours, &others) {
                supersede(snapshot, newer);
            }
        }
        poll
    }

    async fn log(&mut self, id: &DeploymentId, limit: Duration) -> Log {
        let (asked, limit) = (Instant::now(), READ.min(limit));
        if self.reader.about.is_none() {
            self.reader.about = self.reader.read_about(limit).await;
        }
        let request = self.source_of(id).and_then(|source| {
            let of = LogTarget { source, id, about: self.reader.about.as_ref() };
            self.reader.platform().log(&self.reader.access, &of)
        });
        let Some(request) = request else {
            return Log::None;
        };
        let Ok(response) = self.reader.read(request, limit.saturating_sub(asked.elapsed())).await else {
            return Log::NotYet(RateHint::default());
        };
        let bytes = response.bytes();
        let lines = self.reader.platform().log_lines(bytes, self.reader.redactor(), LOG_LINES);
        match response.status {
            200..300 if !lines.is_empty() => Log::Lines(lines),
            200..300 | 404 | 429 | 500.. => Log::NotYet(response::rate_hint(&response)),
            _ => Log::None,
        }
    }

    fn info(&self) -> TargetInfo {
        TargetInfo {
            can_follow: self.can_follow(),
            appears_within: self.reader.platform().facts().appears_within.div_f64(self.speed),
            success_may_be_early: self.reader.platform().facts().success_may_be_early,
            history: self.earlier.history.clone(),
            budget: self.budget(),
        }
    }
}

/// A read of the list that the platform refused.
fn denied(status: u16, message: String) -> ReadDenied {
    ReadDenied { status, message, with_token: true }
}

/// A deployment that the platform canceled for a newer one.
fn supersede(snapshot: &mut Snapshot, newer: &DeploymentId) {
    snapshot.phase = Phase::Ended(Verdict::Superseded);
    snapshot.message = format!("{newer} took its place");
}

/// A poll that could not be sent. Callers ask [`Reader::can_read`] first.
fn unreadable() -> Poll {
    let message = "neither the hook nor, without a token, the API can be read".to_owned();
    Poll { result: PollResult::Failed { message }, rate_hint: RateHint::default() }
}
