//! Compares the engines with each other, for unit tests and for fuzzing.

use loglift_sdk::Span;

use crate::engine::{Engine, NoMatch};
use crate::parser;
use crate::pattern::Pattern;

/// What the groups of a pattern matched.
pub type Groups = Vec<Vec<u8>>;

/// A pattern as engines get it, or `None` if it is none.
pub(crate) fn parsed(regex: &str) -> Option<Pattern> {
    let mut pattern = parser::parse(regex).ok()?;
    pattern.simplify();
    Some(pattern)
}

/// What an engine finds in a value that lies in the middle of an arena.
pub(crate) fn groups_of(engine: &mut Engine, count: usize, value: &[u8]) -> Result<Groups, NoMatch> {
    let arena = [b"before\n", value, b"\nafter and so on"].concat();
    let span = Span { offset: 7, len: value.len() as u32 };
    let slots = engine.find(&arena, span)?;
    Ok((0..count).map(|group| slots.group(group)).map(|(start, end)| value[start..end].to_vec()).collect())
}

/// What the engines find that can match a pattern; they have to agree. `None` is for no match, and for no pattern.
///
/// # Panics
/// If they do not agree.
pub fn groups(regex: &str, value: &[u8]) -> Option<Groups> {
    let pattern = parsed(regex)?;
    let count = pattern.groups;
    let mut chosen = Engine::new(&pattern, count)?;
    let found = groups_of(&mut chosen, count, value);
    for mut other in Engine::all(&pattern, count) {
        let expected = groups_of(&mut other, count, value);
        if expected == Err(NoMatch::GaveUp) {
            continue;
        }
        assert_eq!(found, expected, "{regex} on {value:?}: {} and {}", chosen.name(), other.name());
    }
    // Groups that nobody wants change nothing for the others.
    for mut engine in Engine::all(&pattern, count.min(1)) {
        let first = groups_of(&mut engine, count.min(1), value);
        if first != Err(NoMatch::GaveUp) {
            let expected = found.clone().map(|groups| groups.into_iter().take(1).collect());
            assert_eq!(first, expected, "{regex} on {value:?}: {} for one group", engine.name());
        }
    }
    found.ok()
}
