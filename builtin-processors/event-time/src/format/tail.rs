//! Whether the text of a second can be remembered, and recognized in another value.

use super::compile::{Number, Step};

/// How text ends that defines a second; see [`CachedParser`](crate::CachedParser).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    fraction: bool,
    /// Whether a byte ends the last number within the text.
    closed: bool,
    /// The length of the text when all its numbers have all their digits; `None` if it has other parts.
    full_len: Option<usize>,
}

impl Tail {
    /// Returns the tail of `steps`, which leave out a fraction at the end; `None` if their text cannot be remembered.
    pub(crate) fn of(steps: &[Step], fraction: bool) -> Option<Self> {
        let looks_ahead = |step: &Step| matches!(step, Step::Offset | Step::Epoch | Step::BareEpoch);
        let closed = match steps {
            [.., Step::Number(_)] => false,
            [.., Step::Number(_), Step::Byte(byte)] if !byte.is_ascii_digit() => true,
            _ => return None,
        };
        let full_len = steps.iter().map(full_len).sum();
        (!steps.iter().any(looks_ahead)).then_some(Self { fraction, closed, full_len })
    }

    /// Whether a fraction comes next.
    #[inline]
    pub(crate) fn has_fraction(&self) -> bool {
        self.fraction
    }

    /// Whether a text of `len` bytes, which meant a second in another value, means the same when `rest` follows.
    #[inline]
    pub(crate) fn ends(&self, len: usize, rest: &[u8]) -> bool {
        self.closed || !rest.first().is_some_and(u8::is_ascii_digit) || self.full_len == Some(len)
    }
}

fn full_len(step: &Step) -> Option<usize> {
    match step {
        Step::Byte(_) => Some(1),
        Step::Char(char) => Some(char.len_utf8()),
        Step::Number(Number { padded: false, digits, .. }) => Some(usize::from(*digits)),
        _ => None,
    }
}
