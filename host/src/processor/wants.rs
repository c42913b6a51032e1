//! What a component wants of the world outside, by what it imports, and what of that it gets.
//!
//! Pure: the names of imports say it before anything of the component runs.

use std::fmt;

use crate::config::Capabilities;

/// One thing that a component wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What it is.
    pub authority: Authority,
    /// The interfaces that it imports for it.
    pub interfaces: Vec<String>,
}

/// Something outside of the sandbox that a component may want to touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// Files and directories.
    Files,
    /// Environment variables and arguments.
    Environment,
    /// The time.
    Clock,
    /// Random numbers.
    Random,
    /// Standard input, output and error, and to exit.
    Streams,
    /// The network.
    Network,
    /// Something that no agent has heard of.
    Unknown,
}

/// What a component imports that is more than the contract, in the order of [`Authority`].
pub fn wants(imports: &[String]) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::new();
    for import in imports {
        let Some(authority) = authority(import) else { continue };
        match wants.iter_mut().find(|want| want.authority == authority) {
            Some(want) => want.interfaces.push(import.clone()),
            None => wants.push(Want { authority, interfaces: vec![import.clone()] }),
        }
    }
    wants.sort_by_key(|want| want.authority);
    wants
}

impl Want {
    /// Whether a component may have what it wants. Streams lead nowhere else than to the log, so everyone may.
    pub fn is_granted(&self, granted: &Capabilities) -> bool {
        match self.authority {
            Authority::Files => !granted.dirs.is_empty(),
            Authority::Environment => !granted.env.is_empty(),
            Authority::Clock => granted.clock,
            Authority::Random => granted.random,
            Authority::Streams => true,
            Authority::Network | Authority::Unknown => false,
        }
    }

    /// What a component gets of it, for a person.
    pub fn gets(&self, granted: &Capabilities) -> String {
        match self.authority {
            Authority::Files if granted.dirs.is_empty() => "none, there is no directory to open them in".to_owned(),
            Authority::Files => {
                let dir = |dir: &crate::config::DirGrant| {
                    let access = if dir.writable { "read and written" } else { "only read" };
                    format!("those in {} as {}, {access}", dir.host.display(), dir.guest)
                };
                granted.dirs.iter().map(dir).collect::<Vec<_>>().join("; ")
            }
            Authority::Environment if granted.env.is_empty() => "an empty one".to_owned(),
            Authority::Environment => granted.env.join(", "),
            Authority::Clock if granted.clock => "the real one".to_owned(),
            Authority::Clock => "the time at which its batch was read, and no other clock".to_owned(),
            Authority::Random if granted.random => "real ones".to_owned(),
            Authority::Random => "the same ones for every batch".to_owned(),
            Authority::Streams => "no input; what it prints goes to the log".to_owned(),
            Authority::Network => "none, all is denied".to_owned(),
            Authority::Unknown => "none, to call one is a fault".to_owned(),
        }
    }
}

/// The lines that say what a component wants and what it gets of it.
pub fn lines(wants: &[Want], granted: &Capabilities) -> Vec<String> {
    if wants.is_empty() {
        return vec!["wants nothing from outside".to_owned()];
    }
    let line =
        |want: &Want| format!("wants {} ({}): gets {}", want.authority, want.interfaces.join(", "), want.gets(granted));
    wants.iter().map(line).collect()
}

/// What an import is a part of; none if it is no authority at all.
fn authority(import: &str) -> Option<Authority> {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    if name.starts_with("loglift:processor/") {
        return None;
    }
    if !is_linked(name, version) {
        return Some(if name.starts_with("wasi:http/") { Authority::Network } else { Authority::Unknown });
    }
    let (package, interface) = name.split_once('/')?;
    match (package, interface) {
        ("wasi:io", _) => None,
        ("wasi:cli", "environment") => Some(Authority::Environment),
        ("wasi:cli", _) => Some(Authority::Streams),
        ("wasi:clocks", _) => Some(Authority::Clock),
        ("wasi:filesystem", _) => Some(Authority::Files),
        ("wasi:random", _) => Some(Authority::Random),
        _ => Some(Authority::Network),
    }
}

/// Whether the host has an interface that is imported under this name: WASI 0.2, without HTTP.
fn is_linked(name: &str, version: &str) -> bool {
    const PACKAGES: [&str; 6] =
        ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
    version.starts_with("0.2.") && PACKAGES.iter().any(|package| name.starts_with(package))
}

/// Whether a component needs WASI to be linked.
pub(super) fn imports_wasi(imports: &[String]) -> bool {
    let is_wasi = |import: &String| import.split_once('@').is_some_and(|(name, version)| is_linked(name, version));
    imports.iter().any(is_wasi)
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files",
            Self::Environment => "the environment",
            Self::Clock => "the time",
            Self::Random => "random numbers",
            Self::Streams => "standard streams",
            Self::Network => "the network",
            Self::Unknown => "unknown imports",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_sorted_by_what_they_reach() {
        fn check(import: &str, expected: Option<Authority>) {
            assert_eq!(authority(import), expected, "{import}");
        }
        check("loglift:processor/host@0.1.0", None);
        check("wasi:io/poll@0.2.0", None);
        check("wasi:cli/environment@0.2.6", Some(Authority::Environment));
        check("wasi:cli/stdout@0.2.6", Some(Authority::Streams));
        check("wasi:cli/exit@0.2.12", Some(Authority::Streams));
        check("wasi:clocks/wall-clock@0.2.3", Some(Authority::Clock));
        check("wasi:filesystem/types@0.2.0", Some(Authority::Files));
        check("wasi:random/insecure-seed@0.2.0", Some(Authority::Random));
        check("wasi:sockets/tcp@0.2.0", Some(Authority::Network));
        check("wasi:http/outgoing-handler@0.2.0", Some(Authority::Network));
        check("wasi:keyvalue/store@0.2.0", Some(Authority::Unknown));
        check("wasi:clocks/wall-clock@0.3.0", Some(Authority::Unknown));
        check("wasi:io/streams", Some(Authority::Unknown));
        check("evil:corp/exfiltrate", Some(Authority::Unknown));
        check("read-secrets", Some(Authority::Unknown));
    }

    #[test]
    fn what_is_wanted_and_what_is_got() {
        let imports = ["wasi:random/random@0.2.0", "wasi:io/poll@0.2.0", "wasi:random/insecure@0.2.0", "a:b/c"];
        let wants = wants(&imports.map(str::to_owned));
        let nothing = Capabilities::default();
        let expected = [
            "wants random numbers (wasi:random/random@0.2.0, wasi:random/insecure@0.2.0): gets the same ones for every \
                batch",
            "wants unknown imports (a:b/c): gets none, to call one is a fault",
        ];
        assert_eq!(lines(&wants, &nothing), expected);
        assert!(!wants[0].is_granted(&nothing) && !wants[1].is_granted(&nothing));
        let random = Capabilities { random: true, ..nothing };
        assert!(wants[0].is_granted(&random) && !wants[1].is_granted(&random));
        assert_eq!(lines(&[], &random), ["wants nothing from outside"]);
    }
}
