//! A platform's limit on reads: what it documents, what its answers ask for, and the budget that all follows with one
//! token share. No clock: the time is an argument.
//!
//! What is allowed is spent evenly, less two requests: one for the last poll on a deadline, which keeps no distance, and one
//! for the log. So a server may count in fixed windows or in sliding ones. As soon as an answer shows that somebody else
//! uses the limit, half of it is left to them, for as long as the limit counts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Requests that are kept for the last poll and the log.
const KEPT: u32 = 2;

/// A platform's documented limit on reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests.
    pub requests: u32,
    /// In how long.
    pub per: Duration,
}

impl RateLimit {
    /// The pause between requests that are spread evenly.
    #[must_use]
    pub fn spacing(&self) -> Duration {
        self.per / self.requests.saturating_sub(KEPT).max(1)
    }
}

/// The pause an answer asks for: `Retry-After` and the `X-RateLimit-*` headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHint {
    /// Whether the request was refused for its rate (429).
    pub refused: bool,
    /// No request for this long (`Retry-After` of a refusal).
    pub retry_after: Option<Duration>,
    /// The pause that a good answer suggests (`Retry-After` of a success). Followed up to the longest pause.
    pub suggested: Option<Duration>,
    /// Requests left until the reset.
    pub remaining: Option<u32>,
    /// How long until the reset.
    pub reset_in: Option<Duration>,
}

impl RateHint {
    /// The shortest pause the platform allows where others use the limit too: the one it names, or where it counts
    /// requests, half of those left spread over the time until the reset.
    #[must_use]
    pub fn least(&self) -> Duration {
        let share = match (self.remaining, self.reset_in) {
            (Some(remaining), Some(reset_in)) => reset_in / (remaining / 2).max(1),
            _ => Duration::ZERO,
        };
        self.blocked().max(share)
    }

    /// No request for this long: what `Retry-After` says, or until the reset where no request is left.
    #[must_use]
    pub fn blocked(&self) -> Duration {
        let spent = if self.remaining == Some(0) { self.reset_in } else { None };
        self.retry_after.unwrap_or_default().max(spent.unwrap_or_default())
    }
}

/// The requests that a documented limit allows, shared by everything in this process that uses the same token.
#[derive(Clone, Debug)]
pub struct Budget {
    limit: RateLimit,
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    /// When requests were or will be sent, as far back as the limit counts.
    sent: VecDeque<Instant>,
    /// No request that keeps its distance before this time.
    next: Option<Instant>,
    /// Until when somebody else counts as using the limit.
    company: Option<Instant>,
    /// Requests since `remaining` was read.
    since: u32,
    /// What the latest answer said is left.
    remaining: Option<u32>,
}

impl Budget {
    /// The whole of a limit.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, used: Arc::default() }
    }

    /// Whose limit it is.
    #[must_use]
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// The pause between two requests: half as many where somebody else uses the limit.
    #[must_use]
    pub fn spacing(&self, now: Instant) -> Duration {
        self.limit.spacing() * if self.has_company(now) { 2 } else { 1 }
    }

    /// Whether somebody else uses the limit too.
    #[must_use]
    pub fn has_company(&self, now: Instant) -> bool {
        self.used().company.is_some_and(|until| now < until)
    }

    /// Takes the next request that is free, and says when it is to be sent. `None`: there is none until then, and none
    /// was taken. `urgent`: it need not keep the distance to the one before.
    #[must_use]
    pub fn reserve(&self, now: Instant, urgent: bool, until: Instant) -> Option<Instant> {
        let spacing = self.spacing(now);
        let mut used = self.used();
        // Requests arrive sooner or later than they were sent at.
        let counted = self.limit.per + self.limit.per / 60;
        while used.sent.front().is_some_and(|sent| *sent + counted < now) {
            used.sent.pop_front();
        }
        let next = used.next.unwrap_or(now).max(now);
        let mut at = if urgent && used.company.is_none_or(|until| until <= now) { now } else { next };
        let most = usize::try_from(self.limit.requests.max(1)).unwrap_or(usize::MAX);
        // The one that is still counted when this many more have been sent.
        if let Some(oldest) = used.sent.len().checked_sub(most).and_then(|n| used.sent.get(n)) {
            at = at.max(*oldest + counted + Duration::from_millis(1));
        }
        if at > until {
            return None;
        }
        used.next = Some(next.max(at) + spacing);
        let place = used.sent.partition_point(|sent| *sent <= at);
        used.sent.insert(place, at);
        used.since += 1;
        Some(at)
    }

    /// A trigger was sent, which may count as well.
    pub fn triggered(&self) {
        self.used().since += 1;
    }

    /// Learns from an answer: whether somebody else uses the limit, and until when nothing may be sent.
    pub fn learn(&self, now: Instant, hint: RateHint) {
        let mut used = self.used();
        let taken = hint.remaining.map(|left| match used.remaining {
            Some(before) => before.saturating_sub(left),
            None => self.limit.requests.saturating_sub(left),
        });
        if hint.refused || taken.is_some_and(|taken| taken > used.since) {
            used.company = Some(now + self.limit.per);
        }
        if hint.remaining.is_some() {
            (used.remaining, used.since) = (hint.remaining, 0);
        }
        if !hint.blocked().is_zero() {
            used.next = used.next.max(Some(now + hint.blocked()));
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
