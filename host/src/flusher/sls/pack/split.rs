//! Halves a package that the service calls too large or invalid, so that what it can take gets through.
//!
//! One bad log makes the service refuse the whole request. Halves are tried again and halved again, until one log is alone
//! with its fault. Both halves have the tags of the whole. The first one has its id as well, and the second one the id that it
//! would have as a package: nobody is to take it for the first one that comes twice.
//!
//! The bytes may come from a disk, so nothing in them is taken for granted.

use super::MAX_RAW_BYTES;
use super::compress::{Compressor, decompress};
use super::list::{self, Member};
use super::tags::later_pack_id;
use super::wire::{Field, Malformed, Value, fields};
use crate::flusher::sls::package::{Compression, Form, Head, Origin, Package};

/// Why a package cannot be halved. It is damaged: sending it again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The body does not decompress to what its head says.
    #[error("package cannot be decompressed")]
    Compressed,
    /// What is in it is no log group, or no list of them.
    #[error("package is no log group")]
    Content(#[from] Malformed),
}

/// Halves a package: a list into lists or groups, a group into groups. `None` if it has only one log, or none.
///
/// # Errors
/// [`SplitError`] for a package that is damaged.
pub fn split(package: &Package) -> Result<Option<[Package; 2]>, SplitError> {
    let head = &package.head;
    let members = match head.form {
        Form::LogGroup => {
            let raw_bytes = usize::try_from(head.raw_bytes).map_err(|_| SplitError::Compressed)?;
            vec![Member { compression: head.compression, raw_bytes, body: package.body.clone() }]
        }
        Form::List => list::decode(&package.body)?,
    };
    let halves = match &members[..] {
        [] => return Ok(None),
        [alone] => halves_of_group(alone)?,
        several => Some(halves_of_list(several)?),
    };
    Ok(halves.map(|[first, second]| {
        let [first_origins, second_origins] = share_out(&head.origins, first.events, second.events);
        [first.package(head, first_origins), second.package(head, second_origins)]
    }))
}

/// One of two parts.
struct Half {
    form: Form,
    member: Member,
    events: u64,
}

impl Half {
    fn package(self, head: &Head, origins: Vec<Origin>) -> Package {
        let Self { form, member, events } = self;
        let head = Head {
            form,
            compression: member.compression,
            raw_bytes: member.raw_bytes as u64,
            events,
            origins,
            ..head.clone()
        };
        Package { head, body: member.body }
    }
}

fn halves_of_list(members: &[Member]) -> Result<[Half; 2], SplitError> {
    let (first, second) = members.split_at(members.len() / 2);
    Ok([half_of_list(first)?, half_of_list(second)?])
}

fn half_of_list(members: &[Member]) -> Result<Half, SplitError> {
    let mut events = 0;
    for member in members {
        events += Parts::of(&raw(member)?)?.logs.len() as u64;
    }
    if let [alone] = members {
        return Ok(Half { form: Form::LogGroup, member: alone.clone(), events });
    }
    let body = list::encode(members);
    let compression = members.first().map_or(Compression::None, |member| member.compression);
    Ok(Half { form: Form::List, member: Member { compression, raw_bytes: body.len(), body: body.into() }, events })
}

fn halves_of_group(group: &Member) -> Result<Option<[Half; 2]>, SplitError> {
    let raw = raw(group)?;
    let Parts { logs, others } = Parts::of(&raw)?;
    if logs.len() < 2 {
        return Ok(None);
    }
    let mut compressor = Compressor::new(group.compression);
    let mut half = |logs: &[&[u8]], others: Vec<u8>| {
        let raw = [logs.concat(), others].concat();
        let (compression, body) = compressor.compress(&raw);
        let member = Member { compression, raw_bytes: raw.len(), body };
        Half { form: Form::LogGroup, member, events: logs.len() as u64 }
    };
    let (first, second) = logs.split_at(logs.len() / 2);
    let later = |field: &Field<'_>| later_pack_id(field, first.len() as u64).unwrap_or_else(|| field.encoded.to_vec());
    let same = others.iter().flat_map(|field| field.encoded).copied().collect();
    let later = others.iter().flat_map(later).collect();
    Ok(Some([half(first, same), half(second, later)]))
}

