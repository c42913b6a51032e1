//! MurmurHash3 by Austin Appleby (public domain), the variant for 64-bit machines with 128 bits of result.
//!
//! LoongCollector knows files by it. It is here as no crate of it is both small and looked after.

/// The first half of the hash, little endian.
pub(super) fn murmur3_x64_128_low(bytes: &[u8], seed: u32) -> u64 {
    let (mut h1, mut h2) = (u64::from(seed), u64::from(seed));
    let mut blocks = bytes.chunks_exact(BLOCK_BYTES);
    for block in &mut blocks {
        let (k1, k2) = halves(block);
        h1 ^= scramble_first(k1);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= scramble_second(k2);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    // Zeros change nothing, so the last bytes may be filled up with them.
    let (k1, k2) = halves(blocks.remainder());
    h1 ^= scramble_first(k1);
    h2 ^= scramble_second(k2);

    h1 ^= bytes.len() as u64;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    mix(h1).wrapping_add(mix(h2))
}

fn halves(bytes: &[u8]) -> (u64, u64) {
    let mut block = [0; BLOCK_BYTES];
    block[..bytes.len()].copy_from_slice(bytes);
    let both = u128::from_le_bytes(block);
    (both as u64, (both >> 64) as u64)
}

fn scramble_first(half: u64) -> u64 {
    half.wrapping_mul(FIRST_FACTOR).rotate_left(31).wrapping_mul(SECOND_FACTOR)
}

fn scramble_second(half: u64) -> u64 {
    half.wrapping_mul(SECOND_FACTOR).rotate_left(33).wrapping_mul(FIRST_FACTOR)
}

fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

const BLOCK_BYTES: usize = 16;
const FIRST_FACTOR: u64 = 0x87c3_7b91_1142_53d5;
const SECOND_FACTOR: u64 = 0x4cf5_ad43_2745_937f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_that_the_reference_computes() {
        let check = |bytes: &[u8], expected| assert_eq!(murmur3_x64_128_low(bytes, 0xdead_beaf), expected);
        let (first, second) = ("2025-06-12 07:08:09 INFO start\n", "2025-06-12 07:08:10 INFO step\n");
        let all: Vec<u8> = (1..=127).collect();
        check(b"", 15_793_208_569_630_519_478);
        check(b"a", 3_951_627_432_176_667_776);
        check(first.as_bytes(), 11_207_873_915_982_042_184);
        check([first, second].concat().as_bytes(), 17_583_285_776_885_579_394);
        check(&[&all.repeat(8)[..], b"zzzzzzzz"].concat(), 4_462_233_725_249_305_921);
    }
}
