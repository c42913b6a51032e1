//! Rows of input and output, run natively here and through the component by `tests/tests/tables`.

use loglift_sdk::testing::{Output, TestEvent, event};
use loglift_sdk::{Issue, Outcome, excerpt};
use serde_json::{Value, json};

use super::{Guest, ParseRegex, check_engines};

pub(super) fn configure(options: &Value) -> Result<Guest<ParseRegex>, Vec<Issue>> {
    let mut config = json!({"SourceKey": "content"});
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Guest::configure(&config.to_string())
}

fn run(options: &Value, input: &[TestEvent]) -> Output {
    configure(options).unwrap().process(input)
}

fn matches(regex: &str, value: impl AsRef<[u8]>, expected: &[&str]) {
    let expected: Vec<&[u8]> = expected.iter().map(|group| group.as_bytes()).collect();
    matches_bytes(regex, value.as_ref(), &expected);
}

fn matches_bytes(regex: &str, value: &[u8], expected: &[&[u8]]) {
    check_engines(regex, value, Some(expected));
    let keys: Vec<String> = (0..expected.len()).map(|group| format!("group {group}")).collect();
    let output = run(&json!({"Regex": regex, "Keys": keys}), &[event(&[("content", value)])]);
    let fields: Vec<(&str, &[u8])> = keys.iter().map(String::as_str).zip(expected.iter().copied()).collect();
    assert_eq!(output.events, [event(&fields)], "{regex} on {:?}", excerpt(value));
}

fn differs(regex: &str, value: impl AsRef<[u8]>) {
    check_engines(regex, value.as_ref(), None);
    let output = run(&json!({"Regex": regex, "Keys": []}), &[event(&[("content", &value)])]);
    assert_eq!(output.outcomes, [Outcome::Discarded as u8], "{regex} on {:?}", excerpt(value.as_ref()));
}

fn refused(regex: &str, reason: &str) {
    let issues = configure(&json!({"Regex": regex, "Keys": []})).unwrap_err();
    assert_eq!((issues[0].path.as_str(), issues[0].message.as_str()), ("Regex", reason), "{regex}");
}

fn check(options: &Value, input: &[(&str, &str)], output: Option<&[(&str, &str)]>, outcome: Outcome) {
    let found = run(options, &[event(input)]);
    let expected: Vec<TestEvent> = output.into_iter().map(event).collect();
    assert_eq!(found.events, expected, "{options} {input:?}");
    assert_eq!(found.outcomes, [outcome as u8], "{options} {input:?}");
}

#[test]
fn groups_become_fields() {
    let parse = |regex: &str, keys: &[&str], input: &str, output: &[(&str, &str)]| {
        let options = json!({"Regex": regex, "Keys": keys});
        check(&options, &[("content", input)], Some(output), Outcome::Successful);
    };
    parse(r"(\d+) (\w+)", &["a", "b"], "12 ab", &[("a", "12"), ("b", "ab")]);
    parse(r"(\d+)(x)? (\w+)", &["a", "b", "c"], "12 ab", &[("a", "12"), ("b", ""), ("c", "ab")]);
    parse(r"(\d+)(x)? (\w+)", &["a", "b", "c"], "12x ab", &[("a", "12"), ("b", "x"), ("c", "ab")]);
    parse("a(.*)b", &["k"], "a1\n2b", &[("k", "1\n2")]);
    parse(r"(\S+)\s(\w+).*", &["ip", "content"], "1.2.3.4 GET /x", &[("content", "GET"), ("ip", "1.2.3.4")]);
    // More groups than keys: the rest is ignored.
    parse("(a)(b)(c)", &["x"], "abc", &[("x", "a")]);
    // Equal keys: the last group wins.
    parse("(a)(b)(c)", &["x", "y", "x"], "abc", &[("x", "c"), ("y", "b")]);
    parse("(a)(b)", &["", "y"], "ab", &[("", "a"), ("y", "b")]);
    parse("(a)b", &[], "ab", &[]);
    // A single key with commas is a list, without trimming; one of several is a name.
    parse("(a)(b)(c)", &["x,y,z"], "abc", &[("x", "a"), ("y", "b"), ("z", "c")]);
    parse("(a)(b)", &["x, y"], "ab", &[("x", "a"), (" y", "b")]);
    parse("(a)(b)", &["x,y", "z"], "ab", &[("x,y", "a"), ("z", "b")]);
    // An empty value can match, too.
    parse("(.*)b?", &["x"], "", &[("x", "")]);
}

