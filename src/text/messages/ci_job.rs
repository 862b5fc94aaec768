//! Messages about the CI job: its time limit, and repeated starts of the image.

use std::time::Duration;

use crate::text::format::duration;

/// The job's time limit ends before `timeout`.
pub fn cut_short(left: Duration) -> String {
    format!("The CI job's time limit leaves only {} to follow the deployment.", duration(left))
}

/// The image's entrypoint was started again in one job, and the first start did not finish.
pub const STARTED_BEFORE: &str = "This job has already started the image, and that run did not finish. A deployment may be running, so nothing is triggered again. Check the deployment history in the dashboard before you trigger again.";

/// The image's entrypoint was started again in one job.
pub const AFTER_SCRIPT: &str = "This job has already run the image, so this is its after_script. Nothing is triggered again, and the report files are not changed.";
