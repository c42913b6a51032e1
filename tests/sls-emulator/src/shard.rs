//! Shards are equal parts of a 128-bit range of keys; a cursor is the number of the next log group.

use data_encoding::BASE64;

use crate::refusal::Refusal;

/// The shard for a hash key.
///
/// # Errors
/// If the key is not a number of at most 32 hex digits.
pub(crate) fn of_key(key: &str, shards: u32) -> Result<u32, Refusal> {
    let hash =
        u128::from_str_radix(key, 16).map_err(|_| Refusal::invalid_parameter(format!("Invalid hash key {key}.")))?;
    Ok((0..shards).rev().find(|shard| begin(*shard, shards) <= hash).unwrap_or(0))
}

/// The first key of a shard and the first one after it, as 32 hex digits; the last shard ends with the last key.
pub(crate) fn range(shard: u32, shards: u32) -> (String, String) {
    let end = if shard + 1 == shards { u128::MAX } else { begin(shard + 1, shards) };
    (format!("{:032x}", begin(shard, shards)), format!("{end:032x}"))
}

/// Writes a cursor.
pub(crate) fn cursor(next: i64) -> String {
    BASE64.encode(next.to_string().as_bytes())
}

/// Reads a cursor.
///
/// # Errors
/// If the emulator cannot have written it.
pub(crate) fn parse_cursor(text: &str) -> Result<i64, Refusal> {
    let bytes = BASE64.decode(text.as_bytes()).ok();
    let number = bytes.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    number.ok_or_else(|| Refusal::new(400, "InvalidCursor", format!("Invalid cursor {text}.")))
}

fn begin(shard: u32, shards: u32) -> u128 {
    if shard == 0 { 0 } else { (u128::MAX / u128::from(shards) + 1) * u128::from(shard) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_find_their_shard() {
        for (key, shards, expected) in [
            ("05000000000000000000000000000000", 2, Ok(0)),
            ("7fffffffffffffffffffffffffffffff", 2, Ok(0)),
            ("80000000000000000000000000000000", 2, Ok(1)),
            ("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 2, Ok(1)),
            ("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 1, Ok(0)),
            ("0", 3, Ok(0)),
            ("web", 2, Err("ParameterInvalid".to_owned())),
        ] {
            assert_eq!(of_key(key, shards).map_err(|refusal| refusal.code), expected, "{key} of {shards}");
        }
    }

    #[test]
    fn ranges_have_no_gaps() {
        assert_eq!(range(0, 1), ("0".repeat(32), "f".repeat(32)));
        for shards in 1..=7 {
            for shard in 1..shards {
                assert_eq!(range(shard - 1, shards).1, range(shard, shards).0, "{shard} of {shards}");
            }
        }
    }

    #[test]
    fn cursors_return() {
        assert_eq!(parse_cursor(&cursor(42)).unwrap(), 42);
        assert_eq!(parse_cursor("begin").unwrap_err().code, "InvalidCursor");
    }
}