#[test]
fn a_value_that_does_not_match_as_a_whole_fails() {
    let options = json!({"Regex": r"(\d+) (\w+)", "Keys": ["a", "b"]});
    check(&options, &[("content", "12 ab tail")], None, Outcome::Discarded);
    check(&options, &[("content", "")], None, Outcome::Discarded);
    check(&options, &[("content", "x"), ("k", "v")], Some(&[("k", "v")]), Outcome::Failed);
    check(&options, &[("k", "v")], Some(&[("k", "v")]), Outcome::KeyNotFound);
    let output = run(&options, &[event(&[("content", "12 ab tail")])]);
    let message = "Regex does not match the whole value: 12 ab tail";
    assert_eq!(output.alarms, [("REGEX_MATCH_ALARM".to_owned(), message.to_owned())]);
    assert_eq!(run(&options, &[event(&[("content", "12 ab")])]).alarms, []);
}

#[test]
fn fewer_groups_than_keys_is_a_failure() {
    let options = json!({"Regex": r"(\d+)", "Keys": ["a", "b"], "KeepingSourceWhenParseFail": true});
    check(&options, &[("content", "12")], Some(&[("content", "12")]), Outcome::Failed);
    let alarm = |value: &str| run(&options, &[event(&[("content", value)])]).alarms.remove(0).1;
    assert_eq!(alarm("12"), "Regex has too few groups, 1 for 2 Keys: 12");
    assert_eq!(alarm("x"), "Regex does not match the whole value: x");
    let warnings = configure(&options).unwrap().setup.warnings;
    assert_eq!(warnings[0].message, "has more names than Regex has groups, 2 and 1: every event will fail");
    // Distinct names are what `Keys` has in the end, but groups are counted against all of them.
    let options = json!({"Regex": "(a)", "Keys": ["x", "x"], "KeepingSourceWhenParseFail": true});
    check(&options, &[("content", "a")], Some(&[("content", "a")]), Outcome::Failed);
}

#[test]
fn exactly_all_of_a_line_is_not_matched() {
    let whole = |keys: &[&str], output: &[(&str, &str)]| {
        let options = json!({"Regex": "(.*)", "Keys": keys});
        check(&options, &[("content", "any\nthing")], Some(output), Outcome::Successful);
        assert_eq!(configure(&options).unwrap().setup.notes, ["regex engine: none, (.*) takes the value as it is"]);
    };
    whole(&["line"], &[("line", "any\nthing")]);
    whole(&[], &[("content", "any\nthing")]);
    whole(&["content"], &[("content", "any\nthing")]);
    whole(&["a", "b"], &[("a", "any\nthing")]);
    whole(&["a,b"], &[("a", "any\nthing")]);
    // Not exactly that: matched, and so the groups are counted.
    let options = json!({"Regex": "^(.*)$", "Keys": ["a", "b"], "KeepingSourceWhenParseFail": true});
    check(&options, &[("content", "x")], Some(&[("content", "x")]), Outcome::Failed);
    let options = json!({"Regex": "(.*)", "Keys": ["line"], "KeepingSourceWhenParseSucceed": true});
    let output = [("line", "x"), ("content", "x")];
    check(&options, &[("content", "x")], Some(&output), Outcome::Successful);
}

