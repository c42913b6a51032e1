//! Reads typed parameters from the map of a [`Node`], and notices the keys that nobody asked for.
//!
//! A missing or null parameter leaves its default. One of the wrong type is a problem; one of the right type with a
//! value that has no meaning is a warning, and the default applies. A number is taken as its text where a string is
//! wanted.

use std::ops::RangeInclusive;

use super::env::placeholder;
use super::node::{Node, Position, Value};
use super::problem::{Problem, Report};

/// A value together with its path in the document.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
    pub(super) report: &'a Report,
}

/// The parameters of one map, read one after the other.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) cursor: Cursor<'a>,
    known: Vec<&'static str>,
    any_case: bool,
}

/// A type that a parameter can have.
pub(super) trait Read: Sized {
    /// Returns the value, or `None` once a problem is reported.
    fn read(cursor: &Cursor<'_>) -> Option<Self>;
}

/// Parameters that are read but change nothing yet: the key, and whether a value asks for something.
pub(super) type NotYet<T> = (&'static str, fn(&T) -> bool);

impl<'a> Cursor<'a> {
    pub(super) fn at(&self) -> Position {
        self.node.at
    }

    /// Returns the cursor of a map entry or list item below this one.
    pub(super) fn below(&self, step: &str, node: &'a Node) -> Self {
        Self { node, path: join(&self.path, step), report: self.report }
    }

    /// Returns the items of a list; for any other value, reports a problem and returns none.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        self.list().or_else(|| self.wrong_type("a list"))
    }

    /// Returns the items of a list, or none for any other value.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let Value::List(items) = &self.node.value else { return None };
        Some(items.iter().enumerate().map(|(index, item)| self.below(&format!("[{index}]"), item)).collect())
    }

    pub(super) fn error(&self, message: impl Into<String>) {
        self.report.error(self.problem(message));
    }

    pub(super) fn warn(&self, message: impl Into<String>) {
        self.report.warn(self.problem(message));
    }

    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.at(), &self.path, message)
    }

    pub(super) fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let problem = self.problem(format!("expected {wanted}, found {}", self.node.kind()));
        let is_word = wanted == "a string" && matches!(self.node.value, Value::Bool(_));
        self.report.error(if is_word { problem.hint("put it in quotes") } else { problem });
        None
    }

    fn integer(&self) -> Option<i64> {
        match self.node.value {
            Value::Integer(value) => Some(value),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < MAX_EXACT_FLOAT => Some(value as i64),
            _ => None,
        }
    }
}

/// Up to here every whole number is a float of its own: 2^53.
const MAX_EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// Returns the path of a key (`Type`) or an index (`[1]`) below `path`.
pub(super) fn join(path: &str, step: &str) -> String {
    if path.is_empty() || step.is_empty() || step.starts_with('[') {
        format!("{path}{step}")
    } else {
        format!("{path}.{step}")
    }
}

/// Returns the warning for a key that nothing reads.
pub(super) fn unknown_key<'n>(at: Position, path: &str, key: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    let problem = Problem::new(at, &join(path, key), "unknown parameter, ignored");
    if key == "EnableTimestampNanosecond" {
        return problem.hint("it belongs in `global` and has no effect here");
    }
    problem.suggest(key, known)
}

impl<'a> Fields<'a> {
    /// Opens a map; for any other value, reports a problem and returns none.
    pub(super) fn open(cursor: Cursor<'a>) -> Option<Self> {
        match cursor.node.value {
            Value::Map(_) => Some(Self { cursor, known: Vec::new(), any_case: false }),
            _ => cursor.wrong_type("a map"),
        }
    }

    /// Takes keys in any mix of upper and lower case from here on, as extended plugins always did.
    pub(super) fn in_any_case(mut self) -> Self {
        self.any_case = true;
        self
    }

    /// Returns the value of `key` unless it is missing or null.
    pub(super) fn cursor(&mut self, key: &'static str) -> Option<Cursor<'a>> {
        self.known.push(key);
        let entries = self.cursor.node.entries();
        let exact = entries.iter().find(|entry| entry.key == key);
        let similar = || entries.iter().find(|entry| self.any_case && entry.key.eq_ignore_ascii_case(key));
        let node = &exact.or_else(similar)?.value;
        (!node.is_null()).then(|| self.cursor.below(key, node))
    }

    pub(super) fn optional<T: Read>(&mut self, key: &'static str) -> Option<T> {
        T::read(&self.cursor(key)?)
    }

    pub(super) fn or<T: Read>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// Reads a parameter that must be there, and not empty if it is a string.
    pub(super) fn required<T: Read>(&mut self, key: &'static str) -> Option<T> {
        let Some(cursor) = self.cursor(key) else {
            self.cursor.error(format!("{key} is missing"));
            return None;
        };
        if cursor.node.as_str() == Some("") {
            cursor.error("must not be empty");
            return None;
        }
        T::read(&cursor)
    }

    /// Reads a number; outside `range` the default applies, and a warning says so.
    pub(super) fn within(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(value) = self.optional(key) else { return default };
        if range.contains(&value) {
            return value;
        }
        let (low, high) = range.into_inner();
        self.warn_default(key, &format!("{low} to {high}"), &default.to_string());
        default
    }

    /// Reads one of several words; for any other word the first of them applies, and a warning says so.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, options: &[(&'static str, T)]) -> T {
        let (default_word, default) = options[0];
        let Some(word) = self.optional::<String>(key) else { return default };
        let chosen = options.iter().find(|(option, _)| *option == word);
        chosen.map(|(_, value)| *value).unwrap_or_else(|| {
            self.warn_default(key, &words(options), default_word);
            default
        })
    }

