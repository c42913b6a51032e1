//! YAML text to a [`Node`], by the rules that configs were written for: those of YAML 1.1.
//!
//! `yes` and `off` are booleans, `010` is eight, a quoted or block scalar is always a string, tags change nothing,
//! `<<` is a key like any other, and only the first document counts. Aliases are copied, within a budget.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::node::{Entry, Node, Position, Value};
use super::problem::{Problem, Report};

/// Parses the first document of `text`; a text without any is a null.
///
/// # Errors
/// A text that is no YAML, is nested too deep, or grows too large by its aliases. Duplicate keys are only warned of.
pub(super) fn parse(text: &str, report: &Report) -> Result<Node, Problem> {
    let mut reader = Reader { events: Parser::new_from_str(text), text, anchors: HashMap::new(), nodes: 0, report };
    reader.document()
}

/// How deep lists and maps may nest, in any syntax.
pub(super) const MAX_DEPTH: usize = 64;

/// How many values a document may have once its aliases are copied.
const MAX_NODES: usize = 100_000;

/// Builds a map in which the last of two equal keys counts, as it always did, and a warning says so.
#[derive(Default)]
pub(super) struct MapBuilder {
    entries: Vec<Entry>,
    indices: HashMap<String, usize>,
}

impl MapBuilder {
    pub(super) fn insert(&mut self, entry: Entry, report: &Report) {
        let Some(&index) = self.indices.get(&entry.key) else {
            self.indices.insert(entry.key.clone(), self.entries.len());
            return self.entries.push(entry);
        };
        let earlier = self.entries[index].at.line;
        let message = format!("the key is given twice: this one counts, that on line {earlier} does not");
        report.warn(Problem::new(entry.at, &entry.key, message));
        self.entries[index] = entry;
    }

    pub(super) fn finish(self) -> Value {
        Value::Map(self.entries)
    }
}

