//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::testing::{Output, TestEvent, event};
use loglift_sdk::{Outcome, excerpt};
use serde_json::{Value, json};

use super::{Guest, ParseDelimiter};

type Fields<'a> = &'a [(&'a str, &'a str)];

pub(super) fn guest(options: &Value) -> Guest<ParseDelimiter> {
    let mut config = json!({"SourceKey": "content", "Separator": ",", "Keys": ["a", "b", "c"]});
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Guest::configure(&config.to_string()).unwrap()
}

pub(super) fn run(options: &Value, input: &[TestEvent]) -> Output {
    guest(options).process(input)
}

fn check_with(options: &Value, text: impl AsRef<[u8]>, fields: Fields) {
    let output = run(options, &[event(&[("content", &text)])]);
    assert_eq!(output.events, [event(fields)], "{options} {:?}", excerpt(text.as_ref()));
    assert_eq!(output.outcomes, [Outcome::Successful as u8], "{options} {:?}", excerpt(text.as_ref()));
    assert_eq!(output.alarms, []);
}

fn check(text: impl AsRef<[u8]>, fields: Fields) {
    check_with(&json!({}), text, fields);
}

fn check_failure_with(options: &Value, text: impl AsRef<[u8]>, reason: &str) {
    let text = text.as_ref();
    let output = run(options, &[event(&[("content", text)])]);
    assert_eq!(output.events, [], "{options} {}", excerpt(text));
    assert_eq!(output.outcomes, [Outcome::Discarded as u8]);
    let message = format!("not split into columns: {reason}: {}", excerpt(text));
    assert_eq!(output.alarms, [("PARSE_LOG_FAIL_ALARM".to_owned(), message)]);
}

fn check_failure(text: impl AsRef<[u8]>, reason: &str) {
    check_failure_with(&json!({}), text, reason);
}

#[test]
fn columns_become_fields() {
    check("1,2,3", &[("a", "1"), ("b", "2"), ("c", "3")]);
    check("1,,3", &[("a", "1"), ("b", ""), ("c", "3")]);
    check(",,", &[("a", ""), ("b", ""), ("c", "")]);
    check("1,2", &[("a", "1"), ("b", "2")]);
    check("1", &[("a", "1")]);
    check("1,", &[("a", "1"), ("b", "")]);
    check("\t1\t,2", &[("a", "\t1\t"), ("b", "2")]);
    check("中文,é,\u{1}", &[("a", "中文"), ("b", "é"), ("c", "\u{1}")]);
    // Nothing but spaces and carriage returns at the ends is taken off.
    check("  1,2,3  \r", &[("a", "1"), ("b", "2"), ("c", "3")]);
    check(" 1 , 2 , 3 \r \r", &[("a", "1 "), ("b", " 2 "), ("c", " 3")]);
    check("\r1,2,3\n", &[("a", "\r1"), ("b", "2"), ("c", "3\n")]);
    check(" \"1\" ", &[("a", "1")]);
}

