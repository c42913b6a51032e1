//! Whether a text is a JSON Schema as the contract wants one. Pure.

use serde_json::{Map, Value};

/// What is wrong with a schema, and what is only a pity.
pub(super) fn look(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    match serde_json::from_str::<Value>(text) {
        Err(error) => problems.push(format!("it is not JSON: {error}")),
        Ok(Value::Object(schema)) => {
            if schema.get("type").is_some_and(|kind| kind != "object") {
                problems.push("its type is not \"object\", and every config is one".to_owned());
            }
            check(&schema, "", 0, &mut problems);
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, property) in properties.into_iter().flatten() {
                if property.get("description").is_none() {
                    notes.push(format!("the schema does not describe the parameter {name}"));
                }
            }
        }
        Ok(_) => problems.push("it is not a JSON object".to_owned()),
    }
    (problems, notes)
}

/// Checks the keywords of a schema at `path`, and the schemas below.
fn check(schema: &Map<String, Value>, path: &str, depth: usize, problems: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        problems.push(format!("it is nested more than {MAX_DEPTH} deep"));
        return;
    }
    for (keyword, value) in schema {
        let here = if path.is_empty() { keyword.clone() } else { format!("{path}.{keyword}") };
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("{here} is {}, expected {what}", shortened(value)));
            }
        };
        match keyword.as_str() {
            "type" => expect(is_type(value), "a type or a list of types of JSON"),
            "enum" => expect(value.as_array().is_some_and(|options| !options.is_empty()), "a list of values"),
            "required" => expect(is_texts(value), "a list of names"),
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
                expect(value.is_u64(), "a whole number from 0");
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                expect(value.is_number(), "a number");
            }
            "description" | "title" | "$schema" | "$id" | "$ref" | "$comment" | "pattern" | "format" => {
                expect(value.is_string(), "a text");
            }
            "uniqueItems" | "deprecated" => expect(value.is_boolean(), "true or false"),
            "properties" | "patternProperties" | "$defs" | "definitions" => match value.as_object() {
                Some(schemas) => {
                    for (name, schema) in schemas {
                        below(schema, &format!("{here}.{name}"), depth, problems);
                    }
                }
                None => expect(false, "schemas by name"),
            },
            "items" | "additionalProperties" | "not" | "contains" | "propertyNames" => {
                below(value, &here, depth, problems);
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => match value.as_array() {
                Some(schemas) if !schemas.is_empty() => {
                    schemas.iter().for_each(|schema| below(schema, &here, depth, problems));
                }
                _ => expect(false, "a list of schemas"),
            },
            _ => {}
        }
    }
}

fn below(schema: &Value, path: &str, depth: usize, problems: &mut Vec<String>) {
    match schema {
        Value::Bool(_) => {}
        Value::Object(schema) => check(schema, path, depth + 1, problems),
        other => problems.push(format!("{path} is {}, expected a schema", shortened(other))),
    }
}

fn is_type(value: &Value) -> bool {
    let is_name = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    is_name(value) || value.as_array().is_some_and(|names| !names.is_empty() && names.iter().all(is_name))
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|texts| texts.iter().all(Value::is_string))
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_schema_is_said() {
        fn check(schema: &str, problems: &[&str]) {
            assert_eq!(look(schema).0, problems, "{schema}");
        }
        check(r#"{"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}"#, &[]);
        check(r#"{"type": "object", "additionalProperties": {"type": "string"}}"#, &[]);
        check("{}", &[]);
        check("[]", &["it is not a JSON object"]);
        check("{", &["it is not JSON: EOF while parsing an object at line 1 column 1"]);
        check(r#"{"type": "array"}"#, &["its type is not \"object\", and every config is one"]);
        check(
            r#"{"properties": {"a": {"type": "text"}, "b": 3}}"#,
            &[
                "properties.a.type is \"text\", expected a type or a list of types of JSON",
                "properties.b is 3, expected a schema",
            ],
        );
        check(r#"{"required": "a"}"#, &["required is \"a\", expected a list of names"]);
        check(
            r#"{"properties": {"a": {"items": {"minLength": -1}}}}"#,
            &["properties.a.items.minLength is -1, expected a whole number from 0"],
        );
        check(r#"{"properties": {"a": {"enum": []}}}"#, &["properties.a.enum is [], expected a list of values"]);
    }

    #[test]
    fn a_parameter_without_a_description_is_a_pity() {
        let (problems, notes) = look(r#"{"properties": {"a": {"type": "string"}, "b": {"description": "B."}}}"#);
        assert_eq!((problems.len(), notes), (0, vec!["the schema does not describe the parameter a".to_owned()]));
    }
}
