//! The processors of the bench, with a span as one `u64`.

#[path = "../processors.rs"]
mod processors;
#[path = "../../src/work.rs"]
mod work;

use processors::Processors;

wit_bindgen::generate!({ path: "../../wit/packed" });
type Span = u64;
export!(Processors);