#[test]
fn the_options_of_all_parsers_apply() {
    let check = |options: &Value, input: &[(&str, &str)], output: &[(&str, &str)], outcome| {
        let mut all = json!({"Regex": r"(\d+) (\w+)", "Keys": ["a", "b"]});
        all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        check(&all, input, Some(output), outcome);
    };
    let raw = json!({"KeepingSourceWhenParseSucceed": true, "RenamedSourceKey": "raw"});
    let input = [("x", "0"), ("content", "1 z"), ("b", "old"), ("y", "9")];
    let output = [("x", "0"), ("b", "z"), ("y", "9"), ("a", "1")];
    check(&json!({}), &input, &output, Outcome::Successful);
    check(&raw, &[("content", "1 z")], &[("a", "1"), ("b", "z"), ("raw", "1 z")], Outcome::Successful);
    check(&raw, &[("content", "1 z"), ("raw", "r")], &[("raw", "r"), ("a", "1"), ("b", "z")], Outcome::Successful);
    let keep = json!({"KeepingSourceWhenParseFail": true, "RenamedSourceKey": "raw", "CopingRawLog": true});
    let output = [("b", "old"), ("raw", "no"), ("__raw_log__", "no")];
    check(&keep, &[("content", "no"), ("b", "old")], &output, Outcome::Failed);
}

#[test]
fn several_events_are_kept_apart() {
    let lines = ["1 a", "x", "2 b", "", "3 c"];
    let events: Vec<TestEvent> = lines.iter().map(|line| event(&[("content", line)])).collect();
    let output = run(&json!({"Regex": r"(\d+) (\w+)", "Keys": ["n", "w"]}), &events);
    let expected = [("1", "a"), ("2", "b"), ("3", "c")].map(|(n, w)| event(&[("n", n), ("w", w)]));
    assert_eq!(output.events, expected);
    assert_eq!(output.origins, [0, 2, 4]);
    assert_eq!(output.outcomes, [0, 3, 0, 3, 0]);
    assert_eq!(output.alarms.len(), 2);
}

/// The table of section "regex dialects", and what Boost's documentation adds to it.
#[test]
fn everything_is_about_bytes() {
    matches_bytes("(.)(.)(.)", "中".as_bytes(), &[b"\xe4", b"\xb8", b"\xad"]);
    differs(".", "é");
    matches(r"(\w+)(.+)", "aé", &["a", "é"]);
    differs(r"\w+", "é");
    differs(r"\d+", "٣");
    differs(r"\s", "\u{a0}");
    matches(r"(?i)(É)", "É", &["É"]);
    differs("(?i)é", "É");
    differs("(?i)\u{17f}", "s");
    differs("(?i)k", "\u{212a}");
    matches(r"a\b(.+)", "aé", &["é"]);
    matches("([中文]+)", "文中", &["文中"]);
    matches_bytes("([中文]+)", b"\xe6\xb8\xad\x87", &[b"\xe6\xb8\xad\x87"]);
    differs("[^中]", "中");
    matches("[^中]+(a)", b"\xff\x00a", &["a"]);
    matches(r"\xe4\xb8\xad(.*)", "中x", &["x"]);
    matches(r"([\x80-\xff]+)", "中", &["中"]);
    matches("中{2}", b"\xe4\xb8\xad\xad", &[]);
    matches("(?:中){2}", "中中", &[]);
    matches(r"\C\C\X", "中", &[]);
}

#[test]
fn dots_and_anchors_know_lines() {
    matches("(.*)x(.*)", "a\nxb\r\n", &["a\n", "b\r\n"]);
    differs("(?-s).*", "a\nb");
    differs("(?-s).*", "a\rb");
    differs("(?-s)a.b", "a\x0cb");
    matches("(?-s:.*)\n(.*)", "a\nb\nc", &["b\nc"]);
    // At both ends they say nothing.
    for regex in ["^(a)$", r"\A(a)\z", r"^(a)\Z", r"\`(a)\'", "^^(a)$$", "(^a$)", r"\G(a)"] {
        matches(regex, "a", &["a"]);
    }
    matches("(?:^(a)|^(b)$)", "a", &["a", ""]);
    for separator in ["\n", "\r", "\r\n"] {
        matches("(a)$.+^(b)", format!("a{separator}b"), &["a", "b"]);
        matches("(a)$.{1,2}?^(b)", format!("a{separator}b"), &["a", "b"]);
    }
    differs("a\r^\nb", "a\r\nb");
    differs("a\r$\nb", "a\r\nb");
    matches("a\r\n^b", "a\r\nb", &[]);
    matches("a$\r\nb", "a\r\nb", &[]);
    matches("a\n$\n^b", "a\n\nb", &[]);
    differs("(?-m)a.^b", "a\nb");
    differs("(?-m)a$.b", "a\nb");
    matches(r"(a\Z)\s+", "a\n\r\n", &["a"]);
    differs(r"a\Z\s+b", "a\nb");
    differs(r"a\zb?.*", "ab");
    differs(r"a\Ab", "ab");
}

