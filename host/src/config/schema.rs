//! Checks the parameters of a processor against the schema that the processor itself gives.
//!
//! Of JSON Schema, this knows `type` (a name or a list), `properties`, `required`, `additionalProperties`, `items`,
//! `enum`, `minLength`, `minItems`, `minimum` and `maximum`; the rest says nothing here. As everywhere in a config, an
//! unknown key is only a warning, a number is taken as its text where a string is wanted, and a null is no value. A key
//! that differs by case alone is taken as the one that is meant, as extended plugins always did.

use serde_json::Value as Json;

use super::fields::{Cursor, join, unknown_key};
use super::node::{Entry, Node, Value, write_json_list, write_json_map, write_json_string};
use super::problem::{Problem, Report, Warning};
use super::processor::{ProcessorSpec, RESERVED};

/// The schema of a processor's parameters.
#[derive(Clone, Debug)]
pub struct Schema(Json);

/// Why a text is no schema: the processor that gave it is broken.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The text is not JSON.
    #[error("config schema is not JSON")]
    Json(#[from] serde_json::Error),
    /// The text is JSON, but not an object.
    #[error("config schema is not an object")]
    NotAnObject,
}

impl Schema {
    /// Parses a schema; an empty text allows everything.
    ///
    /// # Errors
    /// A text that is not a JSON object. What the object holds is not checked: what makes no sense there says nothing.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.trim().is_empty() {
            return Ok(Self(ANYTHING));
        }
        let schema: Json = serde_json::from_str(text)?;
        if schema.is_object() { Ok(Self(schema)) } else { Err(SchemaError::NotAnObject) }
    }

    /// Checks the parameters of `processor` and returns them as the JSON text to configure it with.
    ///
    /// # Errors
    /// Every parameter that is missing or has a wrong type or value.
    pub fn check(&self, processor: &ProcessorSpec) -> Result<(String, Vec<Warning>), Vec<Problem>> {
        let report = Report::new(&processor.file);
        let path = processor.config_path.clone();
        let mut json = String::new();
        check(&Cursor { node: &processor.config, path, report: &report }, &self.0, &mut json);
        report.conclude(Some(json))
    }

    /// As [`Self::check`], for parameters that are given as JSON text. `file` is where problems say that they are.
    ///
    /// # Errors
    /// Text that is no JSON object, and as [`Self::check`].
    pub fn check_json(&self, text: &str, file: &str) -> Result<(String, Vec<Warning>), Vec<Problem>> {
        let report = Report::new(file);
        let node = match super::json::parse(text, &report) {
            Ok(node) => node,
            Err(problem) => return Err(vec![Problem { file: file.to_owned(), ..problem }]),
        };
        let mut json = String::new();
        let cursor = Cursor { node: &node, path: String::new(), report: &report };
        if matches!(node.value, Value::Map(_)) {
            check(&cursor, &self.0, &mut json);
        } else {
            cursor.error(format!("expected an object, found {}", node.kind()));
        }
        report.conclude(Some(json))
    }
}

/// A schema that says nothing, as does any that is no object.
const ANYTHING: Json = Json::Null;

