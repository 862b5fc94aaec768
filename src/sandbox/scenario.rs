//! What a scenario can say: how a deployment goes, and what goes wrong on the wire.

use super::{log::Lines, table::SCENARIOS};

/// A name a user can choose, with everything it changes. Times are seconds at speed 1.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// One line for help texts.
    pub(super) about: &'static str,
    /// The states a deployment goes through, in the draft's upper case, each with how long it lasts.
    pub(super) stages: &'static [(&'static str, f64)],
    /// The final state; `None` never ends.
    pub(super) end: Option<&'static str>,
    /// The build log, in parts that follow each other.
    pub(super) log: &'static [Lines],
    /// Reads of the deployment answer 404 until this age, in seconds.
    pub(super) hidden_until: f64,
    /// Reads of the deployment answer 404 from this age on, in seconds.
    pub(super) hidden_from: f64,
    /// The age, in seconds, at which somebody else triggers the same environment.
    pub(super) rival_at: Option<f64>,
    /// Errors repeat the requested URL, secret included, as careless servers do.
    pub(super) echoes: bool,
    pub(super) on_trigger: OnTrigger,
    pub(super) on_read: OnRead,
}

/// What happens to a request that asks for a deployment.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum OnTrigger {
    /// Accepted and answered.
    Answer,
    /// Accepted; the answer comes twenty seconds later.
    Delay,
    /// Accepted; the answer is spoilt.
    Spoil(Spoil),
    /// Accepted; the connection closes without an answer.
    Lose,
    /// Nothing starts; the connection closes without an answer.
    LoseUnstarted,
    /// Nothing starts; the connection is reset.
    Reset,
    /// Every other trigger is refused for its rate, beginning with the first.
    LimitFirst,
    /// Every trigger is refused for its rate.
    Limit,
    /// Nothing starts; this status is answered.
    Refuse(u16, &'static str),
    /// Answered with a redirect to a path that would count as a trigger.
    Redirect,
}

/// What happens to a request that reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum OnRead {
    /// Answered.
    Answer,
    /// Answered, spoilt.
    Spoil(Spoil),
    /// Every third read is refused for its rate.
    LimitThird,
    /// Reads three to six are answered 503.
    Burst,
    /// Every read is answered 503.
    Dead,
}

/// How an answer becomes useless.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Spoil {
    /// The connection ends in the middle of the body.
    Truncate,
    /// A page of HTML with status 200.
    Html,
    /// JSON whose values have the wrong types.
    Absurd,
    /// Good JSON, but more than a mebibyte of it.
    Huge,
}

/// The scenario of this name.
pub(super) fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

/// The name nearest to what was typed, if it is near enough to be a slip.
pub(super) fn nearest(typed: &str) -> Option<&'static str> {
    let near = |name: &str| name.len().max(typed.len()) / 3;
    SCENARIOS
        .iter()
        .map(|scenario| (distance(typed, scenario.name), scenario.name))
        .filter(|(distance, name)| *distance <= near(name))
        .min()
        .map(|(_, name)| name)
}

/// How many letters must be added, dropped or replaced to come from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_nonsense_is_not() {
        assert_eq!(nearest("succeed"), Some("success"));
        assert_eq!(nearest("build-fail"), Some("build-fails"));
        assert_eq!(nearest("quantum"), None);
    }

    #[test]
    fn names_are_unique_and_logs_in_order() {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[index + 1..].iter().all(|other| other.name != scenario.name));
            let times: Vec<f64> = scenario.log.iter().copied().flatten().map(|(at, _)| *at).collect();
            assert!(times.is_sorted(), "{}", scenario.name);
            let run: f64 = scenario.stages.iter().map(|(_, seconds)| seconds).sum();
            let whole = run > 0.0 && scenario.end.is_some();
            assert!(!whole || times.iter().all(|at| *at <= run), "{}", scenario.name);
        }
    }
}
