//! When an event is kept.

use loglift_sdk::{Event, Issue, Key};
use serde_json::{Map, Value};

use crate::pattern::Pattern;

/// A condition on the fields of an event.
#[derive(Debug)]
pub(crate) enum Condition {
    /// All of them hold.
    All(Vec<Condition>),
    /// One of them holds, or several.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The field is there, and all of its value matches. Fields are named by their place in [`Fields`].
    Matches { field: usize, pattern: Pattern },
}

/// The names of the fields that conditions look at, each once.
#[derive(Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<String>);

impl Condition {
    /// Whether it holds for an event. `keys` are those of the [`Fields`] in its batch.
    pub(crate) fn holds(&mut self, event: Event, keys: &[Option<Key>]) -> bool {
        match self {
            Self::All(parts) => parts.iter_mut().all(|part| part.holds(event, keys)),
            Self::Any(parts) => parts.iter_mut().any(|part| part.holds(event, keys)),
            Self::Not(part) => !part.holds(event, keys),
            Self::Matches { field, pattern } => {
                keys[*field].and_then(|key| event.value(key)).is_some_and(|value| pattern.matches(value))
            }
        }
    }
}

/// Reads conditions from a configuration, and gathers what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) fields: Fields,
    pub(crate) issues: Vec<Issue>,
}

impl Reader {
    /// All of the fields match; `path` says where the pattern of a field is.
    pub(crate) fn all<'a>(
        &mut self,
        patterns: impl Iterator<Item = (&'a str, &'a str)>,
        path: impl Fn(usize, &str) -> String,
    ) -> Condition {
        let mut parts = Vec::new();
        for (place, (field, pattern)) in patterns.enumerate() {
            parts.extend(self.matches(field, pattern, || path(place, field)));
        }
        Condition::All(parts)
    }

    /// The condition that an expression tree says, unless something is wrong with it.
    pub(crate) fn expression(&mut self, value: &Value, path: &str) -> Option<Condition> {
        let Some(node) = value.as_object() else {
            return self.wrong(path, "must be an object");
        };
        if node.contains_key("operator") || node.contains_key("operands") {
            self.operation(node, path)
        } else {
            self.leaf(node, path)
        }
    }

    fn operation(&mut self, node: &Map<String, Value>, path: &str) -> Option<Condition> {
        let operator = self.text(node, "operator", path)?.to_ascii_lowercase();
        let count = match operator.as_str() {
            "and" | "or" => 2,
            "not" => 1,
            _ => return self.wrong(&format!("{path}.operator"), "must be and, or or not"),
        };
        let at = format!("{path}.operands");
        let operands = node.get("operands").and_then(Value::as_array).filter(|operands| operands.len() == count);
        let Some(operands) = operands else {
            let conditions = if count == 1 { "one condition" } else { "two conditions" };
            return self.wrong(&at, &format!("must be a list of {conditions}, for the operator {operator}"));
        };
        let parts: Vec<Option<Condition>> = operands
            .iter()
            .enumerate()
            .map(|(place, operand)| self.expression(operand, &format!("{at}[{place}]")))
            .collect();
        let mut parts: Vec<Condition> = parts.into_iter().collect::<Option<_>>()?;
        match operator.as_str() {
            "and" => Some(Condition::All(parts)),
            "or" => Some(Condition::Any(parts)),
            _ => parts.pop().map(|part| Condition::Not(Box::new(part))),
        }
    }

    fn leaf(&mut self, node: &Map<String, Value>, path: &str) -> Option<Condition> {
        let field = self.text(node, "key", path);
        let pattern = self.text(node, "exp", path);
        let kind = self.text(node, "type", path)?;
        if !kind.eq_ignore_ascii_case("regex") {
            return self.wrong(&format!("{path}.type"), "must be regex");
        }
        self.matches(field?, pattern?, || format!("{path}.exp"))
    }

    fn matches(&mut self, field: &str, pattern: &str, path: impl FnOnce() -> String) -> Option<Condition> {
        match Pattern::new(pattern) {
            Ok(pattern) => Some(Condition::Matches { field: self.fields.place(field), pattern }),
            Err(reason) => self.wrong(&path(), &format!("is not a pattern that can be used: {reason}")),
        }
    }

    fn text<'a>(&mut self, node: &'a Map<String, Value>, name: &str, path: &str) -> Option<&'a str> {
        match node.get(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) => self.wrong(&format!("{path}.{name}"), "must be a string"),
            None => self.wrong(path, &format!("has no {name:?}: it must have {SHAPES}")),
        }
    }

    fn wrong<T>(&mut self, path: &str, message: &str) -> Option<T> {
        self.issues.push(Issue::new(path, message));
        None
    }
}

impl Fields {
    fn place(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }
}

const SHAPES: &str = r#"either "operator" and "operands", or "key", "exp" and "type""#;
