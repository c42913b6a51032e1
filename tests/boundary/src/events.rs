//! The host's side of the contract: the batch that it keeps, and how an answer is checked and becomes the next one.

use std::collections::HashSet;

use crate::work::{Answer, Batch, GONE, Rows, Span};

/// The batch as the host holds it, its spans in the shape that the boundary has.
#[derive(Default)]
pub struct Events<S> {
    pub bytes: Vec<u8>,
    pub seconds: Vec<i64>,
    pub nanoseconds: Vec<u32>,
    pub names: Vec<S>,
    pub field_counts: Vec<u32>,
    pub keys: Vec<u32>,
    pub values: Vec<S>,
}

/// What a guest got wrong.
#[derive(Clone, Copy, Debug)]
pub struct Invalid(#[expect(dead_code, reason = "shown by Debug")] &'static str);

impl<S: Span + Default> Events<S> {
    /// `lines` as events with the one field `content`.
    pub fn of_lines(lines: &[String]) -> Self {
        let mut events = Self { bytes: b"content".to_vec(), ..Self::default() };
        S::push(&mut events.names, 0, 7);
        for line in lines {
            S::push(&mut events.values, events.bytes.len() as u32, line.len() as u32);
            events.bytes.extend_from_slice(line.as_bytes());
            events.bytes.push(b'\n');
        }
        events.keys = vec![0; lines.len()];
        events.field_counts = vec![1; lines.len()];
        events.seconds = vec![0; lines.len()];
        events.nanoseconds = vec![0; lines.len()];
        events
    }

    /// Becomes a copy of `other` in the memory that it already has: the agent too uses its arenas again.
    pub fn assign(&mut self, other: &Self) {
        self.bytes.clone_from(&other.bytes);
        self.seconds.clone_from(&other.seconds);
        self.nanoseconds.clone_from(&other.nanoseconds);
        self.names.clone_from(&other.names);
        self.field_counts.clone_from(&other.field_counts);
        self.keys.clone_from(&other.keys);
        self.values.clone_from(&other.values);
    }

    /// All that an event's time and fields say, whatever the shape.
    pub fn describe(&self, event: usize) -> String {
        let text = |spans: &[S], index: usize| {
            let (offset, length) = S::at(spans, index);
            String::from_utf8_lossy(&self.bytes[offset as usize..][..length as usize]).into_owned()
        };
        let first: u32 = self.field_counts[..event].iter().sum();
        let mut described = format!("{}.{:09}", self.seconds[event], self.nanoseconds[event]);
        for field in first as usize..(first + self.field_counts[event]) as usize {
            described += &format!(" {}={}", text(&self.names, self.keys[field] as usize), text(&self.values, field));
        }
        described
    }

    pub fn view(&self) -> Batch<'_, S> {
        Batch {
            bytes: &self.bytes,
            seconds: &self.seconds,
            nanoseconds: &self.nanoseconds,
            names: &self.names,
            field_counts: &self.field_counts,
            keys: &self.keys,
            values: &self.values,
        }
    }

    /// The batch that a processor gets whose `setup.reads` is `[name]`: one field, and an arena of its values only.
    pub fn project(&self, name: &[u8]) -> Self {
        let key = self.view().key(name);
        let events = self.field_counts.len();
        let mut small = Self {
            bytes: name.to_vec(),
            seconds: self.seconds.clone(),
            nanoseconds: self.nanoseconds.clone(),
            field_counts: Vec::with_capacity(events),
            ..Self::default()
        };
        S::push(&mut small.names, 0, name.len() as u32);
        S::reserve(&mut small.values, events);
        let mut field = 0;
        for &count in &self.field_counts {
            let keys = &self.keys[field..field + count as usize];
            let found = keys.iter().position(|&k| k == key);
            if let Some(position) = found {
                let (offset, length) = S::at(&self.values, field + position);
                S::push(&mut small.values, small.bytes.len() as u32, length);
                small.bytes.extend_from_slice(&self.bytes[offset as usize..][..length as usize]);
            }
            small.field_counts.push(u32::from(found.is_some()));
            field += count as usize;
        }
        small.keys = vec![0; S::count(&small.values)];
        small
    }

    /// Turns the answer to a batch of [`Events::project`] into one to the whole batch. Only what this bench's processors
    /// answer: times, and a name removed.
    pub fn widen(&self, name: &[u8], mut answer: Answer<S>) -> Answer<S> {
        let removed = answer.names.as_ref().is_some_and(|names| S::at(names, 0).0 == GONE);
        answer.names = removed.then(|| {
            let key = self.view().key(name) as usize;
            let mut names = Vec::new();
            for index in 0..S::count(&self.names) {
                let (offset, length) = if index == key { (GONE, 0) } else { S::at(&self.names, index) };
                S::push(&mut names, offset, length);
            }
            names
        });
        answer
    }

    /// Makes this batch the one that `answer` describes. With `CHECK`, looks at every number of it first; without, it
    /// does what code in the same process would do with its own result.
    pub fn install<const CHECK: bool>(&mut self, answer: Answer<S>) -> Result<(), Invalid> {
        let border = self.bytes.len() as u64;
        let end = border + answer.appended.len() as u64;
        if CHECK {
            ensure(end < u64::from(GONE), "arena too long")?;
            self.check_times(&answer)?;
        }
        let valid = |(offset, length): (u32, u32)| {
            let (from, to) = (u64::from(offset), u64::from(offset) + u64::from(length));
            to <= border || (from >= border && to <= end)
        };
        self.bytes.extend_from_slice(&answer.appended);
        if let Some(seconds) = answer.seconds {
            self.seconds = seconds;
        }
        if let Some(nanoseconds) = answer.nanoseconds {
            self.nanoseconds = nanoseconds;
        }
        let Some(names) = answer.names else {
            let same: Vec<u32> = (0..S::count(&self.names) as u32).collect();
            return answer.rows.map_or(Ok(()), |rows| self.install_rows::<CHECK>(rows, &same, valid));
        };
        if CHECK {
            ensure(S::count(&names) >= S::count(&self.names), "names missing")?;
        }
        // The host's dictionary has no holes: a key of the answer becomes the entry's place among those that are left.
        let (mut places, mut left, mut distinct) = (Vec::new(), Vec::new(), HashSet::new());
        for (offset, length) in (0..S::count(&names)).map(|index| S::at(&names, index)) {
            if offset == GONE {
                places.push(GONE);
                continue;
            }
            if CHECK {
                ensure(valid((offset, length)), "name outside the arena")?;
                ensure(distinct.insert(&self.bytes[offset as usize..][..length as usize]), "name twice")?;
            }
            places.push(S::count(&left) as u32);
            S::push(&mut left, offset, length);
        }
        self.names = left;
        match answer.rows {
            Some(rows) => self.install_rows::<CHECK>(rows, &places, valid),
            None => {
                self.rename(&places);
                Ok(())
            }
        }
    }

    fn check_times(&self, answer: &Answer<S>) -> Result<(), Invalid> {
        // The years 0000 to 9999.
        const SECONDS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
        let events = self.field_counts.len();
        if let Some(seconds) = &answer.seconds {
            ensure(seconds.len() == events && seconds.iter().all(|s| SECONDS.contains(s)), "seconds")?;
        }
        if let Some(nanoseconds) = &answer.nanoseconds {
            ensure(nanoseconds.len() == events && nanoseconds.iter().all(|&n| n < 1_000_000_000), "nanoseconds")?;
        }
        Ok(())
    }

    fn install_rows<const CHECK: bool>(
        &mut self,
        mut rows: Rows<S>,
        places: &[u32],
        valid: impl Fn((u32, u32)) -> bool,
    ) -> Result<(), Invalid> {
        if CHECK {
            ensure(rows.field_counts.len() == self.field_counts.len(), "one field count an event")?;
            let fields: u64 = rows.field_counts.iter().copied().map(u64::from).sum();
            ensure(fields == rows.keys.len() as u64 && rows.keys.len() == S::count(&rows.values), "field counts")?;
            ensure((0..rows.keys.len()).all(|field| valid(S::at(&rows.values, field))), "value outside the arena")?;
            // The last event in which each name was seen.
            let mut seen = vec![usize::MAX; places.len()];
            let mut keys = rows.keys.iter();
            for (event, &count) in rows.field_counts.iter().enumerate() {
                for &key in keys.by_ref().take(count as usize) {
                    let seen = seen.get_mut(key as usize).ok_or(Invalid("key outside the names"))?;
                    ensure(*seen != event && places[key as usize] != GONE, "name twice in an event, or removed")?;
                    *seen = event;
                }
            }
        }
        for key in &mut rows.keys {
            *key = places[*key as usize];
        }
        (self.field_counts, self.keys, self.values) = (rows.field_counts, rows.keys, rows.values);
        Ok(())
    }

    /// Moves every field to its name's new place and removes those whose name is gone.
    fn rename(&mut self, places: &[u32]) {
        let mut keys = Vec::with_capacity(self.keys.len());
        let mut values = Vec::new();
        S::reserve(&mut values, self.keys.len());
        let mut field = 0;
        for count in &mut self.field_counts {
            let before = keys.len();
            for field in field..field + *count as usize {
                let place = places[self.keys[field] as usize];
                if place != GONE {
                    keys.push(place);
                    let (offset, length) = S::at(&self.values, field);
                    S::push(&mut values, offset, length);
                }
            }
            field += *count as usize;
            *count = (keys.len() - before) as u32;
        }
        (self.keys, self.values) = (keys, values);
    }
}

fn ensure(holds: bool, otherwise: &'static str) -> Result<(), Invalid> {
    holds.then_some(()).ok_or(Invalid(otherwise))
}
