//! Any other hook: triggered and not followed, because nothing is known about how its deployments are read.

use url::Url;

use super::facts::Facts;
use super::platform::Platform;

/// The platform of every hook that no other one owns.
pub(super) struct Other;

impl Platform for Other {
    fn facts(&self) -> &'static Facts {
        &Facts { name: "other", known_by: "everything else", followed: "not", ..Facts::NONE }
    }

    fn owns(&self, _: &Url, _: bool) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platforms::Acceptance;
    use crate::secrets::Redactor;

    fn acceptance(body: &str) -> Acceptance {
        Other.acceptance(200, body.as_bytes(), &Redactor::default())
    }

    #[test]
    fn a_key_that_says_nothing_is_no_error() {
        for nothing in ["null", "false", "0", "0.0", "\"\"", "\" \"", "[]", "{}", "[null]", r#"{"code":0}"#] {
            for key in ["error", "errors"] {
                let body = format!(r#"{{"{key}":{nothing}}}"#);
                assert_eq!(acceptance(&body), Acceptance::Unnamed { at: None }, "{body}");
            }
        }
    }
}