struct Reader<'t, 'r> {
    events: Parser<'t, StrInput<'t>>,
    text: &'t str,
    /// The values that aliases may name, once complete.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    report: &'r Report,
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, span) => return Ok(Node::new(position(&span.start), Value::Null)),
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (event, span) => {
                    let node = self.node(event, span, 0)?;
                    self.warn_of_a_second_document();
                    return Ok(node);
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        let event = self.events.next_event().expect("an end event comes before the end of the events");
        event.map_err(|error| syntax_problem(&error, self.text))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Problem> {
        let at = position(&span.start);
        if depth > MAX_DEPTH {
            return Err(Problem::new(at, "", format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.nodes += 1;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(at, &text, style), anchor),
            Event::SequenceStart(anchor, _) => (Node::new(at, self.list(depth)?), anchor),
            Event::MappingStart(anchor, _) => (Node::new(at, self.map(depth)?), anchor),
            Event::Alias(anchor) => (self.alias(anchor, at)?, 0),
            _ => return Err(Problem::new(at, "", "expected a value")),
        };
        self.check_size(at)?;
        if anchor != 0 {
            self.nodes += node.count();
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut map = MapBuilder::default();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(map.finish());
            }
            let (key, at) = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            map.insert(Entry { key, at, value }, self.report);
        }
    }

    /// Returns the text of a key, whatever kind of scalar it looks like.
    fn key(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<(String, Position), Problem> {
        let node = self.node(event, span, depth + 1)?;
        match node.value {
            Value::String(text) => Ok((text, node.at)),
            Value::List(_) | Value::Map(_) => {
                Err(Problem::new(node.at, "", format!("expected a key, found {}", node.kind())))
            }
            _ => Ok((node.text, node.at)),
        }
    }

    /// Returns a copy of the value that an alias names, of which every part stands where it was written.
    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node, Problem> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Problem::new(at, "", "an alias stands inside the value that it names"));
        };
        self.nodes += node.count();
        self.check_size(at)?;
        Ok(node.clone())
    }

    fn check_size(&self, at: Position) -> Result<(), Problem> {
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Problem::new(at, "", format!("the document has more than {MAX_NODES} values, aliases counted in full")))
    }

    fn warn_of_a_second_document(&mut self) {
        while let Some(Ok((event, span))) = self.events.next_event() {
            match event {
                Event::DocumentEnd => {}
                Event::DocumentStart(_) => {
                    let message = "only the first document of a file is read";
                    return self.report.warn(Problem::new(position(&span.start), "", message));
                }
                _ => return,
            }
        }
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn syntax_problem(error: &ScanError, text: &str) -> Problem {
    let at = position(error.marker());
    let problem = Problem::new(at, "", format!("not valid YAML: {}", error.info()));
    if let Some(tab) = indenting_tab(text, at.line) {
        let hint = "indent with spaces: YAML does not allow tabs there";
        return Problem { at: Some(tab), ..problem }.hint(hint);
    }
    let line = text.lines().nth(at.line - 1).unwrap_or_default();
    if line.contains("${") || line.contains(": %") || line.contains(": @") {
        return problem.hint("put the value in quotes");
    }
    problem
}

/// Returns the first tab that indents `line` or the one below, where the scanner may have stopped before it.
fn indenting_tab(text: &str, line: usize) -> Option<Position> {
    let tab = |text: &str| text[..text.len() - text.trim_start().len()].chars().position(|c| c == '\t');
    let mut near = text.lines().enumerate().skip(line - 1).take(2);
    near.find_map(|(index, text)| Some(Position { line: index + 1, column: tab(text)? + 1 }))
}

fn scalar(at: Position, text: &str, style: ScalarStyle) -> Node {
    let value = match style {
        ScalarStyle::Plain => plain_scalar(text),
        _ => Value::String(text.to_owned()),
    };
    let text = if matches!(value, Value::String(_)) { String::new() } else { text.to_owned() };
    Node { at, value, text }
}

/// Decides what a scalar without quotes means.
fn plain_scalar(text: &str) -> Value {
    if is_one_of(text, NULLS) {
        return Value::Null;
    }
    if let Some(number) = number(text) {
        return number;
    }
    match () {
        () if is_one_of(text, TRUES) => Value::Bool(true),
        () if is_one_of(text, FALSES) => Value::Bool(false),
        () => Value::String(text.to_owned()),
    }
}

const NULLS: &[&str] = &["", "~", "null"];
const TRUES: &[&str] = &["true", "yes", "on", "y"];
const FALSES: &[&str] = &["false", "no", "off", "n"];

/// Returns whether `text` is one of `words` in lower case, in upper case or capitalised.
fn is_one_of(text: &str, words: &[&str]) -> bool {
    let all_lower = |text: &str| text.chars().all(|c| !c.is_ascii_uppercase());
    let usual_case = all_lower(text.get(1..).unwrap_or_default()) || text.chars().all(|c| !c.is_ascii_lowercase());
    usual_case && words.contains(&text.to_ascii_lowercase().as_str())
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(infinite) = special_float(text, unsigned) {
        return Some(Value::Float(infinite));
    }
    if let Some(integer) = integer(text, unsigned) {
        return Some(Value::Integer(integer));
    }
    let is_decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let value = is_decimal.then(|| text.parse::<f64>().ok()).flatten()?;
    value.is_finite().then_some(Value::Float(value))
}

fn special_float(text: &str, unsigned: &str) -> Option<f64> {
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if text == unsigned => Some(f64::NAN),
        _ => None,
    }
}

