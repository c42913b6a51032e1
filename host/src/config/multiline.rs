//! What a record of a file is: the `Multiline` parameter of an input.

use regex::bytes::{Regex, RegexBuilder};

use super::fields::Fields;

/// What a record of a file is: the `Multiline` parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Multiline {
    /// One line (or, if the first processor reads JSON, what [`Multiline::Json`] says).
    Line,
    /// Lines joined by patterns, of which at least one is given.
    Custom(MultilinePatterns),
    /// One JSON object, which may go over several lines.
    Json,
    /// The whole file.
    WholeFile {
        /// `FileWriteMode` is `overwrite`, not `append`.
        overwrite: bool,
        /// `MaxWholeFileBytes`: larger files are skipped.
        max_bytes: u64,
    },
}

/// How lines are joined to records; each pattern must match at the beginning of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultilinePatterns {
    /// `StartPattern`: matches the first line of a record.
    pub start: Option<LinePattern>,
    /// `ContinuePattern`: matches the further lines of a record.
    pub continuation: Option<LinePattern>,
    /// `EndPattern`: matches the last line of a record.
    pub end: Option<LinePattern>,
    /// `UnmatchedContentTreatment` is `discard`, not `single_line`.
    pub discard_unmatched: bool,
    /// `IgnoringUnmatchWarning`: no alarm for lines that belong to no record.
    pub ignore_unmatched_warning: bool,
}

/// A pattern that matches a line from its beginning.
#[derive(Clone, Debug)]
pub struct LinePattern {
    /// The pattern as written.
    pub text: String,
    /// Matches bytes, not characters: `.` is one byte, classes and case are those of ASCII.
    pub regex: Regex,
}

impl LinePattern {
    /// `None` stands for a pattern that matches any line, which is none.
    fn compile(text: &str) -> Result<Option<Self>, regex::Error> {
        // Neither the end of the line nor what stands before it matters.
        let unescaped = |shorter: &&str| !shorter.ends_with('\\');
        let mut needed = text.strip_suffix('$').filter(unescaped).unwrap_or(text);
        while let Some(shorter) = needed.strip_suffix(".*").filter(unescaped) {
            needed = shorter;
        }
        if needed.is_empty() {
            return Ok(None);
        }
        // On its own first: one with a parenthesis too many would end the group around it.
        RegexBuilder::new(text).unicode(false).build()?;
        let regex = RegexBuilder::new(&format!(r"\A(?:{needed})")).unicode(false).build()?;
        Ok(Some(Self { text: text.to_owned(), regex }))
    }
}

impl PartialEq for LinePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for LinePattern {}

/// Reads the `Multiline` parameter.
pub(super) fn read(fields: &mut Fields<'_>) -> Multiline {
    let Some(mut multiline) = fields.map("Multiline") else { return Multiline::Line };
    let mode =
        multiline.choice("Mode", &[("custom", Mode::Custom), ("JSON", Mode::Json), ("whole_file", Mode::WholeFile)]);
    let patterns = patterns(&mut multiline);
    let overwrite = multiline.choice("FileWriteMode", &[("append", false), ("overwrite", true)]);
    let max_bytes = multiline.within("MaxWholeFileBytes", DEFAULT_MAX_WHOLE_FILE_BYTES, 0..=MAX_WHOLE_FILE_BYTES);
    let result = match mode {
        Mode::Custom => custom(&multiline, patterns),
        Mode::Json => Multiline::Json,
        Mode::WholeFile => Multiline::WholeFile { overwrite, max_bytes },
    };
    multiline.finish();
    result
}

#[derive(Clone, Copy)]
enum Mode {
    Custom,
    Json,
    WholeFile,
}

fn patterns(multiline: &mut Fields<'_>) -> MultilinePatterns {
    let mut pattern = |key| {
        let text = multiline.optional::<String>(key)?;
        LinePattern::compile(&text).unwrap_or_else(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let warn =
                |cursor: super::fields::Cursor<'_>| cursor.warn(format!("not a usable pattern, ignored: {reason}"));
            multiline.cursor(key).into_iter().for_each(warn);
            None
        })
    };
    MultilinePatterns {
        start: pattern("StartPattern"),
        continuation: pattern("ContinuePattern"),
        end: pattern("EndPattern"),
        discard_unmatched: multiline.choice("UnmatchedContentTreatment", &[("single_line", false), ("discard", true)]),
        ignore_unmatched_warning: multiline.or("IgnoringUnmatchWarning", false),
    }
}