#[test]
fn escapes_and_classes_are_those_of_boost() {
    matches(r"\a\e\f\n\r\t\v", "\x07\x1b\x0c\n\r\t\x0b", &[]);
    matches(r"\cA\ca\x41\x{41}\0101\0", "\x01\x01AAA\0", &[]);
    matches(r"\.\*\[\]\(\)\{\}\\\/\-\y\E", ".*[](){}\\/-yE", &[]);
    matches(
        r"(\d+)(\D+)(\w+)(\W+)(\s+)(\S+)",
        "12-7b.\t\x0b\n\x0c\r x",
        &["12", "-", "7b", ".\t\x0b\n\x0c\r", " ", "x"],
    );
    matches(r"(\l+)(\u+) (\L+) (\U+)", "abAB 1A -a", &["ab", "AB", "1A", "-a"]);
    matches(r"a(\h+)b(\H)(\V)", "a \tbx\u{1}", &[" \t", "x", "\u{1}"]);
    differs(r"\h", "\n");
    matches(r"\Qa.b*[\E(.)\Q\d", r"a.b*[x\d", &["x"]);
    matches(r"\Qab*\E+", "ab**", &[]);
    matches(r"a(?#any ( thing)b", "ab", &[]);
    matches("(?x) a b # comment\n \\  c", "ab c", &[]);
    matches("a{,2}b{x}{", "a{,2}b{x}{", &[]);
    matches("a{ 1 , 2 }", "aa", &[]);
    matches("(a{2,})(a{1})", "aaaa", &["aaa", "a"]);
    matches("]}", "]}", &[]);
    matches("(a|)(|b)", "", &["", ""]);
    for (class, member, other) in [
        ("alnum", "a", "_"),
        ("alpha", "a", "1"),
        ("blank", "\t", "\n"),
        ("cntrl", "\x7f", "a"),
        ("digit", "1", "a"),
        ("graph", "!", " "),
        ("lower", "a", "A"),
        ("print", " ", "\t"),
        ("punct", "!", "a"),
        ("space", "\x0b", "a"),
        ("upper", "A", "a"),
        ("word", "_", "-"),
        ("xdigit", "F", "g"),
        ("h", " ", "\n"),
        ("v", "\x0b", " "),
        ("d", "1", "a"),
    ] {
        for (regex, yes) in [
            (format!("[[:{class}:]]"), true),
            (format!("[^[:{class}:]]"), false),
            (format!("[[:^{class}:]]"), false),
            (format!(r"\p{{{class}}}"), true),
            (format!(r"\P{{{class}}}"), false),
        ] {
            let (matching, differing) = if yes { (member, other) } else { (other, member) };
            matches(&regex, matching, &[]);
            differs(&regex, differing);
        }
    }
}

