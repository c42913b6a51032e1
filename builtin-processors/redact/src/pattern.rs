//! The pattern of what is masked: something that stays, and behind it something that is replaced.

use std::ops::Range;

use regex_automata::meta::{Cache, Regex};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Input, meta};
use regex_syntax::ast::{self, Ast};

use crate::dialect::{Unit, translate};

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    cache: Cache,
}

/// Where a pattern matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// All of it.
    pub(crate) whole: Range<usize>,
    /// Where the part begins that is replaced.
    pub(crate) replaced: usize,
}

/// Why there is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mistake {
    Before(String),
    Replaced(String),
}

impl Pattern {
    /// Compiles `before` as a group, followed by `replaced`.
    pub(crate) fn new(before: &str, replaced: &str) -> Result<Self, Mistake> {
        let joined = format!("({before}){replaced}");
        let regex = compile(&joined).map_err(|reason| match (compile(before), compile(replaced)) {
            (Err(reason), _) => Mistake::Before(reason),
            (_, Err(reason)) => Mistake::Replaced(reason),
            // Each is a pattern, but not both together.
            _ => Mistake::Replaced(reason),
        })?;
        let cache = regex.create_cache();
        Ok(Self { regex, cache })
    }

    /// The first match in `text` from `at` on.
    pub(crate) fn find(&mut self, text: &[u8], at: usize) -> Option<Match> {
        let mut slots: [Option<NonMaxUsize>; 4] = [None; 4];
        self.regex.search_slots_with(&mut self.cache, &Input::new(text).range(at..), &mut slots)?;
        let [start, end, _, group_end] = slots.map(|slot| slot.map(NonMaxUsize::get));
        let (start, end) = (start?, end?);
        // Without the group, an alternative matched that does not begin with it.
        Some(Match { whole: start..end, replaced: group_end.unwrap_or(start) })
    }
}

/// Whether a pattern is made of alternatives that no group holds together.
pub(crate) fn is_alternation(pattern: &str) -> bool {
    let Ok(syntax) = translate(pattern, Unit::Char) else { return false };
    matches!(ast::parse::Parser::new().parse(&syntax), Ok(Ast::Alternation(_)))
}

fn compile(pattern: &str) -> Result<Regex, String> {
    // To tell upper from lower case beyond ASCII takes tables that the engine does not have.
    let unit = if ignores_case(pattern) { Unit::Byte } else { Unit::Char };
    let syntax = translate(pattern, unit)?;
    let config = syntax::Config::new().utf8(false).unicode(false).nest_limit(NEST_LIMIT);
    let hir = syntax::parse_with(&syntax, &config).map_err(|error| explain(&error))?;
    let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(NFA_LIMIT_BYTES));
    meta::Builder::new().configure(config).build_from_hir(&hir).map_err(|error| match error.size_limit() {
        Some(limit) => format!("it takes more than {limit} bytes"),
        None => error.to_string(),
    })
}

/// Whether a pattern has the flag `i` somewhere.
fn ignores_case(pattern: &str) -> bool {
    let is_flag = |char: char| matches!(char, 'i' | 'm' | 's' | 'U' | '-');
    pattern.split("(?").skip(1).any(|flags| flags.chars().take_while(|char| is_flag(*char)).any(|flag| flag == 'i'))
}

/// What is wrong with a pattern, in one line.
fn explain(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string().replace('\n', " "),
    }
}

/// How deep groups may be nested.
const NEST_LIMIT: u32 = 100;

