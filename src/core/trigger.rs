//! What the answer to a trigger, or the lack of one, means, and when the trigger may be sent again.

use std::time::Duration;

use super::schedule::Timing;
use super::state::Snapshot;

/// What came of one `POST` to the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerResult {
    /// The platform accepted the trigger, and said which deployment it made, or did not.
    Accepted(Option<Snapshot>),
    /// The platform said no. Nothing was triggered.
    Refused(Refusal),
    /// The request provably never left. Nothing was triggered.
    NotSent(NotSent),
    /// The request left, and no usable answer came: a deployment may be running.
    Unclear(Unclear),
}

/// A platform's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of no it is.
    pub why: RefusalReason,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The platform's own words, cleaned; empty where it gave none.
    pub said: String,
    /// How long the platform asked to be left alone (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// The kinds of refusal a user must react to differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// 404: no such hook; the URL is wrong or the hook was deleted.
    NotFound,
    /// 410: the hook was there and is gone.
    Gone,
    /// 401, 403: the hook, or whoever guards it, does not let us in.
    Forbidden,
    /// 422: the platform cannot do it, for a reason it names.
    Unprocessable,
    /// 429: too many requests.
    RateLimited,
    /// Any 3xx: the secret is never sent on to another address.
    Redirected,
    /// Another 4xx.
    Other,
}

/// Why a request never left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// How far it came.
    pub why: NotSentReason,
    /// The system's own words, cleaned.
    pub said: String,
}

/// How far a request came that never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSentReason {
    /// The host's name has no address.
    Dns,
    /// Nobody accepted the connection.
    Connect,
    /// No trusted connection: certificate or protocol.
    Tls,
    /// The proxy did not let it through.
    Proxy,
}

/// Why nobody knows whether a deployment was triggered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// What happened to the answer.
    pub why: ResponseError,
    /// The system's or the platform's own words, cleaned.
    pub said: String,
}

/// What happened to an answer that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// None came in time.
    TimedOut,
    /// The connection broke after the request was sent.
    Broken,
    /// The server said it failed, not what became of the request: 5xx, 408.
    ServerError(u16),
    /// Its status is a success, and it names no deployment we can read.
    Unreadable(u16),
    /// Its status is a success, and its body says no.
    SaysNo(u16),
    /// Its status is a success, and it names a deployment that had ended before the trigger.
    AlreadyEnded(u16),
}

impl TriggerResult {
    /// After what pause the trigger may be sent again, if at all, with `attempts` requests sent so far.
    ///
    /// The rule that keeps one run at one deployment: only a request that never left, or one refused for its
    /// rate, is repeated. A broken certificate or a proxy's no is not repeated either: it will not go away by itself.
    #[must_use]
    pub fn again(&self, attempts: u32, timing: &Timing) -> Option<Duration> {
        let pause = match self {
            Self::NotSent(NotSent { why: NotSentReason::Dns | NotSentReason::Connect, .. }) => {
                timing.retry.saturating_mul(attempts)
            }
            Self::Refused(Refusal { why: RefusalReason::RateLimited, retry_after, .. }) => {
                retry_after.unwrap_or(timing.rate_pause)
            }
            Self::Accepted(_) | Self::Unclear(_) | Self::NotSent(_) | Self::Refused(_) => return None,
        };
        (attempts < timing.attempts).then_some(pause)
    }
}
