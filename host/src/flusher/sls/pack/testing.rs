//! The vectors of the specification, and a reader of packages that tests compare with.

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::compress::decompress;
use super::list;
use super::wire::{Field, Value, fields};
use crate::event::EventBatch;
use crate::flusher::sls::package::{Form, Package};

pub(super) const G1: &str = "0a1808d9f9a9c20612100a07636f6e74656e74120568656c6c6f";
pub(super) const G2: &str = "0a3208d9f9a9c20612160a07636f6e74656e74120b68656c6c6f20776f726c64120d0a056c6576656c1204494e464f2515cd5b070a2008daf9a9c20612180a07636f6e74656e74120de697a5e5bf97206c696e6520321a0a64656d6f2d746f706963220831302e302e302e312a0b384337412d555549442d3132160a0c5f5f686f73746e616d655f5f1206686f73742d61321a0a085f5f706174685f5f120e2f7661722f6c6f672f612e6c6f67";
pub(super) const G3: &str = "0a1d08808080800112040a001200120a0a0362696e120300fffe25ffc99a3b1a0022093132372e302e302e31";
pub(super) const LZ4_G2: &str = "f1290a3208d9f9a9c20612160a07636f6e74656e74120b68656c6c6f20776f726c64120d0a056c6576656c1204494e464f2515cd5b070a2008da340016183400f0560de697a5e5bf97206c696e6520321a0a64656d6f2d746f706963220831302e302e302e312a0b384337412d555549442d3132160a0c5f5f686f73746e616d655f5f1206686f73742d61321a0a085f5f706174685f5f120e2f7661722f6c6f672f612e6c6f67";
pub(super) const LIST: &str = "0a220a1cf00b0a1808d9f9a9c20612100a07636f6e74656e74120568656c6c6f101a18020aaf010aa701f1290a3208d9f9a9c20612160a07636f6e74656e74120b68656c6c6f20776f726c64120d0a056c6576656c1204494e464f2515cd5b070a2008da340016183400f0560de697a5e5bf97206c696e6520321a0a64656d6f2d746f706963220831302e302e302e312a0b384337412d555549442d3132160a0c5f5f686f73746e616d655f5f1206686f73742d61321a0a085f5f706174685f5f120e2f7661722f6c6f672f612e6c6f6710ad011802";

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).expect("it is hexadecimal")
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) logs: Vec<Log>,
    pub(super) topic: Option<Vec<u8>>,
    pub(super) source: Option<Vec<u8>>,
    pub(super) machine_uuid: Option<Vec<u8>>,
    pub(super) tags: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) time: u32,
    pub(super) nanoseconds: Option<u32>,
    pub(super) contents: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The groups of a package.
pub(super) fn groups(package: &Package) -> Vec<Group> {
    let Package { head, body } = package;
    let one = |compression, body: &Bytes, raw_bytes| group(&decompress(compression, body, raw_bytes).expect("intact"));
    match head.form {
        Form::LogGroup => vec![one(head.compression, body, head.raw_bytes as usize)],
        Form::List => {
            assert_eq!(head.raw_bytes, body.len() as u64);
            let members = list::decode(body).expect("it is a list");
            members.iter().map(|member| one(member.compression, &member.body, member.raw_bytes)).collect()
        }
    }
}

/// Reads a group, strictly.
pub(super) fn group(raw: &[u8]) -> Group {
    let mut group = Group::default();
    for Field { number, value, .. } in fields(raw).map(|field| field.expect("well formed")) {
        match (number, value) {
            (1, Value::Bytes(bytes)) => group.logs.push(log(bytes)),
            (3, Value::Bytes(bytes)) => group.topic = Some(bytes.to_vec()),
            (4, Value::Bytes(bytes)) => group.source = Some(bytes.to_vec()),
            (5, Value::Bytes(bytes)) => group.machine_uuid = Some(bytes.to_vec()),
            (6, Value::Bytes(bytes)) => group.tags.push(pair(bytes)),
            other => panic!("{other:?} in a group"),
        }
    }
    group
}

fn log(raw: &[u8]) -> Log {
    let mut log = Log::default();
    for Field { number, value, .. } in fields(raw).map(|field| field.expect("well formed")) {
        match (number, value) {
            (1, Value::Number(seconds)) => log.time = seconds.try_into().expect("32 bits"),
            (2, Value::Bytes(bytes)) => log.contents.push(pair(bytes)),
            (4, Value::Fixed32(nanoseconds)) => log.nanoseconds = Some(nanoseconds),
            other => panic!("{other:?} in a log"),
        }
    }
    log
}

fn pair(raw: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let read: Vec<_> = fields(raw).map(|field| field.expect("well formed")).collect();
    let (Value::Bytes(key), Value::Bytes(value)) = (read[0].value, read[1].value) else { panic!("{read:?}") };
    assert_eq!((read.len(), read[0].number, read[1].number), (2, 1, 2));
    (key.to_vec(), value.to_vec())
}

/// Seconds, nanoseconds and fields.
pub(super) type TestEvent<'a> = (i64, u32, &'a [(&'a str, &'a [u8])]);

/// A batch of these events, each from a record of ten bytes.
pub(super) fn batch(events: &[TestEvent<'_>]) -> EventBatch {
    let lines = vec!["123456789"; events.len()];
    let mut batch = crate::event::testing::batch(&lines);
    (batch.names, batch.keys, batch.values, batch.field_counts) = Default::default();
    let mut names: Vec<&str> = Vec::new();
    for (at, (seconds, nanoseconds, fields)) in events.iter().enumerate() {
        (batch.seconds[at], batch.nanoseconds[at]) = (*seconds, *nanoseconds);
        batch.field_counts.push(fields.len() as u32);
        for (name, value) in *fields {
            let key = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name);
                let span = batch.append(name.as_bytes());
                batch.names.extend(span);
                names.len() - 1
            });
            batch.keys.push(key as u32);
            let span = batch.append(value);
            batch.values.extend(span);
        }
    }
    batch
}

pub(super) fn add_tag(batch: &mut EventBatch, name: &str, value: &[u8]) {
    let (name, value) = (batch.append(name.as_bytes()), batch.append(value));
    batch.tags.names.extend(name);
    batch.tags.values.extend(value);
}
