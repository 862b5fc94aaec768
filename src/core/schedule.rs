//! When to poll next: arithmetic only, no clock.
//!
//! The pause grows with the square root of the deployment's age, from a second to a quarter of a minute. Of all
//! deployments of an age, about the same share ends within such a pause, whatever the age: where lengths spread as they do
//! (lognormal, median 90 s, sigma 0.8), their ends are noticed 3 s late on average with 34 polls. A pause that is a share
//! of the age spends its polls on the first seconds, where nothing ends, and is coarse where deployments do end. No fixed
//! pause is as early with half as many polls at any length from 5 s to 30 min; `benches/follow.rs` measures it.

use std::time::Duration;

/// Every duration and count of the core, in one place, so that tests and the sandbox can scale them all.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Shortest pause between two polls.
    pub shortest_pause: Duration,
    /// Longest pause between two polls, unless the platform asks for more.
    pub longest_pause: Duration,
    /// Longest pause after failed polls, and the longest one that a good answer may suggest.
    pub longest_backoff: Duration,
    /// The pause in seconds, as a multiple of the square root of the deployment's age in seconds.
    pub age_factor: f64,
    /// The share of a pause that is taken off at random, so that many runs do not poll at the same moment.
    pub jitter: f64,
    /// How long after the trigger "not found" still means "not there yet".
    pub grace: Duration,
    /// How long the deployment of an unclear trigger is looked for.
    pub search_time: Duration,
    /// How many polls in a row may fail before the deployment counts as lost.
    pub errors: u32,
    /// How often the trigger may be sent in all, where it provably did nothing before.
    pub attempts: u32,
    /// The pause before a trigger that never left is sent again, times the attempts so far.
    pub retry: Duration,
    /// The pause after a 429 that names none.
    pub rate_pause: Duration,
    /// How often a line is printed although nothing changes.
    pub heartbeat: Duration,
    /// How often a failed deployment's log is asked for while it is not there yet.
    pub log_tries: u32,
    /// How long the answer to a trigger under way is still waited for after an interruption.
    pub stop_grace: Duration,
    /// The least time that a request gets, however near the deadline is.
    pub shortest_request: Duration,
    /// The pause before a success that may be early is read once more.
    pub confirm_pause: Duration,
    /// The shortest pause between two requests of the page that is verified, and the one before a right answer is
    /// confirmed.
    pub site_pause: Duration,
    /// How long the page may take to answer as asked after the platform's success, unless the user says otherwise.
    pub verify_time: Duration,
    /// How long the log of a failed deployment may take in all.
    pub log: Duration,
    /// How long of that may lie beyond the deadline.
    pub log_beyond: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(15),
            longest_backoff: Duration::from_secs(30),
            age_factor: 0.615,
            jitter: 0.1,
            grace: Duration::from_secs(30),
            search_time: Duration::from_secs(30),
            errors: 10,
            attempts: 3,
            retry: Duration::from_secs(1),
            rate_pause: Duration::from_secs(10),
            heartbeat: Duration::from_mins(1),
            log_tries: 3,
            stop_grace: Duration::from_secs(1),
            shortest_request: Duration::from_secs(2),
            confirm_pause: Duration::from_secs(2),
            site_pause: Duration::from_secs(1),
            verify_time: Duration::from_mins(2),
            log: Duration::from_secs(30),
            log_beyond: Duration::from_secs(3),
        }
    }
}

impl Timing {
    /// The same timing for a sandbox that runs `speed` times as fast.
    #[must_use]
    pub fn at_speed(&self, speed: f64) -> Self {
        let scale = |d: Duration| d.div_f64(speed);
        Self {
            shortest_pause: scale(self.shortest_pause),
            longest_pause: scale(self.longest_pause),
            longest_backoff: scale(self.longest_backoff),
            age_factor: self.age_factor / speed.sqrt(),
            grace: scale(self.grace),
            search_time: scale(self.search_time),
            retry: scale(self.retry),
            rate_pause: scale(self.rate_pause),
            confirm_pause: scale(self.confirm_pause),
            site_pause: scale(self.site_pause),
            verify_time: scale(self.verify_time),
            ..self.clone()
        }
    }
}

/// A platform's documented limit on reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests.
    pub requests: u32,
    /// In how long.
    pub per: Duration,
}

/// The pause an answer asks for: `Retry-After` and the `X-RateLimit-*` headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHint {
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
    /// The shortest pause the platform allows: the one it names, or where it counts requests, half of those left spread
    /// over the time until the reset.
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

/// Chooses the pauses between polls.
#[derive(Clone, Debug)]
pub struct Schedule {
    timing: Timing,
    interval: Option<Duration>,
    spacing: Duration,
}

impl Schedule {
    /// A schedule; `interval` fixes the pause (`poll-interval`), `limit` is the platform's documented one.
    #[must_use]
    pub fn new(timing: Timing, interval: Option<Duration>, limit: Option<RateLimit>) -> Self {
        Self { timing, interval, spacing: limit.map_or(Duration::ZERO, spacing) }
    }

