//! How long deployments usually take, and how many of them are still running at an age: arithmetic only, no clock.
//!
//! That is estimated from the earlier durations, each with a spread of its own, and a share that ends at any time,
//! because a deployment may fail early although none did before.

use std::time::Duration;

/// How many durations are kept: the newest.
const MOST: usize = 20;

/// Durations outside this range are ignored.
const PLAUSIBLE: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// The share of the deployments that end at any time, by chance, on average after the usual one. So early
/// failures are looked for: with a tenth, one at 0.3 of the usual length is noticed too late where none failed before.
const AT_ANY_TIME: f64 = 1.0 / 7.0;

/// How steep the distribution around each duration is: a spread of 13 %. That is the usual width of a kernel for ten
/// durations which spread by 20 %; between 10 and 17 it hardly matters.
const STEEPNESS: f64 = 14.0;

/// How long earlier deployments took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Vec<Duration>);

impl History {
    /// The durations of earlier deployments, the newest first. What cannot be one is left out.
    pub fn new(durations: impl IntoIterator<Item = Duration>) -> Self {
        let plausible = durations.into_iter().filter(|took| PLAUSIBLE.contains(took));
        let mut kept: Vec<Duration> = plausible.take(MOST).collect();
        kept.sort_unstable();
        Self(kept)
    }

    /// How many durations there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long a deployment usually takes: the median.
    pub fn usual(&self) -> Option<Duration> {
        self.0.get(self.0.len() / 2).copied()
    }

    /// The longest of them.
    pub fn longest(&self) -> Option<Duration> {
        self.0.last().copied()
    }

    /// The share of the deployments that are still running at this age; all of them, where nothing is known. Each
    /// duration is the median of a log-logistic distribution, because that one has a formula.
    pub fn running(&self, age: Duration) -> f64 {
        let Some(usual) = self.usual() else { return 1.0 };
        let times = |took: Duration| age.as_secs_f64() / took.as_secs_f64();
        let known: f64 = self.0.iter().map(|took| 1.0 / (1.0 + times(*took).powf(STEEPNESS))).sum();
        let count = f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        (1.0 - AT_ANY_TIME) * known / count + AT_ANY_TIME * (-times(usual)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_end_is_likely_when_others_ended_and_possible_before() {
        let history = History::new([80, 90, 95, 100, 105, 110, 120].map(|seconds| S * seconds));
        let ending = |history: &History, age| 1.0 - history.running(S * (age + 5)) / history.running(S * age);
        assert_eq!((history.usual(), history.longest()), (Some(S * 100), Some(S * 120)));
        assert_eq!((history.running(Duration::ZERO), History::default().running(S)), (1.0, 1.0));
        let (before, usual) = (ending(&history, 30), ending(&history, 100));
        assert!(usual > 20.0 * before && before > 0.005, "{usual} {before}");
        let failed = History::new([30, 80, 90, 95, 100, 105, 110, 120].map(|seconds| S * seconds));
        assert!(ending(&failed, 30) > 3.0 * before, "what failed early before");
    }

    #[test]
    fn what_cannot_be_a_duration_is_left_out_and_the_newest_count() {
        let absurd = [Duration::ZERO, Duration::MAX, Duration::from_nanos(1), S * 100_000];
        assert!(History::new(absurd).is_empty());
        assert_eq!((History::default().usual(), History::default().longest()), (None, None));
        let history = History::new((1..=50).map(|seconds| S * seconds));
        assert_eq!((history.len(), history.usual()), (20, Some(S * 11)));
    }

    #[test]
    fn no_age_and_no_duration_break_the_arithmetic() {
        for took in [Duration::from_millis(10), S, S * 60, S * 86_400] {
            for count in [1, 2, 100] {
                let history = History::new(std::iter::repeat_n(took, count));
                let ages = [Duration::ZERO, Duration::from_nanos(1), took / 2, took, took * 2, Duration::MAX];
                let running = ages.map(|age| history.running(age));
                assert!(running.is_sorted_by(|sooner, later| sooner >= later), "{took:?} {running:?}");
                assert!(running[0] < 1.000_001 && running[5] > 0.0, "{took:?} {running:?}");
            }
        }
    }
}