/// Checks a value and appends it to `json`, which is of no use once a problem is reported.
fn check(cursor: &Cursor<'_>, schema: &Json, json: &mut String) {
    let Some(value) = coerce(cursor, &types(schema)) else { return };
    check_enum(cursor, &value, schema);
    match &value.value {
        Value::String(text) => check_length(cursor, schema, "minLength", text.chars().count(), "characters"),
        Value::Integer(number) => check_range(cursor, schema, *number as f64),
        Value::Float(number) => check_range(cursor, schema, *number),
        Value::List(items) => {
            check_length(cursor, schema, "minItems", items.len(), "entries");
            return check_list(cursor, schema, json);
        }
        Value::Map(_) => return check_map(cursor, schema, json),
        _ => {}
    }
    value.write_json(json);
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Returns whether a null is a value, not the absence of one.
fn allows_null(schema: &Json) -> bool {
    let types = types(schema);
    types.contains(&"null") || types.is_empty() && schema.get("enum").is_none()
}

/// Returns the value as one of the wanted types, or reports that it is none.
fn coerce(cursor: &Cursor<'_>, types: &[&str]) -> Option<Node> {
    let (node, wants) = (cursor.node, |name| types.contains(&name));
    let fits = match &node.value {
        Value::Null => wants("null"),
        Value::Bool(_) => wants("boolean"),
        Value::Integer(_) => wants("integer") || wants("number"),
        Value::Float(value) => wants("number") && value.is_finite(),
        Value::String(_) => wants("string"),
        Value::List(_) => wants("array"),
        Value::Map(_) => wants("object"),
    };
    if fits || types.is_empty() {
        return Some(node.clone());
    }
    let whole = |value: f64| value.fract() == 0.0 && value.abs() < 9e15;
    match node.value {
        Value::Float(value) if wants("integer") && whole(value) => {
            Some(Node::new(node.at, Value::Integer(value as i64)))
        }
        Value::Integer(_) | Value::Float(_) if wants("string") => {
            Some(Node::new(node.at, Value::String(node.text.clone())))
        }
        _ => cursor.wrong_type(&wanted(types)),
    }
}

/// Says what is wanted: `a string or a list`.
fn wanted(types: &[&str]) -> String {
    let phrase = |name: &&str| match *name {
        "string" => Some("a string"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("true or false"),
        "array" => Some("a list"),
        "object" => Some("a map"),
        _ => None,
    };
    types.iter().filter_map(phrase).collect::<Vec<_>>().join(" or ")
}

fn check_enum(cursor: &Cursor<'_>, value: &Node, schema: &Json) {
    let Some(Json::Array(options)) = schema.get("enum") else { return };
    let is_option = |option: &Json| match (&value.value, option) {
        (Value::String(text), Json::String(option)) => text == option,
        (Value::Float(value), Json::Number(option)) => option.as_f64() == Some(*value),
        _ => serde_json::from_str(&value.to_json()).is_ok_and(|value: Json| value == *option),
    };
    if !options.iter().any(is_option) {
        let plain = |option: &Json| option.as_str().map_or_else(|| option.to_string(), str::to_owned);
        let options: Vec<String> = options.iter().map(plain).collect();
        cursor.error(format!("expected one of {}, found {}", options.join(", "), value.to_json()));
    }
}

fn check_length(cursor: &Cursor<'_>, schema: &Json, key: &str, length: usize, unit: &str) {
    match schema.get(key).and_then(Json::as_u64) {
        Some(1) if length == 0 => cursor.error("must not be empty"),
        Some(least) if (length as u64) < least => cursor.error(format!("expected {least} {unit} or more")),
        _ => {}
    }
}

fn check_range(cursor: &Cursor<'_>, schema: &Json, number: f64) {
    let bound = |key| schema.get(key).and_then(Json::as_f64);
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        cursor.error(format!("expected {least} or more, found {}", cursor.node.text));
    }
    if let Some(most) = bound("maximum").filter(|most| number > *most) {
        cursor.error(format!("expected {most} or less, found {}", cursor.node.text));
    }
}

fn check_list(cursor: &Cursor<'_>, schema: &Json, json: &mut String) {
    let item_schema = schema.get("items").unwrap_or(&ANYTHING);
    let items = cursor.list().unwrap_or_default();
    write_json_list(items.iter(), json, |item, json| check(item, item_schema, json));
}

fn check_map(cursor: &Cursor<'_>, schema: &Json, json: &mut String) {
    let known = Known::of(schema);
    let entries = cursor.node.entries();
    let mut members: Vec<(&str, &Entry, &Json)> = Vec::new();
    for entry in entries {
        match known.find(entry, entries) {
            Some((key, member_schema)) => {
                if key != entry.key {
                    let problem = Problem::new(entry.at, &join(&cursor.path, &entry.key), format!("taken as {key}"));
                    cursor.report.warn(problem);
                }
                members.push((key, entry, member_schema));
            }
            None => {
                let names = known.names().chain(RESERVED.iter().copied());
                cursor.report.warn(unknown_key(entry.at, &cursor.path, &entry.key, names));
            }
        }
    }
    members.retain(|(_, entry, schema)| !entry.value.is_null() || allows_null(schema));
    check_required(cursor, schema, &members.iter().map(|(key, ..)| *key).collect::<Vec<_>>());
    write_json_map(members.iter(), json, |(key, entry, schema), json| {
        write_json_string(key, json);
        json.push(':');
        check(&cursor.below(&entry.key, &entry.value), schema, json);
    });
}

fn check_required(cursor: &Cursor<'_>, schema: &Json, given: &[&str]) {
    let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
    for key in required.filter_map(Json::as_str).filter(|key| !given.contains(key)) {
        cursor.error(format!("{key} is missing"));
    }
}

/// The keys that a map may have.
struct Known<'s> {
    properties: Vec<(&'s str, &'s Json)>,
    /// The schema of any other key, if others are allowed.
    others: Option<&'s Json>,
}

