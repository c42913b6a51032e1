//! The shard that a group is for: `ShardHashKeys`.

use data_encoding::HEXUPPER;
use md5::{Digest, Md5};

/// The hash key of a group: the MD5 of the values of its tags, joined with `_`. A tag that is missing has an empty value.
pub(super) fn hash_key<'a>(keys: &[String], value: impl Fn(&[u8]) -> Option<&'a [u8]>) -> String {
    let mut hash = Md5::new();
    for (place, key) in keys.iter().enumerate() {
        if place > 0 {
            hash.update(b"_");
        }
        hash.update(value(key.as_bytes()).unwrap_or_default());
    }
    HEXUPPER.encode(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_specification() {
        let check = |tags: &[(&str, &str)], expected: &str| {
            let value = |name: &[u8]| tags.iter().find(|tag| tag.0.as_bytes() == name).map(|tag| tag.1.as_bytes());
            assert_eq!(hash_key(&["a".to_owned(), "b".to_owned()], value), expected);
        };
        check(&[("b", "v2"), ("a", "v1")], "978D09059A1B539919135D034E55691F");
        check(&[("a", "web")], "99E06300210CB180D96926EB8A50B901");
    }
}
