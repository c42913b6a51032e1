//! Takes batches apart and puts them together again.
//!
//! To know the place of each event in the end, its events are first [numbered](EventBatch::number_events): each is then a
//! record of its own, and what is made of it carries its number, whatever happens to it.

use std::collections::HashMap;

use super::{EventBatch, GONE, Provenance, Tags};

impl EventBatch {
    /// Makes a record of each event, and returns what the records were before, for [`Self::restore_records`].
    pub fn number_events(&mut self) -> Provenance {
        let Provenance { start, end, .. } = self.provenance;
        let records = (0..self.len()).map(|event| (self.offset(event).0 - start.0) as u32).collect();
        let numbered = Provenance { start, end, records, origins: None, merged: Vec::new() };
        std::mem::replace(&mut self.provenance, numbered)
    }

    /// Takes back [`Self::number_events`], which returned `before`, after whatever became of the events since.
    pub fn restore_records(&mut self, before: Provenance) {
        let numbered = std::mem::replace(&mut self.provenance, before);
        let before = self.provenance.origins.take();
        let record = |event: u32| before.as_ref().map_or(event, |before| before[event as usize]);
        self.provenance.merged.extend(numbered.merged.into_iter().map(record));
        self.provenance.origins = match numbered.origins {
            Some(events) => Some(events.into_iter().map(record).collect()),
            None => before,
        };
    }

    /// The events that `events` names, rising, as a batch of their own, in whose arena and dictionary is nothing else.
    pub fn part(&self, events: &[u32]) -> Self {
        let starts: Vec<usize> = self
            .field_counts
            .iter()
            .scan(0, |next, count| Some(std::mem::replace(next, *next + *count as usize)))
            .collect();
        let (mut field_counts, mut keys, mut values) = (Vec::with_capacity(events.len()), Vec::new(), Vec::new());
        for event in events {
            let (first, before) = (starts[*event as usize], keys.len());
            for field in first..first + self.field_counts[*event as usize] as usize {
                if self.names[2 * self.keys[field] as usize] != GONE {
                    keys.push(self.keys[field]);
                    values.extend_from_slice(&self.values[2 * field..2 * field + 2]);
                }
            }
            field_counts.push((keys.len() - before) as u32);
        }
        let mut places = vec![GONE; self.name_count()];
        keys.iter().for_each(|key| places[*key as usize] = 0);
        let mut names = Vec::new();
        for (place, span) in places.iter_mut().zip(self.names.chunks_exact(2)).filter(|(place, _)| **place != GONE) {
            *place = (names.len() / 2) as u32;
            names.extend_from_slice(span);
        }
        keys.iter_mut().for_each(|key| *key = places[*key as usize]);

        let pick = |event: &u32| *event as usize;
        let record = |event: u32| self.provenance.origins.as_ref().map_or(event, |origins| origins[event as usize]);
        let origins = Some(events.iter().map(|event| record(*event)).collect());
        let mut part = Self {
            source: self.source.clone(),
            bytes: Vec::new(),
            seconds: events.iter().map(|event| self.seconds[pick(event)]).collect(),
            nanoseconds: events.iter().map(|event| self.nanoseconds[pick(event)]).collect(),
            names,
            field_counts,
            keys,
            values,
            tags: self.tags.clone(),
            read_seconds: self.read_seconds,
            provenance: Provenance { origins, merged: Vec::new(), ..self.provenance.clone() },
        };
        part.copy_bytes(&self.bytes);
        part
    }

    /// Copies what the spans name out of the arena that they are in, or all of it if they overlap so much that this is less.
    fn copy_bytes(&mut self, arena: &[u8]) {
        let Tags { names, values } = &mut self.tags;
        let columns = [&mut self.names, &mut self.values, names, values];
        let spans = columns.iter().flat_map(|column| column.chunks_exact(2));
        let live: u64 = spans.map(|span| u64::from(span[1])).sum();
        if live >= arena.len() as u64 {
            self.bytes = arena.to_vec();
            return;
        }
        self.bytes.reserve_exact(live as usize);
        for span in columns.into_iter().flat_map(|column| column.chunks_exact_mut(2)) {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(&arena[span[0] as usize..][..span[1] as usize]);
            span[0] = start;
        }
    }

