//! What a person reads of the CI job itself: its time limit, its starts.

use std::time::Duration;

use crate::text::format::duration;

/// The job's own time limit leaves less than the follow was to take.
#[must_use]
pub fn cut_short(left: Duration) -> String {
    format!("The CI job's time limit leaves only {} to follow the deployment.", duration(left))
}

/// A second start of the image's entrypoint in one job whose first did not come to its end.
pub const STARTED_BEFORE: &str = "This job has already started the image, and that run did not finish. A deployment may be running, so nothing is triggered again. Check the deployment history in the dashboard before you trigger again.";

/// A second start of the image's entrypoint in one job.
pub const AFTER_SCRIPT: &str = "This job has already run the image, so this is its after_script. Nothing is triggered again, and the report files are not changed.";
