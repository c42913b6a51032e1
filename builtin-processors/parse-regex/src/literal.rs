//! Compares short texts as numbers.

/// Up to eight bytes, compared as one number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Literal {
    word: u64,
    mask: u64,
    len: usize,
}

impl Literal {
    pub(crate) fn of(byte: u8) -> Self {
        let mut literal = Self::default();
        literal.push(byte);
        literal
    }

    /// Adds a byte. There must be room for it.
    pub(crate) fn push(&mut self, byte: u8) {
        self.word |= u64::from(byte) << (8 * self.len);
        self.mask |= 0xff << (8 * self.len);
        self.len += 1;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == 8
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first byte. There must be one.
    pub(crate) fn first(&self) -> u8 {
        self.word as u8
    }

    /// Whether these bytes are at a place of the arena, and within a value that ends at `end`.
    #[inline(always)]
    pub(crate) fn is_at(&self, arena: &[u8], at: usize, end: usize) -> bool {
        if at + self.len > end {
            return false;
        }
        let bytes = arena.get(at..).and_then(|rest| rest.first_chunk());
        let word = bytes.map_or_else(|| word_at_end(arena, at), |bytes| u64::from_le_bytes(*bytes));
        (word ^ self.word) & self.mask == 0
    }
}

/// Fewer than eight bytes, filled up with zeros.
#[cold]
fn word_at_end(arena: &[u8], at: usize) -> u64 {
    let rest = arena.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_found_where_it_is() {
        let mut literal = Literal::of(b'a');
        b"bcdefgh".iter().for_each(|byte| literal.push(*byte));
        assert!(literal.is_full());
        let arena = b"abcdefgh abcdefgh";
        for at in 0..arena.len() {
            assert_eq!(literal.is_at(arena, at, arena.len()), at == 0 || at == 9, "{at}");
        }
        assert!(!literal.is_at(arena, 9, arena.len() - 1));
        assert!(Literal::of(b'h').is_at(arena, 16, 17));
        assert!(!Literal::of(0).is_at(arena, 16, 17));
        assert!(Literal::default().is_at(arena, 17, 17));
    }
}
