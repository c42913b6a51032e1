#![no_main]
#![forbid(unsafe_code)]

#[path = "../src/component.rs"]
mod component;

libfuzzer_sys::fuzz_target!(|data: &[u8]| component::run(data));
