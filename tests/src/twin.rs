//! The built-in processors called natively, in the place of their components: what the sandbox is measured against.

use loglift::event::EventBatch;
use loglift::processor::twin::{self, Answer, Edits, Fields, Rows};
use loglift_sdk::bindings::loglift::processor::types;
use loglift_sdk::testing::Guest;
use loglift_sdk::{Context, Processor};

/// A processor that runs natively.
pub trait Twin {
    /// Runs one batch through it.
    fn run(&mut self, batch: &mut EventBatch);
}

/// Configures a processor to run natively, in the zone UTC.
///
/// # Panics
/// If the config is wrong.
pub fn configure<P: Processor>(config: &str) -> Guest<P> {
    let context = Context { machine_zone: "UTC".to_owned(), discard_older_than: None, extra: Vec::new() };
    Guest::configure_with(config, &context).expect("the config is right")
}

/// What a processor answers natively to a batch, which stays as it is.
///
/// # Panics
/// If it refuses the batch.
pub fn answer<P: Processor>(guest: &mut Guest<P>, batch: &mut EventBatch) -> Answer {
    twin::prepare(batch);
    let columns = lend(batch);
    let (columns, answer) = guest.process_columns(columns).expect("the processor takes the batch");
    give_back(columns, batch);
    convert(answer)
}

impl<P: Processor> Twin for Guest<P> {
    fn run(&mut self, batch: &mut EventBatch) {
        let answer = answer(self, batch);
        twin::carry_out(answer, batch).expect("the answer keeps the contract");
    }
}

/// Moves the columns out of a batch: a native call copies nothing.
fn lend(batch: &mut EventBatch) -> types::Batch {
    types::Batch {
        bytes: std::mem::take(&mut batch.bytes),
        seconds: std::mem::take(&mut batch.seconds),
        nanoseconds: std::mem::take(&mut batch.nanoseconds),
        names: std::mem::take(&mut batch.names),
        field_counts: std::mem::take(&mut batch.field_counts),
        keys: std::mem::take(&mut batch.keys),
        values: std::mem::take(&mut batch.values),
        tag_names: std::mem::take(&mut batch.tags.names),
        tag_values: std::mem::take(&mut batch.tags.values),
        read_seconds: batch.read_seconds,
    }
}

fn give_back(columns: types::Batch, batch: &mut EventBatch) {
    batch.bytes = columns.bytes;
    batch.seconds = columns.seconds;
    batch.nanoseconds = columns.nanoseconds;
    batch.names = columns.names;
    batch.field_counts = columns.field_counts;
    batch.keys = columns.keys;
    batch.values = columns.values;
    batch.tags.names = columns.tag_names;
    batch.tags.values = columns.tag_values;
}

fn convert(answer: types::Answer) -> Answer {
    Answer {
        appended: answer.appended,
        names: answer.names,
        origins: answer.origins,
        through: answer.through,
        seconds: answer.seconds,
        nanoseconds: answer.nanoseconds,
        fields: match answer.fields {
            types::Fields::Unchanged => Fields::Unchanged,
            types::Fields::Edits(types::Edits { events, keys, values }) => {
                Fields::Edits(Edits { events, keys, values })
            }
            types::Fields::Rows(types::Rows { field_counts, keys, values }) => {
                Fields::Rows(Rows { field_counts, keys, values })
            }
        },
        tags: answer.tags,
        outcomes: answer.outcomes,
        counts: answer.counts,
        // Alarms have no say in the events.
        alarms: Vec::new(),
    }
}
