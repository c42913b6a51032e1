#![no_main]
#![forbid(unsafe_code)]

#[path = "../src/answer.rs"]
mod answer;

libfuzzer_sys::fuzz_target!(|data: &[u8]| answer::run(data));
