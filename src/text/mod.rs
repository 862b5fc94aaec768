//! Pure renderers: a report in, a string out.

pub mod format;
pub(crate) mod gitlab_artifacts;
pub mod json;
pub mod log;
pub mod markdown;
pub mod messages;
pub mod outputs;
pub(crate) mod problems;
mod report_kind;
pub(crate) mod timeline;

use std::time::Duration;

use url::Url;

pub use self::report_kind::{CodeHost, Fix, ReportError, ReportKind, ReportResult};

/// What the texts need to know about a run in addition to its report.
#[derive(Clone, Debug, Default)]
pub struct RunContext {
    /// The platform's name; empty if it is not known.
    pub platform: &'static str,
    /// The platform's states in which the code is built, with spaces between them, in small letters and with `_` within.
    pub building: &'static str,
    /// Those in which the new code may be live already.
    pub post_deploy: &'static str,
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
    /// The page that is verified, as it may be shown: a URL, or a path on the deployed site.
    pub page: Option<String>,
    /// The speed of the embedded platform relative to a real one, if it is used.
    pub sandbox: Option<f64>,
}

impl RunContext {
    /// The page that is verified: its whole URL once the site's address is known, until then the path.
    pub fn page_url(&self) -> Option<String> {
        let page = self.page.as_deref()?;
        let on_site = || Url::parse(self.environment_url.as_deref()?).ok()?.join(page).ok();
        let whole = if page.starts_with('/') { on_site().map(String::from) } else { None };
        Some(whole.unwrap_or_else(|| page.to_owned()))
    }
}
