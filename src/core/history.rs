//! How long deployments usually take, and how often to poll by it: arithmetic only, no clock.
//!
//! The fewest polls for the least delay are at a rate that follows the square root of the chance to end just then (the
//! hazard): twice as many where four times as many end. That chance is estimated from the earlier durations, each with
//! a spread of its own, and a small part that ends at any time. So the polls are dense around the usual end, sparse
//! before, with an eye on what failed early before; a deployment that takes longer than all others is polled as if there
//! were no history.
//!
//! The numbers were chosen by simulation, with ten durations of a spread of 20 % and one failure in ten. Against no
//! history that is about a third to two thirds of the polls, and the end is noticed sooner: 1.3 s late at 1 min, 6.6 s at
//! 10 min; `benches/follow.rs` measures it. A wrong history costs no more polls than none, because those that were not
//! made before the usual time are all that may be made more of in it ([`Schedule`](super::schedule::Schedule) counts). It
//! never makes a pause longer than a seventh of what is usual, nor longer than `longest_early`.

use std::time::Duration;

use super::schedule::Timing;

/// How many durations are kept: the newest.
const MOST: usize = 20;

/// Shorter or longer ones are none of a deployment.
const PLAUSIBLE: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// The weight of what may end at any time, in durations, and how often it ends within the time it took so far.
const UNEXPECTED: (f64, f64) = (0.3, 0.5);

/// How steep the distribution around one of ten durations is: a spread of 15 %. With more of them it is steeper, by the
/// usual rule for kernels, the fifth root of their number.
const STEEPNESS: f64 = 12.0;

/// The longest pause is this part of what is usual.
const PART: u32 = 7;

/// From this multiple of the longest duration on, the history says nothing.
const BEYOND: f64 = 1.3;

/// How long earlier deployments took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Vec<Duration>);

impl History {
    /// The durations of earlier deployments, the newest first. What cannot be one is left out.
    #[must_use]
    pub fn new(durations: impl IntoIterator<Item = Duration>) -> Self {
        let plausible = durations.into_iter().filter(|took| PLAUSIBLE.contains(took));
        let mut kept: Vec<Duration> = plausible.take(MOST).collect();
        kept.sort_unstable();
        Self(kept)
    }

    /// How many durations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long a deployment usually takes: the median.
    #[must_use]
    pub fn usual(&self) -> Option<Duration> {
        self.0.get(self.0.len() / 2).copied()
    }

    /// The pause at this age, or `None` where the history says nothing of it. `without` is the pause without one.
    #[must_use]
    pub(super) fn pause(&self, age: Duration, without: Duration, timing: &Timing) -> Option<Duration> {
        let (usual, longest) = (self.usual()?, *self.0.last()?);
        if age > longest.mul_f64(BEYOND) {
            return None;
        }
        // A minute's length is missed by more than an hour's: the pause grows with the fourth root of what is usual.
        let wanted = timing.history_factor * usual.as_secs_f64().powf(0.25) / self.hazard(age).sqrt();
        let longest = (usual / PART).min(timing.longest_early).max(without);
        Some(Duration::try_from_secs_f64(wanted).unwrap_or(longest).min(longest).max(timing.shortest_pause))
    }

    /// The share of the deployments of this age that end within the next second, if they went on ending so.
    /// Each duration is the median of a log-logistic distribution, because that has a formula.
    fn hazard(&self, age: Duration) -> f64 {
        let age = age.as_secs_f64().max(0.001);
        let count = f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        let steepness = STEEPNESS * (count / 10.0).powf(0.2);
        let (weight, rate) = UNEXPECTED;
        let (mut ending, mut left) = (weight * rate / age, weight);
        for took in &self.0 {
            let odds = (age / took.as_secs_f64()).powf(steepness);
            let survivors = 1.0 / (1.0 + odds);
            left += survivors;
            // Of a large number, not a number divided by itself.
            ending += survivors * (1.0 - survivors) * steepness / age;
        }
        ending / left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn about(seconds: u32) -> History {
        History::new([80, 85, 90, 95, 100, 100, 105, 110, 115, 120].map(|percent| S * seconds * percent / 100))
    }

    fn pause(history: &History, age: u32) -> Option<Duration> {
        let without = Duration::from_secs_f64(0.615 * f64::from(age).sqrt()).clamp(S, S * 15);
        history.pause(S * age, without, &Timing::default())
    }

    #[test]
    fn polls_are_dense_around_the_usual_end_and_sparse_before_it() {
        let history = about(300);
        let [early, usual] = [150, 300].map(|age| pause(&history, age).unwrap());
        assert_eq!(early, S * 36, "an eye on what fails early");
        assert!(usual < S * 9 && usual > S * 5, "{usual:?}");
        assert_eq!(pause(&history, 500), None, "longer than ever");
        assert_eq!(pause(&about(60), 20), Some(S * 60 / 7), "a seventh of what is usual");
    }

    #[test]
    fn an_early_failure_of_before_is_watched_for() {
        let with = History::new([30, 100, 100, 100, 100].map(|seconds| S * seconds));
        let without = History::new([100, 100, 100, 100, 100].map(|seconds| S * seconds));
        assert!(pause(&with, 30).unwrap() * 2 < pause(&without, 30).unwrap());
    }

    #[test]
    fn no_history_and_no_age_break_the_arithmetic() {
        let absurd = [Duration::ZERO, Duration::MAX, Duration::from_nanos(1), S * 100_000];
        assert!(History::new(absurd).is_empty());
        assert_eq!((History::default().usual(), pause(&History::default(), 5)), (None, None));
        for took in [Duration::from_millis(10), S, S * 60, S * 86_400] {
            for count in [1, 2, 100] {
                let history = History::new(std::iter::repeat_n(took, count));
                assert_eq!((history.len(), history.usual()), (count.min(20), Some(took)));
                for age in [Duration::ZERO, Duration::from_nanos(1), took, took * 2, S * 86_400, Duration::MAX] {
                    if let Some(pause) = history.pause(age, S, &Timing::default()) {
                        assert!((S..=S * 36).contains(&pause), "{took:?} {age:?}: {pause:?}");
                    }
                }
            }
        }
    }
}