/// What a compiled pattern may take, before the states that are built as values need them.
const NFA_LIMIT_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Masks by hand what is left of `text`: the first match, with `*` in place of what is replaced.
    fn mask(before: &str, replaced: &str, text: &[u8]) -> Option<Vec<u8>> {
        let mut pattern = Pattern::new(before, replaced).unwrap_or_else(|error| panic!("{before} {error:?}"));
        let found = pattern.find(text, 0)?;
        Some([&text[..found.replaced], b"*", &text[found.whole.end..]].concat())
    }

    fn check(before: &str, replaced: &str, text: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let found = mask(before, replaced, text).unwrap_or_else(|| text.to_vec());
        assert_eq!(found, expected.as_ref(), "{before} {replaced} on {:?}", String::from_utf8_lossy(text));
    }

    #[test]
    fn the_first_match_counts() {
        check("pwd=", "[^,]+", "a,pwd=x,pwd=y", "a,pwd=*,pwd=y");
        check("pwd=", "[^,]+", "a,pwd=,x", "a,pwd=,x");
        check("(a)(b)", r"(\d)+", "ab12", "ab*");
        check("a|b", "x", "bx", "b*");
        check("a", "x|y", "ax", "a*");
        // The alternatives are those of both patterns together.
        check("a", "x|y", "cy", "c*");
        check("(?:)", "a|ab", "ab", "*b");
    }

    #[test]
    fn the_dialect_is_that_of_re2() {
        check("a", ".+", "ab\nc", "a*\nc");
        check("a", "(?s).+", "ab\nc", "a*");
        check("^b", ".", "a\nbc", "a\nbc");
        check("(?m)^b", ".", "a\nbc", "a\nb*");
        check("b", "$", "b\n", "b\n");
        check("(?P<name>a)", "b", "ab", "a*");
        check("x", ".{2}", "x中文字", "x*字");
        check("x", "[^,]", "x中,", "x*,");
        check("x", "[中文]+", "x文中国", "x*国");
        check("x", "[一-龥]{1,2}", "x姓名字", "x*字");
        check("x", r"[\x{4e00}-\x{9fa5}]", "x姓名", "x*名");
        check("x", r"\xe9+", "xééa", "x*a");
        check("x", "中+", "x中中", "x*");
        check("x", r"\d+", "x12٣", "x*٣");
        check("x", r"\w+\W", "xab_1é-", "x*-");
        check("x", r"\s", "x\u{b}x ", "x\u{b}x*");
        check(r"\b", "b", "ab b", "ab *");
        check("x", r"[^\d]", "x1xéx", "x1x*x");
        check("x", r"[\D]+", "xé-1", "x*1");
        check("x", r"[^\D]+", "x12é", "x*é");
        check("x", "[[:^alpha:]]+", "x1éa", "x*a");
        check("x", "[[a&&b]+", "x[&ac", "x*c");
        check("x", r"\<b\>", "x<b>", "x*");
        check("x", r"\Qa.b\E+", "xa.bb", "x*");
        check("x", "{a}{2}{,3}", "x{a}}{,3}", "x*");
        check("x", "a{2}b{1,}c{0,1}", "xaabb", "x*");
        check("((?i)PWD=)", "[^,]+", "pwd=é,", "pwd=*,");
        check("x", "(?i)[^a]", "x中", b"x*\xb8\xad");
    }

    #[test]
    fn a_byte_that_is_no_text_is_masked_as_well() {
        check("pwd=", "[^,]+", b"pwd=a\xff\xb0b\xc3,c", "pwd=*,c");
        check("pwd=", ".*", b"pwd=\xff", "pwd=*");
        check("x", r"\S{2}", b"x\xffab", "x*b");
        check("x", r"\C", "xé", b"x*\xa9");
    }

    #[test]
    fn mistakes_are_told_apart() {
        let check = |before: &str, replaced: &str, is_before: bool, reason: &str| {
            let (found, text) = match Pattern::new(before, replaced).map(drop).unwrap_err() {
                Mistake::Before(text) => (true, text),
                Mistake::Replaced(text) => (false, text),
            };
            assert_eq!(found, is_before, "{before} {replaced}");
            assert!(text.contains(reason) && !text.contains('\n'), "{before} {replaced}: {text}");
        };
        check("(", "x", true, "unclosed group");
        check("x", "[", false, "unclosed character class");
        check("x", "(?=a)", false, "look-around");
        check(r"(a)\1", "x", true, "backreferences");
        check("x", "a++", false, "bad repetition operator ++");
        check("x", "a{2}*", false, "bad repetition operator }*");
        check("x", r"\pL", false, "Unicode");
        check("x", "((a{999}){999}){999}", false, "4194304 bytes");
        check("x", r"(?i)[^é]", false, "Unicode not allowed");
    }

    #[test]
    fn alternatives_are_seen() {
        for (pattern, expected) in [("a|b", true), ("(?:a|b)", false), ("[a|b]", false), (r"a\|b", false), ("(", false)]
        {
            assert_eq!(is_alternation(pattern), expected, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_and_text_are_taken(
            before in r"([a-c.*+?{}()\[\]|^$\\&~-]|中|\\[A-Za-z]|\[:){0,6}",
            replaced in r"([a-c.*+?{}()\[\]|^$\\&~-]|中|\\[A-Za-z]|\[:){0,10}",
            text in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"abc "[..])], 0..20),
        ) {
            if let Ok(mut pattern) = Pattern::new(&before, &replaced)
                && let Some(found) = pattern.find(&text, 0)
            {
                prop_assert!(found.whole.start <= found.replaced && found.replaced <= found.whole.end);
                prop_assert!(found.whole.end <= text.len());
            }
        }
    }
}
