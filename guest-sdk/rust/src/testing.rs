//! Runs a processor natively, for unit tests.

use std::borrow::Cow;

use crate::bindings::loglift::processor::types;
use crate::{Batch, Changes, Context, Issue, Processor, Setup, Stateful};

/// A configured processor that tests feed with events.
#[derive(Debug)]
pub struct Guest<P> {
    processor: P,
    /// What `configure` answered.
    pub setup: Setup,
}

/// An event as a test writes it: a time and fields in order. Equal when both are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEvent {
    /// Unix seconds.
    pub seconds: i64,
    /// Nanoseconds below a second.
    pub nanoseconds: u32,
    /// Names and values in order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a processor made of a batch.
#[derive(Debug)]
pub struct Output {
    /// The events that came out.
    pub events: Vec<TestEvent>,
    /// The input event that each of them came from.
    pub origins: Vec<usize>,
    /// One number per input event, as in the contract.
    pub outcomes: Vec<u8>,
    /// Kind and message of each alarm.
    pub alarms: Vec<(String, String)>,
    /// Amounts for counters of the processor's own.
    pub counts: Vec<(String, u64)>,
}

impl<P: Processor> Guest<P> {
    /// Configures a processor by JSON, in the zone UTC and with no event too old.
    ///
    /// # Errors
    /// The mistakes that the processor found in the configuration.
    pub fn configure(config: &str) -> Result<Self, Vec<Issue>> {
        let context = Context { machine_zone: "UTC".to_owned(), discard_older_than: None, extra: Vec::new() };
        Self::configure_with(config, &context)
    }

    /// Configures a processor by JSON in a context of the test's choice.
    ///
    /// # Errors
    /// The mistakes that the processor found in the configuration.
    pub fn configure_with(config: &str, context: &Context) -> Result<Self, Vec<Issue>> {
        let (processor, setup) = crate::guest::configure(config, context)?;
        Ok(Self { processor, setup })
    }

    /// Has a batch processed, which the host read at Unix second 0.
    ///
    /// # Panics
    /// If the processor refuses the whole batch.
    pub fn process(&mut self, events: &[TestEvent]) -> Output {
        self.process_at(0, events)
    }

    /// Has a batch processed, which the host read at `read_seconds`.
    ///
    /// # Panics
    /// If the processor refuses the whole batch.
    pub fn process_at(&mut self, read_seconds: i64, events: &[TestEvent]) -> Output {
        let batch = Batch::new(columns(read_seconds, events));
        let mut changes = Changes::new(&batch);
        self.processor.process(&batch, &mut changes).expect("the processor takes the batch");
        output(&batch, changes.into_answer())
    }

    /// Has a batch of raw columns processed and gives them back with the answer, as the benches do.
    ///
    /// # Errors
    /// The message of a processor that refuses the whole batch.
    #[doc(hidden)]
    pub fn process_columns(&mut self, columns: types::Batch) -> Result<(types::Batch, types::Answer), String> {
        let batch = Batch::new(columns);
        let mut changes = Changes::new(&batch);
        self.processor.process(&batch, &mut changes)?;
        let answer = changes.into_answer();
        Ok((batch.into_columns(), answer))
    }
}

impl<P: Stateful> Guest<P> {
    /// What the processor remembers.
    pub fn save(&self) -> Vec<u8> {
        self.processor.save()
    }

    /// Has the processor go on with what one of the version `from_version` saved.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn restore(&mut self, from_version: &str, saved: &[u8]) -> Result<(), String> {
        self.processor.restore(from_version, saved)
    }
}

/// An event of these fields at time 0.
pub fn event<T: AsRef<[u8]>>(fields: &[(&str, T)]) -> TestEvent {
    let fields = fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_ref().to_vec()));
    TestEvent { seconds: 0, nanoseconds: 0, fields: fields.collect() }
}

impl TestEvent {
    /// The same event at another time.
    #[must_use]
    pub fn at(self, seconds: i64, nanoseconds: u32) -> Self {
        Self { seconds, nanoseconds, ..self }
    }

    /// The value of a field as text.
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.fields.iter().find(|(known, _)| known == name.as_bytes())?;
        Some(String::from_utf8_lossy(value))
    }
}

