//! How long a deployment has been in its state, how long it usually takes, and when the run stops waiting.

use std::time::Duration;

use crate::text::format::{cut, duration};

/// What a run is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// The state, or what the run does instead of following.
    pub state: &'a str,
    /// For how long.
    pub in_state: Duration,
    /// How long a deployment usually takes, where it is known.
    pub usual_duration: Option<Duration>,
    /// Until the deadline.
    pub left: Duration,
}

impl Waiting<'_> {
    /// The live line in two parts, of at most `width` characters together: the state with its time, and what else fits.
    pub fn live(&self, width: usize) -> (String, String) {
        let (took, left) = (seconds(self.in_state), seconds(self.left));
        let usual = self.usual_duration.map(usual).unwrap_or_default();
        let state = format!("{} {took}", self.state);
        let rests = [
            format!("{usual} · times out in {left}"),
            format!(" · times out in {left}"),
            format!(" · {left} left"),
            String::new(),
        ];
        let fits = |rest: &String| state.chars().count() + rest.chars().count() <= width;
        if let Some(rest) = rests.into_iter().find(fits) {
            return (state, rest);
        }
        let word = cut(self.state, width.saturating_sub(took.len() + 1).max(1));
        (format!("{word} {took}"), String::new())
    }

    /// The line of a log without a live line: `still building after 1m 05s · times out in 13m 55s`.
    pub(super) fn heartbeat(&self) -> String {
        let state = if self.state.is_empty() { "in progress" } else { self.state };
        let usual = self.usual_duration.map(usual).unwrap_or_default();
        format!("still {state} after {}{usual} · times out in {}", seconds(self.in_state), seconds(self.left))
    }
}

/// How long a deployment usually takes, behind something else.
pub fn usual(usual: Duration) -> String {
    format!(" · usually {}", duration(usual))
}

/// In whole seconds: a line that changes has no use for tenths.
fn seconds(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..10 => format!("{s}s"),
        s => duration(Duration::from_secs(s)),
    }
}
