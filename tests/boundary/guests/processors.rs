//! The exports of every shape: each hands the batch to `work` and its answer back.

use crate::loglift::boundary::types::Rows;
use crate::{Answer, Batch, Guest, Span, work};

pub struct Processors;

impl Guest for Processors {
    fn parse(events: Batch) -> Answer {
        handled_by(work::parse, &events)
    }
    fn set_time(events: Batch) -> Answer {
        handled_by(work::set_time, &events)
    }
    fn drop_field(events: Batch) -> Answer {
        handled_by(work::drop_field, &events)
    }
    fn pass(events: Batch) -> Answer {
        handled_by(work::pass, &events)
    }
}

fn handled_by(work: fn(&work::Batch<'_, Span>) -> work::Answer<Span>, events: &Batch) -> Answer {
    let answer = work(&work::Batch {
        bytes: &events.bytes,
        seconds: &events.seconds,
        nanoseconds: &events.nanoseconds,
        names: &events.names,
        field_counts: &events.field_counts,
        keys: &events.keys,
        values: &events.values,
    });
    Answer {
        appended: answer.appended,
        names: answer.names,
        seconds: answer.seconds,
        nanoseconds: answer.nanoseconds,
        rows: answer.rows.map(|rows| Rows { field_counts: rows.field_counts, keys: rows.keys, values: rows.values }),
    }
}
