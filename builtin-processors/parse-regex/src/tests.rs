//! The processor as a whole: tables of the dialect and of the options, and engines compared with each other.

use loglift_sdk::testing::{Guest, event};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::{self, Groups, groups_of, parsed};
use table::{ACCESS_LOG, DOCUMENTED, configure};

mod table;

const DIRECT: &str = "direct scanner";
const ONE_PASS: &str = "linear, one-pass";
const LINEAR: &str = "linear";
const BACKTRACKING: &str = "backtracking with a step limit";

/// What the engines find that can match a pattern, which has to be one.
fn groups(regex: &str, value: &[u8]) -> Option<Groups> {
    assert!(parsed(regex).is_some(), "{regex}");
    testing::groups(regex, value)
}

/// Expects these groups of every engine that can match a pattern, or that none of them matches.
fn check_engines(regex: &str, value: &[u8], expected: Option<&[&[u8]]>) {
    let expected = expected.map(|groups| groups.iter().map(|group| group.to_vec()).collect::<Groups>());
    assert_eq!(groups(regex, value), expected, "{regex} on {:?}", excerpt(value));
}

fn runs_on(engine: &str, regex: &str) {
    let pattern = parsed(regex).unwrap();
    assert_eq!(Engine::new(&pattern, pattern.groups).unwrap().name(), engine, "{regex}");
}

#[test]
fn a_pattern_gets_the_fastest_engine_that_can_match_it() {
    runs_on(DIRECT, ACCESS_LOG);
    DOCUMENTED.iter().for_each(|regex| runs_on(DIRECT, regex));
    // Anchors that say nothing cost nothing.
    for regex in ["^(a)$", r"\A(a)\z", r"^(a)\Z", r"\`(a)\'", "^^(a)$$", "(^a$)", "(?:^(a)|^(b)$)", r"\G(a)"] {
        runs_on(DIRECT, regex);
    }
    runs_on(DIRECT, r"\[([^\]]+)\] \[(\w+)\] \[([^:]+):(\d+)\]\s+(.*)");
    runs_on(DIRECT, r"(\d+-\d+-\d+ \d+:\d+:\d+),(\d{3}) (INFO|WARN|ERROR) (.*)");
    runs_on(DIRECT, r"(\S+)(?: (\d{1,3}))?");
    runs_on(DIRECT, r"(\S++) (.*+)");
    runs_on(DIRECT, "(.*)\"");
    runs_on(ONE_PASS, r"(?:(\d+),)+x");
    runs_on(ONE_PASS, r"([^中]*)中");
    runs_on(ONE_PASS, r"(\w+)\b-(.*)");
    runs_on(LINEAR, r"(.*) (\d+) (.*)");
    runs_on(LINEAR, "(a+)+b");
    runs_on(BACKTRACKING, r"(?!a)(\w+)");
    runs_on(BACKTRACKING, r"(\w)\1");
    runs_on(BACKTRACKING, "(.*+)a");
    runs_on(BACKTRACKING, r"(?>a|ab)c");
    let notes = configure(&json!({"Regex": ACCESS_LOG, "Keys": ["ip"]})).unwrap().setup.notes;
    assert_eq!(notes, ["regex engine: direct scanner"]);
}

#[test]
fn long_values_match_in_every_engine() {
    let value = "a b".repeat(300_000);
    for (engine, regex) in
        [(DIRECT, "([^x]*)"), (ONE_PASS, "((?:a b)*)"), (LINEAR, "(.*)b(.*)"), (BACKTRACKING, "(?!x)(.*)")]
    {
        runs_on(engine, regex);
        let pattern = parsed(regex).unwrap();
        let mut engine = Engine::new(&pattern, 1).unwrap();
        let found = groups_of(&mut engine, 1, value.as_bytes()).unwrap();
        assert!(found[0].len() + 1 >= value.len(), "{regex}");
    }
}

#[test]
fn the_schema_names_the_parameters_of_the_config() {
    let schema: Value = serde_json::from_str(ParseRegex::DESCRIPTION.config_schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let expected = [
        "CopingRawLog",
        "KeepingSourceWhenParseFail",
        "KeepingSourceWhenParseSucceed",
        "Keys",
        "Regex",
        "RenamedSourceKey",
        "SourceKey",
    ];
    assert_eq!(names, expected);
    assert_eq!(schema["required"], json!(["SourceKey", "Regex", "Keys"]));
    // Each is read by the config: a value of the wrong type is refused.
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        let wrong = if property["type"] == "string" { json!(true) } else { json!("true") };
        assert!(serde_json::from_value::<Config>(json!({name: wrong})).is_err(), "{name}");
    }
}

