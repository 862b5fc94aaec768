//! The result of a trigger, and when it may be sent again.

use std::time::Duration;

use super::schedule::Timing;
use super::state::Snapshot;

/// The result of one `POST` to the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerResult {
    /// The platform accepted the trigger, with the deployment that it created, if the answer names it.
    Accepted(Option<Snapshot>),
    /// The platform refused. Nothing was triggered.
    Refused(Refusal),
    /// The request provably never left. Nothing was triggered.
    NotSent(NotSent),
    /// The request left, and no usable answer came: a deployment may be running.
    Unclear(Unclear),
}

/// A platform's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of refusal.
    pub why: RefusalReason,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The platform's message, cleaned; empty where it gave none.
    pub message: String,
    /// The pause that the platform asked for (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// What to do about it, where the platform has advice of its own.
    pub advice: Option<&'static str>,
}

/// The kinds of refusal that need different fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// 404: no such hook; the URL is wrong or the hook was deleted.
    NotFound,
    /// 410: the hook was there and is gone.
    Gone,
    /// 401, 403: no permission.
    Forbidden,
    /// 422: the platform cannot deploy, for a reason it gives.
    Unprocessable,
    /// 405: the hook wants another method.
    MethodNotAllowed,
    /// 429: too many requests.
    RateLimited,
    /// Any 3xx. Redirects are not followed: the secret goes to no other address.
    Redirected,
    /// Another 4xx.
    Other,
}

/// Why a request never left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// Where it failed.
    pub why: NotSentReason,
    /// The system's message, cleaned.
    pub message: String,
}

/// Where a request failed that never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSentReason {
    /// The request could not be built: HTTP cannot send a part of it.
    Invalid,
    /// The host's name has no address.
    Dns,
    /// The connection was not accepted.
    Connect,
    /// No trusted connection: certificate or protocol.
    Tls,
    /// The proxy did not let it through.
    Proxy,
}

/// Why it is not known whether a deployment was triggered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// What was wrong with the answer.
    pub why: ResponseError,
    /// The system's or the platform's message, cleaned.
    pub message: String,
}

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// No answer came in time.
    TimedOut,
    /// The connection broke after the request was sent.
    Broken,
    /// 5xx or 408: the server failed and does not say what happened to the request.
    ServerError(u16),
    /// The status is a success, and the body names no deployment.
    Unreadable(u16),
    /// The status is a success, and the body reports an error.
    BodyReportsError(u16),
    /// The status is a success, and the body names a deployment that had ended before the trigger.
    AlreadyEnded(u16),
}

impl TriggerResult {
    /// The pause before the trigger may be sent again, with `attempts` requests sent so far; `None`: it may not.
    ///
    /// This keeps one run at one deployment: only a request that never left, or one refused for its rate, is repeated. A
    /// bad certificate or a proxy's refusal is not repeated, because it will not go away by itself.
    pub fn again(&self, attempts: u32, timing: &Timing) -> Option<Duration> {
        let shortest = timing.retry.saturating_mul(attempts);
        let pause = match self {
            Self::NotSent(NotSent { why: NotSentReason::Dns | NotSentReason::Connect, .. }) => shortest,
            // A pause of zero, or until a date that is past, is no pause.
            Self::Refused(Refusal { why: RefusalReason::RateLimited, retry_after, .. }) => {
                retry_after.unwrap_or(timing.rate_pause).max(shortest)
            }
            Self::Accepted(_) | Self::Unclear(_) | Self::NotSent(_) | Self::Refused(_) => return None,
        };
        (attempts < timing.attempts).then_some(pause)
    }
}