    fn warn_default(&mut self, key: &'static str, expected: &str, default: &str) {
        if let Some(cursor) = self.cursor(key) {
            cursor.warn(format!("expected {expected}; the default {default} applies"));
        }
    }

    /// Opens the map under `key`, or none if it is missing or null.
    pub(super) fn map(&mut self, key: &'static str) -> Option<Fields<'a>> {
        let any_case = self.any_case;
        Some(Fields { any_case, ..Fields::open(self.cursor(key)?)? })
    }

    /// Opens each map of the list under `key`; what is no map is reported and left out.
    pub(super) fn maps(&mut self, key: &'static str) -> Vec<Fields<'a>> {
        let items = self.cursor(key).and_then(|cursor| cursor.items()).unwrap_or_default();
        items.into_iter().filter_map(Fields::open).collect()
    }

    /// Leaves keys alone that need no reading.
    pub(super) fn tolerate(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Warns of each parameter whose value asks for something that is not there yet.
    pub(super) fn warn_not_yet<T>(&self, value: &T, table: &[NotYet<T>]) {
        for (key, _) in table.iter().filter(|(_, asks)| asks(value)) {
            let at = self.cursor.node.locate(key);
            let message = "not supported yet, has no effect";
            self.cursor.report.warn(Problem::new(at, &join(&self.cursor.path, key), message));
        }
    }

    /// Ends the reading: warns of the keys that were not asked for.
    pub(super) fn finish(self) {
        self.warn_unknown();
    }

    /// Warns of the keys that were not asked for so far.
    pub(super) fn warn_unknown(&self) {
        let is_known = |key: &str| {
            self.known.iter().any(|known| *known == key || self.any_case && known.eq_ignore_ascii_case(key))
        };
        for entry in self.cursor.node.entries().iter().filter(|entry| !is_known(&entry.key)) {
            let known = self.known.iter().copied();
            self.cursor.report.warn(unknown_key(entry.at, &self.cursor.path, &entry.key, known));
        }
    }
}

/// Lists the words of a choice: `a, b or c`.
pub(super) fn words<T>(options: &[(&str, T)]) -> String {
    let words: Vec<&str> = options.iter().map(|(word, _)| *word).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

impl Read for bool {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        match cursor.node.value {
            Value::Bool(value) => Some(value),
            _ => cursor.wrong_type("true or false"),
        }
    }
}

impl Read for i64 {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.integer().or_else(|| cursor.wrong_type("a whole number"))
    }
}

impl Read for u64 {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let value = cursor.integer().and_then(|value| value.try_into().ok());
        value.or_else(|| cursor.wrong_type("a whole number, not negative"))
    }
}

impl Read for String {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        match &cursor.node.value {
            Value::String(text) => match placeholder(text) {
                None => Some(text.clone()),
                Some(left) => {
                    let problem = cursor.problem(format!("the placeholder {left} was left in"));
                    cursor.report.error(problem.hint("put the real value in its place"));
                    None
                }
            },
            Value::Integer(_) | Value::Float(_) => Some(cursor.node.text.clone()),
            _ => cursor.wrong_type("a string"),
        }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let items: Vec<Option<T>> = cursor.items()?.iter().map(T::read).collect();
        items.into_iter().collect()
    }
}

/// A map from names to strings, in the order of the document.
pub type StringMap = Vec<(String, String)>;

impl Read for StringMap {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let fields = Fields::open(cursor.clone())?;
        let entries = fields.cursor.node.entries().iter();
        entries
            .map(|entry| Some((entry.key.clone(), read_or_empty(&cursor.below(&entry.key, &entry.value))?)))
            .collect()
    }
}

