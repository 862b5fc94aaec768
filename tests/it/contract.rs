//! A platform's published description of its API (`OpenAPI`), and whether a request is one of it.
#![cfg(test)]

use std::collections::BTreeMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};
use url::Url;

/// A description.
pub(super) struct Contract {
    document: Value,
    operations: Vec<Operation>,
}

/// A request of an operation in the description.
pub(super) struct Known {
    /// The operation's id, as `checks/create`.
    pub(super) operation: String,
    /// What is wrong with it.
    pub(super) faults: Vec<String>,
}

impl Contract {
    /// Reads a description; one without operations would accept everything.
    pub(super) fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("the description is JSON");
        let document = nullable(&document);
        let mut operations = Vec::new();
        for (template, item) in document["paths"].as_object().expect("paths") {
            let methods = item.as_object().expect("methods").iter();
            for (method, operation) in
                methods.filter(|(name, _)| !matches!(&***name, "parameters" | "servers"))
            {
                operations.push(Operation::new(&document, method, template, item, operation));
            }
        }
        assert!(!operations.is_empty(), "nothing is described");
        // `/deployments/status` comes before `/deployments/{id}`.
        operations
            .sort_by_key(|operation| operation.template.iter().filter(|part| part.starts_with('{')).count());
        Self { document, operations }
    }

    /// Checks a request against the description; `None` where no operation has this method and path.
    pub(super) fn judge(&self, method: &str, path: &str, query: &str, body: &str) -> Option<Known> {
        let (operation, values) = self.find(method, path)?;
        let faults = operation.faults(&values, query, body);
        Some(Known { operation: operation.id.clone(), faults })
    }

    /// The operation of this method and path, with the values in the path.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<(&Operation, BTreeMap<String, String>)> {
        let mut of_method = self.operations.iter().filter(|operation| operation.method == method);
        of_method.find_map(|operation| Some((operation, operation.values(path)?)))
    }

    /// The description's own example of an operation's answer.
    pub(super) fn example(&self, operation: &str) -> Value {
        let operation = self.operations.iter().find(|known| known.id == operation).expect("an operation");
        let example = operation.example.as_ref().expect("an example");
        resolve(&self.document, example)["value"].clone()
    }
}

/// One operation of the description.
pub(super) struct Operation {
    id: String,
    method: String,
    /// The origin of its server.
    pub(super) origin: String,
    /// Whether it wants a credential.
    pub(super) is_secured: bool,
    template: Vec<String>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
    example: Option<Value>,
}

/// A value in the path or in the query.
struct Parameter {
    name: String,
    place: String,
    is_required: bool,
    kind: Option<String>,
    schema: Validator,
}

/// What an operation's body may be.
struct Body {
    schema: Validator,
    names: Vec<String>,
    /// Whether the schema itself refuses names that are not its own; GitHub's do not.
    closed: bool,
    required: bool,
}

/// A success of an operation, of one status (`200`) or of several (`2XX`).
struct Answer {
    status: String,
    /// None where the description does not say what is in it.
    schema: Option<Validator>,
}