/// Patterns of the shape that the direct scanner is for, and values that come close to matching them.
fn scanned() -> impl Strategy<Value = (String, String)> {
    let class = prop::sample::select(vec![
        (r"\S", "a\"]-1é"),
        (r"\d", "0129"),
        (r"\w", "aZ_0"),
        ("[^\"]", "a] 1é\n"),
        (r"[^\]]", "a\" 1"),
        (r"[\d.:]", "1.:2"),
        (".", "a \"]-1\n"),
        (r"\s", " \t\n"),
        ("[ab]", "ab"),
        ("[a-z-]", "q-z"),
    ]);
    let count = prop::sample::select(vec!["+", "*", "?", "", "{2}", "{1,3}", "{2,}", "+?", "*?", "++", "*+"]);
    let run =
        (class, count, 0..6usize, any::<bool>(), any::<u32>()).prop_map(|((set, members), count, len, group, seed)| {
            let members: Vec<char> = members.chars().collect();
            let text: String = (0..len).map(|at| members[(seed as usize >> (3 * at)) % members.len()]).collect();
            (if group { format!("({set}{count})") } else { format!("{set}{count}") }, text)
        });
    let literal = prop::sample::select(vec![" ", "\"", "\" \"", "] ", "]", "-", "a", " - - [", ".", ":a"])
        .prop_map(|text| (text.replace('.', r"\.").replace('[', r"\["), text.to_owned()));
    let piece = prop_oneof![4 => run, 4 => literal].boxed();
    let optional = (piece.clone(), piece.clone(), any::<bool>())
        .prop_map(|((a, x), (b, y), taken)| (format!("(?:{a}({b}))?"), if taken { x + &y } else { String::new() }));
    let choice = (piece.clone(), piece.clone(), any::<bool>())
        .prop_map(|((a, x), (b, y), first)| (format!("({a}|{b})"), if first { x } else { y }));
    let item = prop_oneof![8 => piece, 1 => optional, 1 => choice];
    prop::collection::vec(item, 0..8).prop_map(|items| items.into_iter().unzip())
}

/// Small patterns of everything that both kinds of engines know.
fn regular() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", ".", "[^a]", r"\d", r"\s", "^", "$", r"\b", r"\<", r"\>", r"\A", r"\z", "1", "-", "\n",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        let count = prop::sample::select(vec!["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}?"]);
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| format!("({})", parts.join("|"))),
            2 => (inner.clone(), count.clone()).prop_map(|(part, count)| format!("(?:b{part}){count}")),
            1 => ("[ab.]", count).prop_map(|(set, count)| format!("{set}{count}")),
        ]
    })
}

/// The same with everything that needs backtracking, as far as the oracle spells it the same way.
fn irregular() -> impl Strategy<Value = String> {
    let special = regular().prop_flat_map(|part| {
        prop::sample::select(vec![
            format!("(?={part})"),
            format!("(?!{part})"),
            format!("(?>{part})"),
            format!("(?:a{part})++"),
            format!("(?:a{part}){{1,2}}+"),
            r"(a|b)(.*)\k<-2>".to_owned(),
            "(?<=a)".to_owned(),
            "(?<!ab)".to_owned(),
            "[ab]*+".to_owned(),
        ])
    });
    prop::collection::vec(prop_oneof![regular(), special], 1..4).prop_map(|parts| parts.concat())
}

fn short_value() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ab1 \n\r-]{0,10}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// `groups` compares all engines that can match the pattern.
    #[test]
    fn the_direct_scanner_agrees_with_the_engines((regex, value) in scanned(), cut in 0..200usize, tail in "[ a1\"]{0,2}") {
        groups(&regex, value.as_bytes());
        groups(&regex, (value.clone() + &tail).as_bytes());
        let cut = cut.min(value.len());
        groups(&regex, &value.as_bytes()[..cut]);
        groups(&regex, &value.as_bytes()[cut..]);
    }

    #[test]
    fn backtracking_agrees_with_the_linear_engines(regex in regular(), value in short_value()) {
        groups(&regex, value.as_bytes());
    }

    #[test]
    fn backtracking_agrees_with_fancy_regex(regex in irregular(), value in short_value()) {
        let oracle = fancy_regex::RegexBuilder::new(&format!(r"\A(?:{regex})\z"))
            .bytes_mode(fancy_regex::BytesMode::Ascii)
            .dot_matches_new_line(true)
            .multi_line(true)
            .crlf(true)
            .build()
            .unwrap_or_else(|error| panic!("{regex}: {error}"));
        let Ok(found) = oracle.captures(value.as_bytes()) else { return Ok(()) };
        let expected = found.map(|found| {
            let group = |at: usize| found.get(at).map_or_else(Vec::new, |group| group.as_bytes().to_vec());
            (1..found.len()).map(group).collect::<Groups>()
        });
        prop_assert_eq!(groups(&regex, value.as_bytes()), expected, "{} on {:?}", regex, value);
    }

    #[test]
    fn no_pattern_and_no_value_breaks_it(
        regex in r"([ -~]|\PC|[()\[\]\\*+?{}|^$.\-:<>=!PQE0-9a-z]){0,20}",
        value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let options = json!({"Regex": regex, "Keys": ["a", "b"], "KeepingSourceWhenParseFail": true});
        if let Ok(mut guest) = configure(&options) {
            let output = guest.process(&[event(&[("content", &value)])]);
            prop_assert_eq!(output.events.len(), 1);
        }
    }

    #[test]
    fn what_is_taken_apart_can_be_put_together(parts in prop::collection::vec("[^\" ]{1,20}", 3)) {
        let regex = r#"(\S+) "([^"]*)" (.*)"#;
        let value = format!(r#"{} "{}" {}"#, parts[0], parts[1], parts[2]);
        if !parts[0].contains(|c: char| c.is_ascii_whitespace() || c == '\x0b') {
            let expected: Groups = parts.iter().map(|part| part.as_bytes().to_vec()).collect();
            prop_assert_eq!(groups(regex, value.as_bytes()), Some(expected));
        }
    }
}