#[test]
fn sets_are_those_of_boost() {
    matches("([]a]+)([^]a]+)([-a]+) ([a-]+)([^-a])", "]abca- -b", &["]a", "bc", "a-", "-", "b"]);
    matches(r"([\w\-.]+)([\d\s,]+)([\\\]]+)", r"a-b._1, 2\]", &["a-b._1", ", 2", r"\]"]);
    matches(r"([\x41-\x43]+)([\0104\t\b]+)", "ABCD\t\x08", &["ABC", "D\t\x08"]);
    matches(r"([\D]+)([\S]+)", "ab12", &["ab", "12"]);
    matches("([[.-.]a]+)([[=b=]]+)", "a-b", &["a-", "b"]);
    matches("([[a]+)", "[a", &["[a"]);
    matches("([+--]+)", "+,-", &["+,-"]);
    matches("(?i)([a-c]+)([^d]+)", "aBCx", &["aBC", "x"]);
    differs("(?i)[^d]", "D");
    matches("(?i)a(?-i)b(?i:c)d", "AbCd", &[]);
    differs("(?i)a(?-i)b", "AB");
    matches("(?:(?i)a|b)c", "Bc", &[]);
    differs("(?:(?i)a|b)c", "BC");
    matches("(?i:a(?-s)b)(.)", "AB\n", &["\n"]);
    matches(r"(?i)(\l)(\u)[[:lower:]]", "AaA", &["A", "a"]);
}

#[test]
fn constructs_that_need_backtracking_work() {
    matches(r"(?=(\w+))(.*)", "ab cd", &["ab", "ab cd"]);
    matches(r"(?!x)(\w+)", "ab", &["ab"]);
    differs(r"(?!a)(\w+)", "ab");
    matches(r"(\w+)(?<=b)(\d)", "ab1", &["ab", "1"]);
    matches(r"(\w+?)(?<!a)(\w)", "abc", &["ab", "c"]);
    differs(r"a(?<=ba)", "a");
    matches(r"(?<=^)a(?<!xyz)", "a", &[]);
    matches(r"(\w)(\w)\2\1", "abba", &["a", "b"]);
    differs(r"(\w)(\w)\1\2", "abba");
    matches(r"(?<q>['\x22])(.*)\k<q>", "'a'b'", &["'", "a'b"]);
    matches(r"(?'q'.)\k{q}\g{q}\g1\g{1}\g{-1}\g-1", "xxxxxxx", &["x"]);
    matches(r"(?i)(a)\1", "aA", &["a"]);
    // A group that took no part is empty, also in a back-reference.
    matches(r"(?:(a)|b)\1", "b", &[""]);
    matches(r"(a)?b\1", "aba", &["a"]);
    matches(r"(\w++)-(\d*+)(x?+)", "ab-12", &["ab", "12", ""]);
    differs(r"(\w++)b", "aab");
    differs(r"(?:ab)++ab", "abab");
    matches(r"((?>a|ab))(c?)", "ac", &["a", "c"]);
    differs(r"(?>a|ab)c", "abc");
    matches(r"(?>\R)(.)", "\r\nx", &["x"]);
    differs(r"\R\n", "\r\n");
    matches(r"a\Bb", "ab", &[]);
    differs(r"\B.*", "-");
    matches(r"(\<\w+\>)(.*)\b", "ab-c", &["ab", "-c"]);
    // Leftmost-first, and yet the whole value: another way is tried until it fits.
    matches("(a|ab)(c|bcd)(d*)", "abcd", &["a", "bcd", ""]);
    matches("(a|ab)(c|bcd)", "abc", &["ab", "c"]);
    matches("(.*?)(b*)", "abb", &["a", "bb"]);
    matches("(?:(a)|b)*", "ab", &["a"]);
}

