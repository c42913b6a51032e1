//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::Outcome;
use loglift_sdk::testing::{Output, TestEvent, event};
use serde_json::{Value, json};

use super::{Filter, Guest};

type Fields<'a> = &'a [(&'a str, &'a str)];

fn guest(config: &Value) -> Guest<Filter> {
    Guest::configure(&config.to_string()).unwrap()
}

pub(super) fn run(config: &Value, input: &[TestEvent]) -> Output {
    guest(config).process(input)
}

fn check(config: &Value, fields: Fields, is_kept: bool) {
    let input = event(fields);
    let output = run(config, std::slice::from_ref(&input));
    let (events, outcome) = if is_kept { (vec![input], Outcome::Successful) } else { (vec![], Outcome::Discarded) };
    assert_eq!(output.events, events, "{config} {fields:?}");
    assert_eq!(output.outcomes, [outcome as u8], "{config} {fields:?}");
    assert_eq!(output.alarms, []);
}

pub(super) fn leaf(key: &str, exp: &str) -> Value {
    json!({"key": key, "exp": exp, "type": "regex"})
}

#[test]
fn all_fields_of_include_have_to_match() {
    let config = json!({"Include": {"ip": r"10\..*", "method": "POST"}});
    check(&config, &[("ip", "10.1.2.3"), ("method", "POST")], true);
    check(&config, &[("x", ""), ("method", "POST"), ("ip", "10.")], true);
    check(&config, &[("ip", "10.1.2.3"), ("method", "POSTX")], false);
    check(&config, &[("ip", "10.1.2.3")], false);
    check(&config, &[], false);
    check(&json!({"Include": {"a": ""}}), &[("a", "")], true);
    check(&json!({"Include": {"a": ".*"}}), &[("a", "x\ny")], true);
    check(&json!({"Include": {"a": ".*"}}), &[("b", "")], false);
}

#[test]
fn lists_say_the_same() {
    let config = json!({"FilterKey": ["ip", "method", "ip"], "FilterRegex": [r"10\..*", "POST", ".*3"]});
    check(&config, &[("ip", "10.1.2.3"), ("method", "POST")], true);
    check(&config, &[("ip", "10.1.2.4"), ("method", "POST")], false);
    check(&config, &[("ip", "10.1.2.3")], false);
}

#[test]
fn conditions_can_be_combined() {
    let config = json!({"ConditionExp": {"operator": "AND", "operands": [
        {"operator": "or", "operands": [leaf("a", "x"), {"key": "a", "exp": "y", "type": "REGEX"}]},
        {"operator": "Not", "operands": [leaf("b", "1")]},
    ]}});
    check(&config, &[("a", "y")], true);
    check(&config, &[("a", "x"), ("b", "2")], true);
    check(&config, &[("a", "x"), ("b", "1")], false);
    check(&config, &[("a", "z")], false);
    check(&config, &[("b", "2")], false);
    check(&json!({"ConditionExp": leaf("a", "[0-9]+")}), &[("a", "17")], true);
    check(&json!({"ConditionExp": leaf("a", "[0-9]+")}), &[("a", "17a")], false);
    // A field that is missing does not match, so its opposite holds.
    check(&json!({"ConditionExp": {"operator": "not", "operands": [leaf("b", ".*")]}}), &[("a", "1")], true);
}

#[test]
fn nothing_to_check_keeps_everything() {
    let nothing =
        [json!({}), json!({"Include": {}}), json!({"FilterKey": [], "FilterRegex": []}), json!({"ConditionExp": null})];
    for config in nothing {
        check(&config, &[("a", "1")], true);
        check(&config, &[], true);
        assert_eq!(guest(&config).setup.reads, Some(vec![]));
        assert_eq!(guest(&config).setup.warnings.len(), 1);
    }
}

