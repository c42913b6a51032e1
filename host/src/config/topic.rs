//! Where the topic of events comes from: `TopicType` and `TopicFormat`.

use regex::bytes::{Regex, RegexBuilder};

use super::fields::{Cursor, Fields};

/// Where the topic of an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// There is none.
    None,
    /// This text.
    Fixed(String),
    /// The groups of a pattern that matches the whole path of the file.
    FilePath(PathPattern),
    /// Derived from the path, by an old rule.
    Default,
}

/// A pattern that matches a whole path.
#[derive(Clone, Debug)]
pub struct PathPattern {
    /// The pattern as written.
    pub text: String,
    /// Matches bytes, not characters, as the patterns of `Multiline` do.
    pub regex: Regex,
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathPattern {}

/// Reads `TopicType` and `TopicFormat`; where they make no sense together, a warning says so and there is no topic.
pub(super) fn read(fields: &mut Fields<'_>) -> Topic {
    #[derive(Clone, Copy)]
    enum Kind {
        None,
        Fixed,
        FilePath,
        Default,
    }
    let kinds = [
        ("none", Kind::None),
        ("filepath", Kind::FilePath),
        ("machine_group_topic", Kind::Fixed),
        ("custom", Kind::Fixed),
        ("default", Kind::Default),
    ];
    let kind = fields.choice("TopicType", &kinds);
    let format = fields.optional::<String>("TopicFormat").filter(|format| !format.is_empty());
    match (kind, format) {
        (Kind::None, _) => Topic::None,
        (Kind::Default, _) => Topic::Default,
        (Kind::Fixed, Some(format)) => Topic::Fixed(format),
        (Kind::FilePath, Some(format)) => file_path(fields, format),
        (Kind::Fixed | Kind::FilePath, None) => {
            let warn = |cursor: Cursor<'_>| cursor.warn("TopicFormat is missing; there will be no topic");
            fields.cursor("TopicType").into_iter().for_each(warn);
            Topic::None
        }
    }
}

fn file_path(fields: &mut Fields<'_>, text: String) -> Topic {
    // On its own first: one with a parenthesis too many would end the group around it.
    let anchored = RegexBuilder::new(&text).unicode(false).build();
    match anchored.and_then(|_| RegexBuilder::new(&format!(r"\A(?:{text})\z")).unicode(false).build()) {
        Ok(regex) => Topic::FilePath(PathPattern { text, regex }),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let message = format!("not a usable pattern, there will be no topic: {reason}");
            fields.cursor("TopicFormat").iter().for_each(|cursor| cursor.warn(&message));
            Topic::None
        }
    }
}
