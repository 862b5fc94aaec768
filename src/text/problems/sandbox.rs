//! Problems with the options of the embedded platform.

use std::io;

use super::values::Advice;

pub(crate) const ONLY_WITH_SANDBOX: Advice =
    ("is for the embedded platform alone", "Add --sandbox, or leave it out.");

pub(crate) const CHOOSE_PLATFORM: &str = "Name one of them, or leave it out.";
pub(crate) const CHOOSE_GENERATION: &str = "Leave it out, or choose another --platform.";
pub(crate) const CHOOSE_SCENARIO: &str = "`deploy-hook sandbox --scenario list` shows every scenario.";
pub(crate) const CHOOSE_SPEED: &str = "Leave it out for the default.";

/// A port that cannot be listened on.
pub(crate) fn port(error: &io::Error) -> (String, &'static str) {
    const OTHER: &str = "Choose another port, or leave it out for any free one.";
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ("is in use by another program, perhaps by another sandbox".to_owned(), OTHER)
        }
        io::ErrorKind::PermissionDenied => {
            ("may not be opened by this user: ports below 1024 are for root".to_owned(), OTHER)
        }
        _ => (format!("cannot be listened on ({error})"), OTHER),
    }
}