#[test]
fn a_pattern_that_cannot_be_matched_is_refused_by_name() {
    refused("", "is required: a regular expression with a group for each of Keys");
    refused(r"(?P<n>\d+)", "at byte 0: (?P<n> is not Boost syntax: write (?<name>...)");
    refused(r"a(?P=n)", "at byte 1: the Python extension (?P=n) is not supported");
    refused("(?|(a)|(b))", "at byte 0: the branch reset (?|(a) is not supported");
    refused("(a)(?(1)b|c)", "at byte 3: the conditional (?(1) is not supported");
    refused("(a(?1)?)", "at byte 2: the recursion (?1) is not supported");
    refused("(?R)", "at byte 0: the recursion (?R) is not supported");
    refused("(?&n)", "at byte 0: the recursion (?&n) is not supported");
    refused("(?-1)", "at byte 0: the recursion (?-1) is not supported");
    refused("(*SKIP)", "at byte 0: the backtracking verb (*SKIP) is not supported");
    refused(r"a\K", r"at byte 1: \K is not supported");
    refused(r"\N{comma}", r"at byte 0: \N is not supported");
    refused("(?y)", "at byte 0: the group (?y) is not known");
    refused("[[.space.]]", "at byte 1: the collating element [.space.] is not supported");
    refused("[[:nope:]]", "at byte 1: there is no class of bytes named nope");
    refused(r"\p{Han}", "at byte 0: there is no class of bytes named Han");
    refused("(a", "at byte 0: a ( without its )");
    refused("(?", "at byte 0: a ( without its )");
    refused("(?#a", "at byte 0: a comment (?# without its )");
    refused("(?<a", "at byte 0: a group name without its end");
    refused("a)", r"at byte 1: a ) without its (: for the character, write \)");
    refused("[a", "at byte 0: a [ without its ]");
    refused("[a-", "at byte 0: a [ without its ]");
    refused("[]", "at byte 0: a [ without its ]");
    refused("[[:a", "at byte 1: a [: without its :]");
    refused("[b-a]", "at byte 1: a range whose end comes before its start");
    refused(r"[\w-.]", r"at byte 3: a - in the middle of a set: write \- or put it last");
    refused(r"[a-\d]", r"at byte 1: a range cannot end with a class: write \- for the character");
    refused("*a", r"at byte 0: * has nothing to repeat: for the character, write \*");
    refused("a**", r"at byte 2: * has nothing to repeat: for the character, write \*");
    refused("a|+", r"at byte 2: + has nothing to repeat: for the character, write \+");
    refused("^*", r"at byte 1: * has nothing to repeat: for the character, write \*");
    refused("{2}", r"at byte 0: {2} has nothing to repeat: for the character, write \{2}");
    refused("a{3,2}", "at byte 1: {3,2} has its numbers the wrong way round");
    refused("a{999999999999}", "at byte 2: a repetition of more than 100000 times");
    refused("a\\", r"at byte 1: a \ at the end: for the character, write \\");
    refused(r"\xg", r"at byte 0: \x takes two hexadecimal digits and stands for one byte");
    refused(r"\x{100}", r"at byte 0: \x takes two hexadecimal digits and stands for one byte");
    refused(r"\c", r"at byte 0: \c without its letter");
    refused(r"\0777", r"at byte 0: \0 stands for one byte");
    refused(r"\1(a)", "at byte 0: there is no group 1 before this back-reference");
    refused(r"(a)\k<b>", "at byte 3: there is no group b before this back-reference");
    refused(r"(a)\g", "at byte 3: a back-reference without a group");
    refused(r"(a)\g{-2}", "at byte 3: there is no group -2 before this back-reference");
    let fixed = "a lookbehind must match a fixed number of bytes: no *, + or ?, and alternatives of one length";
    refused("a(?<=b*)", &format!("at byte 1: {fixed}"));
    refused("(?<!a|bc)", &format!("at byte 0: {fixed}"));
    refused("(?:(?:a{1000}){1000}){1000}", "is too large: repeat less, or with fewer bytes");
    refused("(?=(?:(){90000}){90000})", "is too large: repeat less, or with fewer bytes");
    // Nothing is not large, however often it is repeated.
    matches("(?=(?:(?:){90000}){90000})(?:(?:){90000}){90000}", "", &[]);
    matches("(?:(){90000}){90000}", "", &[""]);
    refused("(?=(?:ab){90000})", "is too large: repeat less, or with fewer bytes");
    refused(&"(".repeat(200), "at byte 100: groups are nested more than 100 deep");
}

#[test]
fn every_mistake_is_reported() {
    let paths = |options: &Value| -> Vec<String> {
        let mut config = json!({"SourceKey": ""});
        config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let issues = Guest::<ParseRegex>::configure(&config.to_string()).unwrap_err();
        issues.into_iter().map(|issue| issue.path).collect()
    };
    assert_eq!(paths(&json!({})), ["SourceKey", "Keys", "Regex"]);
    assert_eq!(paths(&json!({"Regex": "(", "Keys": ["a"]})), ["SourceKey", "Regex"]);
}

