//! What the reports of a run at GitHub are about.

use serde::{Deserialize, Serialize};

/// What the reports are about.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct GitHubTarget {
    /// Context of the status, name of the check.
    pub(super) name: String,
    pub(super) sha: String,
    /// The URL of the run's page; empty where it is not known.
    pub(super) run_url: String,
    /// The environment of a GitHub Deployment.
    pub(super) environment: String,
    pub(super) site: Option<String>,
    /// The pull request of the comment.
    pub(super) pull: Option<u64>,
    /// Marks this run's reports, so that one is found again whose creation was not answered.
    pub(super) mark: String,
}
