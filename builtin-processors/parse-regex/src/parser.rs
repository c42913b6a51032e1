//! Reads the Perl syntax of Boost.Regex, on bytes and in the C locale, as the native processors have it.
//!
//! What Boost accepts means here what it means there, or is refused by name. Everything is about bytes: a character
//! outside ASCII is a sequence of them, in a set several members, and `\w`, `(?i)` and the like know ASCII only.

use std::fmt;

use crate::byte_set::ByteSet;
use crate::pattern::{Around, Look, Mode, Node, Pattern, Repeat};

/// Why a pattern is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PatternError {
    /// The byte of the pattern that it is about.
    pub(crate) at: usize,
    pub(crate) reason: String,
}

/// Reads a pattern.
pub(crate) fn parse(text: &str) -> Result<Pattern, PatternError> {
    let mut parser = Parser {
        text: text.as_bytes(),
        at: 0,
        flags: Flags { ignore_case: false, dot_all: true, multi_line: true, extended: false },
        groups: 0,
        names: Vec::new(),
        repeatable: false,
        depth: 0,
        warnings: Vec::new(),
    };
    let root = parser.alternation()?;
    if parser.at < parser.text.len() {
        return Err(PatternError {
            at: parser.at,
            reason: "a ) without its (: for the character, write \\)".to_owned(),
        });
    }
    Ok(Pattern { root, groups: parser.groups, warnings: parser.warnings })
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.reason)
    }
}

