//! Reads log groups from protobuf without copying: names and values are bytes, since values may not be UTF-8.
//!
//! ```text
//! LogGroup: Logs 1*, Category 2, Topic 3, Source 4, MachineUUID 5, LogTags 6*     LogTag: Key 1, Value 2
//! Log: Time 1 (varint), Contents 2*, Time_ns 4 (fixed32)                          Content: Key 1, Value 2
//! SlsLogPackageList: packages 1*       SlsLogPackage: data 1, uncompress_size 2, compress_type 3
//! LogGroupList: logGroupList 1*
//! ```

/// Bytes that are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed protobuf")]
pub(crate) struct Malformed;

/// A log group whose logs have been checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogGroup<'a> {
    /// The logs in their order.
    pub logs: Vec<Log<'a>>,
    /// Everything else.
    pub head: Head<'a>,
}

/// What the logs of a group have in common.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    /// Empty if the group has none.
    pub topic: &'a [u8],
    /// Empty if the group has none.
    pub source: &'a [u8],
    /// Empty if the group has none.
    pub machine_uuid: &'a [u8],
    /// Names and values of tags, in their order.
    pub tags: Vec<(&'a [u8], &'a [u8])>,
}

/// One log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Log<'a> {
    /// Unix seconds.
    pub time: u32,
    /// The part of a second, if the log has one.
    pub time_ns: Option<u32>,
    /// The encoded log.
    pub bytes: &'a [u8],
}

impl<'a> LogGroup<'a> {
    /// Reads a group and checks every log in it.
    ///
    /// # Errors
    /// [`Malformed`] for anything that a strict reader of this message would refuse.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut group = Self::default();
        for field in fields(bytes) {
            match field? {
                (1, Field::Bytes(log)) => group.logs.push(Log::read(log)?),
                (3, Field::Bytes(topic)) => group.head.topic = topic,
                (4, Field::Bytes(source)) => group.head.source = source,
                (5, Field::Bytes(uuid)) => group.head.machine_uuid = uuid,
                (6, Field::Bytes(tag)) => group.head.tags.push(read_pair(tag)?),
                (1..=6, Field::Number(_) | Field::Fixed32(_) | Field::Fixed64) => return Err(Malformed),
                _ => {}
            }
        }
        Ok(group)
    }
}

impl Head<'_> {
    /// The value of a tag.
    pub(crate) fn tag(&self, name: &[u8]) -> Option<&[u8]> {
        self.tags.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Encodes the head as a log group without logs.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, value) in [(3, self.topic), (4, self.source), (5, self.machine_uuid)] {
            if !value.is_empty() {
                put_bytes(&mut out, number, value);
            }
        }
        for (key, value) in &self.tags {
            let mut tag = Vec::new();
            put_bytes(&mut tag, 1, key);
            put_bytes(&mut tag, 2, value);
            put_bytes(&mut out, 6, &tag);
        }
        out
    }
}

impl<'a> Log<'a> {
    /// Reads a log and checks its contents.
    ///
    /// # Errors
    /// [`Malformed`] if it has no time, or a content has no key or no value.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut time = None;
        let mut time_ns = None;
        for field in fields(bytes) {
            match field? {
                (1, Field::Number(seconds)) => time = Some(u32::try_from(seconds).map_err(|_| Malformed)?),
                (2, Field::Bytes(content)) => _ = read_pair(content)?,
                (4, Field::Fixed32(ns)) => time_ns = Some(ns),
                (1 | 2 | 4, _) => return Err(Malformed),
                _ => {}
            }
        }
        Ok(Self { time: time.ok_or(Malformed)?, time_ns, bytes })
    }

    /// Names and values in their order.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        fields(self.bytes).filter_map(|field| match field {
            Ok((2, Field::Bytes(content))) => read_pair(content).ok(),
            _ => None,
        })
    }
}

/// One group of a package list, still compressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package<'a> {
    /// The compressed group.
    pub data: &'a [u8],
    /// Its size before compression.
    pub raw_size: Option<usize>,
    /// 0 none, 1 deflate, 2 LZ4, 3 zstd.
    pub compression: u64,
}

/// Reads a list of packages.
///
/// # Errors
/// [`Malformed`] for anything but such a list.
pub(crate) fn read_packages(bytes: &[u8]) -> Result<Vec<Package<'_>>, Malformed> {
    const LZ4: u64 = 2;
    let mut packages = Vec::new();
    for field in fields(bytes) {
        let (1, Field::Bytes(bytes)) = field? else { return Err(Malformed) };
        let mut package = Package { data: &[], raw_size: None, compression: LZ4 };
        for field in fields(bytes) {
            match field? {
                (1, Field::Bytes(data)) => package.data = data,
                (2, Field::Number(size)) => package.raw_size = usize::try_from(size).ok(),
                (3, Field::Number(kind)) => package.compression = kind,
                (1..=3, _) => return Err(Malformed),
                _ => {}
            }
        }
        packages.push(package);
    }
    Ok(packages)
}