impl Operation {
    fn new(document: &Value, method: &str, template: &str, item: &Value, operation: &Value) -> Self {
        let parameters = [item, operation].map(|at| at["parameters"].as_array().into_iter().flatten());
        let answers = operation["responses"].as_object().expect("responses");
        let examples = answers.values().next().and_then(|answer| {
            answer.pointer("/content/application~1json/examples")?.as_object()?.values().next()
        });
        let server = [operation, item, document].into_iter().find_map(|at| at["servers"][0]["url"].as_str());
        let server: Url = server.unwrap_or("https://server.example").parse().expect("the URL of a server");
        let path = format!("{}{template}", server.path().trim_end_matches('/'));
        let security = operation.get("security").unwrap_or(&document["security"]);
        Self {
            id: operation["operationId"].as_str().expect("an id").to_owned(),
            method: method.to_uppercase(),
            origin: server.origin().ascii_serialization(),
            is_secured: security.as_array().is_some_and(|ways| !ways.is_empty()),
            template: path.split('/').map(str::to_owned).collect(),
            parameters: parameters
                .into_iter()
                .flatten()
                .map(|parameter| Parameter::new(document, resolve(document, parameter)))
                .collect(),
            body: operation.get("requestBody").and_then(|body| Body::new(document, body)),
            answers: answers
                .iter()
                .filter(|(status, _)| status.starts_with('2'))
                .map(|(status, answer)| Answer::new(document, status, resolve(document, answer)))
                .collect(),
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
    pub(super) fn faults(&self, path: &BTreeMap<String, String>, query: &str, body: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (place, given) in [("path", path), ("query", &query)] {
            let known: Vec<&Parameter> =
                self.parameters.iter().filter(|parameter| parameter.place == place).collect();
            for (name, value) in given {
                match known.iter().find(|known| known.name == **name).map(|known| known.fits(value)) {
                    Some(true) => {}
                    Some(false) => faults.push(format!("{name}={value} does not fit")),
                    None => faults.push(format!("{name} is not in the {place}")),
                }
            }
            let required = known.iter().filter(|known| known.is_required);
            let missing = required.map(|known| &known.name).filter(|name| !given.contains_key(*name));
            faults.extend(missing.map(|name| format!("{name} is missing in the {place}")));
        }
        match &self.body {
            Some(known) => faults.extend(known.faults(body)),
            None if matches!(serde_json::from_str(body), Ok(Value::Null) | Err(_)) => {}
            None => faults.push("it takes no body".to_owned()),
        }
        faults
    }

    /// Everything about a success that the description does not allow.
    pub(super) fn answer_faults(&self, status: u16, body: &str) -> Vec<String> {
        let (exact, of_class) = (status.to_string(), format!("{}XX", status / 100));
        let known =
            |wanted: &str| self.answers.iter().find(|answer| answer.status.eq_ignore_ascii_case(wanted));
        match known(&exact).or_else(|| known(&of_class)) {
            Some(Answer { schema: Some(schema), .. }) => faults_of(schema, body),
            Some(Answer { schema: None, .. }) => Vec::new(),
            None => vec![format!("no answer has the status {status}")],
        }
    }
}

impl Parameter {
    fn new(document: &Value, parameter: &Value) -> Self {
        let text = |field: &str| parameter[field].as_str().unwrap_or_default().to_owned();
        let schema = resolve(document, &parameter["schema"]);
        // A list is written as one value, or as several with commas between them.
        let schema = if schema["type"] == "array" { resolve(document, &schema["items"]) } else { schema };
        Self {
            name: text("name"),
            place: text("in"),
            is_required: parameter["required"] == true,
            kind: schema["type"].as_str().map(str::to_owned),
            schema: validator(document, schema),
        }
    }

    /// Whether a text is a value of this parameter.
    fn fits(&self, text: &str) -> bool {
        let value = match self.kind.as_deref() {
            Some("integer" | "number") => text.parse::<u64>().map_or(Value::Null, Value::from),
            Some("boolean") => text.parse::<bool>().map_or(Value::Null, Value::from),
            _ => Value::from(text),
        };
        !text.is_empty() && self.schema.is_valid(&value)
    }
}

impl Body {
    /// None where it is no JSON.
    fn new(document: &Value, body: &Value) -> Option<Self> {
        let schema = body.pointer("/content/application~1json/schema")?;
        let names = schema["properties"].as_object();
        Some(Self {
            schema: validator(document, schema),
            names: names.into_iter().flatten().map(|(name, _)| name.clone()).collect(),
            // Where it names nothing, it may hold anything.
            closed: schema["additionalProperties"] == false || names.is_none(),
            required: body["required"] == true,
        })
    }

    fn faults(&self, text: &str) -> Vec<String> {
        if text.is_empty() && !self.required {
            return Vec::new();
        }
        let mut faults = faults_of(&self.schema, text);
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let names = body.as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown = names.filter(|name| !self.closed && !self.names.contains(name));
        faults.extend(unknown.map(|name| format!("the body's {name} is unknown")));
        faults
    }
}

impl Answer {
    fn new(document: &Value, status: &str, answer: &Value) -> Self {
        let mut contents = answer["content"].as_object().into_iter().flatten();
        let schema =
            contents.find_map(|(kind, content)| content.get("schema").filter(|_| kind.ends_with("json")));
        Self { status: status.to_owned(), schema: schema.map(|schema| validator(document, schema)) }
    }
}

/// Everything about a body that the schema does not allow, each with its place.
fn faults_of(schema: &Validator, text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(body) => schema.iter_errors(&body).flat_map(|fault| places(&fault)).collect(),
        Err(error) => vec![format!("the body is no JSON: {error}")],
    }
}

/// The errors of one fault. Where none of several schemas fits: those of the nearest one of the right type.
fn places(fault: &ValidationError<'_>) -> Vec<String> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        fault.kind()
    else {
        let value = if fault.instance().is_null() { "null" } else { "the value" };
        return vec![format!("{}: {}", fault.instance_path(), fault.masked_with(value))];
    };
    let is_of_type = |inner: &ValidationError<'_>| {
        matches!(inner.kind(), ValidationErrorKind::Type { .. })
            && inner.instance_path() == fault.instance_path()
    };
    let nearest = context.iter().min_by_key(|faults| (faults.iter().any(is_of_type), faults.len()));
    nearest.into_iter().flatten().flat_map(places).collect()
}

