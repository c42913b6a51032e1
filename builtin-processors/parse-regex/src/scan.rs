//! Finds the end of a run of bytes of one class, sixteen bytes at a time.
//!
//! Blocks are read from the whole arena, past the end of the value at hand: only the last bytes of the arena then need
//! a slower way, not the last bytes of each value.

use crate::byte_set::ByteSet;

/// A set of bytes in the form that the scan needs: all bytes outside ASCII are members, or none is.
#[derive(Debug, Clone)]
pub(crate) struct Class {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    nibbles: simd::Nibbles,
    members: Box<[bool; 256]>,
}

impl Class {
    /// None for a set that has some bytes outside ASCII but not all of them.
    pub(crate) fn new(set: ByteSet) -> Option<Self> {
        let high = ByteSet::EMPTY.with_range(0x80, 0xff);
        if !high.is_subset(&set) && !high.is_disjoint(&set) {
            return None;
        }
        Some(Self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            nibbles: simd::Nibbles::new(set),
            members: Box::new(std::array::from_fn(|byte| set.contains(byte as u8))),
        })
    }

    /// The place of the first byte from `at` on that is not of this class, or `end`.
    #[inline(always)]
    pub(crate) fn end_of_run(&self, arena: &[u8], at: usize, end: usize) -> usize {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return self.end_of_run_in_blocks(arena, at, end);
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        self.end_of_run_in_bytes(arena, at, end)
    }

    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline(always)]
    fn end_of_run_in_blocks(&self, arena: &[u8], at: usize, end: usize) -> usize {
        // Most runs end in their first block, and a loop costs a check of the time limit each time round.
        let block = arena.get(at..).and_then(|rest| rest.first_chunk());
        match block.map(|block| self.nibbles.run(block)) {
            Some(run) if run < 16 || at + 16 >= end => (at + run).min(end),
            Some(_) => self.end_of_long_run(arena, at + 16, end),
            None => self.end_of_run_in_bytes(arena, at, end),
        }
    }

    /// On its own so that the loop has all registers.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline(never)]
    fn end_of_long_run(&self, arena: &[u8], mut at: usize, end: usize) -> usize {
        while let Some(blocks) = arena.get(at..).and_then(|rest| rest.first_chunk::<32>()) {
            let (blocks, _) = blocks.as_chunks();
            let run = match self.nibbles.run(&blocks[0]) {
                16 => 16 + self.nibbles.run(&blocks[1]),
                run => run,
            };
            at += run;
            if run < 32 || at >= end {
                return at.min(end);
            }
        }
        self.end_of_run_in_bytes(arena, at, end)
    }

    #[inline]
    fn end_of_run_in_bytes(&self, arena: &[u8], at: usize, end: usize) -> usize {
        let rest = arena.get(at..end).unwrap_or_default();
        let run = rest.iter().position(|byte| !self.members[usize::from(*byte)]);
        run.map_or(end, |run| at + run)
    }
}

/// Looks a byte up by its two halves: the low one says which bits, the high one which of them counts.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use core::arch::wasm32::{
        i8x16_swizzle, u8x16, u8x16_bitmask, u8x16_eq, u8x16_shr, u8x16_splat, u64x2, v128, v128_and,
    };

    use super::ByteSet;

    #[derive(Debug, Clone)]
    pub(super) struct Nibbles {
        /// For each low half the high halves that are in the set, or in its complement, as bits. ASCII only.
        highs: [u64; 2],
        /// All ones if `highs` is about the complement.
        flip: u32,
    }

    impl Nibbles {
        pub(super) fn new(set: ByteSet) -> Self {
            let flipped = set.contains(0x80);
            let listed = if flipped { set.negated() } else { set };
            let mut highs = [0u8; 16];
            for byte in listed.bytes() {
                highs[usize::from(byte & 0x0f)] |= 1 << (byte >> 4);
            }
            let bits = u128::from_le_bytes(highs);
            Self { highs: [bits as u64, (bits >> 64) as u64], flip: if flipped { 0xffff } else { 0 } }
        }

        /// How many bytes at the start of a block are in the set.
        #[inline(always)]
        pub(super) fn run(&self, block: &[u8; 16]) -> usize {
            let bytes = load(block);
            let highs = i8x16_swizzle(u64x2(self.highs[0], self.highs[1]), v128_and(bytes, u8x16_splat(0x0f)));
            let bit = i8x16_swizzle(u8x16(1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0), u8x16_shr(bytes, 4));
            let unlisted = u32::from(u8x16_bitmask(u8x16_eq(v128_and(highs, bit), u8x16_splat(0))));
            (unlisted ^ self.flip | 1 << 16).trailing_zeros() as usize
        }
    }

    #[inline(always)]
    fn load(block: &[u8; 16]) -> v128 {
        let bytes = u128::from_le_bytes(*block);
        u64x2(bytes as u64, (bytes >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set: ByteSet) {
        let class = Class::new(set).expect("all or nothing outside ASCII");
        for byte in 0..=u8::MAX {
            let Some(member) = set.bytes().next() else { return };
            for place in 0..40 {
                let mut arena = [member; 50];
                arena[place] = byte;
                let end = if set.contains(byte) { 40 } else { place };
                assert_eq!(class.end_of_run(&arena, 0, 40), end, "{byte} at {place} of {set:?}");
                assert_eq!(class.end_of_run(&arena[..40], 0, 40), end, "{byte} at {place} of {set:?}");
            }
        }
    }

    #[test]
    fn a_run_ends_at_the_first_byte_outside_the_class() {
        check(ByteSet::of(b"0123456789"));
        check(ByteSet::of(b" \t\n\x0b\x0c\r").negated());
        check(ByteSet::of(b"\"\\").negated());
        check(ByteSet::ALL);
        check(ByteSet::EMPTY.with_range(0, 0x7f));
    }

    #[test]
    fn a_class_is_one_with_all_bytes_outside_ascii_or_none() {
        assert!(Class::new(ByteSet::of("中".as_bytes())).is_none());
        assert!(Class::new(ByteSet::of("中".as_bytes()).negated()).is_none());
    }
}
