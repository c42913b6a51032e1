//! Patterns for names and paths, with the meaning that POSIX' `fnmatch` gives them in the C locale.
//!
//! They are over bytes, since a path need not be UTF-8. A pattern is parsed once; matching takes no memory and at most the
//! product of both lengths in time, whatever the pattern is.

/// What a wildcard does about `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slash {
    /// It matches it like any other byte.
    Ordinary,
    /// Only a `/` in the pattern matches it: `FNM_PATHNAME`.
    Separates,
}

/// A pattern, ready to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
    slash: Slash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This byte.
    Byte(u8),
    /// `?`: any byte.
    One,
    /// `*`: any number of any bytes.
    Star,
    /// `[...]`: one of these bytes. An empty set is what can never match.
    Set(ByteSet),
}

/// A set of bytes, a bit for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl Glob {
    /// Parses a pattern. Every text is one: what is malformed matches what `fnmatch` matches with it, often nothing.
    pub fn new(pattern: impl AsRef<[u8]>, slash: Slash) -> Self {
        let mut rest = pattern.as_ref();
        let mut tokens = Vec::new();
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            tokens.push(match first {
                b'?' => Token::One,
                b'*' => {
                    if tokens.last() == Some(&Token::Star) {
                        continue;
                    }
                    Token::Star
                }
                b'\\' => match after.split_first() {
                    Some((&escaped, after)) => {
                        rest = after;
                        Token::Byte(escaped)
                    }
                    None => Token::Set(ByteSet::default()),
                },
                b'[' => match bracket(after) {
                    Bracket::Set(set, after) => {
                        rest = after;
                        Token::Set(set)
                    }
                    Bracket::Never => Token::Set(ByteSet::default()),
                    Bracket::Unfinished => Token::Byte(b'['),
                },
                byte => Token::Byte(byte),
            });
        }
        Self { tokens, slash }
    }

    /// Whether it is a name, without any wildcard.
    pub fn is_literal(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Byte(_)))
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: impl AsRef<[u8]>) -> bool {
        let text = text.as_ref();
        let (mut token, mut at) = (0, 0);
        // Only the last `*` needs another try: what an earlier one could take more, the last one can take as well. That
        // holds with `Slash::Separates` too, where none of them gets over a `/`.
        let mut retry = None;
        loop {
            match self.tokens.get(token) {
                Some(Token::Star) => {
                    token += 1;
                    retry = Some((token, at));
                    continue;
                }
                Some(one) if text.get(at).is_some_and(|&byte| self.takes(one, byte)) => {
                    (token, at) = (token + 1, at + 1);
                    continue;
                }
                None if at == text.len() => return true,
                _ => {}
            }
            let Some((after_star, taken_to)) = retry else { return false };
            match text.get(taken_to) {
                Some(b'/') if self.slash == Slash::Separates => return false,
                None => return false,
                Some(_) => {
                    retry = Some((after_star, taken_to + 1));
                    (token, at) = (after_star, taken_to + 1);
                }
            }
        }
    }

    fn takes(&self, token: &Token, byte: u8) -> bool {
        let wildcard_may = byte != b'/' || self.slash == Slash::Ordinary;
        match token {
            Token::Byte(expected) => *expected == byte,
            Token::One => wildcard_may,
            Token::Set(set) => wildcard_may && set.contains(byte),
            Token::Star => false,
        }
    }
}

impl ByteSet {
    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn inverse(&self) -> Self {
        Self(self.0.map(|bits| !bits))
    }
}

/// What follows a `[`.
enum Bracket<'a> {
    /// A set, and what comes after its `]`.
    Set(ByteSet, &'a [u8]),
    /// Something that can never match.
    Never,
    /// No `]`: the `[` is an ordinary byte.
    Unfinished,
}

/// An element of a bracket expression.
enum Element {
    /// A byte, as such, escaped, or as `[.x.]`.
    Byte(u8),
    /// `[:name:]` or `[=x=]`.
    Class(Vec<u8>),
    /// A name that there is not: from here on nothing is in the set.
    Unknown,
    /// Something that can never match.
    Never,
    /// The end of the pattern.
    End,
}

