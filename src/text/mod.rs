//! Pure renderers: a report in, a string out.

pub mod format;
pub mod gitlab_artifacts;
pub mod json;
pub mod markdown;
pub mod messages;
pub mod outputs;
mod report_kind;
pub mod timeline;

use std::time::Duration;

pub use self::report_kind::{CodeHost, Fix, ReportError, ReportKind, ReportResult};

/// What a reader must know beside the report to make sense of it.
#[derive(Clone, Debug, Default)]
pub struct RunContext {
    /// The environment's name, as the user gave it.
    pub environment: Option<String>,
    /// Where the deployed site lives.
    pub environment_url: Option<String>,
    /// Where the hook lives, with stars for its secret.
    pub hook: String,
    /// What began the run, where the CI says so.
    pub cause: Option<String>,
    /// The deadline.
    pub timeout: Duration,
    /// Whether the CI job's own time limit, not the user, set the deadline.
    pub cut_short: bool,
    /// `on-canceled: pass`.
    pub pass_canceled: bool,
    /// On the embedded platform: how many times as fast it is as a real one.
    pub sandbox: Option<f64>,
}
