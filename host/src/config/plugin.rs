//! The `Type` of an entry of `inputs`, `processors` or `flushers`.

use super::fields::{Cursor, Fields};

/// The name that an entry gives as its type.
pub(super) struct TypeName<'a> {
    pub(super) text: String,
    pub(super) cursor: Cursor<'a>,
}

/// Reads the type of an entry, or reports that it has none.
pub(super) fn type_name<'a>(fields: &mut Fields<'a>) -> Option<TypeName<'a>> {
    let entry = fields.cursor.node;
    if entry.get("Type").is_none() && entry.get("type").is_some() {
        let problem = fields.cursor.problem("`type` and `detail` are the form of older configs");
        let hint = "write `Type: NAME` and put what is under `detail` beside it";
        fields.cursor.report.error(problem.hint(hint));
        return None;
    }
    let text = fields.required("Type")?;
    let cursor = fields.cursor("Type").expect("a required parameter that was read is there");
    Some(TypeName { text, cursor })
}

impl TypeName<'_> {
    /// Reports a type that is not there: one that LoongCollector has, or one that nobody knows.
    pub(super) fn refuse<T>(&self, what: &str, upstream: &[&'static str]) -> Option<T> {
        let name = &self.text;
        if upstream.contains(&name.as_str()) {
            self.cursor.error(format!("{name} exists in LoongCollector but is not supported here yet"));
            return None;
        }
        self.unknown(what, upstream.iter().copied())
    }

    /// Reports a type that nobody knows, with the nearest of the known ones.
    pub(super) fn unknown<'n, T>(&self, what: &str, known: impl Iterator<Item = &'n str>) -> Option<T> {
        let problem = self.cursor.problem(format!("unknown {what} type {:?}", self.text));
        self.cursor.report.error(problem.suggest(&self.text, known));
        None
    }
}