fn raw(member: &Member) -> Result<bytes::Bytes, SplitError> {
    let raw = (member.raw_bytes <= LARGEST_RAW_BYTES)
        .then(|| decompress(member.compression, &member.body, member.raw_bytes))
        .flatten();
    raw.ok_or(SplitError::Compressed)
}

/// The fields of a group: its logs as they are encoded, and the others.
struct Parts<'a> {
    logs: Vec<&'a [u8]>,
    others: Vec<Field<'a>>,
}

impl<'a> Parts<'a> {
    fn of(group: &'a [u8]) -> Result<Self, Malformed> {
        let (mut logs, mut others) = (Vec::new(), Vec::new());
        for field in fields(group) {
            let field = field?;
            match (field.number, field.value) {
                (LOGS, Value::Bytes(_)) => logs.push(field.encoded),
                (LOGS, _) => return Err(Malformed),
                _ => others.push(field),
            }
        }
        Ok(Self { logs, others })
    }
}

/// Shares out what was read among two halves that have so many events. The sums stay.
fn share_out(origins: &[Origin], first: u64, second: u64) -> [Vec<Origin>; 2] {
    let all = u128::from(first + second).max(1);
    let share = |bytes: u64| (u128::from(bytes) * u128::from(first) / all) as u64;
    [
        origins.iter().map(|origin| Origin { bytes: share(origin.bytes), ..*origin }).collect(),
        origins.iter().map(|origin| Origin { bytes: origin.bytes - share(origin.bytes), ..*origin }).collect(),
    ]
}

const LOGS: u32 = 1;

