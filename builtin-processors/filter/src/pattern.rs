//! Patterns that a whole value has to match.
//!
//! A pattern is in the syntax of Boost's byte strings: a character is a byte, `.` is any of them, `^` and `$` match at
//! line breaks, too. It runs on a lazily built automaton, which looks at each byte of a value once and at nothing twice. A
//! pattern that only lists a few values, such as `INFO|WARN`, needs none: values are compared.

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{self, Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::start;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{Extractor, Literal};
use regex_syntax::hir::{Hir, Look};

/// A compiled pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Just these values match.
    Values(Vec<Vec<u8>>),
    /// What an automaton accepts matches.
    Automaton(Box<Automaton>),
}

/// An automaton, with its states as far as there was use for them.
#[derive(Debug)]
pub(crate) struct Automaton {
    dfa: DFA,
    cache: Cache,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it, or what the engine lacks.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let syntax = translate(pattern)?;
        let mut parser = ParserBuilder::new()
            .utf8(false)
            .unicode(false)
            .multi_line(true)
            .crlf(true)
            .dot_matches_new_line(true)
            .nest_limit(NEST_LIMIT)
            .build();
        let hir = parser.parse(&syntax).map_err(|error| explain(&error))?;
        if let Some(values) = few_values(&hir) {
            return Ok(Self::Values(values));
        }
        let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(NFA_LIMIT_BYTES));
        let nfa = NFA::compiler().configure(config).build_from_hir(&whole).map_err(|error| error.to_string())?;
        let config = DFA::config().cache_capacity(CACHE_BYTES).skip_cache_capacity_check(true);
        let dfa = dfa::Builder::new().configure(config).build_from_nfa(nfa).map_err(|error| error.to_string())?;
        let cache = dfa.create_cache();
        Ok(Self::Automaton(Box::new(Automaton { dfa, cache })))
    }

    /// Whether all of `value` matches.
    #[inline]
    pub(crate) fn matches(&mut self, value: &[u8]) -> bool {
        match self {
            Self::Values(values) => values.iter().any(|known| known == value),
            Self::Automaton(automaton) => automaton.accepts(value),
        }
    }
}

impl Automaton {
    #[inline]
    fn accepts(&mut self, value: &[u8]) -> bool {
        let Self { dfa, cache } = self;
        let Ok(mut state) = dfa.start_state(cache, &start::Config::new().anchored(Anchored::Yes)) else {
            return false;
        };
        for byte in value {
            state = advance(dfa.next_state(cache, state, *byte));
            if state.is_tagged() && state.is_dead() {
                return false;
            }
        }
        advance(dfa.next_eoi_state(cache, state)).is_match()
    }
}

#[inline(always)]
fn advance(next: Result<LazyStateID, regex_automata::hybrid::CacheError>) -> LazyStateID {
    next.expect("the automaton may empty its cache as often as it needs to")
}

/// The values that match, if those are a few and no assertion has a say in it.
fn few_values(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    if !hir.properties().look_set().is_empty() {
        return None;
    }
    let values = Extractor::new().limit_total(MAX_VALUES).extract(hir);
    let values = values.literals().filter(|values| values.iter().all(Literal::is_exact))?;
    Some(values.iter().map(|value| value.as_bytes().to_vec()).collect())
}

/// Rewrites Boost's syntax to that of the engine.
fn translate(pattern: &str) -> Result<String, String> {
    let mut rest = Rest { text: pattern, output: String::with_capacity(pattern.len()) };
    while let Some(char) = rest.next() {
        match char {
            '\\' => rest.copy_escape(),
            '[' => rest.copy_class(),
            '(' if rest.text.starts_with("?#") => {
                let end = rest.text.find(')').ok_or("the comment (?# has no end")?;
                rest.text = &rest.text[end + 1..];
            }
            '*' | '+' | '?' | '}' if rest.text.starts_with('+') => {
                return Err(format!("possessive quantifiers such as {char}+ are not supported"));
            }
            // What makes the quantifier before it lazy is no quantifier.
            '*' | '+' | '?' | '}' if rest.text.starts_with('?') => {
                rest.copy(char);
                rest.next();
                rest.copy('?');
            }
            char => rest.copy(char),
        }
    }
    Ok(rest.output)
}

/// The part of a pattern that is still to be rewritten.
struct Rest<'a> {
    text: &'a str,
    output: String,
}

impl Rest<'_> {
    fn next(&mut self) -> Option<char> {
        let char = self.text.chars().next()?;
        self.text = &self.text[char.len_utf8()..];
        Some(char)
    }

    /// Copies a character: in a byte string, one that is not ASCII is several.
    fn copy(&mut self, char: char) {
        if char.is_ascii() {
            self.output.push(char);
            return;
        }
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            self.output.push_str(&format!(r"\x{byte:02X}"));
        }
    }

    fn copy_escape(&mut self) {
        match self.next() {
            Some('Q') => {
                let (literal, rest) = self.text.split_once(r"\E").unwrap_or((self.text, ""));
                self.text = rest;
                for char in literal.chars() {
                    if regex_syntax::is_meta_character(char) {
                        self.output.push('\\');
                    }
                    self.copy(char);
                }
            }
            Some(char) if char.is_ascii() => self.output.extend(['\\', char]),
            Some(char) => self.copy(char),
            None => self.output.push('\\'),
        }
    }

    /// Copies a class behind its opening bracket. The engine's classes nest and know set operations, Boost's do not.
    fn copy_class(&mut self) {
        self.output.push('[');
        if self.text.starts_with('^') {
            self.next();
            self.output.push('^');
        }
        if self.text.starts_with(']') {
            self.next();
            self.output.push_str(r"\]");
        }
        while let Some(char) = self.next() {
            match char {
                ']' => return self.output.push(']'),
                '\\' => self.copy_escape(),
                '[' if self.text.starts_with(':') && self.text.contains(":]") => {
                    let end = self.text.find(":]").map_or(0, |end| end + 2);
                    self.output.push('[');
                    self.output.push_str(&self.text[..end]);
                    self.text = &self.text[end..];
                }
                '[' | '&' | '~' => self.output.extend(['\\', char]),
                char => self.copy(char),
            }
        }
    }
}

