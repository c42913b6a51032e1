//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::Outcome;
use loglift_sdk::testing::{Output, TestEvent, event};
use serde_json::{Value, json};

use super::{Guest, Redact};

const BEFORE: &str = "ContentPatternBeforeReplacedString";
const REPLACED: &str = "ReplacedContentPattern";

fn guest(options: &Value) -> Guest<Redact> {
    let mut config = json!({
        "SourceKey": "content",
        "Method": "const",
        "ReplacingString": "********",
        "ContentPatternBeforeReplacedString": "pwd=",
        "ReplacedContentPattern": "[^,]+",
    });
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Guest::configure(&config.to_string()).unwrap()
}

pub(super) fn run(options: &Value, input: &[TestEvent]) -> Output {
    guest(options).process(input)
}

fn check(options: &Value, value: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
    let output = run(options, &[event(&[("a", b"pwd=1".as_slice()), ("content", value.as_ref()), ("b", b"2")])]);
    let expected = [event(&[("a", b"pwd=1".as_slice()), ("content", expected.as_ref()), ("b", b"2")])];
    assert_eq!(output.events, expected, "{options} {:?}", String::from_utf8_lossy(value.as_ref()));
    assert_eq!(output.outcomes, [Outcome::Successful as u8]);
}

pub(super) fn patterns(method: &str, before: &str, replaced: &str) -> Value {
    json!({
        "Method": method, "ReplacingString": "*",
        "ContentPatternBeforeReplacedString": before, "ReplacedContentPattern": replaced,
    })
}

#[test]
fn a_text_is_put_in_place() {
    let value = "asf@@@324 FS2$%pwd,pwd=saf543#$@,,pwd=12341,df";
    check(&json!({}), value, "asf@@@324 FS2$%pwd,pwd=********,,pwd=********,df");
    check(&json!({"ReplacingAll": false}), value, "asf@@@324 FS2$%pwd,pwd=********,,pwd=12341,df");
    check(&json!({}), "no match", "no match");
    check(&json!({}), "pwd=", "pwd=");
    check(&json!({}), "pwd=,", "pwd=,");
    check(&json!({}), "pwd=1", "pwd=********");
    check(&json!({}), b"\xffpwd=\xfe,\xff", b"\xffpwd=********,\xff");
    // Literally, whatever it looks like.
    check(&json!({"ReplacingString": r"\0\1\\$1"}), "pwd=1,", r"pwd=\0\1\\$1,");
}

#[test]
fn md5_sums_are_put_in_place() {
    let md5 = json!({"Method": "md5"});
    let sums = "pwd=91F6CFCF46787E8A02082B58F7117AFA,,pwd=2369B00C6DB80BF0794658225730FF0B";
    check(&md5, "pwd=saf543#$@,,pwd=12341f", sums);
    check(&md5, "pwd=12341", "pwd=F190CE9AC8445D249747CAB7BE43F7D5");
    let first = json!({"Method": "md5", "ReplacingAll": false});
    check(&first, "pwd=12341,pwd=2", "pwd=F190CE9AC8445D249747CAB7BE43F7D5,pwd=2");
}

#[test]
fn groups_in_the_patterns_do_not_matter() {
    check(&patterns("const", "(p)(w(d))=", "((1)|(2))+"), "pwd=121,pwd=2", "pwd=*,pwd=*");
    check(&patterns("const", "(?P<key>pwd)=", "(?P<value>1)"), "pwd=1", "pwd=*");
}

#[test]
fn an_empty_match_is_a_match_for_const_only() {
    check(&patterns("const", "x*", "y*"), "ab", "*a*b*");
    check(&patterns("const", "x*", "y*"), "xxyyb", "xx*b*");
    check(&patterns("md5", "x*", "y*"), "ab", "ab");
    check(&patterns("md5", "x*", "y*"), "xyab", "xyab");
    check(&patterns("md5", "x", "y*"), "xa", "xD41D8CD98F00B204E9800998ECF8427Ea");
}

#[test]
fn an_empty_or_missing_value_stays() {
    let input = [event(&[("content", "")]), event(&[("a", "pwd=1")]), event(&[("content", "pwd=1")])];
    let output = run(&json!({}), &input);
    assert_eq!(output.events, [input[0].clone(), input[1].clone(), event(&[("content", "pwd=********")])]);
    assert_eq!(output.outcomes, [0, 2, 0]);
    check(&patterns("const", "^", "x*"), "", "");
    assert_eq!(run(&json!({}), &[event(&[("a", "")])]).outcomes, [2]);
}

#[test]
fn only_the_source_is_asked_for() {
    assert_eq!(guest(&json!({})).setup.reads, Some(vec!["content".to_owned()]));
}

#[test]
fn mistakes_are_all_reported() {
    let check = |options: Value, expected: &[&str]| {
        let mut config = json!({
            "SourceKey": "a", "Method": "const", "ReplacingString": "*",
            "ContentPatternBeforeReplacedString": "b", "ReplacedContentPattern": "c",
        });
        config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let issues = Guest::<Redact>::configure(&config.to_string()).unwrap_err();
        let paths: Vec<&str> = issues.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(paths, expected, "{options}");
    };
    let empty = json!({
        "SourceKey": "", "Method": "", "ContentPatternBeforeReplacedString": "", "ReplacedContentPattern": "",
    });
    check(empty, &["SourceKey", "Method", BEFORE, REPLACED]);
    check(json!({"Method": "MD5"}), &["Method"]);
    check(json!({"ReplacingString": ""}), &["ReplacingString"]);
    check(json!({"ReplacedContentPattern": "("}), &[REPLACED]);
    check(json!({"ContentPatternBeforeReplacedString": "("}), &[BEFORE]);
    let warnings = guest(&json!({"ReplacingString": r"\1", "ReplacedContentPattern": "a|b"})).setup.warnings;
    let paths: Vec<&str> = warnings.iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["ReplacingString", REPLACED]);
}
