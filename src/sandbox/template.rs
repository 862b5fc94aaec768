//! Templates: JSON whose texts hold placeholders such as `{id}`.

use serde_json::Value;

/// The template with its placeholders replaced by what `fact` knows. A text that is one placeholder becomes that value,
/// whatever its type; a placeholder that is not known stays as it is.
pub(super) fn render(template: &Value, fact: &dyn Fn(&str) -> Option<Value>) -> Value {
    match template {
        Value::String(text) => {
            let alone = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            alone.and_then(fact).unwrap_or_else(|| Value::String(render_text(text, fact)))
        }
        Value::Array(list) => list.iter().map(|item| render(item, fact)).collect(),
        Value::Object(fields) => {
            let mut done = fields.clone();
            done.values_mut().for_each(|field| *field = render(field, fact));
            Value::Object(done)
        }
        other => other.clone(),
    }
}

/// The same for a text, which stays one.
pub(super) fn render_text(template: &str, fact: &dyn Fn(&str) -> Option<Value>) -> String {
    let mut done = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        done.push_str(before);
        let known = after.split_once('}').and_then(|(name, after)| Some((fact(name)?, after)));
        if let Some((value, after)) = known {
            done.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            rest = after;
        } else {
            done.push('{');
            rest = after;
        }
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_become_values_and_what_is_not_known_stays() {
        let fact = |name: &str| match name {
            "id" => Some(json!("dp-1")),
            "time" => Some(json!(17)),
            _ => None,
        };
        let template = json!({ "a": ["{id}", { "b": "{time}" }], "c": "{id} at {time} {or} {", "d": null });
        let rendered = json!({ "a": ["dp-1", { "b": 17 }], "c": "dp-1 at 17 {or} {", "d": null });
        assert_eq!(render(&template, &fact), rendered);
    }
}
