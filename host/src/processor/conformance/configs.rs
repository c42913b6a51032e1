//! Configs that are odd or wrong, made of one that is right. Pure.

use serde_json::{Map, Value, json};

use super::number::Numbers;

/// Configs made of `config`: each parameter of the schema left out, or with a value of the right type that nobody would
/// write, or with one of another type. So many as can be tried in a while.
pub(super) fn odd(schema: &Value, config: &Value, numbers: &mut Numbers) -> Vec<Value> {
    let right = config.as_object().cloned().unwrap_or_default();
    let with = |name: &str, value: Value| {
        let mut map = right.clone();
        map.insert(name.to_owned(), value);
        Value::Object(map)
    };
    let mut configs = vec![json!({}), with("NobodyKnowsThis", json!({"a": [1, null]}))];
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        if right.contains_key(name) {
            let without = right.iter().filter(|(key, _)| *key != name).map(|(key, value)| (key.clone(), value.clone()));
            configs.push(Value::Object(without.collect::<Map<_, _>>()));
        }
        configs.extend(values(property).into_iter().map(|value| with(name, value)));
    }
    while configs.len() > MOST_CONFIGS {
        configs.swap_remove(numbers.below(configs.len()));
    }
    configs
}

fn values(property: &Value) -> Vec<Value> {
    let kind = property.get("type");
    let may_be = |name: &str| match kind {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    };
    let options = property.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut values: Vec<Value> = options;
    for (name, odd) in [
        (
            "string",
            vec![json!(""), json!("\u{0}"), json!("((("), json!("%"), json!("x".repeat(LONG)), json!("日\u{202e}é")],
        ),
        ("integer", vec![json!(0), json!(-1), json!(i64::MAX), json!(i64::MIN), json!(u64::from(u32::MAX) + 1)]),
        ("number", vec![json!(1e308), json!(-0.0), json!(0.5)]),
        ("boolean", vec![json!(true), json!(false)]),
        ("array", vec![json!([]), json!(["", ""]), json!(vec!["a"; 1000]), json!([null]), json!([{}])]),
        ("object", vec![json!({}), json!({"": ""}), json!({"a": {"b": [1]}})]),
        ("null", vec![Value::Null]),
    ] {
        // Of another type, one is enough.
        let count = if may_be(name) { odd.len() } else { 1 };
        values.extend(odd.into_iter().take(count));
    }
    values
}

/// Longer than any name and any pattern.
const LONG: usize = 10_000;

/// As many as an interpreter that starts slowly can be started for.
const MOST_CONFIGS: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_left_out_once_and_made_odd() {
        let schema = json!({"properties": {"Key": {"type": "string"}, "Limit": {"type": "integer"}}});
        let configs = odd(&schema, &json!({"Key": "content"}), &mut Numbers::new(1));
        assert!(configs.contains(&json!({})) && configs.contains(&json!({"Key": ""})), "{configs:?}");
        assert!(configs.contains(&json!({"Key": 0})), "of another type");
        assert!(configs.contains(&json!({"Key": "content", "Limit": i64::MIN})));
        let many: Map<_, _> = (0..100).map(|number| (format!("P{number}"), json!({"type": "string"}))).collect();
        assert_eq!(odd(&json!({ "properties": many }), &json!({}), &mut Numbers::new(1)).len(), MOST_CONFIGS);
    }
}
