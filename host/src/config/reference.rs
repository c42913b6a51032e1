//! How a component in a registry is named: `oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]`.

use std::fmt;
use std::str::FromStr;

/// A component in a registry.
///
/// With a digest it is one certain component, and the tag is only for people. Without one it is what the tag leads to,
/// which may be another component tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The host, with the port if there is one.
    pub registry: String,
    /// The path below it: lower case, parts joined by `/`.
    pub repository: String,
    /// The tag. With neither tag nor digest, it is [`Self::LATEST`].
    pub tag: Option<String>,
    /// The digest of the manifest: `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
}

/// What is no reference, in a line that says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]")]
pub struct ReferenceError(String);

impl Reference {
    /// What a component is named by that is in a registry and not a file.
    pub const SCHEME: &str = "oci://";

    /// The tag of a reference without tag and digest.
    pub const LATEST: &str = "latest";

    /// The host alone.
    pub fn host(&self) -> &str {
        self.registry.split_once(':').map_or(&self.registry, |(host, _)| host)
    }

    /// The tag that is asked for if there is no digest.
    pub fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or(Self::LATEST)
    }

    /// The same, pinned to a manifest.
    #[must_use]
    pub fn pinned(&self, digest: &str) -> Self {
        Self { digest: Some(digest.to_owned()), ..self.clone() }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |what: String| Err(ReferenceError(what));
        let Some(rest) = text.strip_prefix(Self::SCHEME) else {
            return wrong(format!("{text:?} does not begin with {}", Self::SCHEME));
        };
        if rest.split('/').next().is_some_and(|registry| registry.contains('@')) {
            // What stands there is shown nowhere.
            return wrong("credentials do not belong into a reference, but into a file (`docker login`)".to_owned());
        }
        let Some((registry, rest)) = rest.split_once('/') else {
            return wrong(format!("{text:?} names no repository"));
        };
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !is_registry(registry) {
            return wrong(format!("{registry:?} is no host, or no host and port"));
        }
        if !is_repository(repository) {
            return wrong(format!(
                "{repository:?} is no repository: it has lower case letters, digits, and . _ - between"
            ));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return wrong(format!("{tag:?} is no tag: it has letters, digits, _ . - and at most 128 of them"));
        }
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return wrong(format!("{digest:?} is no digest: it is sha256: and 64 hexadecimal digits in lower case"));
        }
        let [tag, digest] = [tag, digest].map(|part| part.map(str::to_owned));
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", Self::SCHEME, self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether this is how digests are written: `sha256:` and 64 hexadecimal digits in lower case.
pub fn is_digest(text: &str) -> bool {
    let is_hex = |digits: &str| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    text.strip_prefix("sha256:").is_some_and(|digits| digits.len() == 64 && is_hex(digits))
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        is_edge(label.bytes().next())
            && is_edge(label.bytes().next_back())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label)
        && port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

fn is_repository(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(is_plain)
            && part.bytes().next_back().is_some_and(is_plain)
            && part.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
            && !part.contains("..")
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(is_plain)
        && text.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'-'))
}

/// As the distribution specification advises, with the host.
const LONGEST_REPOSITORY: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn references_are_taken_apart_and_put_together_again() {
        fn check(text: &str, parts: [Option<&str>; 4]) {
            let reference: Reference = text.parse().expect(text);
            let Reference { registry, repository, tag, digest } = &reference;
            let found = [Some(registry.as_str()), Some(repository.as_str()), tag.as_deref(), digest.as_deref()];
            assert_eq!(found, parts, "{text}");
            assert_eq!(reference.to_string(), text);
        }
        check("oci://ghcr.io/a/b/geo:1.2", [Some("ghcr.io"), Some("a/b/geo"), Some("1.2"), None]);
        check("oci://localhost:5000/geo", [Some("localhost:5000"), Some("geo"), None, None]);
        check(&format!("oci://127.0.0.1:5/a@{DIGEST}"), [Some("127.0.0.1:5"), Some("a"), None, Some(DIGEST)]);
        check(&format!("oci://a/b-c_d.e:V1@{DIGEST}"), [Some("a"), Some("b-c_d.e"), Some("V1"), Some(DIGEST)]);
    }

    #[test]
    fn what_is_no_reference_says_why() {
        fn check(text: &str, expected: &str) {
            let error = text.parse::<Reference>().expect_err(text).to_string();
            let form = "; expected oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]";
            assert_eq!(error.strip_suffix(form), Some(expected), "{text}");
        }
        const REPOSITORY: &str = "is no repository: it has lower case letters, digits, and . _ - between";
        const TAG: &str = "is no tag: it has letters, digits, _ . - and at most 128 of them";
        const HOST: &str = "is no host, or no host and port";
        check("https://a/b", "\"https://a/b\" does not begin with oci://");
        check("oci://ghcr.io", "\"oci://ghcr.io\" names no repository");
        check("oci://ghcr.io/", &format!("\"\" {REPOSITORY}"));
        check("oci:///a", &format!("\"\" {HOST}"));
        const LOGIN: &str = "credentials do not belong into a reference, but into a file (`docker login`)";
        check("oci://user:secret@host/a", LOGIN);
        check("oci://user:secret@host", LOGIN);
        check("oci://host:65536/a", &format!("\"host:65536\" {HOST}"));
        check("oci://host:/a", &format!("\"host:\" {HOST}"));
        check("oci://host/Geo", &format!("\"Geo\" {REPOSITORY}"));
        check("oci://host/a//b", &format!("\"a//b\" {REPOSITORY}"));
        check("oci://host/../b", &format!("\"../b\" {REPOSITORY}"));
        check("oci://host/a?b", &format!("\"a?b\" {REPOSITORY}"));
        check("oci://host/a:", &format!("\"\" {TAG}"));
        check("oci://host/a:-1", &format!("\"-1\" {TAG}"));
        check(
            "oci://host/a@sha256:12",
            "\"sha256:12\" is no digest: it is sha256: and 64 hexadecimal digits in lower case",
        );
    }
}
