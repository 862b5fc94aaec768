//! When to poll next: arithmetic only, no clock.
//!
//! The pause grows with the square root of the deployment's age, from a second to a quarter of a minute. Of all
//! deployments of an age, about the same share ends within such a pause, whatever the age: where lengths spread as they do
//! (lognormal, median 90 s, sigma 0.8), their ends are noticed 3 s late on average with 34 polls. A pause that is a share
//! of the age spends its polls on the first seconds, where nothing ends, and is coarse where deployments do end. No fixed
//! pause is as early with half as many polls at any length from 5 s to 30 min; `benches/follow` measures it.
//!
//! Where it is known how long earlier deployments took, the next poll comes when waiting any longer costs more than a
//! poll. An end within a pause is noticed half of the pause late on average, so the expected delay is that half times the
//! chance to end within it. The polls are dense around the usual end and sparse before. What a poll may cost grows with the square
//! root of the usual length: to be late by some seconds matters more after a minute than after an hour.
//!
//! The numbers were chosen by simulation, with ten durations of a spread of 20 % and one failure among them: after 1, 2, 5
//! and 10 min the end is noticed 1.2, 1.9, 3.8 and 6.4 s late with 15, 18, 23 and 29 polls; without a history 2.3, 3.3, 5.0
//! and 6.9 s with 25, 36, 58 and 83. A wrong history costs no polls: no more are made up to any age than without one. It
//! costs a pause at most, [`EARLY`] times the longest one, and the first is no longer than that one. A deployment that takes
//! longer than all before is polled at least as often as if there were no history.
//!
//! A limit of less than a request every two seconds is spent evenly, whatever the age: the platform has said what it
//! takes. A history would only spend less of it.

use std::time::Duration;

use tokio::time::Instant;

use super::history::History;
use super::rate::{Budget, RateHint};

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
    /// What a poll may cost where a history says when the end is likely: the expected delay in seconds, as a multiple of
    /// the square root of the usual length in seconds.
    pub poll_price: f64,
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
    /// The pause before a trigger that never left is sent again, times the attempts so far; after a 429 the shortest.
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
    /// How long the page may take to answer as expected after the platform's success, unless the user says otherwise.
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
            poll_price: 0.014,
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
            poll_price: self.poll_price / speed.sqrt(),
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

    /// How many polls there would be until this age without a history: the integral of one over the pause.
    fn polls_without_history(&self, age: Duration) -> f64 {
        let [shortest, longest, age] =
            [self.shortest_pause, self.longest_pause, age].map(|time| time.as_secs_f64());
        let [grows, stops] = [shortest, longest].map(|pause| (pause / self.age_factor).powi(2));
        let growing = 2.0 / self.age_factor * (age.clamp(grows, stops).sqrt() - grows.sqrt());
        age.min(grows) / shortest + growing + (age - stops).max(0.0) / longest
    }
}

/// Until the longest time known, a pause may be so many times the longest one. With more, a failure at 0.3 of ten minutes
/// would be noticed too late.
const EARLY: u32 = 3;

/// A pause is searched to a hundredth of a second.
const HALVINGS: u32 = 12;

/// The latest poll, and what else the pause after it depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polled<'a> {
    /// Now.
    pub(super) now: Instant,
    /// How old the deployment is.
    pub(super) age: Duration,
    /// How many polls were made.
    pub(super) polls: u32,
    /// How many of them failed in a row.
    pub(super) errors: u32,
    /// What the latest answer asks for.
    pub(super) hint: RateHint,
    /// A fixed pause (`poll-interval`).
    pub(super) interval: Option<Duration>,
    /// What is left of the platform's documented limit.
    pub(super) budget: Option<&'a Budget>,
    /// How long earlier deployments took.
    pub(super) history: &'a History,
    /// The random number for the jitter, in `0.0..1.0`.
    pub(super) chance: f64,
}

