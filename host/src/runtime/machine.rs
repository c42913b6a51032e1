//! What the agent knows of the machine that it runs on, and of its own environment.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{AgentConfig, Lookup};
use crate::input::records::file_tags::FileTags;
use crate::input::records::tags::Machine;

/// The machine, and the tags that an operator keeps in a file.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The machine and the tags from the environment.
    pub machine: Arc<Machine>,
    /// The tags that an operator keeps in a file.
    pub file_tags: Option<Arc<FileTags>>,
}

impl Surroundings {
    /// Looks around. What `config` says of the machine wins over what is found.
    pub fn look(config: &AgentConfig, env: &Lookup<'_>) -> Self {
        let machine = Machine {
            hostname: config.working_hostname.clone().or_else(hostname),
            host_ip: config.working_ip.clone().or_else(|| local_address().map(|address| address.to_string())),
            env_tags: env_tags(env),
        };
        let file = first_of(env, &["LOONG_FILE_TAGS", "ALIYUN_LOG_FILE_TAGS"]).filter(|path| !path.is_empty());
        let file_tags = file.map(|path| Arc::new(FileTags::new(PathBuf::from(path))));
        // Read before the first event, so that no worker finds another one reading it for the first time.
        file_tags.iter().for_each(|file_tags| drop(file_tags.at(unix_seconds())));
        Self { machine: Arc::new(machine), file_tags }
    }

    /// How the agent calls itself when it sends something, with what an operator adds to that.
    pub fn user_agent(&self, custom: &str) -> String {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let (os, arch, version) = (std::env::consts::OS, std::env::consts::ARCH, env!("CARGO_PKG_VERSION"));
        let ip = self.machine.host_ip.as_deref().unwrap_or("unknown");
        let release = Some(release.trim()).filter(|release| !release.is_empty()).unwrap_or("unknown");
        format!("loglift/{version} ({os}; {release}; {arch}) ip/{ip} {custom}").trim_end().to_owned()
    }
}

/// What the machine's clock says, in Unix seconds; 0 if that is before 1970.
pub fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed())
}

/// Names and values of the variables that the environment itself names as tags.
fn env_tags(env: &Lookup<'_>) -> Vec<(String, String)> {
    let names = first_of(env, &["LOONG_ENV_TAGS", "ALIYUN_LOG_ENV_TAGS"]).unwrap_or_default();
    let names = names.split('|').map(str::trim).filter(|name| !name.is_empty());
    names.filter_map(|name| Some((name.to_owned(), env(name)?))).collect()
}

fn first_of(env: &Lookup<'_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env(name))
}

fn hostname() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The address of this machine on the way to the rest of the world: that of the default route. Without one there is none.
///
/// Connecting a datagram socket only chooses a route; nothing is sent.
fn local_address() -> Option<IpAddr> {
    let routes = [("0.0.0.0:0", SOMEWHERE_IPV4), ("[::]:0", SOMEWHERE_IPV6)];
    routes.into_iter().find_map(|(here, there)| {
        let socket = UdpSocket::bind(here).ok()?;
        socket.connect(there).ok()?;
        let address = socket.local_addr().ok()?.ip();
        (!address.is_loopback() && !address.is_unspecified()).then_some(address)
    })
}

/// Addresses that are kept for documentation (RFC 5737, RFC 3849), so that only the default route leads there.
const SOMEWHERE_IPV4: &str = "192.0.2.1:9";
const SOMEWHERE_IPV6: &str = "[2001:db8::1]:9";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_its_tags() {
        fn check(env: &[(&str, &str)], expected: &[(&str, &str)]) {
            let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
            let found = env_tags(&lookup);
            let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{env:?}");
        }
        check(&[("A", "1")], &[]);
        check(&[("LOONG_ENV_TAGS", "A| B||C"), ("A", "1"), ("B", "2")], &[("A", "1"), ("B", "2")]);
        check(&[("ALIYUN_LOG_ENV_TAGS", "A"), ("A", "1")], &[("A", "1")]);
        check(&[("ALIYUN_LOG_ENV_TAGS", "A"), ("LOONG_ENV_TAGS", "B"), ("A", "1"), ("B", "2")], &[("B", "2")]);
    }

    #[test]
    fn what_the_config_says_wins() {
        let named = |name: &str| Some(name.to_owned());
        let config = AgentConfig { working_hostname: named("h"), working_ip: named("10.0.0.1"), ..Default::default() };
        let found = Surroundings::look(&config, &|_| None);
        let expected = Machine { hostname: named("h"), host_ip: named("10.0.0.1"), env_tags: Vec::new() };
        assert_eq!((&*found.machine, found.file_tags.is_none()), (&expected, true));
    }
}
