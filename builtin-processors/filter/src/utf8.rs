//! Blanks out what is not UTF-8.

/// Whether all of `bytes` is made of well-formed sequences.
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    match str::from_utf8(bytes) {
        Ok(_) => true,
        // The standard library refuses surrogates, which count as well-formed here.
        Err(error) => invalid(&bytes[error.valid_up_to()..]).next().is_none(),
    }
}

/// Puts a space in place of every byte that is no part of a well-formed sequence.
pub(crate) fn blank_invalid(bytes: &[u8]) -> Vec<u8> {
    let mut blanked = bytes.to_vec();
    for at in invalid(bytes) {
        blanked[at] = b' ';
    }
    blanked
}

/// The places of the bytes that are no part of a well-formed sequence.
fn invalid(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match sequence_len(&bytes[at..]) {
                Some(len) => at += len,
                None => {
                    at += 1;
                    return Some(at - 1);
                }
            }
        }
        None
    })
}

/// The length of the well-formed sequence that `bytes` begins with.
fn sequence_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0..=0x7f, ..] => Some(1),
        [0xc2..=0xdf, 0x80..=0xbf, ..] => Some(2),
        [0xe0, 0xa0..=0xbf, 0x80..=0xbf, ..] | [0xe1..=0xef, 0x80..=0xbf, 0x80..=0xbf, ..] => Some(3),
        [0xf0, 0x90..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf1..=0xf3, 0x80..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf4, 0x80..=0x8f, 0x80..=0xbf, 0x80..=0xbf, ..] => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], expected: &[u8]) {
        assert_eq!(blank_invalid(bytes), expected, "{bytes:x?}");
        assert_eq!(is_valid(bytes), bytes == expected, "{bytes:x?}");
    }

    #[test]
    fn each_invalid_byte_becomes_a_space() {
        check(b"", b"");
        check("aé中😀\u{10ffff}".as_bytes(), "aé中😀\u{10ffff}".as_bytes());
        check(b"a\xffb", b"a b");
        check(b"\x80\xbf\xc3", b"   ");
        // Overlong forms, and what is above U+10FFFF.
        check(b"\xc0\x80\xc1\xbf", b"    ");
        check(b"\xe0\x9f\xbf\xf0\x8f\xbf\xbf\xf4\x90\x80\x80\xf5\x80\x80\x80", b"               ");
        // Sequences that are cut short.
        check(b"\xe4\xb8x\xf0\x9f\x98", b"  x   ");
        // Surrogates are left alone.
        check(b"\xed\xa0\x80\xed\xbf\xbf", b"\xed\xa0\x80\xed\xbf\xbf");
        check(b"\xed\xa0\x80\xff", b"\xed\xa0\x80 ");
    }

    proptest! {
        #[test]
        fn what_is_left_is_valid(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let blanked = blank_invalid(&bytes);
            prop_assert!(is_valid(&blanked));
            prop_assert_eq!(is_valid(&bytes), blanked == bytes);
        }
    }
}
