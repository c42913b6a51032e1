//! The processor as a whole.

use loglift_sdk::testing::{Guest, TestEvent, event};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use table::{leaf, run};

mod table;

#[test]
fn the_schema_names_the_parameters_of_the_config() {
    let schema: Value = serde_json::from_str(Filter::DESCRIPTION.config_schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, ["ConditionExp", "DiscardingNonUTF8", "FilterKey", "FilterRegex", "Include"]);
    // Each is read by the config: a value of the wrong type is refused.
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        assert!(Guest::<Filter>::configure(&json!({name: "true"}).to_string()).is_err(), "{name}");
    }
}

fn any_condition() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["a", "b", "c"]);
    let exp = prop::sample::select(vec!["1", "[12]*", "2|", ".*", "x"]);
    let leaf = (key, exp).prop_map(|(key, exp)| leaf(key, exp));
    leaf.prop_recursive(4, 16, 2, |part| {
        let two = |operator: &'static str, part: BoxedStrategy<Value>| {
            prop::collection::vec(part, 2).prop_map(move |operands| json!({"operator": operator, "operands": operands}))
        };
        let part = part.boxed();
        prop_oneof![
            two("and", part.clone()),
            two("or", part.clone()),
            part.prop_map(|part| json!({"operator": "not", "operands": [part]})),
        ]
    })
}

/// Whether a condition holds, straight from its definition.
fn holds(condition: &Value, event: &TestEvent) -> bool {
    let operand = |place: usize| holds(&condition["operands"][place], event);
    match condition["operator"].as_str() {
        Some("and") => operand(0) && operand(1),
        Some("or") => operand(0) || operand(1),
        Some(_) => !operand(0),
        None => {
            let Some(value) = event.value(condition["key"].as_str().unwrap()) else { return false };
            match condition["exp"].as_str().unwrap() {
                "1" => value == "1",
                "[12]*" => value.chars().all(|char| char == '1' || char == '2'),
                "2|" => value == "2" || value.is_empty(),
                ".*" => true,
                _ => value == "x",
            }
        }
    }
}

fn any_event() -> impl Strategy<Value = TestEvent> {
    let value = prop::sample::select(vec!["", "1", "2", "12", "x", "\n"]);
    prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c", "d"]), value, 0..4)
        .prop_map(|fields| event(&fields.into_iter().collect::<Vec<_>>()))
}

proptest! {
    #[test]
    fn events_are_kept_for_which_the_condition_holds(
        condition in any_condition(),
        events in prop::collection::vec(any_event(), 1..8),
    ) {
        let output = run(&json!({"ConditionExp": condition}), &events);
        let (kept, dropped): (Vec<usize>, Vec<usize>) =
            (0..events.len()).partition(|place| holds(&condition, &events[*place]));
        prop_assert_eq!(&output.origins, &kept);
        prop_assert!(dropped.iter().all(|place| output.outcomes[*place] == Outcome::Discarded as u8));
        prop_assert!(kept.iter().all(|place| output.outcomes[*place] == Outcome::Successful as u8));
    }

    #[test]
    fn any_bytes_are_taken(
        names in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..3), 1..4),
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 4),
        condition in any_condition(),
    ) {
        let fields = names.into_iter().zip(values).collect();
        let input = TestEvent { seconds: 0, nanoseconds: 0, fields };
        let output = run(&json!({"DiscardingNonUTF8": true, "ConditionExp": condition}), &[input]);
        let mut texts = output.events.iter().flat_map(|event| &event.fields).flat_map(|(name, value)| [name, value]);
        prop_assert!(texts.all(|text| utf8::is_valid(text)));
    }
}
