//! Groups on their way to a package.

use std::time::Instant;

use super::compress::Compressor;
use super::list::{self, Member};
use super::tags;
use crate::event::FileId;
use crate::flusher::sls::package::{Form, Head, Origin, Package};
use crate::flusher::sls::receipt::{Outgoing, Receipt};

/// Events of one lane with the same tags, encoded and not yet compressed.
pub(super) struct Open {
    /// Larger than that of all groups that were opened before.
    pub(super) serial: u64,
    pub(super) lane: u64,
    /// The file that its id names.
    pub(super) file: Option<FileId>,
    pub(super) opened: Instant,
    /// The logs.
    pub(super) raw: Vec<u8>,
    /// The tags as they are encoded, without the id.
    pub(super) tags: Vec<u8>,
    pub(super) pack_id: String,
    pub(super) facts: Facts,
    pub(super) receipts: Vec<Receipt>,
    /// The memory of the batches that are acknowledged with it at the earliest.
    pub(super) held_bytes: usize,
}

/// What is known of the events of a group, whatever form they have.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) hash_key: Option<String>,
    pub(super) events: u64,
    pub(super) read_seconds: i64,
    pub(super) origins: Vec<Origin>,
}

/// A group that is done.
pub(super) struct Closed {
    member: Member,
    facts: Facts,
    receipts: Vec<Receipt>,
}

impl Open {
    /// How long the group is if it is closed now, or a little less.
    pub(super) fn raw_bytes(&self) -> usize {
        self.raw.len() + self.tags.len() + tags::PACK_ID_MAX_BYTES
    }

    /// Compresses the group; its buffer comes back with it.
    pub(super) fn close(mut self, compressor: &mut Compressor) -> (Closed, Vec<u8>) {
        self.raw.extend_from_slice(&self.tags);
        tags::put_pack_id(&mut self.raw, &self.pack_id);
        let (compression, body) = compressor.compress(&self.raw);
        let member = Member { compression, raw_bytes: self.raw.len(), body };
        (Closed { member, facts: self.facts, receipts: self.receipts }, self.raw)
    }
}

impl Facts {
    /// Adds what was read of a source.
    pub(super) fn add_origin(&mut self, origin: Origin) {
        match self.origins.iter_mut().find(|known| known.generation == origin.generation) {
            Some(known) => known.bytes += origin.bytes,
            None => self.origins.push(origin),
        }
    }

    fn head(self, pipeline: &str, form: Form, member: &Member) -> Head {
        Head {
            pipeline: pipeline.to_owned(),
            form,
            compression: member.compression,
            raw_bytes: member.raw_bytes as u64,
            hash_key: self.hash_key,
            events: self.events,
            read_seconds: self.read_seconds,
            origins: self.origins,
        }
    }
}

impl Closed {
    pub(super) fn raw_bytes(&self) -> usize {
        self.member.raw_bytes
    }

    /// The package that has this group alone.
    pub(super) fn alone(self, pipeline: &str) -> Outgoing {
        let Self { member, facts, receipts } = self;
        let head = facts.head(pipeline, Form::LogGroup, &member);
        Outgoing { package: Package { head, body: member.body }, receipts }
    }

    /// The package that has these groups of as many lanes; `None` for no group.
    pub(super) fn together(mut groups: Vec<Self>, pipeline: &str) -> Option<Outgoing> {
        if groups.len() < 2 {
            return groups.pop().map(|group| group.alone(pipeline));
        }
        let body = list::encode(groups.iter().map(|group| &group.member));
        let member = Member { raw_bytes: body.len(), compression: groups[0].member.compression, body: body.into() };
        let mut facts = Facts { read_seconds: i64::MAX, ..Facts::default() };
        let mut receipts = Vec::new();
        for group in groups {
            facts.events += group.facts.events;
            facts.read_seconds = facts.read_seconds.min(group.facts.read_seconds);
            // A generation is in one lane, and a lane in one group: there is nothing to merge.
            facts.origins.extend(group.facts.origins);
            receipts.extend(group.receipts);
        }
        let head = facts.head(pipeline, Form::List, &member);
        Some(Outgoing { package: Package { head, body: member.body }, receipts })
    }
}