impl<'s> Known<'s> {
    fn of(schema: &'s Json) -> Self {
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = match schema.get("additionalProperties") {
            Some(Json::Bool(allowed)) => allowed.then_some(&ANYTHING),
            Some(schema) => Some(schema),
            None => properties.is_none().then_some(&ANYTHING),
        };
        let properties = properties.into_iter().flatten().map(|(key, schema)| (key.as_str(), schema)).collect();
        Self { properties, others }
    }

    fn names(&self) -> impl Iterator<Item = &'s str> {
        self.properties.iter().map(|(key, _)| *key)
    }

    /// Returns the key that `entry` means and its schema; a key in other case counts if the proper one is not there.
    fn find<'e>(&self, entry: &'e Entry, entries: &[Entry]) -> Option<(&'e str, &'s Json)>
    where
        's: 'e,
    {
        let exact = self.properties.iter().find(|(key, _)| *key == entry.key);
        let is_given = |key: &str| entries.iter().any(|entry| entry.key == key);
        let similar = |(key, _): &&(&str, _)| key.eq_ignore_ascii_case(&entry.key) && !is_given(key);
        let property = exact.or_else(|| self.properties.iter().find(similar)).copied();
        property.or_else(|| self.others.map(|schema| (entry.key.as_str(), schema)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::Position;
    use super::super::processor::Component;
    use super::super::sandbox::SandboxSpec;
    use super::super::testing::yaml;
    use super::*;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "SourceKey": {"type": "string", "minLength": 1, "default": "content"},
            "Keys": {"type": "array", "minItems": 1, "items": {"type": "string"}},
            "Limit": {"type": "integer", "minimum": 0, "maximum": 10},
            "Ratio": {"type": "number"},
            "Strict": {"type": "boolean"},
            "Mode": {"enum": ["a", "b", 3]},
            "Either": {"type": ["string", "array", "null"]},
            "Rename": {"type": "object", "additionalProperties": {"type": "string"}},
            "Nested": {"type": "object", "properties": {"Deep": {"type": "string"}}, "required": ["Deep"]},
            "Any": {}
        },
        "required": ["SourceKey"]
    }"#;

    fn check_config(schema: &str, config: &str) -> Result<(String, Vec<String>), Vec<String>> {
        let processor = ProcessorSpec {
            file: "a.yaml".into(),
            path: "processors[1]".into(),
            at: Position::START,
            type_name: "processor_x".into(),
            component: Component::BuiltIn("processor_x".into()),
            config: yaml(config),
            config_path: "processors[1]".into(),
            sandbox: SandboxSpec::default(),
        };
        let lines = |found: &[Problem]| found.iter().map(ToString::to_string).collect();
        match Schema::parse(schema).expect("a schema").check(&processor) {
            Ok((json, warnings)) => Ok((json, warnings.iter().map(ToString::to_string).collect())),
            Err(problems) => Err(lines(&problems)),
        }
    }

    #[test]
    fn valid_parameters_become_json() {
        fn check(config: &str, json: &str) {
            assert_eq!(check_config(SCHEMA, config), Ok((json.to_owned(), vec![])), "{config}");
        }
        check("SourceKey: 0123", r#"{"SourceKey":"0123"}"#);
        check("{SourceKey: a, Keys: [1.50, b]}", r#"{"SourceKey":"a","Keys":["1.50","b"]}"#);
        check("{SourceKey: a, Limit: 1e1, Ratio: 5}", r#"{"SourceKey":"a","Limit":10,"Ratio":5}"#);
        check("{SourceKey: a, Strict: ~, Limit: }", r#"{"SourceKey":"a"}"#);
        check("{SourceKey: a, Either: ~}", r#"{"SourceKey":"a","Either":null}"#);
        check("{SourceKey: a, Either: 7}", r#"{"SourceKey":"a","Either":"7"}"#);
        check("{SourceKey: a, Mode: 3}", r#"{"SourceKey":"a","Mode":3}"#);
        check("{SourceKey: a, Rename: {x: 1, y: z}}", r#"{"SourceKey":"a","Rename":{"x":"1","y":"z"}}"#);
        check("{SourceKey: a, Any: [1, {b: ~}]}", r#"{"SourceKey":"a","Any":[1,{"b":null}]}"#);
    }

    #[test]
    fn unknown_keys_are_left_out_with_a_warning() {
        fn check(config: &str, json: &str, warning: &str) {
            let warning = format!("a.yaml:1:{warning}");
            assert_eq!(check_config(SCHEMA, config), Ok((json.to_owned(), vec![warning])), "{config}");
        }
        let plain = r#"{"SourceKey":"a"}"#;
        check(
            "{SourceKey: a, SourcKey: b}",
            plain,
            "16: processors[1].SourcKey: unknown parameter, ignored (did you mean SourceKey?)",
        );
        check(
            "{SourceKey: a, sandbox: {}}",
            plain,
            "16: processors[1].sandbox: unknown parameter, ignored (did you mean Sandbox?)",
        );
        check("{sourcekey: a}", plain, "2: processors[1].sourcekey: taken as SourceKey");
        check(
            "{SourceKey: a, sourcekey: b}",
            plain,
            "16: processors[1].sourcekey: unknown parameter, ignored (did you mean SourceKey?)",
        );
        check(
            "{SourceKey: a, EnableTimestampNanosecond: true}",
            plain,
            "16: processors[1].EnableTimestampNanosecond: unknown parameter, ignored (it belongs in `global` and has \
                no effect here)",
        );
    }

    #[test]
    fn wrong_parameters_are_all_reported() {
        fn check(config: &str, expected: &[&str]) {
            let expected: Vec<String> = expected.iter().map(|line| format!("a.yaml:1:{line}")).collect();
            assert_eq!(check_config(SCHEMA, config), Err(expected), "{config}");
        }
        check("{}", &["1: processors[1]: SourceKey is missing"]);
        check("SourceKey: ~", &["1: processors[1]: SourceKey is missing"]);
        check("SourceKey: ''", &["12: processors[1].SourceKey: must not be empty"]);
        check(
            "{SourceKey: [a], Limit: x, Keys: [{}]}",
            &[
                "13: processors[1].SourceKey: expected a string, found a list",
                "25: processors[1].Limit: expected a whole number, found a string",
                "35: processors[1].Keys[0]: expected a string, found a map",
            ],
        );
        check(
            "SourceKey: yes",
            &["12: processors[1].SourceKey: expected a string, found the boolean yes (put it in quotes)"],
        );
        check("{SourceKey: a, Limit: 11}", &["23: processors[1].Limit: expected 10 or less, found 11"]);
        check("{SourceKey: a, Limit: -1}", &["23: processors[1].Limit: expected 0 or more, found -1"]);
        check(
            "{SourceKey: a, Limit: 1.5}",
            &["23: processors[1].Limit: expected a whole number, found the number 1.5"],
        );
        check("{SourceKey: a, Ratio: .nan}", &["23: processors[1].Ratio: expected a number, found the number .nan"]);
        check("{SourceKey: a, Keys: []}", &["22: processors[1].Keys: must not be empty"]);
        check("{SourceKey: a, Mode: c}", &["22: processors[1].Mode: expected one of a, b, 3, found \"c\""]);
        check("{SourceKey: a, Either: {}}", &["24: processors[1].Either: expected a string or a list, found a map"]);
        check(
            "{SourceKey: a, Nested: {Deep: []}}",
            &["31: processors[1].Nested.Deep: expected a string, found a list"],
        );
        check("{SourceKey: a, Nested: {}}", &["24: processors[1].Nested: Deep is missing"]);
    }

    #[test]
    fn a_schema_may_say_nothing_or_be_broken() {
        for schema in ["", "{}", r#"{"type": "object"}"#, r#"{"type": 5, "properties": 7, "required": {}}"#] {
            assert_eq!(check_config(schema, "{a: [0x10]}"), Ok((r#"{"a":[16]}"#.to_owned(), vec![])), "{schema}");
        }
        assert!(matches!(Schema::parse("{"), Err(SchemaError::Json(_))));
        assert!(matches!(Schema::parse("[]"), Err(SchemaError::NotAnObject)));
    }
}