#[derive(Debug)]
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    flags: Flags,
    groups: usize,
    names: Vec<(&'a [u8], usize)>,
    /// Whether a quantifier may follow.
    repeatable: bool,
    depth: usize,
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Flags {
    ignore_case: bool,
    dot_all: bool,
    multi_line: bool,
    extended: bool,
}

impl<'a> Parser<'a> {
    /// Everything up to the end or to the `)` that closes the group.
    fn alternation(&mut self) -> Result<Node, PatternError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(self.at, format!("groups are nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let flags = self.flags;
        let mut branches = Vec::new();
        loop {
            let mut nodes = Vec::new();
            self.repeatable = false;
            while let Some(byte) = self.peek().filter(|byte| *byte != b'|' && *byte != b')') {
                self.at += 1;
                self.piece(byte, &mut nodes)?;
            }
            branches.push(Node::concat(nodes));
            if !self.eat(b'|') {
                break;
            }
        }
        self.flags = flags;
        self.depth -= 1;
        Ok(Node::alternate(branches))
    }

    fn piece(&mut self, byte: u8, nodes: &mut Vec<Node>) -> Result<(), PatternError> {
        let start = self.at - 1;
        match byte {
            b'(' => return self.group(start, nodes),
            b'[' => nodes.push(self.set(start)?),
            b'.' if self.flags.dot_all => nodes.push(Node::Byte(ByteSet::ALL)),
            b'.' => nodes.push(Node::Byte(ByteSet::of(LINE_BREAKS).negated())),
            b'^' => return self.look(if self.flags.multi_line { Look::LineStart } else { Look::Start }, nodes),
            b'$' => return self.look(if self.flags.multi_line { Look::LineEnd } else { Look::End }, nodes),
            b'\\' => return self.escape(start, nodes),
            b'*' => return self.repeat(start, 0, None, nodes),
            b'+' => return self.repeat(start, 1, None, nodes),
            b'?' => return self.repeat(start, 0, Some(1), nodes),
            b'{' => match self.counts()? {
                Some((min, max)) => return self.repeat(start, min, max, nodes),
                None => nodes.push(Node::literal(b'{')),
            },
            b' ' | b'\t'..=b'\r' if self.flags.extended => return Ok(()),
            b'#' if self.flags.extended => {
                let rest = &self.text[self.at..];
                self.at += rest.iter().position(|byte| LINE_BREAKS.contains(byte)).unwrap_or(rest.len());
                return Ok(());
            }
            literal => nodes.push(self.literal(literal)),
        }
        self.repeatable = true;
        Ok(())
    }

    fn look(&mut self, look: Look, nodes: &mut Vec<Node>) -> Result<(), PatternError> {
        nodes.push(Node::Look(look));
        self.repeatable = false;
        Ok(())
    }

    fn literal(&self, byte: u8) -> Node {
        let set = ByteSet::of(&[byte]);
        Node::Byte(if self.flags.ignore_case { set.of_any_case() } else { set })
    }

    fn repeat(&mut self, start: usize, min: u32, max: Option<u32>, nodes: &mut Vec<Node>) -> Result<(), PatternError> {
        let quantifier = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        let repeated = nodes.pop().filter(|_| self.repeatable);
        let Some(node) = repeated else {
            let reason = format!("{quantifier} has nothing to repeat: for the character, write \\{quantifier}");
            return Err(self.error(start, reason));
        };
        if max.is_some_and(|max| max < min) {
            return Err(self.error(start, format!("{quantifier} has its numbers the wrong way round")));
        }
        if self.text[start - 1] >= 0x80 && matches!(node, Node::Byte(set) if set.single().is_some()) {
            self.warnings.push(format!(
                "at byte {start}: {quantifier} repeats only the last byte of the character before it, since patterns \
                 are about bytes; (?:...){quantifier} repeats the whole character"
            ));
        }
        let mode = if self.eat(b'?') {
            Mode::Lazy
        } else if self.eat(b'+') {
            Mode::Possessive
        } else {
            Mode::Greedy
        };
        nodes.push(Node::Repeat(Box::new(node), Repeat { min, max, mode }));
        self.repeatable = false;
        Ok(())
    }

    /// The numbers of `{2}`, `{2,}` or `{2,5}` after its brace. None, and nothing read, if that is not what follows.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let start = self.at;
        let counts = self.try_counts();
        if counts.is_none() {
            self.at = start;
        }
        match counts {
            Some((min, max)) if min.max(max.unwrap_or(0)) > MAX_REPEAT => {
                Err(self.error(start, format!("a repetition of more than {MAX_REPEAT} times")))
            }
            counts => Ok(counts),
        }
    }

    fn try_counts(&mut self) -> Option<(u32, Option<u32>)> {
        self.skip_blanks();
        let min = self.number()?;
        self.skip_blanks();
        let mut max = Some(min);
        if self.eat(b',') {
            self.skip_blanks();
            max = self.number();
            self.skip_blanks();
        }
        self.eat(b'}').then_some((min, max))
    }

    /// A decimal number; one that is too large stands for any that is.
    fn number(&mut self) -> Option<u32> {
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = &self.text[self.at..self.at + digits];
        self.at += digits;
        let value = text.iter().fold(0u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
        (digits > 0).then_some(value)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn group(&mut self, start: usize, nodes: &mut Vec<Node>) -> Result<(), PatternError> {
        if self.peek() == Some(b'*') {
            let verb = self.shown(start, b')');
            return Err(self.error(start, format!("the backtracking verb {verb} is not supported")));
        }
        let node = if self.eat(b'?') { self.extension(start)? } else { Some(self.capture(start)?) };
        if let Some(node) = node {
            self.repeatable = true;
            nodes.push(node);
        }
        Ok(())
    }

    fn capture(&mut self, start: usize) -> Result<Node, PatternError> {
        self.groups += 1;
        let index = self.groups;
        Ok(Node::Group(index, Box::new(self.inside(start)?)))
    }

    /// What a group holds, with the `)` at its end.
    fn inside(&mut self, start: usize) -> Result<Node, PatternError> {
        let node = self.alternation()?;
        if self.eat(b')') { Ok(node) } else { Err(self.error(start, "a ( without its )".to_owned())) }
    }

    /// What begins with `(?`. None if it matches nothing itself, as a comment or a change of flags.
    fn extension(&mut self, start: usize) -> Result<Option<Node>, PatternError> {
        let kind = self.peek().ok_or_else(|| self.error(start, "a ( without its )".to_owned()))?;
        let after = self.text.get(self.at + 1).copied();
        let not_supported = |parser: &Self, what: &str| {
            Err(parser.error(start, format!("{what} {} is not supported", parser.shown(start, b')'))))
        };
        let node = match (kind, after) {
            (b'#', _) => {
                let end = self.text[self.at..].iter().position(|byte| *byte == b')');
                let end = end.ok_or_else(|| self.error(start, "a comment (?# without its )".to_owned()))?;
                self.at += end + 1;
                return Ok(None);
            }
            (b':', _) => {
                self.at += 1;
                self.inside(start)?
            }
            (b'=' | b'!', _) => {
                self.at += 1;
                let node = self.inside(start)?;
                Node::Around(Around::Ahead { negated: kind == b'!' }, Box::new(node))
            }
            (b'<', Some(b'=' | b'!')) => {
                self.at += 2;
                let node = self.inside(start)?;
                let width = node.width().ok_or_else(|| {
                    let reason = "a lookbehind must match a fixed number of bytes: no *, + or ?, and alternatives of \
                                  one length";
                    self.error(start, reason.to_owned())
                })?;
                Node::Around(Around::Behind { negated: after == Some(b'!'), width }, Box::new(node))
            }
            (b'<', _) => self.named(start, b'>')?,
            (b'\'', _) => self.named(start, b'\'')?,
            (b'>', _) => {
                self.at += 1;
                Node::Atomic(Box::new(self.inside(start)?))
            }
            (b'P', Some(b'<')) => {
                let reason = format!("{} is not Boost syntax: write (?<name>...)", self.shown(start, b'>'));
                return Err(self.error(start, reason));
            }
            (b'P', _) => return not_supported(self, "the Python extension"),
            (b'|', _) => return not_supported(self, "the branch reset"),
            (b'(', _) => return not_supported(self, "the conditional"),
            (b'R' | b'&' | b'+' | b'0'..=b'9', _) | (b'-', Some(b'0'..=b'9')) => {
                return not_supported(self, "the recursion");
            }
            _ => return self.options(start),
        };
        Ok(Some(node))
    }

    fn named(&mut self, start: usize, end: u8) -> Result<Node, PatternError> {
        self.at += 1;
        let name = self.name(end).ok_or_else(|| self.error(start, "a group name without its end".to_owned()))?;
        self.names.push((name, self.groups + 1));
        self.capture(start)
    }

    /// The text up to `end`, which is read as well.
    fn name(&mut self, end: u8) -> Option<&'a [u8]> {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| *byte == end).filter(|len| *len > 0)?;
        self.at += len + 1;
        Some(&rest[..len])
    }

    /// `(?i)` and `(?i:...)` and the like.
    fn options(&mut self, start: usize) -> Result<Option<Node>, PatternError> {
        let outer = self.flags;
        let mut on = true;
        loop {
            let option = self.peek();
            self.at += 1;
            match option {
                Some(b'i') => self.flags.ignore_case = on,
                Some(b's') => self.flags.dot_all = on,
                Some(b'm') => self.flags.multi_line = on,
                Some(b'x') => self.flags.extended = on,
                Some(b'-') if on => on = false,
                Some(b')') => {
                    self.repeatable = false;
                    return Ok(None);
                }
                Some(b':') => {
                    let node = self.inside(start)?;
                    self.flags = outer;
                    return Ok(Some(node));
                }
                _ => {
                    let reason = format!("the group {} is not known", self.shown(start, b')'));
                    return Err(self.error(start, reason));
                }
            }
        }
    }

    /// What begins with a backslash, outside a set.
    fn escape(&mut self, start: usize, nodes: &mut Vec<Node>) -> Result<(), PatternError> {
        let Some(byte) = self.peek() else {
            return Err(self.error(start, "a \\ at the end: for the character, write \\\\".to_owned()));
        };
        let look = match byte {
            b'A' | b'`' | b'G' => Some(Look::Start),
            b'z' | b'\'' => Some(Look::End),
            b'Z' => Some(Look::SoftEnd),
            b'b' => Some(Look::WordBoundary),
            b'B' => Some(Look::WithinWord),
            b'<' => Some(Look::WordStart),
            b'>' => Some(Look::WordEnd),
            _ => None,
        };
        if let Some(look) = look {
            self.at += 1;
            return self.look(look, nodes);
        }
        if byte == b'Q' {
            self.at += 1;
            self.quoted(nodes);
            return Ok(());
        }
        let node = match byte {
            b'1'..=b'9' => {
                self.at += 1;
                self.back_reference(start, usize::from(byte - b'0'))?
            }
            b'g' | b'k' => self.long_back_reference(start)?,
            b'C' | b'X' => {
                self.at += 1;
                Node::Byte(ByteSet::ALL)
            }
            b'R' => {
                self.at += 1;
                line_ending()
            }
            b'K' | b'N' => {
                let reason = format!("\\{} is not supported", char::from(byte));
                return Err(self.error(start, reason));
            }
            b'p' | b'P' => Node::Byte(self.property(start)?),
            _ => match class_escape(byte) {
                Some(set) => {
                    self.at += 1;
                    Node::Byte(if self.flags.ignore_case { set.of_any_case() } else { set })
                }
                None => {
                    let literal = self.escaped_byte(start)?;
                    self.literal(literal)
                }
            },
        };
        nodes.push(node);
        self.repeatable = true;
        Ok(())
    }

    /// The text of `\Q...\E`, or up to the end.
    fn quoted(&mut self, nodes: &mut Vec<Node>) {
        let rest = &self.text[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\\E");
        let quoted = &rest[..end.unwrap_or(rest.len())];
        nodes.extend(quoted.iter().map(|byte| self.literal(*byte)));
        self.at += end.map_or(rest.len(), |end| end + 2);
        self.repeatable |= !quoted.is_empty();
    }

    fn back_reference(&self, start: usize, group: usize) -> Result<Node, PatternError> {
        if group == 0 || group > self.groups {
            return Err(self.error(start, format!("there is no group {group} before this back-reference")));
        }
        Ok(Node::BackReference { group, ignore_case: self.flags.ignore_case })
    }

    /// `\g1`, `\g{1}`, `\g{-1}`, `\g{name}`, `\k<name>`, `\k'name'` or `\k{name}`.
    fn long_back_reference(&mut self, start: usize) -> Result<Node, PatternError> {
        self.at += 1;
        let end = match self.peek() {
            Some(b'{') => Some(b'}'),
            Some(b'<') => Some(b'>'),
            Some(b'\'') => Some(b'\''),
            _ => None,
        };
        let incomplete = |parser: &Self| parser.error(start, "a back-reference without a group".to_owned());
        let Some(end) = end else {
            let negative = self.eat(b'-');
            let number = self.number().ok_or_else(|| incomplete(self))? as usize;
            return self.back_reference(start, if negative { self.counted_back(number) } else { number });
        };
        self.at += 1;
        let name = self.name(end).ok_or_else(|| incomplete(self))?;
        if let Some((_, group)) = self.names.iter().find(|(known, _)| *known == name) {
            return self.back_reference(start, *group);
        }
        let text = String::from_utf8_lossy(name);
        match (text.parse::<usize>(), text.strip_prefix('-').map(str::parse::<usize>)) {
            (Ok(number), _) => self.back_reference(start, number),
            (_, Some(Ok(number))) if self.counted_back(number) > 0 => {
                self.back_reference(start, self.counted_back(number))
            }
            _ => Err(self.error(start, format!("there is no group {text} before this back-reference"))),
        }
    }

    /// The group with this number counted backwards, 1 being the last; 0 if there is none.
    fn counted_back(&self, number: usize) -> usize {
        (self.groups + 1).checked_sub(number).filter(|group| *group <= self.groups).unwrap_or(0)
    }

    /// `\p{alpha}` or `\pl`.
    fn property(&mut self, start: usize) -> Result<ByteSet, PatternError> {
        let negated = self.text[self.at] == b'P';
        self.at += 1;
        let name = if self.eat(b'{') {
            self.name(b'}')
        } else {
            let name = self.text.get(self.at..=self.at);
            self.at += 1;
            name
        };
        let name = name.ok_or_else(|| self.error(start, "a \\p without a class".to_owned()))?;
        let set = self.class_of_name(start, name)?;
        Ok(if negated { set.negated() } else { set })
    }

    fn class_of_name(&self, start: usize, name: &[u8]) -> Result<ByteSet, PatternError> {
        let set = named_class(name).ok_or_else(|| {
            self.error(start, format!("there is no class of bytes named {}", String::from_utf8_lossy(name)))
        })?;
        Ok(if self.flags.ignore_case { set.of_any_case() } else { set })
    }

    /// The byte that an escape stands for, from the byte after the backslash on.
    fn escaped_byte(&mut self, start: usize) -> Result<u8, PatternError> {
        let byte = self
            .peek()
            .ok_or_else(|| self.error(start, "a \\ at the end: for the character, write \\\\".to_owned()))?;
        self.at += 1;
        Ok(match byte {
            b'a' => 0x07,
            b'e' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'c' => {
                let control = self.peek().filter(|byte| (b'@'..=b'}').contains(byte));
                let control = control.ok_or_else(|| self.error(start, "\\c without its letter".to_owned()))?;
                self.at += 1;
                control & 0x1f
            }
            b'x' => {
                let braces = self.eat(b'{');
                let value = self.digits(16, if braces { usize::MAX } else { 2 });
                let closed = !braces || self.eat(b'}');
                value.filter(|_| closed).and_then(|value| u8::try_from(value).ok()).ok_or_else(|| {
                    self.error(start, "\\x takes two hexadecimal digits and stands for one byte".to_owned())
                })?
            }
            b'0' => {
                let value = self.digits(8, 3).unwrap_or(0);
                u8::try_from(value).map_err(|_| self.error(start, "\\0 stands for one byte".to_owned()))?
            }
            other => other,
        })
    }

    fn digits(&mut self, radix: u32, at_most: usize) -> Option<u32> {
        let digit = |byte: &u8| char::from(*byte).to_digit(radix);
        let digits: Vec<u32> = self.text[self.at..].iter().map_while(digit).take(at_most).collect();
        self.at += digits.len();
        let value = digits.iter().fold(0u32, |sum, digit| sum.saturating_mul(radix).saturating_add(*digit));
        (!digits.is_empty()).then_some(value)
    }

    /// A set in brackets, after the first of them.
    fn set(&mut self, start: usize) -> Result<Node, PatternError> {
        let mut set = ByteSet::EMPTY;
        let negated = self.eat(b'^');
        let mut is_first = true;
        while is_first || self.peek() != Some(b']') {
            set = set.union(self.member(start, is_first)?);
            is_first = false;
        }
        self.at += 1;
        if self.flags.ignore_case {
            set = set.of_any_case();
        }
        Ok(Node::Byte(if negated { set.negated() } else { set }))
    }

    /// A class, a byte or a range in a set.
    fn member(&mut self, start: usize, is_first: bool) -> Result<ByteSet, PatternError> {
        let at = self.at;
        let (byte, next) = (self.set_byte(start)?, self.text.get(self.at + 1).copied());
        match (byte, next) {
            (b'[', Some(b':')) => {
                self.at += 2;
                return self.posix_class(at);
            }
            (b'[', Some(b'=')) => return self.collating(at, b'=').map(|byte| ByteSet::of(&[byte])),
            (b'\\', Some(class)) if class != b'v' && class_escape(class).is_some() => {
                self.at += 2;
                return Ok(class_escape(class).unwrap_or_default());
            }
            (b'-', Some(next)) if !is_first && next != b']' => {
                return Err(self.error(at, "a - in the middle of a set: write \\- or put it last".to_owned()));
            }
            _ => {}
        }
        let first = self.end_of_range(start)?;
        if self.peek() != Some(b'-') || matches!(self.text.get(self.at + 1), None | Some(b']')) {
            return Ok(ByteSet::of(&[first]));
        }
        self.at += 1;
        if self.peek() == Some(b'\\') && self.text.get(self.at + 1).is_some_and(|byte| class_escape(*byte).is_some()) {
            return Err(self.error(at, "a range cannot end with a class: write \\- for the character".to_owned()));
        }
        let last = self.end_of_range(start)?;
        if first > last {
            return Err(self.error(at, "a range whose end comes before its start".to_owned()));
        }
        Ok(ByteSet::EMPTY.with_range(first, last))
    }

    /// The next byte of a set, not read yet.
    fn set_byte(&self, start: usize) -> Result<u8, PatternError> {
        self.peek().ok_or_else(|| self.error(start, "a [ without its ]".to_owned()))
    }

    fn end_of_range(&mut self, start: usize) -> Result<u8, PatternError> {
        let at = self.at;
        let byte = self.set_byte(start)?;
        if byte == b'[' && self.text.get(at + 1) == Some(&b'.') {
            return self.collating(at, b'.');
        }
        self.at += 1;
        match byte {
            b'\\' if self.eat(b'b') => Ok(0x08),
            b'\\' => self.escaped_byte(at),
            byte => Ok(byte),
        }
    }

    /// `alpha:]` or `^alpha:]`.
    fn posix_class(&mut self, start: usize) -> Result<ByteSet, PatternError> {
        let negated = self.eat(b'^');
        let name = self.name(b':').filter(|_| self.eat(b']'));
        let name = name.ok_or_else(|| self.error(start, "a [: without its :]".to_owned()))?;
        let set = self.class_of_name(start, name)?;
        Ok(if negated { set.negated() } else { set })
    }

    /// The byte that `[.x.]` or `[=x=]` stands for.
    fn collating(&mut self, start: usize, mark: u8) -> Result<u8, PatternError> {
        match self.text.get(start + 2..start + 5) {
            Some(&[byte, end, b']']) if end == mark => {
                self.at = start + 5;
                Ok(byte)
            }
            _ => {
                let reason = format!("the collating element {} is not supported", self.shown(start, b']'));
                Err(self.error(start, reason))
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The pattern from `start` to the next `end`, cut if that is far away.
    fn shown(&self, start: usize, end: u8) -> String {
        let rest = &self.text[start..];
        let len = rest.iter().position(|byte| *byte == end).map_or(rest.len(), |end| end + 1).min(MAX_SHOWN);
        String::from_utf8_lossy(&rest[..len]).into_owned()
    }

    fn error(&self, at: usize, reason: String) -> PatternError {
        PatternError { at, reason }
    }
}

/// `\R`: a line break, which is not taken apart.
fn line_ending() -> Node {
    let repeat = Repeat { min: 0, max: Some(1), mode: Mode::Greedy };
    let newline = Node::Repeat(Box::new(Node::literal(b'\n')), repeat);
    let other = ByteSet::of(&[0x85]).with_range(b'\n', 0x0c);
    Node::Atomic(Box::new(Node::Alternate(vec![Node::Concat(vec![Node::literal(b'\r'), newline]), Node::Byte(other)])))
}

/// What `\d` and the like stand for, by their letter.
fn class_escape(letter: u8) -> Option<ByteSet> {
    match letter {
        b'd' | b'h' | b'l' | b's' | b'u' | b'w' => named_class(&[letter]),
        b'D' | b'H' | b'L' | b'S' | b'U' | b'V' | b'W' => {
            named_class(&[letter.to_ascii_lowercase()]).map(ByteSet::negated)
        }
        _ => None,
    }
}

fn named_class(name: &[u8]) -> Option<ByteSet> {
    let of = |is_member: fn(&u8) -> bool| {
        (0..0x80u8).filter(is_member).fold(ByteSet::EMPTY, |set, byte| set.with_range(byte, byte))
    };
    Some(match name {
        b"alnum" => of(u8::is_ascii_alphanumeric),
        b"alpha" => of(u8::is_ascii_alphabetic),
        b"blank" | b"h" => ByteSet::of(b" \t"),
        b"cntrl" => of(u8::is_ascii_control),
        b"digit" | b"d" => of(u8::is_ascii_digit),
        b"graph" => of(u8::is_ascii_graphic),
        b"lower" | b"l" => of(u8::is_ascii_lowercase),
        b"print" => ByteSet::EMPTY.with_range(b' ', b'~'),
        b"punct" => of(u8::is_ascii_punctuation),
        b"space" | b"s" => ByteSet::of(b" ").with_range(b'\t', b'\r'),
        b"upper" | b"u" => of(u8::is_ascii_uppercase),
        b"v" => ByteSet::EMPTY.with_range(b'\n', b'\r'),
        b"word" | b"w" => of(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
        b"xdigit" => of(u8::is_ascii_hexdigit),
        _ => return None,
    })
}

/// What ends a line for `.` under `(?-s)`.
const LINE_BREAKS: &[u8] = b"\n\r\x0c";

/// Groups within groups. More would need a deep stack in everything that walks the tree.
const MAX_DEPTH: usize = 100;

/// Boost has no limit; an engine that unrolls needs one.
const MAX_REPEAT: u32 = 100_000;

/// How much of a refused construct a message shows, in bytes.
const MAX_SHOWN: usize = 40;
