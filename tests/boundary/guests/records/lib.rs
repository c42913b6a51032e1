//! The processors of the bench, with a span as a record.

#[path = "../processors.rs"]
mod processors;
#[path = "../../src/work.rs"]
mod work;

use processors::Processors;

wit_bindgen::generate!({ path: "../../wit/records" });
use loglift::boundary::types::Span;
export!(Processors);

impl work::Span for Span {
    fn push(spans: &mut Vec<Self>, offset: u32, length: u32) {
        spans.push(Self { offset, length });
    }
    fn at(spans: &[Self], index: usize) -> (u32, u32) {
        (spans[index].offset, spans[index].length)
    }
    fn count(spans: &[Self]) -> usize {
        spans.len()
    }
    fn reserve(spans: &mut Vec<Self>, count: usize) {
        spans.reserve(count);
    }
}
