//! A pattern for the start of lines, which tells most lines by their first byte.

use regex::bytes::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A pattern that is anchored at the start of a line.
///
/// Of the lines of a stack trace, most begin with a byte with which no match can begin. Those cost one look into a table
/// instead of a run of the engine.
#[derive(Debug, Clone)]
pub struct LinePattern {
    regex: Regex,
    may_begin: Box<[bool; 256]>,
}

impl LinePattern {
    /// A pattern of which each match begins at the start of the line.
    pub fn new(regex: Regex) -> Self {
        let syntax = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(regex.as_str());
        let mut may_begin = Box::new([true; 256]);
        if let Ok(hir) = syntax {
            let mut found = [false; 256];
            if !first_bytes(&hir, &mut found) {
                *may_begin = found;
            }
        }
        Self { regex, may_begin }
    }

    /// Whether the start of `line` matches.
    #[inline]
    pub fn is_match(&self, line: &[u8]) -> bool {
        line.first().is_none_or(|first| self.may_begin[usize::from(*first)]) && self.regex.is_match(line)
    }
}

/// Marks the bytes with which a match of `hir` can begin. Returns whether it can also match nothing.
fn first_bytes(hir: &Hir, found: &mut [bool; 256]) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            found[usize::from(literal.0[0])] = true;
            false
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().for_each(|range| found[usize::from(range.start())..=usize::from(range.end())].fill(true));
            false
        }
        HirKind::Class(Class::Unicode(_)) => {
            found.fill(true);
            false
        }
        HirKind::Repetition(repetition) => first_bytes(&repetition.sub, found) | (repetition.min == 0),
        HirKind::Capture(capture) => first_bytes(&capture.sub, found),
        HirKind::Concat(parts) => parts.iter().all(|part| first_bytes(part, found)),
        HirKind::Alternation(parts) => parts.iter().fold(false, |empty, part| first_bytes(part, found) | empty),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::RegexBuilder;

    use super::*;

    fn regex(pattern: &str) -> Option<Regex> {
        // On its own first: one with a parenthesis too many would end the group, and be anchored no more.
        RegexBuilder::new(pattern).unicode(false).build().ok()?;
        RegexBuilder::new(&format!(r"\A(?:{pattern})")).unicode(false).build().ok()
    }

    #[test]
    fn lines_are_told_by_their_first_byte() {
        fn check(pattern: &str, expected: &str) {
            let pattern = LinePattern::new(regex(pattern).expect("the pattern is valid"));
            let found: String =
                (b' '..=b'~').filter(|byte| pattern.may_begin[usize::from(*byte)]).map(char::from).collect();
            assert_eq!(found, expected);
        }
        check(r"\d{4}-\d\d", "0123456789");
        check("(?:a|b?c|)d", "abcd");
        check("[x-z]+", "xyz");
        check("(ERROR|WARN) ", "EW");
        check(r"\bword", "w");
        let everything: String = (b' '..=b'~').map(char::from).collect();
        check("a*", &everything);
        check("", &everything);
    }

    proptest! {
        /// The table never hides a match.
        #[test]
        fn the_table_agrees_with_the_engine(pattern in r"[ab\[\]()|?*+.^0-9\\d-]{0,12}", line in "[ab0-9. -]{0,8}") {
            let Some(regex) = regex(&pattern) else { return Ok(()) };
            let expected = regex.is_match(line.as_bytes());
            prop_assert_eq!(LinePattern::new(regex).is_match(line.as_bytes()), expected);
        }
    }
}