/// What is wrong with a pattern, in one line.
fn explain(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string().replace('\n', " "),
    }
}

/// With more values than this an automaton is faster than comparing.
const MAX_VALUES: usize = 8;

/// How deep groups may be nested.
const NEST_LIMIT: u32 = 100;

/// What a pattern may take before its automaton is built.
const NFA_LIMIT_BYTES: usize = 4 << 20;

/// What the states of an automaton may take; then they are built anew.
const CACHE_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let mut compiled = Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for (value, expected) in matching.iter().map(|value| (value, true)).chain(other.iter().map(|v| (v, false))) {
            assert_eq!(compiled.matches(value.as_bytes()), expected, "{pattern} on {value:?}");
        }
    }

    #[test]
    fn the_whole_value_has_to_match() {
        check("POST", &["POST"], &["POSTX", "XPOST", "", "post", "POST\n"]);
        check("a|ab", &["a", "ab"], &["abb", "b"]);
        check("a*?b?", &["", "a", "aab", "b"], &["ba"]);
        check("", &[""], &["a"]);
        check(r"10\..*", &["10.", "10.1.2.3"], &["100.1", "110.1"]);
        check("(?<year>[0-9]{4})", &["2023"], &["20231"]);
        check(r"\d{1,3}(\.\d{1,3}){3}", &["10.0.0.255"], &["10.0.0", "10.0.0.2555"]);
    }

    #[test]
    fn the_dialect_is_that_of_boost() {
        // A dot is any byte, also a line break; anchors match at line breaks.
        check("a.b", &["a\nb", "a\0b", "axb"], &["ab", "aéb"]);
        check("a..b", &["aéb"], &["a中b"]);
        check("(?-s)a.b", &["axb"], &["a\nb"]);
        check("a$.^b", &["a\nb", "a\rb"], &["axb"]);
        check("a$..^b", &["a\r\nb"], &["axyb"]);
        check(r"\Aa\z", &["a"], &["a\n"]);
        // Classes are of ASCII, and of bytes.
        check(r"\w+\s\d", &["ab_1 2"], &["é 2"]);
        check("(?i)straße", &["STRAßE"], &["STRASSE", "straẞe"]);
        check("[中文]+", &["中", "文中"], &["中a", "国a"]);
        check("[中]{3}", &["中"], &["中中"]);
        check("中", &["中"], &["文"]);
        check(r"\b.+\b", &["ab"], &["-ab", "é"]);
        check("[[:digit:]x]+", &["1x"], &["y"]);
        // Within a class, brackets and the operators of the engine are just characters.
        check("[[a&&b~~]+", &["[a&b~"], &["c", "]"]);
        check("[]a]+", &["]a"], &["["]);
        check("[^]a]+", &["["], &["]", "a"]);
        check(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["axb"]);
        check("a(?#a comment)b", &["ab"], &[]);
        check(r"[\]\d-]+", &["]-1"], &["a"]);
    }

    #[test]
    fn what_the_engine_lacks_is_named() {
        let check = |pattern: &str, reason: &str| {
            let error = Pattern::new(pattern).map(drop).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
            assert!(!error.contains('\n'), "{pattern}: {error}");
        };
        check("(?=a)b", "look-around");
        check("(?<!a)b", "look-around");
        check(r"(a)\1", "backreferences");
        check("a++", "possessive");
        check("a{2}+", "possessive");
        check("(?>a)", "unrecognized flag");
        check("(a", "unclosed group");
        check("[a", "unclosed character class");
        check(r"a\", "incomplete escape");
        check("a**{9999999999}", "decimal");
        check("((a{999}){999}){999}", "exceeded limit");
        check(&"(".repeat(1000), "unclosed group");
        check(&format!("{}{}", "(".repeat(1000), ")".repeat(1000)), "nest");
    }

    proptest! {
        #[test]
        fn any_pattern_and_value_are_taken(
            pattern in r"([a-c.*+?{}()\[\]|^$\\&~-]|中|\\[A-Za-z]|\[:){0,12}",
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..4),
        ) {
            if let Ok(mut pattern) = Pattern::new(&pattern) {
                for value in values {
                    pattern.matches(&value);
                }
            }
        }

        #[test]
        fn a_list_of_values_matches_as_its_automaton(
            pattern in r"\(?([ab]{0,2}\|?(\[ab\])?){0,4}(\)[ab?]?)?",
            value in "[ab]{0,5}",
        ) {
            // What is added matches no value here, but is no list of values.
            let automaton = Pattern::new(&format!("(?:{pattern})|(?:c*d)"));
            if let (Ok(mut pattern), Ok(mut automaton)) = (Pattern::new(&pattern), automaton) {
                prop_assert!(matches!(automaton, Pattern::Automaton(_)), "it is a list of values");
                prop_assert_eq!(pattern.matches(value.as_bytes()), automaton.matches(value.as_bytes()));
            }
        }

        #[test]
        fn a_quoted_value_matches_itself_only(value in ".{0,20}", other in ".{0,20}") {
            let mut pattern = Pattern::new(&regex_syntax::escape(&value)).unwrap();
            prop_assert!(pattern.matches(value.as_bytes()));
            prop_assert_eq!(pattern.matches(other.as_bytes()), value == other);
        }
    }
}