fn bracket(mut rest: &[u8]) -> Bracket<'_> {
    let is_negated = matches!(rest.first(), Some(b'!' | b'^'));
    rest = &rest[usize::from(is_negated)..];
    let mut set = ByteSet::default();
    let mut is_known = true;
    let mut is_first = true;
    loop {
        if !is_first && let Some((b']', after)) = rest.split_first() {
            let set = match (is_negated, is_known) {
                (false, _) => set,
                (true, true) => set.inverse(),
                (true, false) => ByteSet::default(),
            };
            return Bracket::Set(set, after);
        }
        is_first = false;
        let (found, after) = element(rest);
        rest = after;
        let low = match found {
            Element::Byte(byte) => byte,
            Element::Class(bytes) => {
                bytes.into_iter().filter(|_| is_known).for_each(|byte| set.insert(byte));
                continue;
            }
            Element::Unknown => {
                is_known = false;
                continue;
            }
            Element::Never => return Bracket::Never,
            Element::End => return Bracket::Unfinished,
        };
        let mut high = low;
        if let [b'-', end @ ..] = rest
            && end.first() != Some(&b']')
        {
            let (found, after) = range_end(end);
            rest = after;
            high = match found {
                Element::Byte(byte) => byte,
                Element::Never | Element::End => return Bracket::Never,
                Element::Class(_) | Element::Unknown => {
                    is_known = false;
                    continue;
                }
            };
        }
        (low..=high).filter(|_| is_known).for_each(|byte| set.insert(byte));
    }
}

/// Reads one element, and returns what comes after it.
fn element(rest: &[u8]) -> (Element, &[u8]) {
    if let [b'[', b':', name @ ..] = rest
        && let Some(end) = name.iter().position(|byte| !byte.is_ascii_lowercase())
        && let [b':', b']', after @ ..] = &name[end..]
    {
        return (class(&name[..end]).map_or(Element::Unknown, Element::Class), after);
    }
    if let [b'[', b'=', byte, b'=', b']', after @ ..] = rest {
        return (Element::Class(vec![*byte]), after);
    }
    range_end(rest)
}

/// Reads what a range can end with: anything but a class.
fn range_end(rest: &[u8]) -> (Element, &[u8]) {
    match rest {
        [] => (Element::End, rest),
        [b'\\'] => (Element::Never, rest),
        [b'\\', byte, after @ ..] => (Element::Byte(*byte), after),
        [b'[', b'.', name @ ..] => match name.windows(2).position(|end| end == b".]") {
            Some(1) => (Element::Byte(name[0]), &name[3..]),
            Some(end) => (Element::Unknown, &name[end + 2..]),
            None => (Element::Never, rest),
        },
        [byte, after @ ..] => (Element::Byte(*byte), after),
    }
}

fn class(name: &[u8]) -> Option<Vec<u8>> {
    let contains: fn(&u8) -> bool = match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| byte.is_ascii_whitespace() || *byte == 0x0b,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some((0..=u8::MAX).filter(contains).collect())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn matches(pattern: &[u8], text: &[u8]) -> (bool, bool) {
        let both = [Slash::Ordinary, Slash::Separates].map(|slash| Glob::new(pattern, slash).matches(text));
        (both[0], both[1])
    }

    /// Each line: a pattern, a text, whether they match, and whether they do with `FNM_PATHNAME`, as glibc's `fnmatch` says
    /// in the C locale.
    const GLIBC: &str = include_str!("glob_cases.tsv");

    #[test]
    fn the_c_library_agrees() {
        let mut rows = 0;
        for line in GLIBC.lines() {
            let mut columns = line.split('\t');
            let mut column = || columns.next().expect("four columns");
            let (pattern, text, ordinary, separates) = (column(), column(), column() == "1", column() == "1");
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), (ordinary, separates), "{pattern:?} on {text:?}");
            rows += 1;
        }
        assert!(rows > 1000, "{rows}");
    }

    #[test]
    fn bytes_that_are_no_text() {
        assert_eq!(matches(b"a?.log", b"a\xff.log"), (true, true));
        assert_eq!(matches(b"a[\x80-\xff].log", b"a\x90.log"), (true, true));
        assert_eq!(matches(b"*\n*", b"a\nb"), (true, true));
        assert_eq!(matches(b"", b""), (true, true));
        assert_eq!(matches(b"", b"a"), (false, false));
    }

    #[test]
    fn no_pattern_takes_exponential_time() {
        let pattern = b"*a".repeat(200);
        let text = [&b"a".repeat(5000)[..], b"b"].concat();
        let start = Instant::now();
        assert_eq!(matches(&pattern, &text), (false, false));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
