//! What a user wants reported, and the checks of tokens.

use tokio::sync::watch;

use crate::error::Signal;
use crate::secrets::Token;
use crate::text::{CodeHost, ReportKind};

/// What a token of the CI's was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenCheck {
    /// The token's name among the inputs, or the runner's for it.
    pub token: &'static str,
    /// Whether the code host accepts it, as far as that can be known without writing.
    pub good: bool,
    /// What was found.
    pub found: String,
    /// What to do, or what cannot be known.
    pub fix: String,
}

/// What a user wants reported, and as what.
#[derive(Clone, Debug)]
pub(crate) struct ReportOptions<'a> {
    pub kinds: Vec<ReportKind>,
    /// Whether they were named one by one.
    pub named: bool,
    /// Context of the status, name of the check.
    pub name: &'a str,
    /// The commit, where the user chose one.
    pub sha: Option<&'a str>,
    pub token: Option<&'a Token>,
    /// Receives the runner's signals.
    pub stop: Option<Stop>,
}

impl ReportOptions<'_> {
    /// The wanted kinds that a token is needed for at this code host.
    pub(crate) fn written_at(&self, code_host: CodeHost) -> impl Iterator<Item = ReportKind> {
        let kinds = self.kinds.iter().copied();
        kinds.filter(move |kind| *kind != ReportKind::Summary && code_host.has(*kind))
    }
}

/// Receives the first signal.
pub(crate) type Stop = watch::Receiver<Option<Signal>>;

/// What the log says beside the run's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Something to act on.
    Warning(String),
    /// Something to know.
    Line(String),
}
