//! The two signatures of the service, over the method, the path, the query and the headers of a request.
//!
//! Both are functions of the [`Request`](super::request::Request) alone, so that published vectors test them.

pub mod v1;
pub mod v4;

use data_encoding::{HEXLOWER, HEXUPPER};
use md5::Md5;
use sha2::{Digest as _, Sha256};

/// The upper-case hex MD5 that `Content-MD5` holds.
pub fn content_md5(body: &[u8]) -> String {
    HEXUPPER.encode(&Md5::digest(body))
}

/// The lower-case hex SHA-256 that `x-log-content-sha256` holds.
pub fn content_sha256(body: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(body))
}

/// What is signed besides the headers that each version names: everything of the service's own, but no metadata of
/// objects.
fn is_own_header(name: &str) -> bool {
    (name.starts_with("x-log-") && !name.starts_with("x-log-meta-")) || name.starts_with("x-acs-")
}

#[cfg(test)]
mod vectors;
