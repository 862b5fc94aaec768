//! What Laravel's platforms have in common: deployments as JSON:API documents, and the form of an error.

use serde_json::Value;

use super::body::{cleaned, id};
use super::platform::{Deployment, one_or_list};
use crate::core::state::Phase;
use crate::secrets::Redactor;

/// How a platform names what it says of a deployment, and what its state words mean.
pub(super) struct Attributes {
    /// When the deployment was made.
    pub(super) created: &'static str,
    /// When it ended.
    pub(super) ended: &'static str,
    /// Why it failed.
    pub(super) message: &'static str,
    /// What a state word means.
    pub(super) phase: fn(&str) -> Phase,
}

impl Attributes {
    /// The deployments in a document's `data`, one or a list, the newest first; `None` where it holds anything else.
    /// `included` and `relationships` hold other resources, which may have a state as well.
    pub(super) fn deployments(&self, body: &Value, redactor: &Redactor) -> Option<Vec<Deployment>> {
        let mut found = one_or_list(body.get("data")?, &|one| self.deployment(one, redactor))?;
        // One without a time has not begun.
        let time = |one: &Deployment| one.snapshot.created_at.or(one.ended_at);
        found.sort_by_key(|one| (time(one).is_some(), std::cmp::Reverse(time(one))));
        Some(found)
    }

    /// Only the id and the type have to be there: of a deployment without attributes no state is known.
    fn deployment(&self, resource: &Value, redactor: &Redactor) -> Option<Deployment> {
        let attributes = &resource["attributes"];
        let is_deployment = match &resource["type"] {
            Value::Null => attributes["status"].is_string(),
            kind => kind == "deployments",
        };
        if !is_deployment {
            return None;
        }
        let word = cleaned(attributes, "status", redactor, 64);
        let (id, phase) = (id(&resource["id"])?, (self.phase)(&word));
        let (created, ended) = (&attributes[self.created], &attributes[self.ended]);
        let mut deployment = Deployment::of_api(id, word, phase, created, ended);
        deployment.snapshot.message = cleaned(attributes, self.message, redactor, 300);
        deployment.origin = commit(attributes, redactor);
        Some(deployment)
    }
}

/// The hash of the commit that is deployed, which both names have had.
fn commit(attributes: &Value, redactor: &Redactor) -> Option<String> {
    let hash = attributes["commit_hash"].as_str().or_else(|| attributes["commit"]["hash"].as_str())?;
    Some(redactor.clean(hash, 64)).filter(|hash| !hash.is_empty())
}

/// Where an error has its text: `{"message","errors":{field:[…]}}`, or the `errors` of JSON:API.
pub(super) const ERROR_FIELDS: [&str; 4] = ["message", "errors", "detail", "title"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEPLOYMENT: Attributes = Attributes {
        created: "created_at",
        ended: "ended_at",
        message: "reason",
        phase: |word| if word.is_empty() { Phase::Waiting } else { Phase::Running },
    };

    fn read(body: &Value) -> Option<Vec<Deployment>> {
        DEPLOYMENT.deployments(body, &Redactor::default())
    }

    #[test]
    fn only_a_document_of_deployments_says_what_is_there() {
        for (data, count) in [
            (json!([]), Some(0)),
            (json!({ "id": "1", "type": "deployments" }), Some(1)),
            (json!({ "id": 1, "type": "deployments", "attributes": null }), Some(1)),
            (json!({ "id": "1", "attributes": { "status": "queued" } }), Some(1)),
            (json!({ "id": "1" }), None),
            (json!({ "id": "1", "attributes": { "status": null } }), None),
            (json!({ "id": "1", "type": "environments", "attributes": { "status": "queued" } }), None),
            (json!({ "id": null, "type": "deployments" }), None),
            (json!({ "type": "deployments" }), None),
            (json!([{ "id": "1", "type": "deployments" }, { "id": "2", "type": "sites" }]), Some(1)),
            (json!(null), None),
            (json!("1"), None),
        ] {
            let found = read(&json!({ "data": data, "included": [{ "id": "3", "type": "deployments" }] }));
            assert_eq!(found.map(|found| found.len()), count, "{data}");
        }
        for body in [json!(null), json!([]), json!({}), json!({ "message": "maintenance" })] {
            assert_eq!(read(&body), None, "{body}");
        }
    }

    #[test]
    fn the_newest_comes_first_and_one_that_has_not_begun_is_newer() {
        let one = |id: u8, created: Value, ended: Value| json!({ "id": id, "type": "deployments", "attributes": { "status": "x", "created_at": created, "ended_at": ended } });
        let data = json!([
            one(1, json!("2026-01-01T10:00:00.000000Z"), json!(null)),
            one(2, json!(null), json!("2026-01-01T09:00:00Z")), // canceled before it began
            one(3, json!(null), json!(null)),
            one(4, json!("2026-01-01T13:00:00+02:00"), json!(null)),
        ]);
        let found = read(&json!({ "data": data })).unwrap();
        let ids: Vec<&str> = found.iter().map(|one| one.snapshot.id.as_str()).collect();
        assert_eq!(ids, ["3", "4", "1", "2"]);
    }

    #[test]
    fn null_is_not_there_and_any_other_value_that_is_no_time_is_one_that_cannot_be_read() {
        for (created, unreadable) in [
            (json!(null), false),
            (json!("2026-01-01T00:00:00Z"), false),
            (json!("soon"), true),
            (json!(1e300), true),
        ] {
            let data = json!({ "id": "1", "type": "deployments", "attributes": { "created_at": created, "reason": null } });
            let found = read(&json!({ "data": data })).unwrap();
            assert_eq!(
                (found[0].unreadable_time, found[0].snapshot.message.as_str()),
                (unreadable, ""),
                "{created}"
            );
        }
    }

    #[test]
    fn an_error_is_a_message_or_the_first_of_the_errors() {
        for (body, text) in [
            (r#"{"message":"Unauthenticated."}"#, Some("Unauthenticated.")),
            (r#"{"message":"","errors":{"token":["is wrong"]}}"#, Some("is wrong")),
            (
                r#"{"errors":[{"status":"404","title":"Not found","detail":"No such site"}]}"#,
                Some("No such site"),
            ),
            (r#"{"message":null}"#, None),
            (r#"{"data":null}"#, None),
            ("[]", None),
            ("<html>", None),
            ("", None),
        ] {
            let error = crate::platforms::body::error(body.as_bytes(), &ERROR_FIELDS, &Redactor::default());
            assert_eq!(error.as_deref(), text, "{body}");
        }
    }
}
