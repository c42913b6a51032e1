//! A hash of a few bytes of a file, to tell whether they are still the same.

use sha2::{Digest, Sha256};

/// The length and the hash of some bytes: the first of a file, or those before an offset.
///
/// No bytes have a signature too, which is that of every file before its first byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signature {
    /// How many bytes, at most [`SIGNATURE_BYTES`].
    pub len: u32,
    /// The first eight bytes of their SHA-256, big endian. 0 for no bytes.
    pub hash: u64,
}

impl Signature {
    /// The signature of `bytes`, which are at most [`SIGNATURE_BYTES`].
    pub fn of(bytes: &[u8]) -> Self {
        debug_assert!(bytes.len() <= SIGNATURE_BYTES, "{} bytes", bytes.len());
        if bytes.is_empty() {
            return Self::default();
        }
        let digest = Sha256::digest(bytes);
        let first = digest.first_chunk().expect("a SHA-256 has 32 bytes");
        Self { len: bytes.len() as u32, hash: u64::from_be_bytes(*first) }
    }

    /// Whether `bytes` begin with what this is the signature of.
    pub fn begins(&self, bytes: &[u8]) -> bool {
        bytes.get(..self.len as usize).is_some_and(|first| Self::of(first) == *self)
    }
}

/// Enough to tell files apart that start with the same header line, little enough to be hashed for each batch.
pub const SIGNATURE_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_a_length_and_its_bytes() {
        let signature = Signature::of(b"abc");
        assert!(signature.begins(b"abc") && signature.begins(b"abcd"));
        assert!(!signature.begins(b"ab") && !signature.begins(b"abd"));
        assert!(Signature::default().begins(b"") && Signature::of(b"") == Signature::default());
    }
}