impl Polled<'_> {
    /// How long to wait before the next poll: never shorter than the platform asks for or documents, whatever interval was
    /// chosen.
    pub(super) fn pause(&self, timing: &Timing) -> Duration {
        let hint = self.hint;
        let spacing = self.budget.map_or(Duration::ZERO, |budget| budget.spacing(self.now));
        let is_tight = spacing >= timing.shortest_pause * 2;
        let chosen = match self.interval {
            Some(interval) => interval,
            None if is_tight => spacing,
            None => self.adaptive(timing).mul_f64(1.0 - timing.jitter * self.chance),
        };
        let backoff = match self.errors {
            0 => Duration::ZERO,
            n => timing.shortest_pause.saturating_mul(1 << n.min(16)).min(timing.longest_backoff),
        };
        let refused = match hint.retry_after {
            None if hint.refused => timing.rate_pause,
            _ => Duration::ZERO,
        };
        let suggested = hint.suggested.unwrap_or_default().min(timing.longest_backoff);
        // What is counted was used by us alone, unless somebody else is there.
        let is_alone = self.budget.is_some_and(|budget| !budget.is_shared(self.now));
        let asked = if is_alone { hint.blocked() } else { hint.least() };
        [backoff, spacing, refused, suggested, asked].into_iter().fold(chosen, Duration::max)
    }

    /// The pause at this age: by the history where there is one, but never for more polls than without it.
    fn adaptive(&self, timing: &Timing) -> Duration {
        let Timing { age_factor, shortest_pause, longest_pause, .. } = *timing;
        let without = Duration::from_secs_f64(age_factor * self.age.as_secs_f64().sqrt());
        let without = without.clamp(shortest_pause, longest_pause);
        let Some((usual, longest)) = self.history.usual().zip(self.history.longest()) else { return without };
        let most = match self.polls {
            0 => longest_pause,
            _ if self.age < longest => longest_pause * EARLY,
            _ => without,
        };
        let wanted = self.worth_a_poll(timing, usual, most);
        let is_saved = f64::from(self.polls) <= timing.polls_without_history(self.age.saturating_add(wanted));
        if is_saved { wanted } else { wanted.max(without) }
    }

    /// The pause after which the expected delay, which grows with it, is as much as a poll may cost.
    fn worth_a_poll(&self, timing: &Timing, usual: Duration, most: Duration) -> Duration {
        let price = timing.poll_price * usual.as_secs_f64().sqrt();
        let running = self.history.running(self.age);
        let (mut least, mut most) = (timing.shortest_pause, most);
        for _ in 0..HALVINGS {
            let pause = (least + most) / 2;
            let ends = 1.0 - self.history.running(self.age.saturating_add(pause)) / running;
            if pause.as_secs_f64() / 2.0 * ends < price { least = pause } else { most = pause }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::core::rate::RateLimit;

    const S: Duration = Duration::from_secs(1);

    /// A first poll at this age, of which nothing else is known.
    fn at(age: Duration) -> Polled<'static> {
        static NONE: LazyLock<History> = LazyLock::new(History::default);
        Polled {
            now: Instant::now(),
            age,
            polls: 0,
            errors: 0,
            hint: RateHint::default(),
            interval: None,
            budget: None,
            history: &NONE,
            chance: 0.0,
        }
    }

    fn pause(after: &Polled<'_>) -> Duration {
        after.pause(&Timing::default())
    }

    #[test]
    fn the_pause_grows_with_age_from_the_floor_to_the_cap() {
        let pause = |age| pause(&at(S * age));
        let close = |age, wanted: f64| (pause(age).as_secs_f64() - wanted).abs() < 0.01;
        assert!(close(0, 1.0) && close(2, 1.0) && close(25, 3.075) && close(100, 6.15) && close(400, 12.3));
        assert_eq!([pause(600), pause(86_400)], [S * 15, S * 15]);
    }

    #[test]
    fn jitter_takes_off_at_most_its_share_and_never_adds() {
        let full = pause(&at(S * 100));
        let least = pause(&Polled { chance: 1.0, ..at(S * 100) });
        assert_eq!(full, Duration::from_millis(6150));
        assert_eq!(least, full.mul_f64(0.9));
    }

    #[test]
    fn errors_back_off_to_the_cap_and_cannot_overflow() {
        let pause = |errors| pause(&Polled { errors, ..at(S) });
        assert_eq!(
            [pause(0), pause(1), pause(2), pause(4), pause(u32::MAX)],
            [S, S * 2, S * 4, S * 16, S * 30]
        );
    }

    #[test]
    fn what_the_platform_asks_for_is_never_undercut() {
        let ask = |hint| pause(&Polled { hint, interval: Some(S * 2), chance: 1.0, ..at(S) });
        assert_eq!(ask(RateHint::default()), S * 2);
        assert_eq!(ask(RateHint { retry_after: Some(S * 90), ..RateHint::default() }), S * 90);
        assert_eq!(ask(RateHint { refused: true, ..RateHint::default() }), S * 10, "a 429 without a time");
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
    fn a_tight_limit_is_spent_evenly_and_a_wide_one_never_binds() {
        let limited = |requests, interval, age| {
            let budget = Budget::new(RateLimit { requests, per: S * 60 });
            pause(&Polled { interval, budget: Some(&budget), ..at(S * age) })
        };
        for age in [0, 60, 3600] {
            assert_eq!(limited(20, None, age), S * 60 / 18, "{age}");
            assert_eq!(limited(500, None, age), pause(&at(S * age)), "{age}");
        }
        assert_eq!(
            [limited(20, Some(S), 5), limited(2, None, 5), limited(0, None, 5)],
            [S * 60 / 18, S * 60, S * 60]
        );
    }

    #[test]
    fn a_history_makes_the_polls_sparse_before_the_usual_end_and_dense_around_it() {
        let history = History::new([80, 85, 90, 95, 100, 100, 105, 110, 115, 120].map(|part| S * 6 * part));
        let with = |age: u32, polls| pause(&Polled { polls, history: &history, ..at(S * age) });
        let without = |age: u32| pause(&at(S * age));
        assert!((S * 43..=S * 45).contains(&with(200, 5)), "the longest there is: {:?}", with(200, 5));
        assert!(with(600, 9) < S * 12 && with(600, 9) > S * 7, "{:?}", with(600, 9));
        assert_eq!(with(1000, 15), without(1000), "longer than ever");
        assert_eq!(with(600, 90), without(600), "no more polls than without");
        assert!(with(0, 0) <= S * 15, "the first one: {:?}", with(0, 0));
        let history = History::new([S * 60; 10]);
        let early = pause(&Polled { polls: 2, history: &history, ..at(S * 20) });
        assert!(early > S * 6 && early < S * 12, "{early:?}");
    }
}
