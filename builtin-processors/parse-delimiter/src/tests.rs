//! The processor as a whole: tables, and properties against the `csv` crate and a plain state machine.

use loglift_sdk::testing::{Guest, TestEvent, event};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use states::columns_by_states;
use table::{guest, run};

mod states;
mod table;

#[test]
fn the_schema_names_the_parameters_of_the_config() {
    let schema: Value = serde_json::from_str(ParseDelimiter::DESCRIPTION.config_schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let expected = [
        "AllowingShortenedFields",
        "CopingRawLog",
        "KeepingSourceWhenParseFail",
        "KeepingSourceWhenParseSucceed",
        "Keys",
        "OverflowedFieldsTreatment",
        "Quote",
        "RenamedSourceKey",
        "Separator",
        "SourceKey",
    ];
    assert_eq!(names, expected);
    // Each is read by the config: a value of the wrong type is refused.
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        let wrong = if property["type"] == "boolean" { json!("true") } else { json!(true) };
        assert!(serde_json::from_value::<Config>(json!({name: wrong})).is_err(), "{name}");
    }
    assert_eq!(guest(&json!({})).setup.warnings[0].path, "KeepingSourceWhenParseFail");
}

/// The columns of a text, by the processor: as many keys as it may need.
fn columns(options: Value, text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let keys: Vec<String> = (0..100).map(|key| format!("k{key}")).collect();
    let mut options = options;
    options["Keys"] = json!(keys);
    let output = run(&options, &[event(&[("content", text)])]);
    let event = output.events.into_iter().next()?;
    Some(event.fields.into_iter().map(|(_, value)| value).collect())
}

fn text_of(bytes: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(bytes), 0..80)
}

proptest! {
    #[test]
    fn the_table_of_states_is_followed(text in text_of(b",,\"\"\"ab \r\t\n\xe4\xff")) {
        let trimmed = text.trim_ascii_end();
        prop_assume!(trimmed.len() == text.len() && !text.starts_with(b" ") && !text.is_empty());
        prop_assert_eq!(columns(json!({}), &text), columns_by_states(&text, b',', b'"'));
    }

    #[test]
    fn what_csv_writes_is_read(columns_in in prop::collection::vec("[a-z,\"\n é]{0,90}", 1..20)) {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\r')).from_writer(Vec::new());
        writer.write_record(&columns_in).unwrap();
        let text = writer.into_inner().unwrap();
        let is_blank = columns_in.len() == 1 && columns_in[0].trim_matches(' ').is_empty();
        let has_blank_ends = columns_in[0].starts_with(' ') || columns_in[columns_in.len() - 1].ends_with(' ');
        prop_assume!(!is_blank && !has_blank_ends);
        let expected: Vec<Vec<u8>> = columns_in.into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(columns(json!({}), &text), Some(expected));
    }

    #[test]
    fn what_is_read_csv_reads_as_well(text in text_of(b",,\"\"ab-_")) {
        prop_assume!(!text.is_empty());
        let Some(found) = columns(json!({}), &text) else { return Ok(()) };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]);
        let record = reader.byte_records().next().unwrap().unwrap();
        let expected: Vec<Vec<u8>> = record.iter().map(<[u8]>::to_vec).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn long_separators_split_as_text_does(
        text in "[|a+,]{1,60}",
        separator in prop::sample::select(vec!["|", "||", "|a", "|a|", "aaaa", "+,+|"]),
    ) {
        let expected: Vec<Vec<u8>> = text.split(separator).map(|column| column.as_bytes().to_vec()).collect();
        prop_assert_eq!(columns(json!({"Separator": separator, "Quote": if separator.len() == 1 { separator } else { "" }}), text.as_bytes()), Some(expected));
    }

    #[test]
    fn surplus_columns_hold_the_same_however_they_are_treated(text in text_of(b",,,\"\"ab")) {
        prop_assume!(!text.is_empty());
        let Some(all) = columns(json!({}), &text) else { return Ok(()) };
        let treated = |treatment: &str| {
            let output = run(&json!({"OverflowedFieldsTreatment": treatment}), &[event(&[("content", &text)])]);
            let values = output.events[0].fields.iter().map(|(_, value)| value.clone());
            values.collect::<Vec<_>>()
        };
        let (first, rest) = all.split_at(all.len().min(3));
        prop_assert_eq!(&treated("extend"), &all);
        prop_assert_eq!(&treated("discard"), first);
        let mut kept = first.to_vec();
        kept.extend((!rest.is_empty()).then(|| rest.iter().flat_map(|column| [b",", &column[..]].concat()).collect()));
        prop_assert_eq!(&treated("keep"), &kept);
    }

    #[test]
    fn any_bytes_are_taken(
        lines in prop::collection::vec(text_of(b",|\"\"a \r\xff\x00\n"), 1..6),
        options in prop::sample::select(vec![
            json!({}),
            json!({"Separator": "||", "OverflowedFieldsTreatment": "keep"}),
            json!({"OverflowedFieldsTreatment": "keep", "AllowingShortenedFields": false}),
            json!({"OverflowedFieldsTreatment": "discard", "Keys": ["_", "content", "a", "a"]}),
            json!({"Separator": " ", "Quote": "|", "Keys": ["x", "x", "__column3__"]}),
        ]),
    ) {
        let events: Vec<TestEvent> = lines.iter().map(|line| event(&[("x", &b"0"[..]), ("content", line)])).collect();
        let mut options = options;
        options["KeepingSourceWhenParseFail"] = json!(true);
        let together = run(&options, &events);
        prop_assert_eq!(together.events.len(), lines.len());
        let alone: Vec<TestEvent> = events.into_iter().flat_map(|event| run(&options, &[event]).events).collect();
        prop_assert_eq!(together.events, alone);
    }
}
