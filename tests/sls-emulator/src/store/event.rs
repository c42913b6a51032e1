//! An event as a reader sees it.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::wire::{Head, Log};

/// One event with what its log group says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unix seconds.
    pub time: u32,
    /// The part of the second, if the client sent one.
    pub time_ns: Option<u32>,
    /// Empty if the group has none.
    pub topic: Vec<u8>,
    /// Empty if the group has none.
    pub source: Vec<u8>,
    /// Names and values of the group's tags.
    pub tags: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names and values in the order in which they were sent.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Event {
    pub(crate) fn new(head: &Head<'_>, log: &Log<'_>) -> Self {
        let owned = |(key, value): (&[u8], &[u8])| (key.to_vec(), value.to_vec());
        Self {
            time: log.time,
            time_ns: log.time_ns,
            topic: head.topic.to_vec(),
            source: head.source.to_vec(),
            tags: head.tags.iter().copied().map(owned).collect(),
            fields: log.contents().map(owned).collect(),
        }
    }

    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// Everything but the time by the names that the service shows, with replacement characters where a value is not
    /// UTF-8.
    pub fn named(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let head = [("__source__", &self.source), ("__topic__", &self.topic)];
        let head = head.into_iter().map(|(name, value)| (name.to_owned(), text(value)));
        let tags = self.tags.iter().map(|(name, value)| (format!("__tag__:{}", text(name)), text(value)));
        let fields = self.fields.iter().map(|(name, value)| (text(name), text(value)));
        head.chain(tags).chain(fields).collect()
    }
}

/// The shape of a query's answer.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("__time__", &self.time.to_string())?;
        if let Some(ns) = self.time_ns {
            map.serialize_entry("__time_ns_part__", &ns.to_string())?;
        }
        // A field that the client named as the time would take its place.
        let is_time = |name: &str| name == "__time__" || name == "__time_ns_part__";
        for (name, value) in self.named().into_iter().filter(|(name, _)| !is_time(name)) {
            map.serialize_entry(&name, &value)?;
        }
        map.end()
    }
}
