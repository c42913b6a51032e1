//! The processors of the bench, with a span as two `u32`.

#[path = "../processors.rs"]
mod processors;
#[path = "../../src/work.rs"]
mod work;

use processors::Processors;

wit_bindgen::generate!({ path: "../../wit/pairs" });
type Span = u32;
export!(Processors);
