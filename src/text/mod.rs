//! Pure renderers: a report in, a string out.

pub mod format;
pub mod gitlab_artifacts;
pub mod json;
pub mod log;
pub mod markdown;
pub mod messages;
pub mod outputs;
mod report_kind;
pub mod timeline;

use std::time::Duration;

pub use self::report_kind::{CodeHost, Fix, ReportError, ReportKind, ReportResult};

/// What the texts need to know about a run in addition to its report.
#[derive(Clone, Debug, Default)]
pub struct RunContext {
    /// The platform's name; empty if it is not known.
    pub platform: &'static str,
    /// The environment's name, from the input.
    pub environment: Option<String>,
    /// The URL of the deployed site.
    pub environment_url: Option<String>,
    /// The hook URL, with `***` instead of its secret.
    pub hook: String,
    /// What started the run, if the CI provides it.
    pub cause: Option<String>,
    /// The deadline.
    pub timeout: Duration,
    /// Whether the CI job's own time limit, not the user, set the deadline.
    pub cut_short: bool,
    /// `on-canceled: pass`.
    pub pass_canceled: bool,
    /// The speed of the embedded platform relative to a real one, if it is used.
    pub sandbox: Option<f64>,
}
