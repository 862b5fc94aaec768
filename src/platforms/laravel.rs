//! What Laravel's platforms have in common: deployments as JSON:API documents, and the form of an error.

use serde_json::Value;

use super::facts::Facts;
use super::platform::Deployment;
use crate::secrets::Redactor;

/// What both have in common.
pub(super) const LARAVEL: Facts = Facts {
    followed: "by finding it",
    deployments: &["/data"],
    deployment: &["/data"],
    state: &["/attributes/status"],
    // The hash of the commit that is deployed, which both names have had.
    origin: &["/attributes/commit_hash", "/attributes/commit/hash"],
    // `{"message","errors":{field:[…]}}`, or the `errors` of JSON:API.
    error_fields: &["message", "errors", "detail", "title"],
    ..Facts::NONE
};

/// The deployment that a resource in a document's `data` is. `included` and `relationships` hold other resources, which
/// may have a state as well. Only the id and the type have to be there: without attributes no state is known.
pub(super) fn deployment(facts: &Facts, resource: &Value, redactor: &Redactor) -> Option<Deployment> {
    let is_deployment = match &resource["type"] {
        Value::Null => resource["attributes"]["status"].is_string(),
        kind => kind == "deployments",
    };
    Deployment::read(facts, resource, redactor).filter(|_| is_deployment)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platforms::Platform;
    use crate::platforms::forge::Forge;

    fn read(body: &Value) -> Option<Vec<Deployment>> {
        Forge.deployments(body, &Redactor::default())
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
            let data = json!({ "id": "1", "type": "deployments", "attributes": { "created_at": created } });
            let found = read(&json!({ "data": data })).unwrap();
            assert_eq!(found[0].unreadable_time, unreadable, "{created}");
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
            let error =
                crate::platforms::body::error(body.as_bytes(), LARAVEL.error_fields, &Redactor::default());
            assert_eq!(error.as_deref(), text, "{body}");
        }
    }
}
