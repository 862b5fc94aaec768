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
    pub fn least(&self) -> Duration {
        let share = match (self.remaining, self.reset_in) {
            (Some(remaining), Some(reset_in)) => reset_in / (remaining / 2).max(1),
            _ => Duration::ZERO,
        };
        self.blocked().max(share)
    }

    /// No request for this long: what `Retry-After` says, or until the reset where no request is left.
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
    shared_until: Option<Instant>,
    /// Requests since `remaining` was read.
    since: u32,
    /// What the latest answer said is left.
    remaining: Option<u32>,
    /// When it said that the count begins again, and whether the one before said the same: then it does not slide.
    resets: Option<Instant>,
    is_fixed: bool,
}

impl Budget {
    /// The whole of a limit.
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, used: Arc::default() }
    }

    /// The pause between two requests: half as many where somebody else uses the limit.
    pub fn spacing(&self, now: Instant) -> Duration {
        self.limit.spacing() * if self.is_shared(now) { 2 } else { 1 }
    }

    /// Whether somebody else uses the limit too.
    pub fn is_shared(&self, now: Instant) -> bool {
        self.used().shared_until.is_some_and(|until| now < until)
    }

    /// Takes the next request that is free, and says when it is to be sent. `None`: there is none until then, and none
    /// was taken. `urgent`: it need not keep the distance to the one before.
    pub fn reserve(&self, now: Instant, urgent: bool, until: Instant) -> Option<Instant> {
        let spacing = self.spacing(now);
        let mut used = self.used();
        // Requests arrive sooner or later than they were sent at.
        let counted = self.limit.per + self.limit.per / 60;
        while used.sent.front().is_some_and(|sent| *sent + counted < now) {
            used.sent.pop_front();
        }
        let next = used.next.unwrap_or(now).max(now);
        let mut at = if urgent && used.shared_until.is_none_or(|until| until <= now) { now } else { next };
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
        const ROUNDED: Duration = Duration::from_secs(1); // times of a reset are whole seconds
        let mut used = self.used();
        let resets = hint.reset_in.map(|reset_in| now + reset_in);
        let is_same = resets.zip(used.resets).is_some_and(|(new, old)| {
            new.saturating_duration_since(old).max(old.saturating_duration_since(new)) <= ROUNDED
        });
        let has_ended = used.resets.is_some_and(|old| old <= now + ROUNDED);
        used.is_fixed = is_same || (used.is_fixed && has_ended);
        if let Some(left) = hint.remaining {
            let all = self.limit.requests.saturating_sub(left);
            let (taken, ours) = match (used.remaining, resets) {
                (Some(_), Some(resets)) if used.is_fixed && !is_same => {
                    let begins = (resets + ROUNDED).checked_sub(self.limit.per + ROUNDED * 2);
                    let ours = used.sent.iter().filter(|sent| begins.is_none_or(|begins| **sent >= begins));
                    (all, u32::try_from(ours.count()).unwrap_or(u32::MAX))
                }
                (Some(before), _) => (before.saturating_sub(left), used.since),
                (None, _) => (all, used.since),
            };
            if taken > ours {
                used.shared_until = Some(now + self.limit.per);
            }
            (used.remaining, used.since, used.resets) = (hint.remaining, 0, resets);
        }
        if hint.refused {
            used.shared_until = Some(now + self.limit.per);
        }
        if !hint.blocked().is_zero() {
            used.next = used.next.max(Some(now + hint.blocked()));
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn budget() -> Budget {
        Budget::new(RateLimit { requests: 20, per: S * 60 })
    }

    fn left(remaining: u32) -> RateHint {
        RateHint { remaining: Some(remaining), reset_in: Some(S * 60), ..RateHint::default() }
    }

    #[test]
    fn requests_keep_their_distance_and_urgent_ones_only_the_limit() {
        let (budget, now) = (budget(), Instant::now());
        let take = |urgent| budget.reserve(now, urgent, now + S * 3600).unwrap().duration_since(now);
        assert_eq!([take(false), take(false), take(false)], [Duration::ZERO, S * 60 / 18, S * 120 / 18]);
        let urgent: Vec<Duration> = (0..30).map(|_| take(true)).collect();
        let at_once = urgent.iter().filter(|at| at.is_zero()).count();
        assert_eq!(at_once, 17, "20 are allowed and three are taken");
    }

    #[test]
    fn what_is_not_free_in_time_is_not_taken() {
        let (budget, now) = (budget(), Instant::now());
        assert_eq!(budget.reserve(now, false, now), Some(now));
        for _ in 0..100 {
            assert_eq!(budget.reserve(now, false, now + S * 3), None);
        }
        assert!(budget.reserve(now, false, now + S * 4).is_some());
    }

    #[test]
    fn others_are_noticed_by_what_is_left_and_by_a_429_and_forgotten_after_a_while() {
        let now = Instant::now();
        let noticed = |first: u32, second: u32| {
            let budget = budget();
            let mut last = false;
            for remaining in [first, second] {
                let _ = budget.reserve(now, true, now);
                budget.learn(now, left(remaining));
                last = budget.is_shared(now);
            }
            (last, budget)
        };
        for (first, second, shared) in [
            (19, 18, false),
            (19, 19, false), // a sliding window that one has left
            (19, 17, true),
            (10, 9, true), // ten were used before this run
            (20, 20, false),
            (2, 19, true),
        ] {
            assert_eq!(noticed(first, second).0, shared, "{first}, {second}");
        }
        let (_, budget) = noticed(19, 17);
        assert_eq!(budget.spacing(now), S * 120 / 18, "half is left to them");
        assert!(budget.is_shared(now + S * 59) && !budget.is_shared(now + S * 60));
        let refused = self::budget();
        refused.learn(now, RateHint { refused: true, retry_after: Some(S * 5), ..RateHint::default() });
        assert!(refused.is_shared(now));
        assert_eq!(refused.reserve(now, true, now + S * 60), Some(now + S * 5), "for every run");
    }

    #[test]
    fn a_trigger_may_count_and_is_no_use_by_others() {
        let (budget, now) = (budget(), Instant::now());
        let _ = budget.reserve(now, true, now);
        budget.learn(now, left(19));
        budget.triggered();
        let _ = budget.reserve(now, false, now + S * 9);
        budget.learn(now, left(17));
        assert!(!budget.is_shared(now));
    }

    #[test]
    fn a_limit_of_nothing_does_not_divide_by_it() {
        let (none, now) = (Budget::new(RateLimit { requests: 0, per: Duration::ZERO }), Instant::now());
        assert!(none.reserve(now, false, now + S).is_some());
    }
}
