//! Which engine a pattern gets.
//!
//! All of them give the same answer where they can run a pattern at all; the first that can is the fastest.

use loglift_sdk::Span;

use crate::backtrack::{Backtracker, STEP_LIMIT};
use crate::direct::Direct;
use crate::linear::Linear;
use crate::pattern::Pattern;

/// A pattern, ready to match.
#[derive(Debug)]
pub(crate) struct Engine {
    kind: Kind,
    slots: Slots,
}

#[derive(Debug)]
enum Kind {
    Direct(Direct),
    Linear(Linear),
    Backtracking(Backtracker),
}

/// Where the groups of the last match are, as ranges of its value. A group that took no part is an empty range.
#[derive(Debug, Default)]
pub(crate) struct Slots(Vec<u32>);

/// Why there is no match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMatch {
    /// The value does not match.
    Differs,
    /// The limit of steps was reached before that was clear.
    GaveUp,
}

impl Engine {
    /// The best engine for a pattern that finds its first `groups` groups. None if the pattern is too large.
    pub(crate) fn new(pattern: &Pattern, groups: usize) -> Option<Self> {
        let direct = Direct::new(&pattern.root, groups).map(Kind::Direct);
        let kind = match direct {
            Some(direct) => direct,
            None => Self::general(pattern, groups)?,
        };
        Some(Self { kind, slots: Slots::new(groups) })
    }

    /// The same, without the direct scanner.
    fn general(pattern: &Pattern, groups: usize) -> Option<Kind> {
        if pattern.root.needs_backtracking() {
            return Backtracker::new(&pattern.root, groups.max(pattern.groups)).map(Kind::Backtracking);
        }
        Linear::new(&pattern.root, groups).map(Kind::Linear)
    }

    /// Every engine that can match a pattern.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn all(pattern: &Pattern, groups: usize) -> Vec<Self> {
        let backtracking = Backtracker::new(&pattern.root, groups.max(pattern.groups)).map(Kind::Backtracking);
        let mut kinds = vec![Direct::new(&pattern.root, groups).map(Kind::Direct), backtracking];
        if !pattern.root.needs_backtracking() {
            kinds.push(Linear::new(&pattern.root, groups).map(Kind::Linear));
            kinds.push(Linear::thorough(&pattern.root, groups).map(Kind::Linear));
        }
        kinds.into_iter().flatten().map(|kind| Self { kind, slots: Slots::new(groups) }).collect()
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Direct(_) => "direct scanner",
            Kind::Linear(linear) if linear.is_one_pass() => "linear, one-pass",
            Kind::Linear(_) => "linear",
            Kind::Backtracking(_) => "backtracking with a step limit",
        }
    }

    /// Matches a value, which is a range of the arena, as a whole.
    #[inline]
    pub(crate) fn find(&mut self, arena: &[u8], value: Span) -> Result<&Slots, NoMatch> {
        let (start, end) = (value.offset as usize, (value.offset + value.len) as usize);
        let matched = match &mut self.kind {
            Kind::Direct(direct) => direct.find(arena, start, end, &mut self.slots),
            Kind::Linear(linear) => linear.find(arena, start, end, &mut self.slots),
            Kind::Backtracking(backtracker) => backtracker.find(arena, start, end, STEP_LIMIT, &mut self.slots)?,
        };
        if matched { Ok(&self.slots) } else { Err(NoMatch::Differs) }
    }
}

impl Slots {
    /// Room for so many groups, and for one more that nobody asks for.
    pub(crate) fn new(groups: usize) -> Self {
        Self(vec![0; 2 * (groups + 1)])
    }

    /// The range of a group, counted from 0.
    #[inline]
    pub(crate) fn group(&self, place: usize) -> (usize, usize) {
        (self.0[2 * place] as usize, self.0[2 * place + 1] as usize)
    }

    #[inline]
    pub(crate) fn set(&mut self, place: usize, start: usize, end: usize) {
        self.0[2 * place] = start as u32;
        self.0[2 * place + 1] = end as u32;
    }

    /// Starts and ends by turns.
    #[inline]
    pub(crate) fn marks(&mut self) -> &mut [u32] {
        &mut self.0
    }
}
