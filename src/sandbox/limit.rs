//! The public API's rate limit: a fixed window that opens with its first request.

use std::time::Duration;

use super::platform::Moment;

/// Requests a window, as the platform's API documents it: about twenty a minute and token.
pub(super) const LIMIT: u32 = 20;
/// The window's length in seconds at speed 1.
pub(super) const WINDOW: f64 = 60.0;

/// The requests of one token.
#[derive(Default)]
pub(super) struct Limit {
    opened: Moment,
    used: u32,
}

/// What a request is told about the limit.
pub(super) struct Allowance {
    /// Whether this request is one too many.
    pub(super) exceeded: bool,
    pub(super) remaining: u32,
    /// When the window ends.
    pub(super) resets: Moment,
}

impl Limit {
    /// Counts a request.
    pub(super) fn take(&mut self, now: Moment, window: Duration) -> Allowance {
        if self.used == 0 || now >= self.opened + window {
            *self = Self { opened: now, used: 0 };
        }
        self.used = self.used.saturating_add(1);
        Allowance {
            exceeded: self.used > LIMIT,
            remaining: LIMIT.saturating_sub(self.used),
            resets: self.opened + window,
        }
    }
}

/// Whole seconds, rounded up: whoever waits so long has waited long enough.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