#[test]
fn quotes_enclose_columns() {
    check(r#"1,"x,y",3"#, &[("a", "1"), ("b", "x,y"), ("c", "3")]);
    check(r#"1,"x""y",3"#, &[("a", "1"), ("b", r#"x"y"#), ("c", "3")]);
    check(r#""1","","3""#, &[("a", "1"), ("b", ""), ("c", "3")]);
    check(r#""""","""""","a""""b,""""#, &[("a", "\""), ("b", "\"\""), ("c", "a\"\"b,\"")]);
    check("1,\"x\ny\r\n\",3", &[("a", "1"), ("b", "x\ny\r\n"), ("c", "3")]);
    check(r#"1," x ",3"#, &[("a", "1"), ("b", " x "), ("c", "3")]);
    check(r#""1","#, &[("a", "1"), ("b", "")]);
    check_with(&json!({"Quote": "'"}), r#"'1,''2',"x",'3'"#, &[("a", "1,'2"), ("b", "\"x\""), ("c", "3")]);
    // Marks at every place of a block, and blocks at every place of the text.
    for before in 0..70 {
        for after in 0..5 {
            let (x, y) = ("x".repeat(before), "y".repeat(after));
            check(format!(r#"{x},"{y},""{x}",{y}"#), &[("a", &x), ("b", &format!("{y},\"{x}")), ("c", &y)]);
        }
    }
}

#[test]
fn a_quote_out_of_place_fails_the_whole_text() {
    check_failure(r#"1, "x",3"#, "at byte 3: a quote within a column that does not begin with one");
    check_failure(r#"1,x"y,3"#, "at byte 3: a quote within a column that does not begin with one");
    check_failure(r#"1,2,x""#, "at byte 5: a quote within a column that does not begin with one");
    let end = r#"expected "," or the end behind the closing quote but found"#;
    check_failure(r#"1,"x" ,3"#, &format!(r#"at byte 5: {end} " ""#));
    check_failure(r#"1,"x""y"é"#, &format!(r#"at byte 8: {end} "é""#));
    check_failure(b"1,\"x\"\xff", &format!("at byte 5: {end} byte 0xff"));
    check_failure("  \"x\"\n", &format!("at byte 5: {end} byte 0x0a"));
    check_failure_with(
        &json!({"Separator": "\\t"}),
        "\"x\",1",
        r#"at byte 3: expected byte 0x09 or the end behind the closing quote but found ",""#,
    );
    check_failure(r#"1,"open,3"#, "at byte 2: this quote is never closed");
    check_failure(r#"1,"open"""#, "at byte 2: this quote is never closed");
    check_failure(r#" ""#, "at byte 1: this quote is never closed");
    // Also behind the columns that have a key.
    for treatment in ["extend", "keep", "discard"] {
        let options = json!({"OverflowedFieldsTreatment": treatment});
        check_failure_with(&options, r#"1,2,3,4,"5"#, "at byte 8: this quote is never closed");
    }
}

#[test]
fn separators_may_be_long_or_unusual() {
    let bars = json!({"Separator": "||"});
    check_with(
        &bars,
        "1||2||3||4||5",
        &[("a", "1"), ("b", "2"), ("c", "3"), ("__column3__", "4"), ("__column4__", "5")],
    );
    check_with(&bars, r#""a||b"||c"#, &[("a", "\"a"), ("b", "b\""), ("c", "c")]);
    check_with(&bars, "||", &[("a", ""), ("b", "")]);
    check_with(&bars, "|", &[("a", "|")]);
    check_with(&bars, "1|||2", &[("a", "1"), ("b", "|2")]);
    check_with(&bars, "1||||2|", &[("a", "1"), ("b", ""), ("c", "2|")]);
    check_with(&bars, r#"1||x"||""#, &[("a", "1"), ("b", "x\""), ("c", "\"")]);
    check_with(&json!({"Separator": "abcd"}), "1abcabcd2abcd", &[("a", "1abc"), ("b", "2"), ("c", "")]);
    check_with(&json!({"Separator": "，"}), "一，二,，三", &[("a", "一"), ("b", "二,"), ("c", "三")]);
    check_with(&json!({"Separator": "\u{1}"}), "1\u{1}2", &[("a", "1"), ("b", "2")]);
    check_with(&json!({"Separator": "\\t"}), "1\t\"2\t\"\t", &[("a", "1"), ("b", "2\t"), ("c", "")]);
    check_with(&json!({"Separator": " "}), "1 2  3", &[("a", "1"), ("b", "2"), ("c", ""), ("__column3__", "3")]);
    // A quote that is the separator encloses nothing.
    check_with(&json!({"Separator": "\""}), "1\"2\"\"", &[("a", "1"), ("b", "2"), ("c", ""), ("__column3__", "")]);
    check_with(&json!({"Quote": ","}), "1,\"2", &[("a", "1"), ("b", "\"2")]);
}

#[test]
fn surplus_columns_are_treated_as_told() {
    let treated = |treatment: &str| json!({"OverflowedFieldsTreatment": treatment});
    let abc = |rest: Fields<'static>| [&[("a", "1"), ("b", "2"), ("c", "3")], rest].concat();
    check("1,2,3,4,5", &abc(&[("__column3__", "4"), ("__column4__", "5")]));
    check("1,2,3,", &abc(&[("__column3__", "")]));
    check(r#"1,2,3,"4,""4""#, &abc(&[("__column3__", "4,\"4")]));
    check_with(&treated("other"), "1,2,3,4", &abc(&[("__column3__", "4")]));

    check_with(&treated("keep"), "1,2,3,4,5", &abc(&[("__column3__", ",4,5")]));
    check_with(&treated("keep"), "1,2,3,", &abc(&[("__column3__", ",")]));
    check_with(&treated("keep"), "1,2,3", &abc(&[]));
    check_with(&treated("keep"), r#"1,2,3,"4,4",5"#, &abc(&[("__column3__", ",4,4,5")]));
    check_with(&treated("keep"), r#"1,2,3,,"4""4","""#, &abc(&[("__column3__", ",,4\"4,")]));
    let bars = json!({"OverflowedFieldsTreatment": "keep", "Separator": "||"});
    check_with(&bars, "1||2||3||4||\"5||", &abc(&[("__column3__", "||4||\"5||")]));
    check_with(&bars, "1||2||3||", &abc(&[("__column3__", "||")]));

    check_with(&treated("discard"), "1,2,3,4,5", &abc(&[]));
    check_with(&treated("discard"), r#"1,2,3,"4""4""#, &abc(&[]));
    // A column is skipped in this mode only.
    let keys = |treatment: &str| json!({"OverflowedFieldsTreatment": treatment, "Keys": ["a", "_", "c"]});
    check_with(&keys("discard"), "1,2,3,4,5", &[("a", "1"), ("c", "3")]);
    check_with(&keys("discard"), r#"1,"2""2",3"#, &[("a", "1"), ("c", "3")]);
    check_with(&keys("extend"), "1,2,3", &[("a", "1"), ("_", "2"), ("c", "3")]);
    check_with(&keys("keep"), "1,2,3", &[("a", "1"), ("_", "2"), ("c", "3")]);
}

#[test]
fn too_few_columns_fail_where_they_are_not_allowed() {
    let strict = json!({"AllowingShortenedFields": false});
    check_with(&strict, "1,2,", &[("a", "1"), ("b", "2"), ("c", "")]);
    check_failure_with(&strict, " 1,2", "at byte 4: expected 3 columns but found the end after 2");
    check_failure_with(&strict, "1", "at byte 1: expected 3 columns but found the end after 1");
    check_failure_with(&json!({"Keys": []}), "1,2", "Keys is empty");
}

#[test]
fn names_stay_distinct() {
    check_with(&json!({"Keys": ["a", "b", "a"]}), "1,2,3", &[("a", "3"), ("b", "2")]);
    check_with(
        &json!({"Keys": ["a", "__column2__"]}),
        "1,2,3,4",
        &[("a", "1"), ("__column2__", "3"), ("__column3__", "4")],
    );
    let input = [
        event(&[("c", "0"), ("content", "1,2,3,4"), ("__column4__", "x")]),
        event(&[("content", "1,2,3,4,5")]),
        event(&[("content", "1,2,3,4,5"), ("a", "0"), ("__column4__", "x")]),
        event(&[("content", "\"1"), ("a", "0"), ("b", "x")]),
    ];
    let output = run(&json!({"RenamedSourceKey": "__column3__", "KeepingSourceWhenParseFail": true}), &input);
    let expected = [
        event(&[("c", "3"), ("__column4__", "x"), ("a", "1"), ("b", "2"), ("__column3__", "4")]),
        event(&[("a", "1"), ("b", "2"), ("c", "3"), ("__column3__", "4"), ("__column4__", "5")]),
        event(&[("a", "1"), ("__column4__", "5"), ("b", "2"), ("c", "3"), ("__column3__", "4")]),
        event(&[("a", "0"), ("b", "x"), ("__column3__", "\"1")]),
    ];
    assert_eq!(output.events, expected);
    assert_eq!(output.outcomes, [0, 0, 0, 1]);
}

#[test]
fn the_source_becomes_what_the_options_say() {
    let check = |options: Value, input: Fields, output: Option<Fields>, outcome: Outcome| {
        let found = run(&options, &[event(input)]);
        let expected: Vec<TestEvent> = output.into_iter().map(event).collect();
        assert_eq!(found.events, expected, "{options} {input:?}");
        assert_eq!(found.outcomes, [outcome as u8], "{options} {input:?}");
    };
    let ok = Outcome::Successful;
    check(json!({}), &[("x", "0"), ("content", "1,2")], Some(&[("x", "0"), ("a", "1"), ("b", "2")]), ok);
    check(json!({}), &[("k", "v")], Some(&[("k", "v")]), Outcome::KeyNotFound);
    let keep = json!({"KeepingSourceWhenParseSucceed": true});
    check(keep.clone(), &[("content", " 1")], Some(&[("a", "1"), ("content", " 1")]), ok);
    let keys = json!({"KeepingSourceWhenParseSucceed": true, "Keys": ["x", "content"]});
    check(keys, &[("content", "1,2"), ("y", "0")], Some(&[("content", "2"), ("y", "0"), ("x", "1")]), ok);
    let keep = json!({"KeepingSourceWhenParseSucceed": true, "RenamedSourceKey": "b"});
    check(keep, &[("content", "1,2")], Some(&[("a", "1"), ("b", "2")]), ok);
    let keep = json!({"KeepingSourceWhenParseFail": true, "RenamedSourceKey": "raw", "CopingRawLog": true});
    check(keep, &[("content", "\"")], Some(&[("raw", "\""), ("__raw_log__", "\"")]), Outcome::Failed);
    check(json!({}), &[("content", "\""), ("k", "v")], Some(&[("k", "v")]), Outcome::Failed);
    // What was split before the mistake is taken back.
    check(json!({}), &[("b", "0"), ("content", "1,2,3,\"")], Some(&[("b", "0")]), Outcome::Failed);
}

#[test]
fn a_blank_value_passes_unchanged() {
    for text in ["", " ", "\r", " \r  \r"] {
        for options in [json!({}), json!({"KeepingSourceWhenParseFail": true, "RenamedSourceKey": "raw"})] {
            let input = event(&[("x", "0"), ("content", text), ("y", "1")]);
            let output = run(&options, std::slice::from_ref(&input));
            assert_eq!(output.events, [input]);
            assert_eq!(output.outcomes, [Outcome::Failed as u8]);
            assert_eq!(output.alarms, []);
        }
    }
    check("\t", &[("a", "\t")]);
}

#[test]
fn a_bad_line_does_not_touch_its_neighbours() {
    let lines = [r#""1""1",2"#, r#""1""1","2"#, "", r#""3""3""#, "1,2,3,4,5", "1,x\"", "5"];
    let output = run(&json!({}), &lines.map(|line| event(&[("content", line)])));
    let expected = [
        event(&[("a", "1\"1"), ("b", "2")]),
        event(&[("content", "")]),
        event(&[("a", "3\"3")]),
        event(&[("a", "1"), ("b", "2"), ("c", "3"), ("__column3__", "4"), ("__column4__", "5")]),
        event(&[("a", "5")]),
    ];
    assert_eq!(output.events, expected);
    assert_eq!(output.origins, [0, 2, 3, 4, 6]);
    assert_eq!(output.outcomes, [0, 3, 1, 0, 0, 3, 0]);
    assert_eq!(output.alarms.len(), 2);
}

#[test]
fn columns_without_number_take_time_in_proportion() {
    let count = 200_000;
    let output = run(&json!({}), &[event(&[("content", ",".repeat(count - 1))])]);
    assert_eq!(output.events[0].fields.len(), count);
    let keep = run(&json!({"OverflowedFieldsTreatment": "keep"}), &[event(&[("content", ",".repeat(count))])]);
    assert_eq!(keep.events[0].fields[3].1.len(), count - 2);
}

#[test]
fn mistakes_are_all_reported() {
    let paths = |config: Value| -> Vec<String> {
        let issues = Guest::<ParseDelimiter>::configure(&config.to_string()).unwrap_err();
        issues.into_iter().map(|issue| issue.path).collect()
    };
    assert_eq!(paths(json!({})), ["SourceKey", "Separator", "Keys"]);
    assert_eq!(paths(json!({"SourceKey": "x", "Separator": "12345", "Keys": []})), ["Separator"]);
    assert_eq!(paths(json!({"SourceKey": "x", "Separator": ",", "Quote": "''", "Keys": ["a"]})), ["Quote"]);
    let warned = json!({
        "Keys": [], "Separator": "--", "Quote": "'", "OverflowedFieldsTreatment": "cut", "KeepingSourceWhenParseFail": true,
    });
    let warnings = guest(&warned).setup.warnings;
    let paths: Vec<&str> = warnings.iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["Quote", "Keys", "OverflowedFieldsTreatment"]);
}
