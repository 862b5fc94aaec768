//! A platform's published description of its API (`OpenAPI`), and whether a request is one of it.
#![cfg(test)]

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};

/// A description.
pub(super) struct Contract {
    document: Value,
    operations: Vec<Operation>,
}

/// A request as the description knows it.
pub(super) struct Known {
    /// The operation's id, as `checks/create`.
    pub(super) operation: String,
    /// What it should not hold.
    pub(super) faults: Vec<String>,
}

impl Contract {
    /// Reads a description; one without operations would let everything pass unseen.
    pub(super) fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("the description is JSON");
        let mut operations = Vec::new();
        for (template, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                operations.push(Operation::new(&document, method, template, operation));
            }
        }
        assert!(!operations.is_empty(), "nothing is described");
        Self { document, operations }
    }

    /// Holds a request against the description; `None` where no operation has this method and path.
    pub(super) fn judge(&self, method: &str, path: &str, query: &str, body: &str) -> Option<Known> {
        self.operations.iter().filter(|operation| operation.method == method).find_map(|operation| {
            let faults = operation.faults(&operation.values(path)?, query, body);
            Some(Known { operation: operation.id.clone(), faults })
        })
    }

    /// The description's own example of an operation's answer.
    pub(super) fn example(&self, operation: &str) -> Value {
        let operation = self.operations.iter().find(|known| known.id == operation).expect("an operation");
        let example = operation.example.as_ref().expect("an example");
        resolve(&self.document, example)["value"].clone()
    }
}

/// One operation of the description.
struct Operation {
    id: String,
    method: String,
    template: Vec<String>,
    parameters: Vec<Value>,
    body: Option<Body>,
    example: Option<Value>,
}

/// What an operation's body may be.
struct Body {
    schema: Validator,
    names: Vec<String>,
    /// Whether the schema itself refuses names that are not its own; GitHub's do not.
    closed: bool,
    required: bool,
}

impl Operation {
    fn new(document: &Value, method: &str, template: &str, operation: &Value) -> Self {
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
            body: operation.get("requestBody").map(Body::new),
            example: examples.cloned(),
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
        for (place, given) in [("path", path), ("query", &query)] {
            let known: Vec<&Value> =
                self.parameters.iter().filter(|parameter| parameter["in"] == place).collect();
            for (name, value) in given {
                match known.iter().find(|known| known["name"] == **name).map(|known| fits(known, value)) {
                    Some(true) => {}
                    Some(false) => faults.push(format!("{name}={value} does not fit")),
                    None => faults.push(format!("{name} is not in the {place}")),
                }
            }
            let required = known.iter().filter(|known| known["required"] == true);
            let missing = required.filter_map(|known| known["name"].as_str());
            let missing = missing.filter(|name| !given.contains_key(*name));
            faults.extend(missing.map(|name| format!("{name} is missing in the {place}")));
        }
        match &self.body {
            Some(known) => faults.extend(known.faults(body)),
            None if matches!(serde_json::from_str(body), Ok(Value::Null) | Err(_)) => {}
            None => faults.push("it takes no body".to_owned()),
        }
        faults
    }
}

impl Body {
    fn new(body: &Value) -> Self {
        let schema = body.pointer("/content/application~1json/schema").expect("a body of JSON");
        Self {
            schema: jsonschema::validator_for(&nullable(schema)).expect("a schema"),
            names: schema["properties"].as_object().expect("properties").keys().cloned().collect(),
            closed: schema["additionalProperties"] == false,
            required: body["required"] == true,
        }
    }

    fn faults(&self, text: &str) -> Vec<String> {
        if text.is_empty() && !self.required {
            return Vec::new();
        }
        let body: Value = match serde_json::from_str(text) {
            Ok(body) => body,
            Err(error) => return vec![format!("the body is no JSON: {error}")],
        };
        let mut faults: Vec<String> = self.schema.iter_errors(&body).map(|error| error.to_string()).collect();
        let names = body.as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown = names.filter(|name| !self.closed && !self.names.contains(name));
        faults.extend(unknown.map(|name| format!("the body's {name} is unknown")));
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

/// Whether a text is a value of this parameter.
fn fits(parameter: &Value, text: &str) -> bool {
    let schema = &parameter["schema"];
    let value = match schema["type"].as_str() {
        Some("integer") => text.parse::<u64>().map_or(Value::Null, Value::from),
        Some("boolean") => text.parse::<bool>().map_or(Value::Null, Value::from),
        _ => Value::from(text),
    };
    !text.is_empty() && jsonschema::is_valid(&nullable(schema), &value)
}

#[test]
fn what_a_description_requires_must_be_there() {
    let contract = Contract::read(
        &json!({ "paths": { "/things": { "post": {
            "operationId": "make",
            "parameters": [{ "name": "size", "in": "query", "required": true, "schema": { "type": "integer" } }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": {
                "type": "object",
                "properties": { "colour": { "enum": ["red"] } },
                "required": ["colour"],
                "additionalProperties": false,
            } } } },
            "responses": {},
        } } } })
        .to_string(),
    );
    let faults =
        |query: &str, body: &str| contract.judge("POST", "/things", query, body).unwrap().faults.len();
    let red = "{\"colour\":\"red\"}";
    assert_eq!((faults("size=1", red), faults("", red), faults("size=x", red)), (0, 1, 1));
    assert_eq!((faults("size=1", ""), faults("size=1", "{}"), faults("size=1", "colour=red")), (1, 1, 1));
    let bodies = ["{\"colour\":\"blue\"}", "{\"colour\":\"red\",\"taste\":1}"];
    assert_eq!(bodies.map(|body| faults("size=1", body)), [1, 1]);
    assert!(contract.judge("GET", "/things", "size=1", "").is_none());
    assert!(contract.judge("POST", "/thing", "size=1", red).is_none());
    assert!(std::panic::catch_unwind(|| Contract::read("{\"paths\":{}}")).is_err(), "nothing to judge by");
}
