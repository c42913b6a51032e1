//! Eight digits in one step.

/// Returns the number that eight digits are, `None` if one byte is not a digit.
#[inline]
pub(crate) fn eight_digits(bytes: &[u8; 8]) -> Option<u32> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let digits = checked_difference(bytes, ZEROS, u64::from_ne_bytes([AFTER_NINE; 8]))?;
    // Every other byte becomes a number of two digits; two multiplications then weigh the four and add them up.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let even = (pairs & PAIRS).wrapping_mul((1_000_000 << 32) + 100);
    let odd = (pairs >> 16 & PAIRS).wrapping_mul((10_000 << 32) + 1);
    Some((even.wrapping_add(odd) >> 32) as u32)
}

/// Returns the eight digits of a number below 10^8, filled up with zeros.
#[inline]
pub(crate) fn to_eight_digits(number: u32) -> [u8; 8] {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // Two numbers of four digits, then four of two, then eight of one; the first is in the lowest bits.
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    (ZEROS + (tens | (twos - tens * 10) << 8)).to_le_bytes()
}

/// Returns by how much each of eight bytes differs from `expected`, `None` if one differs by more than its `slack`
/// allows: the slack of a byte is 0x7f minus the largest difference.
#[inline]
pub(crate) fn checked_difference(bytes: &[u8; 8], expected: u64, slack: u64) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let difference = u64::from_le_bytes(*bytes) ^ expected;
    // A sum that carries into the next byte comes from a difference with the high bit, which is refused by itself.
    let too_much = (difference.wrapping_add(slack) | difference) & HIGH_BITS;
    (too_much == 0).then_some(difference)
}

/// The slack of a byte that may only be what is expected.
pub(crate) const EXACT: u8 = 0x7f;
/// The slack of a digit, where `0` is expected.
pub(crate) const AFTER_NINE: u8 = 0x7f - 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_of_numbers() {
        let numbers = (0..100_000_000).step_by(9_973).chain((0..10_000).map(|low| 87_650_000 + low));
        for number in numbers.chain([1, 99, 100, 9_999, 10_000, 99_999_999]) {
            assert_eq!(String::from_utf8_lossy(&to_eight_digits(number)), format!("{number:08}"));
        }
    }

    #[test]
    fn eight_digits_or_none() {
        let check = |text: &[u8; 8], expected| assert_eq!(eight_digits(text), expected, "{text:?}");
        check(b"12345678", Some(12_345_678));
        check(b"00000000", Some(0));
        check(b"99999999", Some(99_999_999));
        check(b"90000001", Some(90_000_001));
        for place in 0..8 {
            for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = *b"99999999";
                text[place] = byte;
                check(&text, None);
            }
        }
    }
}
