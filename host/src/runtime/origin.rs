//! Where the components of processors come from, and whether they are those that were meant.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::remote::Remote;
use crate::config::{self, Attached, Pins};
use crate::processor::complexity::MAX_COMPONENT_BYTES;
use crate::processor::trust::{check_digest, check_signature};

/// The bytes of a component: of a built-in one, of a file that is named relative to the config, or from a registry.
///
/// # Errors
/// What is wrong, in one line.
pub(super) fn component(
    component: &config::Component,
    config_file: &Path,
    remote: &Remote,
) -> Result<Cow<'static, [u8]>, String> {
    match component {
        config::Component::BuiltIn(name) => {
            let built_in = loglift_builtin_processors::find(name).ok_or_else(|| format!("{name} is not built in"))?;
            Ok(Cow::Borrowed(built_in.component))
        }
        config::Component::File(path) => {
            let path = beside(config_file, path);
            read(&path, MAX_COMPONENT_BYTES)
                .map(Cow::Owned)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))
        }
        config::Component::Registry(reference) => remote.component(reference).map(Cow::Owned),
    }
}

/// Checks what the config says of a component, before anything is done with it.
///
/// # Errors
/// The key of the config that does not hold, and why.
pub(super) fn check(component: &[u8], pins: &Pins, config_file: &Path) -> Result<(), (&'static str, String)> {
    if let Some(digest) = &pins.digest {
        check_digest(component, digest).map_err(|error| ("Digest", error.to_string()))?;
    }
    let Some(pin) = &pins.signature else { return Ok(()) };
    let bytes = |key, attached: &Attached| match attached {
        Attached::Inline(bytes) => Ok(bytes.clone()),
        Attached::File(path) => {
            let path = beside(config_file, path);
            let read = read(&path, MAX_ATTACHED_BYTES);
            read.map_err(|error| (key, format!("cannot read {}: {error}", path.display())))
        }
    };
    let (signature, public_key) = (bytes("Signature", &pin.signature)?, bytes("PublicKey", &pin.public_key)?);
    check_signature(component, &signature, &public_key).map_err(|error| ("Signature", error.to_string()))
}

fn beside(config_file: &Path, path: &Path) -> std::path::PathBuf {
    config_file.parent().unwrap_or(Path::new("")).join(path)
}

/// Reads a file of at most `limit` bytes. What is not a plain file, and could be endless, is refused.
fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if metadata.len() > limit {
        return Err(io::Error::other(format!(
            "it has {} bytes, more than the {limit} that are allowed",
            metadata.len()
        )));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than the {limit} bytes that are allowed")));
    }
    Ok(bytes)
}

/// A key or a signature in any form is smaller by far.
const MAX_ATTACHED_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;
    use crate::config::SignaturePin;

    /// Made with openssl, as said in `processor::trust`.
    const PUBLIC_KEY: &str = "MCowBQYDK2VwAyEA2i5PrEV6N+bAJcneW0nBw077FOOlurkE/XE+ljdxAB8=";
    const SIGNATURE: &str = "U7uqgphSdmTDh04DBqVDAPzcmmUjwZX7yVC4fAPpv2hALoUPRANLZe+2PceXAy72ZzK1xVD/gV9FGMILvlG2Bw==";

    #[test]
    fn what_was_signed_is_taken_from_files_beside_the_config() {
        let scratch = tempfile::tempdir().expect("a directory");
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{PUBLIC_KEY}\n-----END PUBLIC KEY-----\n");
        std::fs::write(scratch.path().join("key.pub"), pem).expect("written");
        let signature = BASE64.decode(SIGNATURE.as_bytes()).expect("base64");
        std::fs::write(scratch.path().join("a.sig"), &signature).expect("written");
        let config = scratch.path().join("a.yaml");
        let signed = |component: &[u8], signature, public_key| {
            let pins = Pins { digest: None, signature: Some(SignaturePin { signature, public_key }) };
            check(component, &pins, &config)
        };
        let (file, key) = (Attached::File("a.sig".into()), Attached::File("key.pub".into()));
        assert_eq!(signed(b"a component", file.clone(), key.clone()), Ok(()));
        assert_eq!(signed(b"a component", Attached::Inline(signature), key.clone()), Ok(()));
        let (wrong, _) = signed(b"another one", file, key.clone()).expect_err("signed by nobody");
        assert_eq!(wrong, "Signature");
        let (missing, _) = signed(b"a component", Attached::File("none".into()), key).expect_err("there is none");
        assert_eq!(missing, "Signature");
    }
}
