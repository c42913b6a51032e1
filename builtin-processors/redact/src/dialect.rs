//! Rewrites RE2's syntax to that of the engine.
//!
//! RE2 reads text as UTF-8, and its classes such as `\d` are of ASCII. So here, but a byte that is no part of a character
//! counts as one by itself: what should be masked is masked in any encoding. The engine itself runs on bytes and
//! has no tables of Unicode; only classes that reach beyond ASCII are built of characters.

/// What `.` and a class stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A character, or a byte that is no part of one.
    Char,
    /// A byte.
    Byte,
}

/// Rewrites a pattern.
///
/// # Errors
/// Says what the engine would take for something else.
pub(crate) fn translate(pattern: &str, unit: Unit) -> Result<String, String> {
    let mut rest = Rest { text: pattern, output: String::with_capacity(2 * pattern.len()), unit };
    while let Some(char) = rest.next() {
        match char {
            '\\' => rest.escape(),
            '[' => rest.class(),
            '.' => rest.any("."),
            '{' if !is_repetition(rest.text) => rest.output.push_str(r"\{"),
            '*' | '+' | '?' => rest.quantifier(char)?,
            '{' => {
                let end = rest.text.find('}').map_or(0, |end| end + 1);
                rest.output.push('{');
                rest.output.push_str(&rest.text[..end - 1]);
                rest.text = &rest.text[end..];
                rest.quantifier('}')?;
            }
            '(' if rest.text.starts_with('?') => {
                rest.output.push_str("(?");
                rest.next();
            }
            char => rest.output.push(char),
        }
    }
    Ok(rest.output)
}

/// The part of a pattern that is still to be rewritten.
struct Rest<'a> {
    text: &'a str,
    output: String,
    unit: Unit,
}

impl Rest<'_> {
    fn next(&mut self) -> Option<char> {
        let char = self.text.chars().next()?;
        self.text = &self.text[char.len_utf8()..];
        Some(char)
    }

    /// Writes something that stands for most characters.
    fn any(&mut self, syntax: &str) {
        match self.unit {
            Unit::Char => self.output.push_str(&format!(r"(?:(?u:{syntax})|[\x80-\xff])")),
            Unit::Byte => self.output.push_str(syntax),
        }
    }

    /// Copies the end of a quantifier. Another one behind it would mean something to the engine, but is none in RE2.
    fn quantifier(&mut self, char: char) -> Result<(), String> {
        self.output.push(char);
        if self.text.starts_with('?') {
            self.next();
            self.output.push('?');
        }
        match self.text.chars().next() {
            Some(next @ ('*' | '+' | '?')) => Err(format!("bad repetition operator {char}{next}")),
            _ => Ok(()),
        }
    }

    fn escape(&mut self) {
        match self.next() {
            Some('Q') => {
                let (literal, rest) = self.text.split_once(r"\E").unwrap_or((self.text, ""));
                self.text = rest;
                self.output.push_str(&regex_syntax::escape(literal));
            }
            Some('C') => self.output.push_str("(?s-u:.)"),
            Some(char) => match ascii_class(char) {
                Some((members, true)) => self.any(&format!("[^{members}]")),
                Some((members, false)) => self.output.push_str(&format!("[{members}]")),
                None => {
                    let escaped = self.escaped(char);
                    self.output.push_str(&escaped);
                }
            },
            None => self.output.push('\\'),
        }
    }

    /// What the engine calls an escaped character.
    fn escaped(&mut self, char: char) -> String {
        let digits = self.text.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (char, digits) {
            // A character, where the engine would take it for a byte.
            ('x', Some(digits)) => {
                self.text = &self.text[2..];
                format!(r"\x{{{digits}}}")
            }
            // A word boundary to the engine.
            ('<' | '>', _) => char.to_string(),
            _ if char.is_ascii() => format!(r"\{char}"),
            _ => char.to_string(),
        }
    }

    /// Rewrites a class behind its opening bracket. The engine's classes nest and know set operations, RE2's do not.
    fn class(&mut self) {
        let is_negated = self.text.starts_with('^');
        if is_negated {
            self.next();
        }
        let mut members = String::new();
        if self.text.starts_with(']') {
            self.next();
            members.push_str(r"\]");
        }
        let (mut is_wide, mut has_complement, mut is_closed) = (false, false, false);
        while let Some(char) = self.next() {
            match char {
                ']' => {
                    is_closed = true;
                    break;
                }
                '\\' => {
                    let Some(char) = self.next() else { break };
                    match ascii_class(char) {
                        Some((class, true)) => {
                            has_complement = true;
                            members.push_str(&format!("[^{class}]"));
                        }
                        Some((class, false)) => members.push_str(class),
                        None => {
                            let escaped = self.escaped(char);
                            is_wide |= char == 'x' || !escaped.is_ascii();
                            members.push_str(&escaped);
                        }
                    }
                }
                '[' if self.text.starts_with(':') && self.text.contains(":]") => {
                    let end = self.text.find(":]").map_or(0, |end| end + 2);
                    has_complement |= self.text.starts_with(":^");
                    members.push('[');
                    members.push_str(&self.text[..end]);
                    self.text = &self.text[end..];
                }
                '[' | '&' | '~' => members.extend(['\\', char]),
                char => {
                    is_wide |= !char.is_ascii();
                    members.push(char);
                }
            }
        }
        let syntax = format!("[{}{members}{}", if is_negated { "^" } else { "" }, if is_closed { "]" } else { "" });
        if is_negated != has_complement {
            self.any(&syntax);
        } else if (is_wide || has_complement) && self.unit == Unit::Char {
            self.output.push_str(&format!("(?u:{syntax})"));
        } else {
            self.output.push_str(&syntax);
        }
    }
}

/// The members of a class that is named by a letter, and whether the class is what they are not.
fn ascii_class(letter: char) -> Option<(&'static str, bool)> {
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r"\t\n\f\r ",
        _ => return None,
    };
    Some((members, letter.is_ascii_uppercase()))
}

/// Whether what is behind an opening brace makes a quantifier of it; otherwise it is just a brace.
fn is_repetition(text: &str) -> bool {
    let Some((bounds, _)) = text.split_once('}') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match bounds.split_once(',') {
        Some((low, high)) => is_number(low) && (high.is_empty() || is_number(high)),
        None => is_number(bounds),
    }
}
