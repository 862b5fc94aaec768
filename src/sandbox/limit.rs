//! A rate limit: a fixed window that opens with its first request.

use std::time::Duration;

use super::deployment::UnixTime;

/// The requests of one token.
#[derive(Default)]
pub(super) struct Limit {
    opened: UnixTime,
    used: u64,
}

/// What the limit leaves to a request.
pub(super) struct Allowance {
    /// Whether this request is one too many.
    pub(super) exceeded: bool,
    pub(super) remaining: u64,
    /// When the window ends.
    pub(super) resets: UnixTime,
}

impl Limit {
    /// Counts a request, of which a window allows so many.
    pub(super) fn take(&mut self, requests: u64, window: Duration, now: UnixTime) -> Allowance {
        if self.used == 0 || now >= self.opened + window {
            *self = Self { opened: now, used: 0 };
        }
        self.used = self.used.saturating_add(1);
        Allowance {
            exceeded: self.used > requests,
            remaining: requests.saturating_sub(self.used),
            resets: self.opened + window,
        }
    }
}

/// Whole seconds, rounded up, so that a client that waits for them has waited long enough.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
