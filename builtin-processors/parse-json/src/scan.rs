//! Finds what matters in a string, sixteen bytes at a time.
//!
//! Blocks are read from the whole arena, past the end of the value at hand: only the last bytes of the arena then need
//! a slower way, not the last bytes of each value.

/// Sixteen bytes of the arena.
pub(crate) type Block = [u8; BLOCK];

/// Bytes in a block.
pub(crate) const BLOCK: usize = 16;

/// The block at `at`, unless the arena ends before.
#[inline(always)]
pub(crate) fn block(arena: &[u8], at: usize) -> Option<&Block> {
    arena.get(at..)?.first_chunk()
}

/// How many bytes from `at` on, 16 at most, come before the first that ends a plain run of a string: a quote, a
/// backslash, a control byte, a byte that is not ASCII, or the end of the arena.
#[inline(always)]
pub(crate) fn plain_ascii(arena: &[u8], at: usize) -> usize {
    match block(arena, at) {
        Some(block) => simd::plain_ascii(block),
        None => at_end(arena, at, |byte| is_plain(byte) && byte.is_ascii()),
    }
}

/// The same, but bytes that are not ASCII count as plain.
#[inline(always)]
pub(crate) fn plain(arena: &[u8], at: usize) -> usize {
    match block(arena, at) {
        Some(block) => simd::plain(block),
        None => at_end(arena, at, is_plain),
    }
}

/// The bytes of a block that end a plain run, one bit each: quotes, backslashes and control bytes.
#[inline(always)]
pub(crate) fn stops(block: &Block) -> u32 {
    simd::stops(block)
}

/// Whether a block holds a byte that is not ASCII.
#[inline(always)]
pub(crate) fn has_high(block: &Block) -> bool {
    u128::from_le_bytes(*block) & u128::from_le_bytes([0x80; BLOCK]) != 0
}

#[cold]
fn at_end(arena: &[u8], at: usize, is_plain: impl Fn(u8) -> bool) -> usize {
    let rest = arena.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| is_plain(**byte)).count()
}

fn is_plain(byte: u8) -> bool {
    byte != b'"' && byte != b'\\' && byte >= 0x20
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use core::arch::wasm32::{i8x16_lt, u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128, v128_or};

    use super::Block;

    #[inline(always)]
    pub(super) fn plain_ascii(block: &Block) -> usize {
        let bytes = load(block);
        // As signed numbers the bytes from 0x80 on are negative.
        let stops = u8x16_bitmask(v128_or(quote_or_backslash(bytes), i8x16_lt(bytes, u8x16_splat(0x20))));
        (u32::from(stops) | 1 << 16).trailing_zeros() as usize
    }

    #[inline(always)]
    pub(super) fn plain(block: &Block) -> usize {
        (stops(block) | 1 << 16).trailing_zeros() as usize
    }

    #[inline(always)]
    pub(super) fn stops(block: &Block) -> u32 {
        let bytes = load(block);
        u32::from(u8x16_bitmask(v128_or(quote_or_backslash(bytes), u8x16_lt(bytes, u8x16_splat(0x20)))))
    }

    #[inline(always)]
    fn quote_or_backslash(bytes: v128) -> v128 {
        v128_or(u8x16_eq(bytes, u8x16_splat(b'"')), u8x16_eq(bytes, u8x16_splat(b'\\')))
    }

    #[inline(always)]
    fn load(block: &Block) -> v128 {
        let bytes = u128::from_le_bytes(*block);
        u64x2(bytes as u64, (bytes >> 64) as u64)
    }
}

