//! What is wrong with a config file, and where: one line for a person, fields for a program.

use std::cell::RefCell;
use std::fmt;

use super::names::nearest;
use super::node::Position;

/// One thing wrong with a config file.
///
/// Displays as one line: `FILE:LINE:COLUMN: PATH: MESSAGE (HINT)`, without the parts that are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Where in the file; `None` when the file as a whole is meant.
    pub at: Option<Position>,
    /// What is meant, such as `processors[1].SourceKey`; empty for the whole document.
    pub path: String,
    /// What is wrong, as a phrase without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Something that does not keep a pipeline from running but should be looked at.
///
/// Displays like a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub Problem);

/// Collects what is found in one file, so that one reading reports everything.
#[derive(Debug)]
pub(super) struct Report {
    file: String,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
}

impl Problem {
    /// Returns a problem of the file as a whole.
    pub(super) fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), at: None, path: String::new(), message: message.into(), hint: None }
    }

    /// Returns a problem at a place; the file is filled in by the report that takes it.
    pub(super) fn new(at: Position, path: &str, message: impl Into<String>) -> Self {
        Self { at: Some(at), path: path.to_owned(), ..Self::of_file("", message) }
    }

    /// Adds what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the nearest of the known names, if one is near.
    pub(super) fn suggest<'n>(mut self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        self.hint = nearest(name, known).map(|near| format!("did you mean {near}?"));
        self
    }
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), problems: RefCell::default(), warnings: RefCell::default() }
    }

    pub(super) fn error(&self, problem: Problem) {
        self.problems.borrow_mut().push(Problem { file: self.file.clone(), ..problem });
    }

    pub(super) fn warn(&self, problem: Problem) {
        self.warnings.borrow_mut().push(Warning(Problem { file: self.file.clone(), ..problem }));
    }

    /// Turns every problem found so far into a warning.
    pub(super) fn forgive(&self) {
        let problems = self.problems.take();
        self.warnings.borrow_mut().extend(problems.into_iter().map(Warning));
    }

    /// Returns the value and the warnings if no problem was found, else the problems in the order of the file.
    pub(super) fn conclude<T>(self, value: Option<T>) -> Result<(T, Vec<Warning>), Vec<Problem>> {
        let mut problems = self.problems.into_inner();
        match value {
            Some(value) if problems.is_empty() => {
                let mut warnings = self.warnings.into_inner();
                warnings.sort_by_key(|warning| warning.0.at);
                Ok((value, warnings))
            }
            _ => {
                problems.sort_by_key(|problem| problem.at);
                Err(problems)
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.file.clone();
        if let Some(at) = self.at {
            line.push_str(&format!(":{}:{}", at.line, at.column));
        }
        for part in [&self.path, &self.message] {
            if !part.is_empty() {
                line.push_str(": ");
                line.push_str(part);
            }
        }
        if let Some(hint) = &self.hint {
            line.push_str(&format!(" ({hint})"));
        }
        // Keys, values and the messages of a guest may hold anything; the line stays one line.
        for c in line.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_one_line_with_the_known_parts() {
        fn check(problem: Problem, expected: &str) {
            let problem = Problem { file: "a.yaml".into(), ..problem };
            assert_eq!(problem.to_string(), expected);
        }
        let at = Position { line: 7, column: 16 };
        check(Problem::of_file("", "is empty"), "a.yaml: is empty");
        check(Problem::new(at, "", "not a map"), "a.yaml:7:16: not a map");
        check(
            Problem::new(at, "processors[1].SourceKey", "expected a string, found a list").hint("quote it"),
            "a.yaml:7:16: processors[1].SourceKey: expected a string, found a list (quote it)",
        );
        check(Problem::new(at, "a", "two\nlines\x1b"), "a.yaml:7:16: a: two\\nlines\\u{1b}");
    }
}