/// Settles which of the patterns work together.
fn custom(multiline: &Fields<'_>, mut patterns: MultilinePatterns) -> Multiline {
    match (&patterns.start, &patterns.continuation, &patterns.end) {
        (None, None, None) => return Multiline::Line,
        (None, Some(_), None) => {
            multiline.cursor.warn("ContinuePattern alone joins nothing: each line is a record");
            return Multiline::Line;
        }
        (Some(_), Some(_), Some(_)) => {
            multiline.cursor.warn("ContinuePattern has no effect beside StartPattern and EndPattern");
            patterns.continuation = None;
        }
        _ => {}
    }
    Multiline::Custom(patterns)
}

const DEFAULT_MAX_WHOLE_FILE_BYTES: u64 = 10 << 20;
/// An event batch counts its bytes in 32 bits, decoded and with what processors add.
const MAX_WHOLE_FILE_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::super::fields::Cursor;
    use super::super::testing::{warnings_and_problems, yaml};
    use super::*;

    #[test]
    fn modes_and_patterns() {
        fn check(text: &str, expected: Multiline, found: &[&str]) {
            let (multiline, messages) = warnings_and_problems(|report| {
                let node = yaml(&format!("Multiline: {text}"));
                read(&mut Fields::open(Cursor { node: &node, path: String::new(), report }).expect("a map"))
            });
            assert_eq!((multiline, messages), (expected, found.iter().map(ToString::to_string).collect()), "{text}");
        }
        let patterns = |start: &str, end: &str| {
            let given = |pattern: &str| LinePattern::compile(pattern).expect("the pattern is valid");
            MultilinePatterns { start: given(start), end: given(end), ..MultilinePatterns::default() }
        };
        check("", Multiline::Line, &[]);
        check("{Mode: custom, StartPattern: ''}", Multiline::Line, &[]);
        check("{Mode: JSON}", Multiline::Json, &[]);
        check(
            "{Mode: json}",
            Multiline::Line,
            &["a.yaml:1:19: Multiline.Mode: expected custom, JSON or whole_file; the default custom applies"],
        );
        check(
            "{Mode: whole_file, FileWriteMode: overwrite}",
            Multiline::WholeFile { overwrite: true, max_bytes: 10 << 20 },
            &[],
        );
        check("{StartPattern: a}", Multiline::Custom(patterns("a", "")), &[]);
        check(
            "{ContinuePattern: a}",
            Multiline::Line,
            &["a.yaml:1:12: Multiline: ContinuePattern alone joins nothing: each line is a record"],
        );
        check(
            "{StartPattern: a, ContinuePattern: b, EndPattern: c}",
            Multiline::Custom(patterns("a", "c")),
            &["a.yaml:1:12: Multiline: ContinuePattern has no effect beside StartPattern and EndPattern"],
        );
        check(r"{StartPattern: 'cost \$'}", Multiline::Custom(patterns(r"cost \$", "")), &[]);
        check("{StartPattern: '.*$', EndPattern: 'a$'}", Multiline::Custom(patterns("", "a$")), &[]);
        check(
            "{StartPattern: 'a(', EndPattern: b}",
            Multiline::Custom(patterns("", "b")),
            &["a.yaml:1:27: Multiline.StartPattern: not a usable pattern, ignored: unclosed group"],
        );
        check(
            "{StartPattern: 'a)|(b', EndPattern: b}",
            Multiline::Custom(patterns("", "b")),
            &["a.yaml:1:27: Multiline.StartPattern: not a usable pattern, ignored: unopened group"],
        );
        let discarding = MultilinePatterns { discard_unmatched: true, ..patterns("a", "") };
        check("{StartPattern: a, UnmatchedContentTreatment: discard}", Multiline::Custom(discarding), &[]);
    }
}
