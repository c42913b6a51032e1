//! What was accepted and refused.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::wire::LogGroup;

/// Counts since the start, or since the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// By the name of the operation.
    pub requests: BTreeMap<String, Requests>,
    /// Log groups in accepted writes.
    pub log_groups: u64,
    /// Events in accepted writes.
    pub events: u64,
    /// Bytes of accepted writes before compression.
    pub raw_bytes: u64,
    /// Bytes of accepted writes as sent.
    pub body_bytes: u64,
    /// Requests that a fault met.
    pub faults: u64,
    /// By the first part of the tag `__pack_id__`, which stands for one source.
    pub pack_ids: BTreeMap<String, Packs>,
}

/// Requests of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// How many were done.
    pub accepted: u64,
    /// How many were not, by the code of the answer.
    pub refused: BTreeMap<String, u64>,
}

/// The numbered groups of one source, which show what is lost and what came twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Packs {
    /// All groups, repeated ones too.
    pub groups: u64,
    /// Groups whose number had come before.
    pub repeated: u64,
    /// The numbers that came, as first and last of each run.
    pub runs: Vec<(u64, u64)>,
}

impl Stats {
    /// Counts a request that was done.
    pub(crate) fn accept(&mut self, operation: &str) {
        self.requests.entry(operation.to_owned()).or_default().accepted += 1;
    }

    /// Counts a request that was not done.
    pub(crate) fn refuse(&mut self, operation: &str, code: &str) {
        let refused = &mut self.requests.entry(operation.to_owned()).or_default().refused;
        *refused.entry(code.to_owned()).or_default() += 1;
    }

    /// Counts what a write carried.
    pub(crate) fn write(&mut self, groups: &[LogGroup<'_>], raw_bytes: usize, body_bytes: usize) {
        self.log_groups += groups.len() as u64;
        self.events += groups.iter().map(|group| group.logs.len() as u64).sum::<u64>();
        self.raw_bytes += raw_bytes as u64;
        self.body_bytes += body_bytes as u64;
        for group in groups {
            if let Some((source, number)) = group.head.tag(b"__pack_id__").and_then(parse_pack_id) {
                self.pack_ids.entry(source.to_owned()).or_default().add(number);
            }
        }
    }
}

impl Packs {
    fn add(&mut self, number: u64) {
        self.groups += 1;
        let at = self.runs.partition_point(|(first, _)| *first <= number);
        let before = at.checked_sub(1).map(|before| self.runs[before]);
        if before.is_some_and(|(_, last)| number <= last) {
            self.repeated += 1;
            return;
        }
        let extends = before.is_some_and(|(_, last)| last + 1 == number);
        let precedes = self.runs.get(at).is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (extends, precedes) {
            (true, true) => self.runs[at - 1].1 = self.runs.remove(at).1,
            (true, false) => self.runs[at - 1].1 = number,
            (false, true) => self.runs[at].0 = number,
            (false, false) => self.runs.insert(at, (number, number)),
        }
    }
}

/// Splits `HEX-HEX` into the source and the number.
fn parse_pack_id(id: &[u8]) -> Option<(&str, u64)> {
    let (source, number) = std::str::from_utf8(id).ok()?.rsplit_once('-')?;
    Some((source, u64::from_str_radix(number, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_show_gaps_and_repeats() {
        for (numbers, runs, repeated) in [
            (&[0, 1, 2][..], &[(0, 2)][..], 0),
            (&[2, 0, 1], &[(0, 2)], 0),
            (&[0, 1, 4, 5], &[(0, 1), (4, 5)], 0),
            (&[0, 2, 1, 2, 0], &[(0, 2)], 2),
            (&[7, 6], &[(6, 7)], 0),
            (&[u64::MAX, u64::MAX], &[(u64::MAX, u64::MAX)], 1),
        ] {
            let mut packs = Packs::default();
            numbers.iter().for_each(|number| packs.add(*number));
            assert_eq!((packs.runs.as_slice(), packs.repeated), (runs, repeated), "{numbers:?}");
            assert_eq!(packs.groups, numbers.len() as u64);
        }
    }

    #[test]
    fn pack_ids_have_two_parts() {
        assert_eq!(parse_pack_id(b"CD01-1A"), Some(("CD01", 26)));
        assert_eq!(parse_pack_id(b"CD01"), None);
        assert_eq!(parse_pack_id(b"CD01-xyz"), None);
        assert_eq!(parse_pack_id(b"\xff-1"), None);
    }
}
