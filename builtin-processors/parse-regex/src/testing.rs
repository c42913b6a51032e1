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

/// Whether something is repeated in a pattern that can match nothing: then engines may differ in what a group in it holds.
pub fn has_open_groups(regex: &str) -> bool {
    parsed(regex).is_some_and(|pattern| pattern.root.repeats_nothing())
}

/// What the engines find that can match a pattern; they have to agree. `None` is for no match, and for no pattern.
///
/// # Panics
/// If they do not agree.
pub fn groups(regex: &str, value: &[u8]) -> Option<Groups> {
    let pattern = parsed(regex)?;
    let count = pattern.groups;
    let is_open = pattern.root.repeats_nothing();
    let is_same = |left: &Result<Groups, NoMatch>, right: &Result<Groups, NoMatch>| match (left, right) {
        (Ok(_), Ok(_)) if is_open => true,
        _ => left == right,
    };
    let mut chosen = Engine::new(&pattern, count)?;
    let found = groups_of(&mut chosen, count, value);
    for mut other in Engine::all(&pattern, count) {
        let expected = groups_of(&mut other, count, value);
        let agrees = expected == Err(NoMatch::GaveUp) || is_same(&found, &expected);
        assert!(agrees, "{regex} on {value:?}: {} {found:?}, {} {expected:?}", chosen.name(), other.name());
    }
    // Groups that nobody wants change nothing for the others.
    let wanted = count.min(1);
    let expected = found.clone().map(|groups| groups.into_iter().take(wanted).collect());
    for mut engine in Engine::all(&pattern, wanted) {
        let first = groups_of(&mut engine, wanted, value);
        let agrees = first == Err(NoMatch::GaveUp) || is_same(&first, &expected);
        assert!(agrees, "{regex} on {value:?}: {} for one group {first:?}, not {expected:?}", engine.name());
    }
    found.ok()
}