/// Reads a whole number as C does: `0x` is hexadecimal, a leading zero octal.
fn integer(text: &str, unsigned: &str) -> Option<i64> {
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::yaml;
    use super::*;

    #[test]
    fn plain_scalars_are_those_of_yaml_1_1() {
        fn check(text: &str, expected: &Value) {
            assert_eq!(plain_scalar(text), *expected, "{text:?}");
        }
        for text in ["", "~", "null", "Null", "NULL"] {
            check(text, &Value::Null);
        }
        for text in ["true", "True", "TRUE", "yes", "Yes", "on", "ON", "y", "Y"] {
            check(text, &Value::Bool(true));
        }
        for text in ["false", "no", "NO", "off", "Off", "n", "N"] {
            check(text, &Value::Bool(false));
        }
        for (text, number) in
            [("0", 0), ("010", 8), ("0x10", 16), ("-0x10", -16), ("+5", 5), ("12345678901", 12345678901)]
        {
            check(text, &Value::Integer(number));
        }
        for (text, number) in
            [("08", 8.0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1e3), (".inf", f64::INFINITY)]
        {
            check(text, &Value::Float(number));
        }
        check("12345678901234567890", &Value::Float(12345678901234567890.0));
        for text in [
            "nUll",
            "tRue",
            "1_000",
            "0o17",
            "2024-01-02",
            "12:30",
            "1.2.3",
            "inf",
            "e5",
            "-",
            ".",
            "0x",
            "--5",
            "1e999",
        ] {
            check(text, &Value::String(text.to_owned()));
        }
    }

    #[test]
    fn quotes_and_blocks_are_strings_and_tags_are_ignored() {
        let node = yaml("a: '1'\nb: \"yes\"\nc: |\n  2\nd: !!str 123\n<<: {x: 1}\n1: one\n");
        assert_eq!(node.get("a").and_then(Node::as_str), Some("1"));
        assert_eq!(node.get("b").and_then(Node::as_str), Some("yes"));
        assert_eq!(node.get("c").and_then(Node::as_str), Some("2\n"));
        assert_eq!(node.get("d").map(|node| &node.value), Some(&Value::Integer(123)));
        assert!(node.get("<<").is_some() && node.get("x").is_none());
        assert_eq!(node.get("1").and_then(Node::as_str), Some("one"));
    }

    #[test]
    fn values_and_keys_know_their_place() {
        let node = yaml("a:\n  - x\n  - 'y'\n  - 0123\nb:\n  c: {d: |\n   z\n  }\n");
        let place = |path: &str| (node.locate(path).line, node.locate(path).column);
        assert_eq!(place("a[0]"), (2, 5));
        assert_eq!(place("a[1]"), (3, 5));
        assert_eq!(place("a[2]"), (4, 5));
        let Some(Value::List(items)) = node.get("a").map(|node| &node.value) else { panic!("a list") };
        assert_eq!(items[2].text, "0123");
    }

    #[test]
    fn anchors_are_copied() {
        let node = yaml("a: &x [1, 2]\nb: *x\n");
        assert_eq!(node.get("a"), node.get("b"));
    }

    #[test]
    fn only_the_first_document_is_read() {
        let report = Report::new("a.yaml");
        let node = parse("a: 1\n---\n[", &report).expect("the first document is valid");
        assert_eq!(node.to_json(), r#"{"a":1}"#);
        let (_, warnings) = report.conclude(Some(())).expect("no problems");
        assert_eq!(warnings[0].to_string(), "a.yaml:2:1: only the first document of a file is read");
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let report = Report::new("a.yaml");
        let node = parse("a: 1\nb: 2\na: 3\n", &report).expect("valid");
        assert_eq!(node.to_json(), r#"{"a":3,"b":2}"#);
        let (_, warnings) = report.conclude(Some(())).expect("no problems");
        assert_eq!(
            warnings[0].to_string(),
            "a.yaml:3:1: a: the key is given twice: this one counts, that on line 1 does not"
        );
    }

    #[test]
    fn bad_texts_are_ordinary_problems() {
        fn check(text: &str, line: usize, message: &str) {
            let problem = parse(text, &Report::new("a.yaml")).expect_err(text);
            assert_eq!(problem.at.map(|at| at.line), Some(line), "{text:.40?}: {problem}");
            assert!(problem.to_string().contains(message), "{text:.40?}: {problem}");
        }
        check("a: 1\n\tb: 2\n", 2, "tabs");
        check("a:\n\t- 1\n", 2, "tabs");
        check("a: [1, 2\n", 2, "not valid YAML");
        check("a: *nobody\n", 1, "unknown anchor");
        check("a: &x [*x]\n", 1, "inside the value that it names");
        check("? [a]\n: 1\n", 1, "expected a key, found a list");
        check("a: ${B}: c\n", 1, "quotes");
        check(&"[".repeat(200), 1, "nested deeper than 64 levels");
        check(&"[".repeat(10_000), 1, "recursion limit exceeded");
        check(&"- ".repeat(10_000), 1, "nested deeper than 64 levels");
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (inner, outer) in "abcdefg".chars().zip("bcdefgh".chars()) {
            bomb.push_str(&format!("{outer}: &{outer} [{}]\n", vec![format!("*{inner}"); 10].join(", ")));
        }
        check(&bomb, 5, "aliases counted in full");
    }
}
