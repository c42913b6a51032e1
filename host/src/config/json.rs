//! JSON text to a [`Node`], as lenient as configs were written for: comments, and text after the value ignored.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::node::{Entry, Node, Position, Value};
use super::problem::{Problem, Report};
use super::yaml::{MAX_DEPTH, MapBuilder};

/// Parses `text`; a text without a value is a null.
///
/// # Errors
/// A text that is no JSON or is nested too deep. Duplicate keys and text after the value are only warned of.
pub(super) fn parse(text: &str, report: &Report) -> Result<Node, Problem> {
    let value = match parse_value(text) {
        Err(error) if matches!(error.kind(), ParseErrorKind::MultipleRootJsonValues) => {
            let start = error.range().start;
            let at = Position::of_offset(text, start);
            report.warn(Problem::new(at, "", "only the first value of a file is read"));
            parse_value(&text[..start])
        }
        result => result,
    };
    match value.map_err(|error| syntax_problem(text, &error))? {
        Some(value) => Converter { text, last: (0, Position::START), report }.node(value, 0),
        None => Ok(Node::new(Position::START, Value::Null)),
    }
}

fn parse_value(text: &str) -> Result<Option<ast::Value<'_>>, ParseError> {
    let strict_but_for_comments = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    parse_to_ast(text, &CollectOptions::default(), &strict_but_for_comments).map(|parsed| parsed.value)
}

fn syntax_problem(text: &str, error: &ParseError) -> Problem {
    let at = Position::of_offset(text, error.range().start);
    Problem::new(at, "", format!("not valid JSON: {}", error.kind().to_string().to_lowercase()))
}

struct Converter<'t, 'r> {
    text: &'t str,
    /// Values are visited in the order of the text, so places are counted on from the last one.
    last: (usize, Position),
    report: &'r Report,
}

impl Converter<'_, '_> {
    fn node(&mut self, value: ast::Value<'_>, depth: usize) -> Result<Node, Problem> {
        let at = self.place(value.range().start);
        if depth > MAX_DEPTH {
            return Err(Problem::new(at, "", format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let source = value.range().text(self.text);
        let scalar = |value| Node { at, value, text: source.to_owned() };
        Ok(match value {
            ast::Value::StringLit(text) => Node::new(at, Value::String(text.value.into_owned())),
            ast::Value::NumberLit(number) => scalar(number_value(number.value)),
            ast::Value::BooleanLit(literal) => scalar(Value::Bool(literal.value)),
            ast::Value::NullKeyword(_) => scalar(Value::Null),
            ast::Value::Array(array) => {
                let items = array.elements.into_iter().map(|element| self.node(element, depth + 1));
                Node::new(at, Value::List(items.collect::<Result<_, _>>()?))
            }
            ast::Value::Object(object) => Node::new(at, self.map(object, depth)?),
        })
    }

    fn map(&mut self, object: ast::Object<'_>, depth: usize) -> Result<Value, Problem> {
        let mut map = MapBuilder::default();
        for property in object.properties {
            let at = self.place(property.range.start);
            let entry = Entry { key: property.name.into_string(), at, value: self.node(property.value, depth + 1)? };
            map.insert(entry, self.report);
        }
        Ok(map.finish())
    }

    fn place(&mut self, offset: usize) -> Position {
        let (from, at) = self.last;
        let after = Position::of_offset(&self.text[from..], offset.saturating_sub(from));
        let column = if after.line == 1 { at.column + after.column - 1 } else { after.column };
        self.last = (offset.max(from), Position { line: at.line + after.line - 1, column });
        self.last.1
    }
}

fn number_value(text: &str) -> Value {
    match text.parse() {
        Ok(integer) => Value::Integer(integer),
        Err(_) => Value::Float(text.parse().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Node, Vec<String>), Problem> {
        let report = Report::new("a.json");
        let node = parse(text, &report)?;
        let (_, warnings) = report.conclude(Some(())).expect("the parser reports nothing but warnings");
        Ok((node, warnings.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn reads_json_with_comments() {
        let (node, warnings) =
            read("// one\n{ /* two */\n \"a\": [1, -2.50, \"x\\u0041\"],\n \"b\": null }").expect("valid");
        assert_eq!(node.to_json(), r#"{"a":[1,-2.50,"xA"],"b":null}"#);
        assert_eq!(node.locate("a[2]"), Position { line: 3, column: 18 });
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn warns_of_what_does_not_count() {
        fn check(text: &str, json: &str, warning: &str) {
            let (node, warnings) = read(text).expect(text);
            assert_eq!((node.to_json().as_str(), warnings.as_slice()), (json, [warning.to_owned()].as_slice()));
        }
        check(
            "{\"a\": 1,\n\"a\": 2}",
            r#"{"a":2}"#,
            "a.json:2:1: a: the key is given twice: this one counts, that on line 1 does not",
        );
        check("{} {}", "{}", "a.json:1:4: only the first value of a file is read");
    }

    #[test]
    fn bad_texts_are_ordinary_problems() {
        fn check(text: &str, expected: &str) {
            let problem = read(text).expect_err(text);
            let at = problem.at.expect("a place");
            assert_eq!(format!("{}:{}: {}", at.line, at.column, problem.message), expected, "{text:?}");
        }
        check("{\"a\": 1,}", "1:8: not valid JSON: trailing commas are not allowed");
        check("{\n\"ü\" 1}", "2:5: not valid JSON: expected colon after the string or word in object property");
        check("[1 2]", "1:3: not valid JSON: expected comma");
        check("{'a': 1}", "1:2: not valid JSON: single-quoted strings are not allowed");
        check("{a: 1}", "1:2: not valid JSON: expected string for object property");
        check("[0x10]", "1:2: not valid JSON: hexadecimal numbers are not allowed");
        check(&"[".repeat(100_000), "1:513: not valid JSON: maximum nesting depth exceeded");
        check(&("[".repeat(100) + &"]".repeat(100)), "1:66: nested deeper than 64 levels");
    }
}