/// Appends a length-delimited field.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    const LENGTH_DELIMITED: u64 = 2;
    put_varint(out, u64::from(number) << 3 | LENGTH_DELIMITED);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    Fixed64,
}

fn read_pair(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut key = None;
    let mut value = None;
    for field in fields(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => key = Some(bytes),
            (2, Field::Bytes(bytes)) => value = Some(bytes),
            (1 | 2, _) => return Err(Malformed),
            _ => {}
        }
    }
    key.zip(value).ok_or(Malformed)
}

/// The fields of a message; after an error comes nothing more.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u32, Field<'_>), Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let field = take_field(&mut rest).ok_or(Malformed);
            if field.is_err() {
                rest = &[];
            }
            field
        })
    })
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u32, Field<'a>)> {
    let tag = take_varint(rest)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number != 0)?;
    let field = match tag & 7 {
        0 => Field::Number(take_varint(rest)?),
        1 => take(rest, 8).map(|_| Field::Fixed64)?,
        2 => {
            let length = usize::try_from(take_varint(rest)?).ok()?;
            Field::Bytes(take(rest, length)?)
        }
        5 => Field::Fixed32(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?)),
        _ => return None,
    };
    Some((number, field))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    const MOST_BYTES: usize = 10;
    let mut value = 0_u64;
    for at in 0..MOST_BYTES.min(rest.len()) {
        value |= u64::from(rest[at] & 0x7f) << (7 * at);
        if rest[at] < 0x80 {
            *rest = &rest[at + 1..];
            return Some(value);
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::vectors::{G1, G2, G3, PACKAGES, bytes};

    #[test]
    fn reads_the_groups_of_the_specification() {
        let (g1, g2, g3) = (bytes(G1), bytes(G2), bytes(G3));
        let one = LogGroup::read(&g1).unwrap();
        assert_eq!((one.logs[0].time, one.logs[0].time_ns), (1_749_712_089, None));
        assert_eq!(one.logs[0].contents().collect::<Vec<_>>(), [(&b"content"[..], &b"hello"[..])]);

        let two = LogGroup::read(&g2).unwrap();
        let times: Vec<_> = two.logs.iter().map(|log| (log.time, log.time_ns)).collect();
        assert_eq!(times, [(1_749_712_089, Some(123_456_789)), (1_749_712_090, None)]);
        assert_eq!(two.head.topic, b"demo-topic");
        assert_eq!(two.head.source, b"10.0.0.1");
        assert_eq!(two.head.machine_uuid, b"8C7A-UUID-1");
        assert_eq!(two.head.tag(b"__path__"), Some(&b"/var/log/a.log"[..]));
        assert_eq!(LogGroup::read(&two.head.encode()).unwrap().head, two.head);

        let three = LogGroup::read(&g3).unwrap();
        assert_eq!((three.logs[0].time, three.logs[0].time_ns), (1 << 28, Some(999_999_999)));
        let contents: Vec<_> = three.logs[0].contents().collect();
        assert_eq!(contents, [(&b""[..], &b""[..]), (b"bin", b"\x00\xff\xfe")]);
    }

    #[test]
    fn reads_package_lists() {
        let list = bytes(PACKAGES);
        let packages = read_packages(&list).unwrap();
        let seen: Vec<_> = packages.iter().map(|it| (it.data.len(), it.raw_size, it.compression)).collect();
        assert_eq!(seen, [(28, Some(26), 2), (167, Some(173), 2)]);
    }

    #[test]
    fn refuses_what_is_malformed() {
        for (hex, why) in [
            ("0a", "no length"),
            ("0a05", "shorter than its length"),
            ("0a00", "a log without a time"),
            ("0a02120008", "a content without key and value"),
            ("0a060801120209610a", "a key that is not bytes"),
            ("0801", "a log that is a number"),
            ("0a02080", "half a byte missing"),
            ("03", "a group wire type"),
            ("0002", "field number 0"),
            ("0a0b08ffffffffffffffffffff", "an endless varint"),
            ("0a0608ffffffff1f", "a time beyond 32 bits"),
            ("0a0408012001", "a nanosecond part that is a varint"),
        ] {
            let bytes = bytes(&hex[..hex.len() & !1]);
            assert_eq!(LogGroup::read(&bytes).err(), Some(Malformed), "{why}");
        }
    }

    #[test]
    fn no_cut_of_a_group_panics() {
        let group = bytes(G2);
        for end in 0..group.len() {
            _ = LogGroup::read(&group[..end]);
            _ = read_packages(&group[..end]);
        }
    }
}