#[test]
fn a_warning_says_what_may_surprise() {
    let warned = |regex: &str, keys: &[&str]| -> Vec<(String, String)> {
        let options = json!({"Regex": regex, "Keys": keys, "KeepingSourceWhenParseFail": true});
        let warnings = configure(&options).unwrap().setup.warnings;
        warnings.into_iter().map(|issue| (issue.path, issue.message)).collect()
    };
    assert_eq!(warned("(a)", &["a"]), []);
    assert_eq!(warned("(?:中)+([中文]+)", &["a"]), []);
    let of_bytes = "at byte 4: + repeats only the last byte of the character before it, since patterns are about \
                    bytes; (?:...)+ repeats the whole character";
    assert_eq!(warned("(中+)", &["a"]), [("Regex".to_owned(), of_bytes.to_owned())]);
    assert_eq!(warned("(a)", &[]), [("Keys".to_owned(), "is empty: what Regex matches is dropped".to_owned())]);
    assert_eq!(
        configure(&json!({"Regex": "a", "Keys": []})).unwrap().setup.warnings[1].path,
        "KeepingSourceWhenParseFail"
    );
}

pub(super) const ACCESS_LOG: &str =
    r#"([\d\.]+) \S+ \S+ \[(\S+) \S+\] "(\w+) ([^\\"]*)" ([\d\.]+) (\d+) (\d+) (\d+|-) "([^\\"]*)" "([^\\"]*)".*"#;

/// Patterns of the documentation.
pub(super) const DOCUMENTED: &[&str] =
    &[r#"(\S+) \S+ \S+ \[([^\]]+)\] "(\w+) (\S+) [^"]*" (\d+) .*"#, r#"(\S+) \[([^\]]+)\] "(\w+) ([^"]*)"\s+(.*)"#];

#[test]
fn an_access_log_line_is_taken_apart() {
    let line = r#"10.200.98.220 - - [10/Aug/2017:14:57:51 +0800] "POST /PutData?Category=YunOsAccountOpLog HTTP/1.1" 0.024 18204 200 - "-" "aliyun-sdk-java" tail"#;
    let groups = [
        "10.200.98.220",
        "10/Aug/2017:14:57:51",
        "POST",
        "/PutData?Category=YunOsAccountOpLog HTTP/1.1",
        "0.024",
        "18204",
        "200",
        "-",
        "-",
        "aliyun-sdk-java",
    ];
    matches(ACCESS_LOG, line, &groups);
    for end in 0..line.len() - "\" tail".len() {
        differs(ACCESS_LOG, &line[..end]);
    }
}

/// The examples of the documentation.
#[test]
fn the_documentation_is_right() {
    let line = r#"10.0.0.1 - - [25/Oct/2023:23:51:10 +0800] "GET /index.html HTTP/1.1" 200 512 "-" "curl/8.0""#;
    matches(DOCUMENTED[0], line, &["10.0.0.1", "25/Oct/2023:23:51:10 +0800", "GET", "/index.html", "200"]);
    let line = r#"10.0.0.1 [25/Oct/2023:23:51:10 +0800] "GET /index.html HTTP/1.1"  200 512"#;
    let groups = ["10.0.0.1", "25/Oct/2023:23:51:10 +0800", "GET", "/index.html HTTP/1.1", "200 512"];
    matches(DOCUMENTED[1], line, &groups);
}

#[test]
fn a_match_gives_up_after_a_bounded_effort() {
    let value = "a".repeat(40);
    // The linear engines need no limit.
    differs("(a+)+b", &value);
    let options = json!({"Regex": r"(?=a)(a+)+b", "Keys": ["x"]});
    let output = run(&options, &[event(&[("content", &value)])]);
    assert_eq!(output.outcomes, [Outcome::Discarded as u8]);
    let message = format!("Regex gave up on the value, at 1000000 steps at most: {value}");
    assert_eq!(output.alarms, [("REGEX_MATCH_ALARM".to_owned(), message)]);
}
