//! What a person reads of the CI job itself: its time limit, its starts.

use std::time::Duration;

use crate::text::format::duration;

/// The job's own time limit leaves less than the follow was to take.
#[must_use]
pub fn cut_short(left: Duration) -> String {
    format!(
        "The job's own time limit leaves {}: the deployment is followed no longer than that.",
        duration(left)
    )
}

/// A second start of the image's entrypoint in one job whose first did not come to its end.
pub const STARTED_BEFORE: &str = "This job has started the image before, and that start did not come to its end: a deployment may be running. \
    Nothing is triggered again. Look at the deployment history in the dashboard before you trigger again.";

/// A second start of the image's entrypoint in one job.
pub const AFTER_SCRIPT: &str = "This job has started the image before, so this is its after_script: nothing is triggered again, and the \
    report files stay as they are.";
