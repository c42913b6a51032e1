//! Sets of bytes: what one position of a pattern can match.

use std::fmt;

/// Any of the 256 bytes, each in or out.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) const EMPTY: Self = Self([0; 4]);
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::EMPTY, |set, byte| set.with_range(*byte, *byte))
    }

    #[must_use]
    pub(crate) fn with_range(mut self, first: u8, last: u8) -> Self {
        for byte in first..=last {
            self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        self
    }

    #[inline]
    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    #[must_use]
    pub(crate) fn negated(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    #[must_use]
    pub(crate) fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place] | other.0[place]))
    }

    /// With the other case of every ASCII letter in it.
    #[must_use]
    pub(crate) fn of_any_case(self) -> Self {
        let letters = self.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter ^ 0x20);
        letters.fold(self, |set, letter| set.with_range(letter, letter))
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & b == 0)
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.is_disjoint(&other.negated())
    }

    /// The only byte of the set, if it has just one.
    pub(crate) fn single(&self) -> Option<u8> {
        let mut bytes = self.bytes();
        bytes.next().filter(|_| bytes.next().is_none())
    }

    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> + use<> {
        let set = *self;
        (0..=u8::MAX).filter(move |byte| set.contains(*byte))
    }

    /// The set as first and last bytes of ranges, in order.
    pub(crate) fn ranges(&self) -> Vec<(u8, u8)> {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for byte in self.bytes() {
            match ranges.last_mut() {
                Some((_, last)) if byte > 0 && *last == byte - 1 => *last = byte,
                _ => ranges.push((byte, byte)),
            }
        }
        ranges
    }
}

impl fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}