/// The same with two words of eight bytes: natively the processor runs in tests and as a yardstick only, and vector
/// instructions would be unsafe to call there.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod simd {
    use super::Block;

    #[inline(always)]
    pub(super) fn plain_ascii(block: &Block) -> usize {
        first(block, |word| less(word, 0x20) | equal(word, b'"') | equal(word, b'\\') | word)
    }

    #[inline(always)]
    pub(super) fn plain(block: &Block) -> usize {
        first(block, |word| (less(word, 0x20) & !word) | equal(word, b'"') | equal(word, b'\\'))
    }

    #[inline(always)]
    pub(super) fn stops(block: &Block) -> u32 {
        let bytes = u128::from_le_bytes(*block);
        stops_of_word(bytes as u64) | stops_of_word((bytes >> 64) as u64) << 8
    }

    /// Exact for every byte, unlike the marks of the first.
    #[inline(always)]
    fn stops_of_word(word: u64) -> u32 {
        let is_not = |byte: u8| {
            let difference = word ^ each(byte);
            ((difference & each(0x7f)) + each(0x7f)) | difference
        };
        let is_text = ((word & each(0x7f)) + each(0x60)) | word;
        let marks = !(is_not(b'"') & is_not(b'\\') & is_text) & each(0x80);
        // Gathers the highest bit of each byte in the highest byte.
        ((marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    }

    /// The first byte of a block whose highest bit `marks` sets. It may also set that of bytes after the first.
    #[inline(always)]
    fn first(block: &Block, marks: impl Fn(u64) -> u64) -> usize {
        let bytes = u128::from_le_bytes(*block);
        let low = marks(bytes as u64) & each(0x80);
        let high = marks((bytes >> 64) as u64) & each(0x80);
        let bits = if low != 0 { low.trailing_zeros() } else { 64 + high.trailing_zeros() };
        bits as usize / 8
    }

    #[inline(always)]
    fn less(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(each(limit))
    }

    #[inline(always)]
    fn equal(word: u64, byte: u8) -> u64 {
        let difference = word ^ each(byte);
        difference.wrapping_sub(each(1)) & !difference
    }

    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_ends_a_run_or_not() {
        for byte in 0..=u8::MAX {
            let is_stop = byte == b'"' || byte == b'\\' || byte < 0x20;
            for place in 0..BLOCK {
                let mut arena = [b'x'; 2 * BLOCK];
                arena[place] = byte;
                let end = if is_stop { place } else { BLOCK };
                let ascii_end = if byte < 0x80 { end } else { place };
                assert_eq!(plain(&arena, 0), end, "{byte} at {place}");
                assert_eq!(plain_ascii(&arena, 0), ascii_end, "{byte} at {place}");
                let block = block(&arena, 0).unwrap();
                assert_eq!(stops(block), u32::from(is_stop) << place, "{byte} at {place}");
                assert_eq!(has_high(block), byte >= 0x80, "{byte} at {place}");
                // The same where the arena ends.
                let arena = &arena[..BLOCK - 1];
                assert_eq!(plain(arena, 0), end.min(BLOCK - 1), "{byte} at {place}");
                assert_eq!(plain_ascii(arena, 0), ascii_end.min(BLOCK - 1), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn the_first_of_several_stops_counts() {
        let run = |text: &[u8]| (plain(text, 0), plain_ascii(text, 0));
        assert_eq!(run(b"abc\"efgh\\jklmno\n"), (3, 3));
        assert_eq!(run(b"abcdefgh\\jk\"mno\n"), (8, 8));
        assert_eq!(run(b"abcdefghijklmno\n"), (15, 15));
        assert_eq!(run(b"ab\xffdefghijk\"mnop"), (11, 2));
        assert_eq!(stops(b"\"bcdef\\\\ij\nl\x7f\x80\xff\""), 0b1000_0100_1100_0001);
    }

    #[test]
    fn nothing_comes_after_the_arena() {
        let arena = *b"0123456789abcdef!";
        assert_eq!(block(&arena, 1), Some(b"123456789abcdef!"));
        assert_eq!(block(&arena, 2), None);
        for (at, count) in [(0, 16), (1, 16), (2, 15), (16, 1), (17, 0), (1000, 0)] {
            assert_eq!((plain(&arena, at), plain_ascii(&arena, at)), (count, count), "{at}");
        }
    }
}
