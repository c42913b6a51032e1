//! Components in OCI registries: asked for, downloaded, kept by their digests, and pushed.
//!
//! A component is the one layer of type `application/wasm` of an artifact, as `wkg oci push` and
//! `oras push REFERENCE FILE:application/wasm` make it (`artifact`). What is downloaded is kept in a directory by the SHA-256
//! of its content, which is checked whenever it is read (`store`): with a digest in the reference, nobody is asked for what
//! is here already, and nobody can put something else in its place. The client is somebody else's (`wire`); here are its
//! limits and time-outs, and what its errors mean.

mod artifact;
mod credentials;
mod store;
mod wire;

use std::io;

use cap_std::fs::Dir;
use tracing::warn;

pub use artifact::{Facts, MAX_COMPONENT_BYTES};
pub use credentials::Credentials;
pub use wire::Trouble;

use self::store::Store;
use self::wire::Wire;
use crate::config::Reference;

/// The way to components in registries, and those that are here already.
#[derive(Debug)]
pub struct Registry {
    store: Store,
    access: Access,
}

/// How registries are spoken to.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who the agent is to them.
    pub credentials: Credentials,
    /// Those that are spoken to without TLS, as `HOST` or `HOST:PORT`, besides those on this machine.
    pub plain_http: Vec<String>,
}

/// A component that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The digest of the manifest, which a reference pins.
    pub manifest: String,
    /// The digest of the component itself, which `Sandbox.Digest` pins.
    pub component: String,
    /// Its size.
    pub bytes: u64,
}

impl Registry {
    /// Keeps what is pulled in a directory, which has to belong to the agent's user alone.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn new(directory: Dir, access: Access) -> io::Result<Self> {
        Ok(Self { store: Store::new(directory)?, access })
    }

    /// What is here of a reference, without asking anybody: the component that it pins, or else what its tag led to when it
    /// was last asked for.
    pub fn known(&self, reference: &Reference) -> Option<Kept> {
        let manifest = reference.digest.clone().or_else(|| self.store.tagged(reference))?;
        self.store.kept(&manifest)
    }

    /// The bytes of a component that is here.
    ///
    /// # Errors
    /// It is gone or damaged, and is no longer said to be here.
    pub fn read(&self, kept: &Kept) -> Result<Vec<u8>, String> {
        self.store.read(kept)
    }

    /// Sees to it that the component of a reference is here: asks the registry what its tag leads to, and downloads what is
    /// missing. Nobody is asked for what is pinned and here.
    ///
    /// # Errors
    /// In a line, what went wrong. What was here before still is.
    ///
    /// # Cancel safety
    /// Cancel safe: what is half downloaded is removed.
    pub async fn pull(&self, reference: &Reference) -> Result<Kept, Trouble> {
        let pinned = reference.digest.as_ref().and_then(|digest| self.store.kept(digest));
        if let Some(kept) = pinned {
            return Ok(kept);
        }
        let wire = Wire::new(reference, &self.access)?;
        let manifest = match &reference.digest {
            Some(digest) => digest.clone(),
            None => wire.digest_of_tag().await?,
        };
        let kept = match self.store.kept(&manifest) {
            Some(kept) => kept,
            None => self.download(&wire, reference, &manifest).await?,
        };
        if reference.digest.is_none() {
            let noted = self.store.tag(reference, &manifest);
            noted.map_err(|error| wire.trouble(&format!("cannot note what its tag leads to: {error}")))?;
        }
        Ok(kept)
    }

    async fn download(&self, wire: &Wire, reference: &Reference, digest: &str) -> Result<Kept, Trouble> {
        let unkept = |error: io::Error| wire.trouble(&format!("cannot keep it in the cache: {error}"));
        let manifest = wire.manifest(digest).await?;
        let component = artifact::read(&manifest).map_err(|what| wire.trouble(&what))?;
        if !self.store.has(&component) {
            let mut file = self.store.begin(&component.digest).map_err(unkept)?;
            wire.component(&component, &mut file).await?;
            self.store.finish(file).map_err(unkept)?;
        }
        self.store.put_manifest(digest, &manifest).map_err(unkept)?;
        if let Err(error) = self.store.remove_old() {
            warn!(%reference, %error, "old components not removed from the cache");
        }
        Ok(Kept { manifest: digest.to_owned(), component: component.digest, bytes: component.bytes })
    }
}

/// Brings a component to a registry, under the tag of the reference. Returns the digest of its manifest.
///
/// The same component with the same facts always has the same digest.
///
/// # Errors
/// In a line, what went wrong.
pub async fn push(
    reference: &Reference,
    component: Vec<u8>,
    facts: &Facts,
    access: &Access,
) -> Result<String, Trouble> {
    Wire::new(reference, access)?.push(component, facts).await
}

/// Whether a registry is spoken to without TLS: one on this machine, or one that was named.
fn is_plain(reference: &Reference, named: &[String]) -> bool {
    let host = reference.host();
    let is_loopback = host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|host| host.is_loopback());
    is_loopback || named.iter().any(|named| *named == reference.registry || named == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_and_for_what_is_named() {
        fn check(registry: &str, named: &[&str], expected: bool) {
            let reference = format!("oci://{registry}/a").parse().expect(registry);
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(is_plain(&reference, &named), expected, "{registry} {named:?}");
        }
        check("localhost:5000", &[], true);
        check("127.0.0.1", &[], true);
        check("127.9.9.9:5000", &[], true);
        check("127.0.0.1.example.com", &[], false);
        check("localhost.example.com", &[], false);
        check("10.0.0.1:5000", &[], false);
        check("10.0.0.1:5000", &["10.0.0.1:5000"], true);
        check("10.0.0.1:5000", &["10.0.0.1"], true);
        check("10.0.0.1:5000", &["10.0.0.1:5001", "10.0.0"], false);
    }
}