#[test]
fn only_the_fields_of_the_condition_are_asked_for() {
    let config = json!({"ConditionExp": {"operator": "or", "operands": [
        {"operator": "and", "operands": [leaf("a", "1"), leaf("b", "2")]},
        leaf("a", "3"),
    ]}});
    assert_eq!(guest(&config).setup.reads, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(guest(&json!({"Include": {"b": "", "a": ""}, "DiscardingNonUTF8": true})).setup.reads, None);
}

#[test]
fn the_first_form_of_a_condition_counts() {
    let all = json!({
        "ConditionExp": leaf("a", "1"), "FilterKey": ["b"], "FilterRegex": ["2"], "Include": {"c": "3"},
    });
    check(&all, &[("a", "1")], true);
    check(&all, &[("b", "2"), ("c", "3")], false);
    let warned = |config: &Value| -> Vec<String> {
        guest(config).setup.warnings.into_iter().map(|issue| format!("{} {}", issue.path, issue.message)).collect()
    };
    let by = |winner: &str, name: &str| format!("{name} has no effect beside {winner}");
    assert_eq!(warned(&all), [by("ConditionExp", "FilterKey"), by("ConditionExp", "Include")]);
    let lists = json!({"FilterKey": ["b"], "FilterRegex": ["2"], "Include": {"c": "3"}});
    check(&lists, &[("b", "2")], true);
    assert_eq!(warned(&lists), [by("FilterKey", "Include")]);
}

#[test]
fn bytes_that_are_not_utf8_become_spaces() {
    let config = json!({"DiscardingNonUTF8": true});
    let output = run(&config, &[event(&[("v", &b"a\xffb"[..]), ("w", "é".as_bytes())]), event(&[("v", "x")])]);
    assert_eq!(output.events, [event(&[("v", "a b"), ("w", "é")]), event(&[("v", "x")])]);

    // Together with a condition, which sees the value as it was.
    let config = json!({"DiscardingNonUTF8": true, "Include": {"v": "(?:a.b|x)"}});
    let input =
        [event(&[("v", b"a\xffb")]), event(&[("v", b"\xff  ")]), event(&[("v", b"x  ")]), event(&[("v", b"x")])];
    let output = run(&config, &input);
    assert_eq!(output.events, [event(&[("v", "a b")]), event(&[("v", "x")])]);
    assert_eq!(output.outcomes, [0, 3, 3, 0]);

    // In names as well, which may make two fields one.
    let named = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
    let mut input = event(&[("v", "x")]);
    input.fields.extend([named(b"n\xfe", b"1"), named(b"n\xff", b"2\xff"), named(b"n ", b"3"), named(b"m\xff", b"4")]);
    let output = run(&config, &[event(&[("v", "y")]), input, event(&[("v", "x")])]);
    let expected = [event(&[("v", "x"), ("n ", "3"), ("m ", "4")]), event(&[("v", "x")])];
    assert_eq!(output.events, expected);
    assert_eq!(output.origins, [1, 2]);
    assert_eq!(output.outcomes, [3, 0, 0]);
}

#[test]
fn mistakes_are_all_reported() {
    let check = |config: Value, expected: &[&str]| {
        let issues = Guest::<Filter>::configure(&config.to_string()).unwrap_err();
        let paths: Vec<&str> = issues.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(paths, expected, "{config} {issues:?}");
    };
    check(json!({"Include": {"a": "(", "b": "x", "c": "(?=x)"}}), &["Include.a", "Include.c"]);
    check(json!({"FilterKey": ["a", "b"], "FilterRegex": ["["]}), &["FilterRegex", "FilterRegex[0]"]);
    check(json!({"FilterKey": ["a"]}), &["FilterRegex"]);
    check(json!({"FilterRegex": ["a"]}), &["FilterRegex"]);
    check(json!({"Include": {"a": 1}}), &[""]);
    check(json!({"ConditionExp": [1]}), &["ConditionExp"]);
    check(json!({"ConditionExp": {}}), &["ConditionExp"; 3]);
    check(json!({"ConditionExp": {"key": "a", "exp": "b"}}), &["ConditionExp"]);
    check(json!({"ConditionExp": {"key": "a", "exp": "b", "type": "glob"}}), &["ConditionExp.type"]);
    check(json!({"ConditionExp": {"key": "a", "exp": 1, "type": "regex"}}), &["ConditionExp.exp"]);
    check(json!({"ConditionExp": leaf("a", "(")}), &["ConditionExp.exp"]);
    check(json!({"ConditionExp": {"operator": "xor", "operands": []}}), &["ConditionExp.operator"]);
    let three = json!([leaf("a", "1"), leaf("a", "1"), leaf("a", "1")]);
    check(json!({"ConditionExp": {"operator": "and", "operands": three}}), &["ConditionExp.operands"]);
    check(json!({"ConditionExp": {"operator": "not", "operands": three}}), &["ConditionExp.operands"]);
    check(json!({"ConditionExp": {"operator": "or"}}), &["ConditionExp.operands"]);
    let nested =
        json!({"operator": "not", "operands": [{"operator": "or", "operands": [leaf("a", "1"), leaf("a", "++")]}]});
    let both = json!({"operator": "and", "operands": [nested, 5]});
    check(
        json!({"ConditionExp": both}),
        &["ConditionExp.operands[0].operands[0].operands[1].exp", "ConditionExp.operands[1]"],
    );
}
