//! Reads JSON whose form is not guaranteed: ids, texts, whether a field is empty, and where an error has its text.

use serde_json::Value;

use crate::core::state::DeploymentId;
use crate::secrets::Redactor;

/// Whether a value is more than `false`, `0`, `null` or empty.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => list.iter().any(says_something),
        Value::Object(object) => object.values().any(says_something),
    }
}

/// The first of these fields of an object that says something.
pub(super) fn first_field<'a>(value: &'a Value, fields: &[&str]) -> Option<&'a Value> {
    fields.iter().find_map(|field| value.get(field).filter(|value| says_something(value)))
}

/// The first text of an error: the value itself, the first one of a list, or what the first of these fields holds.
/// An object without any of them may hold its texts in lists (`{"branch":["is gone"]}`).
pub(super) fn first_text<'a>(value: &'a Value, fields: &[&str]) -> Option<&'a str> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()).map(String::as_str),
        Value::Array(list) => list.iter().find_map(|value| first_text(value, fields)),
        Value::Object(object) => {
            let named = fields.iter().find_map(|field| first_text(object.get(*field)?, fields));
            let lists =
                || object.values().filter(|value| value.is_array()).find_map(|list| first_text(list, fields));
            named.or_else(lists)
        }
        _ => None,
    }
}

/// A deployment's id: a text, or a whole number.
pub(super) fn id(value: &Value) -> Option<DeploymentId> {
    match value {
        Value::String(text) => DeploymentId::new(text),
        Value::Number(number) => DeploymentId::new(&number.as_u64()?.to_string()),
        _ => None,
    }
}

/// The text of a field, cleaned, at most `longest` characters of it; empty where there is none.
pub(super) fn cleaned(value: &Value, field: &str, redactor: &Redactor, longest: usize) -> String {
    value[field].as_str().map(|text| redactor.clean(text, longest)).unwrap_or_default()
}

/// A state word as it is compared: in small letters, with `_` for `-` and for a space.
pub(super) fn normal(word: &str) -> String {
    word.to_ascii_lowercase().replace(['-', ' '], "_")
}

/// Whether an answer reports an error: a field for errors that is not empty, or a field for success that is false.
pub(super) fn says_no(answer: &Value) -> bool {
    let error = |key| answer.get(key).is_some_and(says_something);
    let denied = |key| answer.get(key) == Some(&Value::Bool(false));
    error("error") || error("errors") || denied("success") || denied("ok")
}
