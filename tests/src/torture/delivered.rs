//! What came to the service, by line and by the id of its log group.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result};
use sls_emulator::Arrival;

use super::line;
use super::writer::Shared;
use crate::service::Service;

/// All log groups that came.
#[derive(Debug)]
pub struct Delivered {
    seed: u64,
    /// The number of the next log group.
    next: i64,
    streams: Vec<Stream>,
    /// Which lines came in groups of each source.
    sources: BTreeMap<String, HashSet<(usize, u32)>>,
    begun: Vec<Begun>,
    repeated: Vec<u64>,
    /// Of each life of the agent, how many bytes came again.
    repeated_bytes: Vec<u64>,
    unknown: Vec<(usize, u32)>,
    garbled: Vec<String>,
    lines: u64,
}

/// What the id of a group says of its first line.
#[derive(Debug)]
struct Begun {
    source: String,
    stream: usize,
    line: u32,
    offset: u64,
}

#[derive(Debug, Default, Clone)]
struct Stream {
    seen: HashSet<u32>,
    newest: Option<u32>,
    disordered: Vec<u32>,
}

/// What is to be said of all that came.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// Lines that were written.
    pub written: u64,
    /// Lines that came, again or not.
    pub arrived: u64,
    /// Lines that never came, by stream and number.
    pub missing: Vec<(usize, u32)>,
    /// Lines that came for the first time after a later one of their stream had.
    pub disordered: Vec<(usize, u32)>,
    /// Of each life of the agent, how many lines came again.
    pub repeated: Vec<u64>,
    /// How many bytes came again in one life at the most.
    pub most_repeated_bytes: u64,
    /// Lines that came again in a group that names another file than before.
    pub unknown: Vec<(usize, u32)>,
    /// Groups that name a place behind their first line.
    pub behind: Vec<String>,
    /// What came that is no line of ours.
    pub garbled: Vec<String>,
}

impl Delivered {
    /// Nothing came yet.
    pub fn new(seed: u64, streams: usize) -> Self {
        Self {
            seed,
            next: 0,
            streams: vec![Stream::default(); streams],
            sources: BTreeMap::new(),
            begun: Vec::new(),
            repeated: vec![0],
            repeated_bytes: vec![0],
            unknown: Vec::new(),
            garbled: Vec::new(),
            lines: 0,
        }
    }

    /// Takes what came since the last time.
    ///
    /// # Errors
    /// If the service is down, or a log group has no id.
    pub fn take(&mut self, service: &Service) -> Result<()> {
        for arrival in service.arrivals(self.next)? {
            self.next = arrival.number + 1;
            self.add(&arrival)?;
        }
        Ok(())
    }

    /// How many lines came, again or not.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The last line that came of a stream.
    pub fn last(&self, stream: usize) -> Option<u32> {
        self.streams[stream].newest
    }

    /// Whether so many lines of each stream came.
    pub fn has_all(&self, written: &[u32]) -> bool {
        self.streams.iter().zip(written).all(|(stream, written)| stream.seen.len() >= *written as usize)
    }

    /// From now on, it is the next agent that sends.
    pub fn end_life(&mut self) {
        self.repeated.push(0);
        self.repeated_bytes.push(0);
    }

    /// What is to be said of it, when so many lines of each stream were written.
    pub fn verdict(&self, written: &[u32], shared: &Shared) -> Delivery {
        let streams = || self.streams.iter().enumerate();
        let missing = streams().zip(written).flat_map(|((number, stream), written)| {
            (0..*written).filter(|line| !stream.seen.contains(line)).map(move |line| (number, line))
        });
        let disordered =
            streams().flat_map(|(number, stream)| stream.disordered.iter().map(move |line| (number, *line)));
        Delivery {
            written: written.iter().map(|lines| u64::from(*lines)).sum(),
            arrived: self.lines,
            missing: missing.collect(),
            disordered: disordered.collect(),
            repeated: self.repeated.clone(),
            most_repeated_bytes: self.repeated_bytes.iter().copied().max().unwrap_or(0),
            unknown: self.unknown.clone(),
            behind: self.behind(shared),
            garbled: self.garbled.clone(),
        }
    }

    fn add(&mut self, arrival: &Arrival) -> Result<()> {
        let first = arrival.events.first().context("a log group without events")?;
        let tag = first.tags.iter().find(|(name, _)| name == b"__pack_id__").context("a log group without an id")?;
        let id = String::from_utf8_lossy(&tag.1).into_owned();
        let (source, offset) = id.rsplit_once('-').context("a strange id")?;
        let offset = u64::from_str_radix(offset, 16).context("a strange id")?;
        let mut lines = Vec::new();
        for event in &arrival.events {
            let text = String::from_utf8_lossy(event.field("content").unwrap_or_default());
            let parsed = line::parse(self.seed, &text).filter(|(stream, _)| *stream < self.streams.len());
            match parsed {
                Some(line) => lines.push(line),
                None => self.garbled.push(text.into_owned()),
            }
        }
        if let Some((stream, line)) = lines.first() {
            self.begun.push(Begun { source: source.to_owned(), stream: *stream, line: *line, offset });
        }
        let known = self.sources.entry(source.to_owned()).or_default();
        for (number, line) in lines {
            self.lines += 1;
            let stream = &mut self.streams[number];
            let is_known = !known.insert((number, line));
            if !stream.seen.insert(line) {
                *self.repeated.last_mut().context("there is a life")? += 1;
                *self.repeated_bytes.last_mut().context("there is a life")? +=
                    line::text(self.seed, number, line).len() as u64;
                self.unknown.extend((!is_known).then_some((number, line)));
            } else if stream.newest.is_some_and(|newest| newest > line) {
                stream.disordered.push(line);
            } else {
                stream.newest = Some(line);
            }
        }
        Ok(())
    }

    /// The groups that name a place behind their first line: further from the beginning of the file than the line is.
    fn behind(&self, shared: &Shared) -> Vec<String> {
        let beginning =
            |begun: &Begun| i128::from(shared.start_of(begun.stream, begun.line)) - i128::from(begun.offset);
        let first = self.begun.iter().filter(|begun| begun.offset == 0);
        let starts: BTreeMap<&str, i128> = first.map(|begun| (begun.source.as_str(), beginning(begun))).collect();
        // The later half of a package that was refused names a place before its first line, and so its file seems to begin later.
        let is_behind =
            |begun: &&Begun| starts.get(begun.source.as_str()).is_some_and(|start| beginning(begun) < *start);
        let tell = |begun: &Begun| {
            let Begun { source, stream, line, offset } = begun;
            format!("group {source}-{offset:X} is of a place behind its first line, {line} of stream {stream}")
        };
        self.begun.iter().filter(is_behind).map(tell).collect()
    }
}
