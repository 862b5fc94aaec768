//! GitHub's published description of its API, and whether a request is one of it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let text = include_str!("../../contract/github-openapi-subset.json");
    let document: Value = serde_json::from_str(text).expect("the description is JSON");
    let paths = document["paths"].as_object().expect("paths").clone();
    let mut operations = Vec::new();
    for (template, methods) in &paths {
        for (method, operation) in methods.as_object().expect("methods") {
            operations.push(Operation::new(&document, method, template, operation));
        }
    }
    Contract { document, operations }
});

struct Contract {
    document: Value,
    operations: Vec<Operation>,
}

/// One operation of the description.
struct Operation {
    id: String,
    method: String,
    template: Vec<String>,
    parameters: Vec<Value>,
    /// What its body may be, and the names that stand in it.
    body: Option<(Validator, Vec<String>)>,
    example: Option<String>,
}

impl Operation {
    fn new(document: &Value, method: &str, template: &str, operation: &Value) -> Self {
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        let body = schema.map(|schema| {
            let names = schema["properties"].as_object().expect("properties").keys().cloned().collect();
            (jsonschema::validator_for(&nullable(schema)).expect("a schema"), names)
        });
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let answers = operation["responses"].as_object().expect("responses");
        let examples = answers.values().next().and_then(|answer| {
            answer.pointer("/content/application~1json/examples")?.as_object()?.values().next()
        });
        Self {
            id: operation["operationId"].as_str().expect("an id").to_owned(),
            method: method.to_uppercase(),
            template: template.split('/').map(str::to_owned).collect(),
            parameters: parameters.map(|parameter| resolve(document, parameter).clone()).collect(),
            body,
            example: examples.and_then(|example| example["$ref"].as_str()).map(str::to_owned),
        }
    }

    /// The values in a path of this operation, by name.
    fn values(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let segments: Vec<&str> = path.split('/').collect();
        if segments.len() != self.template.len() {
            return None;
        }
        let mut values = BTreeMap::new();
        for (own, given) in self.template.iter().zip(segments) {
            match own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) {
                Some(name) => drop(values.insert(name.to_owned(), given.to_owned())),
                None if own == given => {}
                None => return None,
            }
        }
        Some(values)
    }

    /// Everything about a request that the description does not allow.
    fn faults(&self, path: &BTreeMap<String, String>, query: &str, body: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let places = [("path", path), ("query", &query)];
        for (place, given) in places {
            for (name, value) in given {
                let known =
                    self.parameters.iter().find(|known| known["name"] == **name && known["in"] == place);
                match known.map(|known| fits(&known["schema"], value)) {
                    Some(true) => {}
                    Some(false) => faults.push(format!("{name}={value} does not fit")),
                    None => faults.push(format!("{name} is not in the {place}")),
                }
            }
        }
        match (&self.body, serde_json::from_str::<Value>(body)) {
            (None, Ok(Value::Null) | Err(_)) => {}
            (None, Ok(_)) => faults.push("it takes no body".to_owned()),
            (Some(_), Err(error)) => faults.push(format!("the body is no JSON: {error}")),
            (Some((schema, names)), Ok(body)) => {
                faults.extend(schema.iter_errors(&body).map(|error| error.to_string()));
                let unknown =
                    body.as_object().into_iter().flatten().filter(|(name, _)| !names.contains(name));
                faults.extend(unknown.map(|(name, _)| format!("the body's {name} is unknown")));
            }
        }
        faults
    }
}

/// The description says in a keyword of its own what JSON Schema says with a type.
fn nullable(schema: &Value) -> Value {
    let mut schema = schema.clone();
    match &mut schema {
        Value::Object(fields) => {
            if fields.remove("nullable") == Some(Value::Bool(true)) {
                let own = fields["type"].clone();
                fields.insert("type".to_owned(), json!([own, "null"]));
            }
            fields.values_mut().for_each(|field| *field = nullable(field));
        }
        Value::Array(list) => list.iter_mut().for_each(|item| *item = nullable(item)),
        _ => {}
    }
    schema
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|at| document.pointer(at.trim_start_matches('#')));
    target.unwrap_or(value)
}

fn fits(schema: &Value, text: &str) -> bool {
    let value = match schema["type"].as_str() {
        Some("integer") => text.parse::<u64>().map_or(Value::Null, Value::from),
        _ => Value::from(text),
    };
    !text.is_empty() && jsonschema::is_valid(&nullable(schema), &value)
}

/// A request as the description knows it.
pub(super) struct Known {
    /// The operation's id, as `checks/create`.
    pub(super) operation: String,
    /// What it should not hold.
    pub(super) faults: Vec<String>,
}

/// Holds a request against the description; `None` where no operation has this method and path.
pub(super) fn judge(method: &str, path: &str, query: &str, body: &str) -> Option<Known> {
    CONTRACT.operations.iter().filter(|operation| operation.method == method).find_map(|operation| {
        let faults = operation.faults(&operation.values(path)?, query, body);
        Some(Known { operation: operation.id.clone(), faults })
    })
}

/// GitHub's own example of an operation's answer.
pub(super) fn example(operation: &str) -> Value {
    let operation = CONTRACT.operations.iter().find(|known| known.id == operation).expect("an operation");
    let at = operation.example.as_deref().expect("an example");
    let example = CONTRACT.document.pointer(at.trim_start_matches('#')).expect("is there");
    example["value"].clone()
}

#[test]
fn the_description_refuses_what_github_would() {
    let faults = |method: &str, path: &str, query: &str, body: Value| {
        judge(method, path, query, &body.to_string()).map(|known| known.faults.len())
    };
    let status = "/repos/o/r/statuses/abc";
    assert_eq!(faults("POST", status, "", json!({ "state": "pending", "description": null })), Some(0));
    assert_eq!(
        faults("POST", status, "", json!({ "state": "pending", "description": "x".repeat(141) })),
        Some(1)
    );
    assert_eq!(faults("POST", status, "", json!({ "state": "running", "target_url": "x" })), Some(2));
    assert_eq!(faults("POST", status, "", json!({ "state": "error", "colour": "red" })), Some(1));
    assert_eq!(faults("PUT", status, "", json!({ "state": "error" })), None);
    let comments = "/repos/o/r/issues/7/comments";
    assert_eq!(faults("GET", comments, "per_page=100&page=2", Value::Null), Some(0));
    assert_eq!(faults("GET", comments, "per_page=x&colour=1", Value::Null), Some(2));
    assert_eq!(faults("GET", "/repos/o/r/issues/x/comments", "", Value::Null), Some(1));
    let checks = "/repos/o/r/check-runs";
    let completed = json!({ "name": "n", "head_sha": "s", "status": "completed" });
    assert_eq!(faults("POST", checks, "", completed), Some(1), "completed needs a conclusion");
}
