//! How long deployments usually take, and how likely one ends at an age: arithmetic only, no clock.
//!
//! The chance to end is estimated from the earlier durations, each with a spread of its own, and a small part that ends
//! at any time, so that early failures are expected as well, the more where there were some.

use std::time::Duration;

/// How many durations are kept: the newest.
const MOST: usize = 20;

/// Shorter or longer ones are none of a deployment.
const PLAUSIBLE: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// The weight of what may end at any time, in durations, and how often it ends within the time it took so far.
const UNEXPECTED: (f64, f64) = (0.3, 0.5);

/// How steep the distribution around one of ten durations is: a spread of 15 %. With more of them it is steeper, by the
/// usual rule for kernels, the fifth root of their number.
const STEEPNESS: f64 = 12.0;

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

    /// The share of the deployments of this age that would end within the next second, if they went on ending so. `None`:
    /// they take longer than any before, or nothing is known. Each duration is the median of a log-logistic
    /// distribution, because that one has a formula.
    #[must_use]
    pub fn hazard(&self, age: Duration) -> Option<f64> {
        let longest = self.0.last()?.as_secs_f64();
        if age.as_secs_f64() > longest * BEYOND {
            return None;
        }
        let age = age.as_secs_f64().max(longest / 1e6);
        let count = f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        let steepness = STEEPNESS * (count / 10.0).powf(0.2);
        let (weight, rate) = UNEXPECTED;
        let (mut ending, mut left) = (weight * rate / age, weight);
        for took in &self.0 {
            let odds = (age / took.as_secs_f64()).powf(steepness);
            let survivors = 1.0 / (1.0 + odds);
            left += survivors;
            ending += survivors * (1.0 - survivors) * steepness / age;
        }
        Some(ending / left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_end_is_likely_when_others_ended_and_possible_before() {
        let history = History::new([80, 90, 95, 100, 105, 110, 120].map(|seconds| S * seconds));
        let hazard = |age| history.hazard(S * age).unwrap();
        assert_eq!(history.usual(), Some(S * 100));
        assert!(hazard(100) > 20.0 * hazard(50) && hazard(50) > 0.0, "{} {}", hazard(100), hazard(50));
        assert_eq!(history.hazard(S * 157), None, "longer than ever");
        let failed = History::new([30, 80, 90, 95, 100, 105, 110, 120].map(|seconds| S * seconds));
        assert!(failed.hazard(S * 30) > Some(3.0 * hazard(30)), "what failed early before");
    }

    #[test]
    fn what_cannot_be_a_duration_is_left_out_and_the_newest_count() {
        let absurd = [Duration::ZERO, Duration::MAX, Duration::from_nanos(1), S * 100_000];
        assert!(History::new(absurd).is_empty());
        assert_eq!((History::default().usual(), History::default().hazard(S)), (None, None));
        let history = History::new((1..=50).map(|seconds| S * seconds));
        assert_eq!((history.len(), history.usual()), (20, Some(S * 11)));
    }

    #[test]
    fn no_age_and_no_duration_break_the_arithmetic() {
        for took in [Duration::from_millis(10), S, S * 60, S * 86_400] {
            for count in [1, 2, 100] {
                let history = History::new(std::iter::repeat_n(took, count));
                for age in [Duration::ZERO, Duration::from_nanos(1), took / 2, took, took * 2, Duration::MAX]
                {
                    let hazard = history.hazard(age);
                    assert!(
                        hazard.is_none_or(|hazard| hazard.is_finite() && hazard > 0.0),
                        "{took:?} {age:?}"
                    );
                    assert_eq!(hazard.is_some(), age <= took, "{took:?} {age:?}");
                }
            }
        }
    }
}