/// The schema with the parts of the document that it refers to.
fn validator(document: &Value, schema: &Value) -> Validator {
    let is_whole = !schema.to_string().contains("\"$ref\"");
    let schema = if is_whole {
        schema.clone()
    } else {
        json!({ "allOf": [schema], "components": document["components"] })
    };
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

/// The keyword `nullable` of these descriptions as a type of JSON Schema.
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

#[test]
fn an_answer_must_fit_its_schema_and_a_request_its_server() {
    let contract = Contract::read(
        &json!({
            "servers": [{ "url": "https://api.example/v1/" }],
            "security": [{ "token": [] }],
            "paths": {
                "/things/{id}": {
                    "parameters": [{ "$ref": "#/components/parameters/id" }, { "name": "kinds", "in": "query", "schema": { "type": "array", "items": { "enum": ["a", "b"] } } }],
                    "get": {
                        "operationId": "read",
                        "responses": {
                            "200": { "$ref": "#/components/responses/thing" },
                            "202": { "description": "without a body" },
                            "default": { "description": "an error" },
                        },
                    },
                },
                "/things/newest": { "get": { "operationId": "newest", "security": [], "servers": [{ "url": "https://hooks.example" }], "responses": {} } },
            },
            "components": {
                "parameters": { "id": { "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } } },
                "responses": { "thing": { "content": { "application/vnd.api+json": { "schema": { "$ref": "#/components/schemas/thing" } } } } },
                "schemas": { "thing": {
                    "type": "object",
                    "required": ["at"],
                    "properties": {
                        "at": { "type": "string", "format": "date-time", "nullable": true },
                        "size": { "anyOf": [{ "type": "integer" }, { "type": "object", "required": ["width", "height"] }] },
                    },
                } },
            },
        })
        .to_string(),
    );
    let (newest, _) = contract.find("GET", "/things/newest").unwrap();
    assert_eq!(
        (newest.id.as_str(), newest.origin.as_str(), newest.is_secured),
        ("newest", "https://hooks.example", false)
    );
    let (read, values) = contract.find("GET", "/v1/things/7").unwrap();
    assert_eq!((read.origin.as_str(), read.is_secured), ("https://api.example", true));
    assert!(contract.find("GET", "/things/7").is_none(), "below the path of its server");
    for (query, count) in [("", 0), ("kinds=a&kinds=b", 0), ("kinds=c", 1), ("page=2", 1)] {
        assert_eq!(read.faults(&values, query, "").len(), count, "{query}");
    }
    for (status, body, faults) in [
        (200, "{\"at\":\"2026-01-01T00:00:00Z\",\"size\":1,\"more\":1}", vec![]),
        (200, "{\"at\":null}", vec![]),
        (200, "{\"at\":\"soon\"}", vec!["/at: the value is not a \"date-time\""]),
        (200, "{\"at\":1}", vec!["/at: the value is not of types \"null\", \"string\""]),
        (200, "{\"at\":null,\"size\":{\"width\":1}}", vec!["/size: \"height\" is a required property"]),
        (200, "{}", vec![": \"at\" is a required property"]),
        (200, "[]", vec![": the value is not of type \"object\""]),
        (200, "", vec!["the body is no JSON: EOF while parsing a value at line 1 column 0"]),
        (202, "anything", vec![]),
        (201, "{\"at\":null}", vec!["no answer has the status 201"]),
    ] {
        assert_eq!(read.answer_faults(status, body), faults, "{status} {body}");
    }
}
