//! Finds separators and quotes, 64 bytes at a time.
//!
//! Blocks are read from the whole arena, past the end of the value at hand: only the last bytes of the arena then need
//! a slower way, not the last bytes of each value.

/// The places of two kinds of bytes in `arena[at..end]`, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Marks<'a> {
    arena: &'a [u8],
    kinds: [u8; 2],
    /// Where the block after the current one begins.
    next_block: usize,
    /// The marks of the current block that are still to come.
    bits: u64,
    end: usize,
}

type Block = [u8; BLOCK];

const BLOCK: usize = 64;

impl<'a> Marks<'a> {
    #[inline(always)]
    pub(crate) fn new(arena: &'a [u8], at: usize, end: usize, kinds: [u8; 2]) -> Self {
        Self { arena, kinds, next_block: at, bits: 0, end }
    }

    /// The place of the next mark, or `end` if there is none.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> usize {
        while self.bits == 0 {
            if self.next_block >= self.end {
                return self.end;
            }
            self.bits = marks(self.arena, self.next_block, self.kinds);
            self.next_block += BLOCK;
        }
        let at = self.next_block - BLOCK + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        at.min(self.end)
    }

    /// Has [`Self::next`] return once more what it returned last, which was not the end.
    #[cold]
    pub(crate) fn take_back(&mut self, at: usize) {
        self.bits |= 1 << (at + BLOCK - self.next_block);
    }
}

/// The bytes of one of two kinds in the block at `at`, one bit each.
#[inline(always)]
fn marks(arena: &[u8], at: usize, kinds: [u8; 2]) -> u64 {
    match arena.get(at..).and_then(<[u8]>::first_chunk) {
        Some(block) => simd::marks(block, kinds),
        None => marks_at_end(arena, at, kinds),
    }
}

#[cold]
#[inline(never)]
fn marks_at_end(arena: &[u8], at: usize, kinds: [u8; 2]) -> u64 {
    let rest = arena.get(at..).unwrap_or_default();
    rest.iter().take(BLOCK).rfold(0, |bits, byte| bits << 1 | u64::from(kinds.contains(byte)))
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_or};

    use super::Block;

    #[inline(always)]
    pub(super) fn marks(block: &Block, kinds: [u8; 2]) -> u64 {
        let part = |at: usize| {
            let word = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"));
            let bytes = u64x2(word(at), word(at + 8));
            let [first, second] = kinds.map(|kind| u8x16_eq(bytes, u8x16_splat(kind)));
            u64::from(u8x16_bitmask(v128_or(first, second)))
        };
        part(0) | part(16) << 16 | part(32) << 32 | part(48) << 48
    }
}

/// The same with words of eight bytes, for tests and as a yardstick.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod simd {
    use super::Block;

    #[inline(always)]
    pub(super) fn marks(block: &Block, kinds: [u8; 2]) -> u64 {
        let (words, _) = block.as_chunks::<8>();
        words.iter().rfold(0, |bits, word| bits << 8 | marks_of_word(u64::from_le_bytes(*word), kinds))
    }

    #[inline(always)]
    fn marks_of_word(word: u64, kinds: [u8; 2]) -> u64 {
        let [first, second] = kinds.map(|kind| {
            let difference = word ^ each(kind);
            ((difference & each(0x7f)) + each(0x7f)) | difference
        });
        let marks = !(first & second) & each(0x80);
        // Gathers the highest bit of each byte in the highest byte.
        (marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }

    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_marks_are_found(
            arena in prop::collection::vec(prop::sample::select(b",\"a\x00\x80\xff-".to_vec()), 0..300),
            kinds in prop::sample::select(vec![[b',', b'"'], [b'a', b'a'], [0, 0xff], [0x80, b'-']]),
            bounds: [prop::sample::Index; 2],
        ) {
            let mut bounds = bounds.map(|bound| bound.index(arena.len() + 1));
            bounds.sort_unstable();
            let [start, end] = bounds;
            let expected = (start..end).filter(|at| kinds.contains(&arena[*at])).chain([end, end]);
            let mut marks = Marks::new(&arena, start, end, kinds);
            for place in expected {
                prop_assert_eq!(marks.next(), place);
                if place < end {
                    marks.take_back(place);
                    prop_assert_eq!(marks.next(), place);
                }
            }
        }
    }
}
