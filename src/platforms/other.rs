//! Any other hook: triggered and not followed, because nothing is known about how its deployments are read.

use serde_json::Value;
use url::Url;

use super::body::{self, says_no};
use super::facts::Facts;
use super::platform::{Acceptance, Platform};
use crate::secrets::Redactor;

/// The platform of every hook that no other one owns.
pub(super) struct Other;

impl Platform for Other {
    fn facts(&self) -> &'static Facts {
        &Facts { name: "other", known_by: "everything else", followed: "not", ..Facts::NONE }
    }

    fn owns(&self, _: &Url, _: bool) -> bool {
        true
    }

    /// Any success status is an acceptance, whatever the body, unless that is JSON that reports an error.
    fn acceptance(&self, status: u16, body: &[u8], redactor: &Redactor) -> Acceptance {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        if !says_no(&answer) {
            return Acceptance::Unnamed { at: None };
        }
        Acceptance::says_no(status, self.error(body, redactor))
    }

    /// The text in the fields that APIs usually have for one.
    fn error(&self, body: &[u8], redactor: &Redactor) -> Option<String> {
        const FIELDS: [&str; 6] = ["error", "errors", "message", "detail", "description", "title"];
        body::error(body, &FIELDS, redactor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
