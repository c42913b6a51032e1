//! How columns are told apart.

use loglift_sdk::Issue;

/// What separates columns, and whether they may be in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Columns that may be in quotes, between separators of one byte.
    Quoted { separator: u8, quote: u8 },
    /// Columns between separators of one byte or more, in which quotes mean nothing.
    Plain { separator: Vec<u8> },
}

impl Dialect {
    /// What the parameters `Separator` and `Quote` say.
    pub(crate) fn new(separator: &str, quote: &str, warnings: &mut Vec<Issue>) -> Result<Self, Issue> {
        let separator = if separator == r"\t" { "\t" } else { separator };
        match (separator.as_bytes(), quote.as_bytes()) {
            ([], _) => Err(Issue::new("Separator", "is required: 1 to 4 bytes, such as a comma")),
            ([_, _, _, _, _, ..], _) => {
                Err(Issue::new("Separator", format!("has {} bytes; 1 to 4 are possible", separator.len())))
            }
            ([_], [_, _, ..]) => Err(Issue::new("Quote", format!("has {} bytes; it must be one", quote.len()))),
            ([separator], [quote]) if separator == quote => Ok(Self::Plain { separator: vec![*separator] }),
            ([separator], [quote]) => Ok(Self::Quoted { separator: *separator, quote: *quote }),
            ([separator], []) if *separator == DEFAULT_QUOTE => Ok(Self::Plain { separator: vec![*separator] }),
            ([separator], []) => Ok(Self::Quoted { separator: *separator, quote: DEFAULT_QUOTE }),
            (separator, quote) => {
                if !quote.is_empty() {
                    warnings.push(Issue::new("Quote", "has no effect with a Separator of more than one byte"));
                }
                Ok(Self::Plain { separator: separator.to_vec() })
            }
        }
    }

    /// The bytes between two columns.
    pub(crate) fn separator(&self) -> &[u8] {
        match self {
            Self::Quoted { separator, .. } => std::slice::from_ref(separator),
            Self::Plain { separator } => separator,
        }
    }
}

const DEFAULT_QUOTE: u8 = b'"';

#[cfg(test)]
mod tests {
    use super::*;

    fn check(separator: &str, quote: &str, expected: Result<Dialect, &str>, warned: &[&str]) {
        let mut warnings = Vec::new();
        let found = Dialect::new(separator, quote, &mut warnings);
        assert_eq!(found.map_err(|issue| issue.path), expected.map_err(str::to_owned), "{separator:?} {quote:?}");
        let warnings: Vec<&str> = warnings.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(warnings, warned, "{separator:?} {quote:?}");
    }

    #[test]
    fn separators_have_1_to_4_bytes_and_quotes_one() {
        let quoted = |separator, quote| Ok(Dialect::Quoted { separator, quote });
        let plain = |separator: &str| Ok(Dialect::Plain { separator: separator.as_bytes().to_vec() });
        check(",", "", quoted(b',', b'"'), &[]);
        check(",", "'", quoted(b',', b'\''), &[]);
        check(r"\t", "", quoted(b'\t', b'"'), &[]);
        check("\t", "", quoted(b'\t', b'"'), &[]);
        check("\u{1}", "", quoted(1, b'"'), &[]);
        check(",", ",", plain(","), &[]);
        check("\"", "", plain("\""), &[]);
        check("||", "", plain("||"), &[]);
        check("||", "\"", plain("||"), &["Quote"]);
        check("||", "''", plain("||"), &["Quote"]);
        check("，", "", plain("，"), &[]);
        check("||||", "", plain("||||"), &[]);
        check("|||||", "", Err("Separator"), &[]);
        check("", "", Err("Separator"), &[]);
        check(",", "''", Err("Quote"), &[]);
    }
}
