//! Whether a component is the one that was meant: by its digest, and by who signed it.

use data_encoding::{BASE64, HEXLOWER};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// Why a component is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It is another one.
    #[error("its digest is {found}, and Digest says {expected}: it is not the component that was meant")]
    Digest {
        /// That of the component.
        found: String,
        /// That of the config.
        expected: String,
    },
    /// The key is none.
    #[error("PublicKey is no Ed25519 key: expected PEM, DER or 32 bytes, as of `openssl pkey -pubout`")]
    Key,
    /// The signature is none.
    #[error("Signature is no Ed25519 signature: expected 64 bytes, as of `openssl pkeyutl -sign -rawin`")]
    Malformed,
    /// It was signed by somebody else, or changed since.
    #[error("Signature does not fit: the component was changed, or signed with another key")]
    Signature,
}

/// The digest of a component, as configs and people write it: `sha256:` and hexadecimal digits.
pub fn digest(component: &[u8]) -> String {
    show(&Sha256::digest(component))
}

/// Checks the digest of a component.
///
/// # Errors
/// [`Distrust::Digest`].
pub fn check_digest(component: &[u8], expected: &[u8; 32]) -> Result<(), Distrust> {
    let (found, expected) = (digest(component), show(expected));
    if found == expected { Ok(()) } else { Err(Distrust::Digest { found, expected }) }
}

/// Checks an Ed25519 signature of a component's bytes.
///
/// A key is 32 bytes, or the DER or PEM form that openssl writes; a signature is 64 bytes, or their base64.
///
/// # Errors
/// [`Distrust`], by what is wrong.
pub fn check_signature(component: &[u8], signature: &[u8], public_key: &[u8]) -> Result<(), Distrust> {
    let key = raw_key(public_key).ok_or(Distrust::Key)?;
    let signature = raw_signature(signature).ok_or(Distrust::Malformed)?;
    UnparsedPublicKey::new(&ED25519, key).verify(component, &signature).map_err(|_| Distrust::Signature)
}

fn show(digest: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(digest))
}

fn raw_key(key: &[u8]) -> Option<[u8; 32]> {
    let decoded;
    let key = match std::str::from_utf8(key).ok().and_then(|text| text.trim().strip_prefix(PEM_START)) {
        Some(text) => {
            decoded = unbase64(text.strip_suffix(PEM_END)?)?;
            decoded.as_slice()
        }
        None => key,
    };
    key.strip_prefix(DER_START).unwrap_or(key).try_into().ok()
}

fn raw_signature(signature: &[u8]) -> Option<[u8; 64]> {
    if let Ok(raw) = signature.try_into() {
        return Some(raw);
    }
    unbase64(std::str::from_utf8(signature).ok()?)?.try_into().ok()
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    BASE64.decode(text.as_bytes()).ok()
}

const PEM_START: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// A `SubjectPublicKeyInfo` with the algorithm Ed25519 (RFC 8410), up to the key itself.
const DER_START: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

#[cfg(test)]
mod tests {
    use super::*;

    /// Made once with OpenSSL 3.0: `openssl genpkey -algorithm ed25519 -out key.pem`,
    /// `openssl pkey -in key.pem -pubout -out key.pub`,
    /// `printf 'a component' > a.wasm; openssl pkeyutl -sign -rawin -inkey key.pem -in a.wasm | base64 -w0`.
    const COMPONENT: &[u8] = b"a component";
    const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA2i5PrEV6N+bAJcneW0nBw077FOOlurkE/XE+ljdxAB8=\n\
        -----END PUBLIC KEY-----\n";
    const SIGNATURE: &str = "U7uqgphSdmTDh04DBqVDAPzcmmUjwZX7yVC4fAPpv2hALoUPRANLZe+2PceXAy72ZzK1xVD/gV9FGMILvlG2Bw==";
    /// Of the same bytes, with another key.
    const OTHER_SIGNATURE: &str =
        "lYNndRyX7ZDPTb6neexjt76G5c5rDcUxhrWPbnhaWzLQhi5mqkO7tkwAiypgwasUlrby5Yg+ultR9zKSGh/LDg==";

    fn signature(text: &str) -> Vec<u8> {
        BASE64.decode(text.as_bytes()).expect("base64")
    }

    #[test]
    fn what_openssl_signed_is_taken_in_every_form() {
        let raw = raw_key(PUBLIC_KEY.as_bytes()).expect("a key");
        let der = [DER_START, &raw].concat();
        for key in [PUBLIC_KEY.as_bytes(), &raw, &der] {
            assert_eq!(check_signature(COMPONENT, &signature(SIGNATURE), key), Ok(()));
        }
        let with_line_end = format!("{SIGNATURE}\n");
        assert_eq!(check_signature(COMPONENT, with_line_end.as_bytes(), &raw), Ok(()));
    }

    #[test]
    fn what_was_changed_or_signed_by_others_is_not_taken() {
        let check = |component: &[u8], signature: &[u8], key: &[u8], expected| {
            assert_eq!(check_signature(component, signature, key), Err(expected));
        };
        let (good, key) = (signature(SIGNATURE), PUBLIC_KEY.as_bytes());
        check(b"a Component", &good, key, Distrust::Signature);
        check(b"", &good, key, Distrust::Signature);
        check(COMPONENT, &signature(OTHER_SIGNATURE), key, Distrust::Signature);
        check(COMPONENT, &[0; 64], key, Distrust::Signature);
        check(COMPONENT, &good[..63], key, Distrust::Malformed);
        check(COMPONENT, b"", key, Distrust::Malformed);
        check(COMPONENT, b"no base64 at all", key, Distrust::Malformed);
        check(COMPONENT, &good, b"", Distrust::Key);
        check(COMPONENT, &good, &key[..60], Distrust::Key);
        check(COMPONENT, &good, &[0; 31], Distrust::Key);
    }

    #[test]
    fn a_digest_is_that_of_the_bytes() {
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), abc);
        let expected: [u8; 32] = Sha256::digest(b"abc").into();
        assert_eq!(check_digest(b"abc", &expected), Ok(()));
        let error = check_digest(b"abd", &expected).expect_err("another one");
        let message =
            format!("its digest is {}, and Digest says {abc}: it is not the component that was meant", digest(b"abd"));
        assert_eq!(error.to_string(), message);
    }
}
