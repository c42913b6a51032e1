//! A config document as a tree in which every value and key remembers where it stands.

use std::fmt::Write as _;

/// A place in a text: line and column, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A value of a config document.
///
/// Two nodes are equal when they mean the same, wherever they stand and however they are written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value begins.
    pub at: Position,
    /// What the value is.
    pub value: Value,
    /// The source text of a null, bool or number (`0123`, `yes`); empty for the rest.
    pub text: String,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: `~`, `null`, or a key without a value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; infinite and not-a-number too.
    Float(f64),
    /// A text, environment references replaced.
    String(String),
    /// Values in order.
    List(Vec<Node>),
    /// Keys and values in the order of the document; the keys are distinct.
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub at: Position,
    /// The value.
    pub value: Node,
}

impl Position {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Returns the place of byte `offset` of `text`, or of its end if `offset` is beyond it.
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let is_char_start = |byte: &&u8| **byte & 0xc0 != 0x80;
        Self {
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: before[line_start..].iter().filter(is_char_start).count() + 1,
        }
    }
}

impl Node {
    /// Returns a node without a source text of its own.
    pub fn new(at: Position, value: Value) -> Self {
        Self { at, value, text: String::new() }
    }

    /// Returns the value of `key`, or `None` if this is no map or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Returns the keys and values of a map; nothing for any other value.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// Returns the text of a string, or `None` for any other value.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// Returns whether this is a null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Says what kind of value this is, as in "found a list".
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                let kind = if matches!(self.value, Value::Bool(_)) { "the boolean" } else { "the number" };
                format!("{kind} {}", self.text)
            }
            Value::String(_) => "a string".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// Returns how many nodes the tree has, itself included.
    pub fn count(&self) -> usize {
        let below: usize = match &self.value {
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
            _ => 0,
        };
        below + 1
    }

    /// Returns the place that a path such as `Keys[2]` or `Limits.Memory` names.
    ///
    /// Where the tree has no such part, the place of the deepest part that it has. Any text is accepted.
    pub fn locate(&self, path: &str) -> Position {
        match &self.value {
            Value::Map(entries) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                entries
                    .iter()
                    .filter_map(|entry| Some((entry, path.strip_prefix(entry.key.as_str())?)))
                    .filter(|(_, rest)| rest.is_empty() || rest.starts_with(['.', '[']))
                    .max_by_key(|(entry, _)| entry.key.len())
                    .map_or(self.at, |(entry, rest)| entry.value.locate(rest))
            }
            Value::List(items) => path
                .strip_prefix('[')
                .and_then(|path| path.split_once(']'))
                .and_then(|(index, rest)| Some(items.get(index.parse::<usize>().ok()?)?.locate(rest)))
                .unwrap_or(self.at),
            _ => self.at,
        }
    }

    /// Returns the value as JSON text. A number keeps its digits where JSON can write them so.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    /// Appends the value as JSON text to `json`.
    pub(super) fn write_json(&self, json: &mut String) {
        match &self.value {
            Value::Null => json.push_str("null"),
            Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            Value::Integer(value) if !is_json_number(&self.text) => {
                write!(json, "{value}").expect("writing to a String does not fail");
            }
            Value::Float(value) if !is_json_number(&self.text) => match serde_json::Number::from_f64(*value) {
                Some(number) => write!(json, "{number}").expect("writing to a String does not fail"),
                None => write_json_string(&self.text, json),
            },
            Value::Integer(_) | Value::Float(_) => json.push_str(&self.text),
            Value::String(text) => write_json_string(text, json),
            Value::List(items) => write_json_list(items.iter(), json, Node::write_json),
            Value::Map(entries) => write_json_map(entries.iter(), json, |entry, json| {
                write_json_string(&entry.key, json);
                json.push(':');
                entry.value.write_json(json);
            }),
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

/// Appends `text` as a JSON string.
pub(super) fn write_json_string(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

/// Appends a JSON array whose items `write` appends.
pub(super) fn write_json_list<T>(items: impl Iterator<Item = T>, json: &mut String, write: impl FnMut(T, &mut String)) {
    write_json_between(['[', ']'], items, json, write);
}

/// Appends a JSON object whose members (key, colon and value) `write` appends.
pub(super) fn write_json_map<T>(items: impl Iterator<Item = T>, json: &mut String, write: impl FnMut(T, &mut String)) {
    write_json_between(['{', '}'], items, json, write);
}

fn write_json_between<T>(
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    json: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    json.push(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            json.push(',');
        }
        write(item, json);
    }
    json.push(close);
}

/// Returns whether `text` is a number in JSON's own spelling: no `+`, no leading zero, no bare point.
fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::yaml;
    use super::*;

    #[test]
    fn offset_becomes_line_and_column() {
        fn check(offset: usize, line: usize, column: usize) {
            assert_eq!(Position::of_offset("ab\nüx\n", offset), Position { line, column }, "offset {offset}");
        }
        check(0, 1, 1);
        check(2, 1, 3);
        check(3, 2, 1);
        check(5, 2, 2);
        check(7, 3, 1);
        check(99, 3, 1);
    }

    #[test]
    fn locates_the_deepest_part_that_exists() {
        let node = yaml("Keys: [a, b, c]\na.b: 1\na: {b: 2, c: 3}\n");
        fn check(node: &Node, path: &str, line: usize, column: usize) {
            assert_eq!(node.locate(path), Position { line, column }, "{path}");
        }
        check(&node, "Keys[2]", 1, 14);
        check(&node, "Keys[9]", 1, 7);
        check(&node, "Keys[99999999999999999999999]", 1, 7);
        check(&node, "Keys[", 1, 7);
        check(&node, "Keyser", 1, 1);
        check(&node, "a.b", 2, 6);
        check(&node, "a.c", 3, 14);
        check(&node, "a.c.d", 3, 14);
        check(&node, "", 1, 1);
    }

    #[test]
    fn json_keeps_the_digits_where_it_can() {
        fn check(text: &str, json: &str) {
            assert_eq!(yaml(text).to_json(), json, "{text}");
        }
        check("a: 1.50", r#"{"a":1.50}"#);
        check("a: 010", r#"{"a":8}"#);
        check("a: 0x10", r#"{"a":16}"#);
        check("a: +.5", r#"{"a":0.5}"#);
        check("a: 12345678901234567890", r#"{"a":12345678901234567890}"#);
        check("a: .inf", r#"{"a":".inf"}"#);
        check("[~, yes, 'x\"\n\n y', {}]", r#"[null,true,"x\"\ny",{}]"#);
    }

    #[test]
    fn equality_ignores_places_and_spelling() {
        assert_eq!(yaml("a: [yes, 0x10]"), yaml("'a':\n  - true\n  - 16\n"));
        assert_ne!(yaml("a: 1"), yaml("a: '1'"));
    }
}
