#![no_main]
#![forbid(unsafe_code)]

use loglift_fuzz::settings;

#[path = "../src/frame.rs"]
mod frame;

libfuzzer_sys::fuzz_target!(|data: &[u8]| frame::run(data));