    /// Puts parts of one batch together, each event at the place of its record. The tags are those of the first part.
    ///
    /// No record may be in two parts, and the arenas together must be smaller than 2^32 - 1 bytes.
    pub fn weave(mut first: Self, others: &[Self]) -> Self {
        let mut bytes = std::mem::take(&mut first.bytes);
        let mut bases = vec![0];
        for other in others {
            bases.push(bytes.len() as u32);
            bytes.extend_from_slice(&other.bytes);
        }
        let parts: Vec<&Self> = std::iter::once(&first).chain(others).collect();
        let mut names: Vec<u32> = Vec::new();
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut key = |base: u32, span: &[u32]| -> u32 {
            if span[0] == GONE {
                return GONE;
            }
            let span = [base + span[0], span[1]];
            let name = bytes[span[0] as usize..][..span[1] as usize].to_vec();
            *known.entry(name).or_insert_with(|| {
                names.extend_from_slice(&span);
                (names.len() / 2 - 1) as u32
            })
        };
        let places: Vec<Vec<u32>> = (parts.iter().zip(&bases))
            .map(|(part, base)| part.names.chunks_exact(2).map(|span| key(*base, span)).collect())
            .collect();

        let mut order = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let mut field = 0;
            for event in 0..part.len() {
                let record = part.provenance.origins.as_ref().map_or(event as u32, |origins| origins[event]);
                order.push((record, number, event, field));
                field += part.field_counts[event] as usize;
            }
        }
        order.sort_by_key(|(record, ..)| *record);

        let (mut field_counts, mut keys, mut values) = (Vec::with_capacity(order.len()), Vec::new(), Vec::new());
        for (_, number, event, first) in &order {
            let (part, before) = (parts[*number], keys.len());
            for field in *first..*first + part.field_counts[*event] as usize {
                let place = places[*number][part.keys[field] as usize];
                if place != GONE {
                    keys.push(place);
                    values.extend_from_slice(&[bases[*number] + part.values[2 * field], part.values[2 * field + 1]]);
                }
            }
            field_counts.push((keys.len() - before) as u32);
        }
        let seconds = order.iter().map(|(_, number, event, _)| parts[*number].seconds[*event]).collect();
        let nanoseconds = order.iter().map(|(_, number, event, _)| parts[*number].nanoseconds[*event]).collect();
        let merged = parts.iter().flat_map(|part| part.provenance.merged.iter().copied()).collect();
        let origins = Some(order.iter().map(|(record, ..)| *record).collect());
        let provenance = Provenance { origins, merged, ..first.provenance.clone() };
        Self { bytes, seconds, nanoseconds, names, field_counts, keys, values, provenance, ..first }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::batch;
    use super::*;

    /// Offset and fields of each event.
    type Shown = Vec<(u64, Vec<(Vec<u8>, Vec<u8>)>)>;

    fn shown(batch: &EventBatch) -> Shown {
        let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
        let event = |(event, count): (usize, &u32)| {
            let fields = fields.by_ref().take(*count as usize);
            let field = |(key, value): (&u32, &[u32])| {
                Some((batch.name(*key)?.to_vec(), batch.slice(value[0], value[1]).to_vec()))
            };
            (batch.offset(event).0, fields.filter_map(field).collect())
        };
        batch.field_counts.iter().enumerate().map(event).collect()
    }

    #[test]
    fn a_part_has_nothing_of_the_other_events() {
        let mut whole = batch(&["one", "poison", "three"]);
        let [offset, len] = whole.append(b"toxic");
        whole.names.extend([offset, len]);
        whole.keys[1] = 1;
        let part = whole.part(&[0, 2]);
        assert_eq!(part.bytes, b"contentonethree");
        assert_eq!(shown(&part), [shown(&whole)[0].clone(), shown(&whole)[2].clone()]);
        assert_eq!(shown(&whole.part(&[1])), [shown(&whole)[1].clone()]);
    }

    #[test]
    fn values_that_overlap_are_not_copied_again_and_again() {
        let mut whole = batch(&["one", "two"]);
        let len = whole.bytes.len() as u32;
        whole.values = vec![0, len, 0, len];
        let part = whole.part(&[0, 1]);
        assert_eq!((part.bytes.len(), shown(&part)), (whole.bytes.len(), shown(&whole)));
    }

    proptest! {
        /// However a batch is taken apart, putting it together gives the same, also if events were split or dropped before.
        #[test]
        fn parts_make_the_whole(
            records in prop::collection::vec(0_u32..8, 1..20),
            parts in prop::collection::vec(0_usize..4, 20),
        ) {
            let mut whole = batch(&["a", "bb", "", "dddd", "e", "f", "g", "h"]);
            let mut records = records;
            records.sort_unstable();
            whole.select(&records);
            let (expected, dropped) = (shown(&whole), whole.dropped_bytes());
            let before = whole.number_events();
            prop_assert_eq!(shown(&whole), expected.clone());
            let of = |part| (0..whole.len() as u32).filter(|event| parts[*event as usize] == part).collect::<Vec<_>>();
            let others: Vec<EventBatch> = (1..4).map(|part| whole.part(&of(part))).collect();
            let mut woven = EventBatch::weave(whole.part(&of(0)), &others);
            woven.restore_records(before);
            prop_assert_eq!(shown(&woven), expected);
            prop_assert_eq!(woven.dropped_bytes(), dropped);
            prop_assert_eq!(woven.provenance.origins, Some(records));
        }
    }
}