    /// How long to wait before the next poll of a deployment of this `age`, after `errors` failed polls in a row.
    ///
    /// `chance` in `0.0..1.0` is the random number for the jitter. The pause is never shorter than the platform asks for
    /// (`rate_hint`) or documents, whatever interval was chosen.
    #[must_use]
    pub fn pause(&self, age: Duration, errors: u32, rate_hint: RateHint, chance: f64) -> Duration {
        let timing = &self.timing;
        let chosen = self.interval.unwrap_or_else(|| {
            let grown = Duration::from_secs_f64(timing.age_factor * age.as_secs_f64().sqrt());
            let grown = grown.clamp(timing.shortest_pause, timing.longest_pause);
            grown.mul_f64(1.0 - timing.jitter * chance)
        });
        let backoff = match errors {
            0 => Duration::ZERO,
            n => timing.shortest_pause.saturating_mul(1 << n.min(16)).min(timing.longest_backoff),
        };
        let suggested = rate_hint.suggested.unwrap_or_default().min(timing.longest_backoff);
        chosen.max(backoff).max(self.spacing).max(suggested).max(rate_hint.least())
    }

    /// The least pause the documented limit leaves between two requests.
    #[must_use]
    pub fn spacing(&self) -> Duration {
        self.spacing
    }
}

/// Half the documented limit, spread evenly. Of a small half, two requests are kept for the poll on the deadline and for
/// the log; a larger one has room for them, and a deployment is found within two seconds.
fn spacing(limit: RateLimit) -> Duration {
    let half = limit.requests / 2;
    let kept = if half < 30 { 2 } else { 0 };
    limit.per / half.saturating_sub(kept).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn plain() -> Schedule {
        Schedule::new(Timing::default(), None, None)
    }

    #[test]
    fn the_pause_grows_with_age_from_the_floor_to_the_cap() {
        let pause = |age: u64| plain().pause(S * u32::try_from(age).unwrap(), 0, RateHint::default(), 0.0);
        let close = |age: u64, wanted: f64| (pause(age).as_secs_f64() - wanted).abs() < 0.01;
        assert!(close(0, 1.0) && close(2, 1.0) && close(25, 3.075) && close(100, 6.15) && close(400, 12.3));
        assert_eq!([pause(600), pause(86_400)], [S * 15, S * 15]);
    }

    #[test]
    fn jitter_takes_off_at_most_its_share_and_never_adds() {
        let full = plain().pause(S * 100, 0, RateHint::default(), 0.0);
        let least = plain().pause(S * 100, 0, RateHint::default(), 1.0);
        assert_eq!(full, Duration::from_millis(6150));
        assert_eq!(least, full.mul_f64(0.9));
    }

    #[test]
    fn errors_back_off_to_the_cap_and_cannot_overflow() {
        let pause = |errors| plain().pause(S, errors, RateHint::default(), 0.0);
        assert_eq!(
            [pause(0), pause(1), pause(2), pause(4), pause(u32::MAX)],
            [S, S * 2, S * 4, S * 16, S * 30]
        );
    }

    #[test]
    fn what_the_platform_asks_for_is_never_undercut() {
        let fixed = Schedule::new(Timing::default(), Some(S * 2), None);
        let ask = |rate_hint| fixed.pause(S, 0, rate_hint, 1.0);
        assert_eq!(ask(RateHint::default()), S * 2);
        assert_eq!(ask(RateHint { retry_after: Some(S * 90), ..RateHint::default() }), S * 90);
        let counted = |remaining| RateHint {
            remaining: Some(remaining),
            reset_in: Some(S * 60),
            ..RateHint::default()
        };
        assert_eq!(ask(counted(0)), S * 60, "nothing left: wait for the reset");
        assert_eq!(ask(counted(20)), S * 6, "half of what is left, spread");
        assert_eq!(
            ask(RateHint { remaining: Some(0), ..RateHint::default() }),
            S * 2,
            "no reset named: nothing to wait for"
        );
    }

    #[test]
    fn a_documented_limit_is_used_at_most_by_half_with_room_for_the_last_look_and_the_log() {
        let limit = RateLimit { requests: 20, per: S * 60 };
        let schedule = Schedule::new(Timing::default(), Some(S), Some(limit));
        let pause = schedule.pause(S, 0, RateHint::default(), 1.0);
        let polls_a_minute = (60.0 / pause.as_secs_f64()).floor();
        assert!(polls_a_minute + 2.0 <= 10.0, "{polls_a_minute} polls, a last one and the log");
        let larger = RateLimit { requests: 60, per: S * 60 };
        assert_eq!(Schedule::new(Timing::default(), None, Some(larger)).spacing(), S * 2);
        let tiny = RateLimit { requests: 2, per: S * 60 };
        assert_eq!(Schedule::new(Timing::default(), None, Some(tiny)).spacing(), S * 60);
    }
}
