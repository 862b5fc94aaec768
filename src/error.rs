//! Problems with inputs, each with its fix, and the table of exit codes.

use std::fmt;

use crate::core::state::Outcome;

/// Exit code for bad input or configuration. Nothing was sent.
pub const BAD_INPUT: u8 = 2;

/// The signal that ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C, GitHub's first.
    Interrupt,
    /// SIGTERM: GitLab's, GitHub's second. SIGHUP and SIGQUIT are taken for it.
    Terminate,
}

impl Signal {
    /// 128 and the signal's number, as shells have it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// The process's exit code for an outcome. `pass_canceled` is `on-canceled: pass`.
pub fn exit_code(outcome: Outcome, pass_canceled: bool, signal: Option<Signal>) -> u8 {
    match outcome {
        Outcome::Succeeded | Outcome::Triggered | Outcome::Skipped => 0,
        Outcome::Failed => 1,
        Outcome::Refused => 3,
        Outcome::Unreachable => 4,
        Outcome::Uncertain => 5,
        Outcome::TimedOut => 6,
        Outcome::Lost => 7,
        Outcome::Canceled | Outcome::Superseded if pass_canceled => 0,
        Outcome::Canceled | Outcome::Superseded => 8,
        Outcome::Unverified => 9,
        Outcome::Interrupted => signal.unwrap_or(Signal::Interrupt).exit_code(),
    }
}

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The input, and where its value came from.
    pub input: String,
    /// The value, unless it is a secret.
    pub value: Option<String>,
    /// What is wrong with it.
    pub wrong: String,
    /// What is allowed, and what to do.
    pub fix: String,
}

impl Problem {
    /// What is wrong with an input, and how to fix it; its value is not shown.
    pub fn new(input: impl Into<String>, (wrong, fix): (impl Into<String>, impl Into<String>)) -> Self {
        Self { input: input.into(), value: None, wrong: wrong.into(), fix: fix.into() }
    }

    /// The same, with the value.
    #[must_use]
    pub fn with_value(self, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.input)?;
        if let Some(value) = &self.value {
            write!(f, "\"{value}\" ")?;
        }
        write!(f, "{}. {}", self.wrong, self.fix)
    }
}

/// Everything that is wrong with the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Each problem as a text.
    pub fn listed(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.listed().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_that_provably_sent_nothing_exits_with_the_code_that_may_be_retried() {
        let code = |outcome| exit_code(outcome, false, None);
        let retryable: Vec<Outcome> =
            Outcome::ALL.into_iter().filter(|outcome| code(*outcome) == 4).collect();
        assert_eq!(retryable, [Outcome::Unreachable]);
        assert!(Outcome::ALL.into_iter().all(|outcome| code(outcome) != BAD_INPUT));
    }

    #[test]
    fn a_pass_for_canceled_is_a_pass_for_superseded_and_for_nothing_else() {
        let changed = |outcome: &Outcome| exit_code(*outcome, true, None) != exit_code(*outcome, false, None);
        let passed: Vec<Outcome> = Outcome::ALL.into_iter().filter(changed).collect();
        assert_eq!(passed, [Outcome::Canceled, Outcome::Superseded]);
    }

    #[test]
    fn an_interruption_exits_as_shells_expect() {
        assert_eq!(exit_code(Outcome::Interrupted, false, Some(Signal::Interrupt)), 130);
        assert_eq!(exit_code(Outcome::Interrupted, false, Some(Signal::Terminate)), 143);
    }
}
