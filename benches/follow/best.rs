//! The best possible: how late anything has to be on average that makes so many polls, if it knows how the ends are spread.
//!
//! Dynamic programming over the ends themselves, as a poll right at an end is never worse than one a little later. A price
//! of a poll, in seconds of delay, is searched for that makes the wanted number of them the cheapest.

/// Of the ends, so many are looked at.
const STEPS: usize = 400;

/// The least mean delay with at most this many polls on average.
pub(super) fn late(ends: &[f64], polls: f64) -> f64 {
    let mut sorted = ends.to_vec();
    sorted.sort_by(f64::total_cmp);
    let steps = STEPS.min(sorted.len());
    let ends: Vec<f64> = (1..=steps).map(|step| sorted[step * sorted.len() / steps - 1]).collect();
    let (mut cheap, mut dear) = (1e-4_f64, 1e4_f64);
    for _ in 0..40 {
        let price = (cheap * dear).sqrt();
        if cheapest(&ends, price).1 > polls { cheap = price } else { dear = price }
    }
    cheapest(&ends, dear).0
}

/// The mean delay and the mean number of polls at this price of a poll.
fn cheapest(ends: &[f64], price: f64) -> (f64, f64) {
    let count = ends.len();
    // What follows when the first `n` ends are over and seen: cost, delay, polls, as sums over the deployments left.
    let mut after = vec![(0.0_f64, 0.0_f64, 0.0_f64); count + 1];
    let mut sums = vec![0.0; count + 1];
    for (n, end) in ends.iter().enumerate() {
        sums[n + 1] = sums[n] + end;
    }
    for n in (0..count).rev() {
        let left = float(count - n);
        let poll = |next: usize| {
            let delay = ends[next - 1] * float(next - n) - (sums[next] - sums[n]);
            let (cost, late, polls) = after[next];
            (delay + price * left + cost, delay + late, left + polls)
        };
        after[n] = (n + 1..=count).map(poll).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
    }
    (after[0].1 / float(count), after[0].2 / float(count))
}

fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