/// More than any package has; a head that says more is damaged. Above the service's limit, since a package that exceeds
/// it may be just what is to be halved.
const LARGEST_RAW_BYTES: usize = 4 * MAX_RAW_BYTES;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{G1, G2, Log, bytes, groups};
    use super::super::wire::{put_bytes, put_number, put_pair};
    use super::*;

    fn raw_group(first: u32, logs: u32) -> Vec<u8> {
        let mut raw = Vec::new();
        for time in first..first + logs {
            let mut log = Vec::new();
            put_number(&mut log, 1, u64::from(time));
            put_pair(&mut log, 2, b"content", b"a line");
            put_bytes(&mut raw, 1, &log);
        }
        put_bytes(&mut raw, 3, b"topic");
        put_pair(&mut raw, 6, b"tag", b"value");
        raw
    }

    fn member(raw: &[u8], compression: Compression) -> Member {
        let (compression, body) = Compressor::new(compression).compress(raw);
        Member { compression, raw_bytes: raw.len(), body }
    }

    fn package(form: Form, member: Member, events: u64) -> Package {
        let origins = vec![Origin { generation: 1, lane: 2, bytes: 1001 }, Origin { generation: 3, lane: 2, bytes: 1 }];
        let head = Head {
            pipeline: "p".to_owned(),
            form,
            compression: member.compression,
            raw_bytes: member.raw_bytes as u64,
            hash_key: Some("AB".to_owned()),
            events,
            read_seconds: 5,
            origins,
        };
        Package { head, body: member.body }
    }

    fn list(sizes: &[u32], compression: Compression) -> Package {
        let starts = sizes.iter().scan(0, |next, size| Some(std::mem::replace(next, *next + size)));
        let members: Vec<Member> =
            starts.zip(sizes).map(|(start, size)| member(&raw_group(start, *size), compression)).collect();
        let body = list::encode(&members);
        let member = Member { compression, raw_bytes: body.len(), body: body.into() };
        package(Form::List, member, u64::from(sizes.iter().sum::<u32>()))
    }

    fn logs(package: &Package) -> Vec<Log> {
        groups(package).into_iter().flat_map(|group| group.logs).collect()
    }

    /// Halves a package until nothing is left to halve.
    fn split_all(package: Package) -> Vec<Package> {
        match split(&package).unwrap() {
            None => vec![package],
            Some(halves) => {
                let bytes = |packages: &[Package]| -> u64 {
                    packages.iter().flat_map(|package| &package.head.origins).map(|origin| origin.bytes).sum()
                };
                assert_eq!(bytes(&halves), bytes(std::slice::from_ref(&package)));
                assert_eq!(halves.iter().map(|half| half.head.events).sum::<u64>(), package.head.events);
                halves.into_iter().flat_map(split_all).collect()
            }
        }
    }

    #[test]
    fn halving_ends_with_single_logs_in_order_that_have_all_tags() {
        for compression in [Compression::Lz4, Compression::Zstd, Compression::None] {
            let group = package(Form::LogGroup, member(&raw_group(0, 7), compression), 7);
            for whole in [group, list(&[1, 3, 2, 1], compression), list(&[7], compression)] {
                let all = logs(&whole);
                let single = split_all(whole);
                assert_eq!(single.len(), 7);
                assert_eq!(single.iter().flat_map(logs).collect::<Vec<_>>(), all);
                for package in single {
                    let Package { head, .. } = &package;
                    assert_eq!((head.form, head.events, head.read_seconds), (Form::LogGroup, 1, 5));
                    assert_eq!((head.compression, head.hash_key.as_deref()), (compression, Some("AB")));
                    let group = &groups(&package)[0];
                    assert_eq!(group.topic.as_deref(), Some(&b"topic"[..]));
                    assert_eq!(group.tags, [(b"tag".to_vec(), b"value".to_vec())]);
                }
            }
        }
    }

    #[test]
    fn no_two_parts_have_the_same_id() {
        let mut raw = raw_group(0, 7);
        put_pair(&mut raw, 6, b"__pack_id__", b"CD01-FF");
        let parts = split_all(package(Form::LogGroup, member(&raw, Compression::Lz4), 7));
        let id = |part: &Package| String::from_utf8(groups(part)[0].tags[1].1.clone()).unwrap();
        let expected = ["CD01-FF", "CD01-100", "CD01-101", "CD01-102", "CD01-103", "CD01-104", "CD01-105"];
        assert_eq!(parts.iter().map(id).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_list_is_split_between_its_groups_first() {
        let halves = split(&list(&[3, 4, 1], Compression::Lz4)).unwrap().unwrap();
        let shapes = halves.each_ref().map(|half| (half.head.form, half.head.events, half.head.origins[0].bytes));
        assert_eq!(shapes, [(Form::LogGroup, 3, 375), (Form::List, 5, 626)]);
    }

    #[test]
    fn what_is_shared_out_sums_up() {
        let origin = |bytes| Origin { generation: 1, lane: 1, bytes };
        let check = |bytes, first, second, expected: [u64; 2]| {
            assert_eq!(share_out(&[origin(bytes)], first, second), expected.map(|bytes| vec![origin(bytes)]));
        };
        check(10, 1, 2, [3, 7]);
        check(u64::MAX, 1, 1, [u64::MAX / 2, u64::MAX / 2 + 1]);
        check(5, 0, 0, [0, 5]);
    }

    #[test]
    fn damage_is_an_error() {
        let lz4 = |raw: &[u8]| package(Form::LogGroup, member(raw, Compression::Lz4), 2);
        assert_eq!(split(&lz4(&bytes(G1))), Ok(None));
        assert!(split(&lz4(&bytes(G2))).unwrap().is_some());
        assert_eq!(split(&lz4(&bytes(G2)[..100])), Err(SplitError::Content(Malformed)));
        assert_eq!(split(&lz4(b"\x08\x01")), Err(SplitError::Content(Malformed)));
        for raw_bytes in [0, 172, 174, u64::MAX] {
            let mut wrong = lz4(&bytes(G2));
            wrong.head.raw_bytes = raw_bytes;
            assert_eq!(split(&wrong), Err(SplitError::Compressed));
        }
    }

    proptest! {
        #[test]
        fn no_damage_panics(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            is_list: bool,
            compression in prop::sample::select(vec![Compression::Lz4, Compression::Zstd, Compression::None]),
        ) {
            let mut package = if is_list {
                list(&[2, 3], compression)
            } else {
                package(Form::LogGroup, member(&raw_group(0, 5), compression), 5)
            };
            let mut body = package.body.to_vec();
            for (at, byte) in damage {
                let at = at.index(body.len());
                body[at] = byte;
            }
            package.body = body.into();
            _ = split(&package);
        }
    }
}