/// What `changes` makes of a batch, without a processor around it.
pub fn change(events: &[TestEvent], changes: impl FnOnce(&Batch, &mut Changes)) -> Output {
    let batch = Batch::new(columns(0, events));
    let mut answer = Changes::new(&batch);
    changes(&batch, &mut answer);
    output(&batch, answer.into_answer())
}

fn columns(read_seconds: i64, events: &[TestEvent]) -> types::Batch {
    let mut batch = types::Batch {
        bytes: Vec::new(),
        seconds: events.iter().map(|event| event.seconds).collect(),
        nanoseconds: events.iter().map(|event| event.nanoseconds).collect(),
        names: Vec::new(),
        field_counts: events.iter().map(|event| event.fields.len() as u32).collect(),
        keys: Vec::new(),
        values: Vec::new(),
        tag_names: Vec::new(),
        tag_values: Vec::new(),
        read_seconds,
    };
    let mut names: Vec<&[u8]> = Vec::new();
    for (name, value) in events.iter().flat_map(|event| &event.fields) {
        let key = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name);
            push(&mut batch.bytes, &mut batch.names, name);
            names.len() - 1
        });
        batch.keys.push(key as u32);
        push(&mut batch.bytes, &mut batch.values, value);
    }
    batch
}

fn push(bytes: &mut Vec<u8>, spans: &mut Vec<u32>, text: &[u8]) {
    spans.extend_from_slice(&[bytes.len() as u32, text.len() as u32]);
    bytes.extend_from_slice(text);
}

fn output(batch: &Batch, answer: types::Answer) -> Output {
    let columns = batch.columns();
    let mut arena = columns.bytes.clone();
    arena.extend_from_slice(&answer.appended);
    let text =
        |spans: &[u32], index: usize| arena[spans[2 * index] as usize..][..spans[2 * index + 1] as usize].to_vec();

    let input_count = batch.len() as u32;
    let origins = answer.origins.unwrap_or_else(|| (0..input_count).collect());
    let names = answer.names.unwrap_or_else(|| columns.names.clone());
    let mut fields: Vec<Vec<(u32, [u32; 2])>> = match &answer.fields {
        types::Fields::Rows(rows) => split(&rows.field_counts, &rows.keys, &rows.values),
        _ => {
            let input = split(&columns.field_counts, &columns.keys, &columns.values);
            origins.iter().map(|origin| input[*origin as usize].clone()).collect()
        }
    };
    if let types::Fields::Edits(edits) = &answer.fields {
        for (place, (event, key)) in edits.events.iter().zip(&edits.keys).enumerate() {
            edit(&mut fields[*event as usize], *key, [edits.values[2 * place], edits.values[2 * place + 1]]);
        }
    }

    let time = |times: Option<&Vec<i64>>, place: usize, origin: u32| {
        times.map_or(columns.seconds[origin as usize], |times| times[place])
    };
    let events = fields.iter().zip(&origins).enumerate().map(|(place, (fields, origin))| TestEvent {
        seconds: time(answer.seconds.as_ref(), place, *origin),
        nanoseconds: answer.nanoseconds.as_ref().map_or(columns.nanoseconds[*origin as usize], |times| times[place]),
        fields: fields
            .iter()
            .filter(|(key, _)| names[2 * *key as usize] != u32::MAX)
            .map(|(key, value)| (text(&names, *key as usize), text(value, 0)))
            .collect(),
    });
    Output {
        events: events.collect(),
        outcomes: answer
            .outcomes
            .unwrap_or_else(|| (0..input_count).map(|event| if origins.contains(&event) { 0 } else { 3 }).collect()),
        origins: origins.iter().map(|origin| *origin as usize).collect(),
        alarms: answer.alarms.into_iter().map(|alarm| (alarm.kind, alarm.message)).collect(),
        counts: answer.counts,
    }
}

fn split(field_counts: &[u32], keys: &[u32], values: &[u32]) -> Vec<Vec<(u32, [u32; 2])>> {
    let mut fields = keys.iter().copied().zip(values.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
    field_counts.iter().map(|count| fields.by_ref().take(*count as usize).collect()).collect()
}

fn edit(fields: &mut Vec<(u32, [u32; 2])>, key: u32, value: [u32; 2]) {
    let place = fields.iter().position(|(known, _)| *known == key);
    match place {
        Some(place) if value[0] == u32::MAX => drop(fields.remove(place)),
        Some(place) => fields[place].1 = value,
        None if value[0] == u32::MAX => {}
        None => fields.push((key, value)),
    }
}