/// Reads a string; a null is an empty one.
fn read_or_empty(cursor: &Cursor<'_>) -> Option<String> {
    if cursor.node.is_null() { Some(String::new()) } else { String::read(cursor) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::yaml;
    use super::*;

    /// Reads `text` by `read` and returns what it read with all problems and warnings.
    fn read<T>(text: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> (T, Vec<String>) {
        let (node, report) = (yaml(text), Report::new("a.yaml"));
        let mut fields = Fields::open(Cursor { node: &node, path: "p".into(), report: &report }).expect("a map");
        let value = read(&mut fields);
        fields.finish();
        report.forgive();
        let (_, found) = report.conclude(Some(())).expect("forgiven");
        (value, found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn types_are_checked_and_numbers_are_strings_too() {
        fn check<T: Read + PartialEq + std::fmt::Debug>(text: &str, expected: Option<T>, found: &[&str]) {
            let (value, problems) = read(&format!("K: {text}"), |fields| fields.optional::<T>("K"));
            assert_eq!((value, problems), (expected, found.iter().map(ToString::to_string).collect()), "{text}");
        }
        check("yes", Some(true), &[]);
        check::<bool>("'yes'", None, &["a.yaml:1:4: p.K: expected true or false, found a string"]);
        check::<bool>("1", None, &["a.yaml:1:4: p.K: expected true or false, found the number 1"]);
        check::<bool>("", None, &[]);
        check("1e3", Some(1000_u64), &[]);
        check("-1", Some(-1_i64), &[]);
        check::<u64>("-1", None, &["a.yaml:1:4: p.K: expected a whole number, not negative, found the number -1"]);
        check::<i64>("1.5", None, &["a.yaml:1:4: p.K: expected a whole number, found the number 1.5"]);
        check::<i64>(".inf", None, &["a.yaml:1:4: p.K: expected a whole number, found the number .inf"]);
        check("0123", Some("0123".to_owned()), &[]);
        check::<String>("on", None, &["a.yaml:1:4: p.K: expected a string, found the boolean on (put it in quotes)"]);
        check::<String>("[a]", None, &["a.yaml:1:4: p.K: expected a string, found a list"]);
        check::<String>(
            "x ${your-name}",
            None,
            &["a.yaml:1:4: p.K: the placeholder ${your-name} was left in (put the real value in its place)"],
        );
        check("[a, 1]", Some(vec!["a".to_owned(), "1".to_owned()]), &[]);
        check::<Vec<String>>(
            "[a, {}, ~]",
            None,
            &[
                "a.yaml:1:8: p.K[1]: expected a string, found a map",
                "a.yaml:1:12: p.K[2]: expected a string, found nothing",
            ],
        );
        check("{a: 1, b: ~}", Some(vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]), &[]);
        check::<StringMap>("{a: [1]}", None, &["a.yaml:1:8: p.K.a: expected a string, found a list"]);
    }

    #[test]
    fn required_parameters_are_there_and_not_empty() {
        fn check(text: &str, found: &str) {
            let (value, problems) = read(text, |fields| fields.required::<String>("Key"));
            assert_eq!((value, problems), (None, vec![found.to_owned()]), "{text}");
        }
        check("{}", "a.yaml:1:1: p: Key is missing");
        check("Key: ~", "a.yaml:1:1: p: Key is missing");
        check("Key: ''", "a.yaml:1:6: p.Key: must not be empty");
    }

    #[test]
    fn values_without_a_meaning_leave_the_default() {
        let (value, found) = read("N: 7", |fields| fields.within("N", 1, 0..=2));
        assert_eq!((value, found[0].as_str()), (1, "a.yaml:1:4: p.N: expected 0 to 2; the default 1 applies"));
        let options = [("a", 1), ("b", 2), ("c", 3)];
        assert_eq!(read("W: b", |fields| fields.choice("W", &options)), (2, vec![]));
        let (value, found) = read("W: x", |fields| fields.choice("W", &options));
        assert_eq!((value, found[0].as_str()), (1, "a.yaml:1:4: p.W: expected a, b or c; the default a applies"));
    }

    #[test]
    fn keys_that_nobody_reads_are_warned_of() {
        fn check(text: &str, found: &[&str]) {
            let (_, warnings) = read(text, |fields| fields.or("SourceKey", String::new()));
            assert_eq!(warnings, found, "{text}");
        }
        check("SourceKey: a", &[]);
        check("\nSourceKye: a", &["a.yaml:2:1: p.SourceKye: unknown parameter, ignored (did you mean SourceKey?)"]);
        check("Zebra: a", &["a.yaml:1:1: p.Zebra: unknown parameter, ignored"]);
        check(
            "EnableTimestampNanosecond: true",
            &["a.yaml:1:1: p.EnableTimestampNanosecond: unknown parameter, ignored \
                (it belongs in `global` and has no effect here)"],
        );
    }

    #[test]
    fn keys_of_extended_plugins_match_in_any_case() {
        let (node, report) = (yaml("sourceKEY: a"), Report::new("a.yaml"));
        let cursor = Cursor { node: &node, path: String::new(), report: &report };
        let mut fields = Fields::open(cursor).expect("a map").in_any_case();
        assert_eq!(fields.optional::<String>("SourceKey").as_deref(), Some("a"));
        fields.finish();
        assert_eq!(report.conclude(Some(())).expect("no problems").1, []);
    }
}
