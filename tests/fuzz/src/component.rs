//! `place byte place byte ...`: a built-in component with other bytes at some places, counted from its start.

use std::sync::{Arc, LazyLock};

use loglift::processor::component::{Component, Terms};
use loglift::processor::engine::Engine;
use loglift::processor::stage::{Policy, Stage};
use loglift::processor::{Context, Limits};

/// A component that was damaged is refused, or runs within its limits.
pub fn run(data: &[u8]) {
    static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| Arc::new(Engine::new(None).expect("the engine starts")));
    let Ok(text) = str::from_utf8(data) else { return };
    let mut bytes = loglift_builtin_processors::find("processor_strptime").expect("it is built in").component.to_vec();
    let numbers: Vec<usize> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    for patch in numbers.chunks_exact(2).take(16) {
        let place = patch[0] % bytes.len();
        bytes[place] = patch[1] as u8;
    }
    let limits = Limits { setup: std::time::Duration::from_millis(200), ..Limits::default() };
    let Ok(component) = Component::load_on(&ENGINE, &bytes, Terms { limits, strict: None }) else { return };
    let config = r#"{"SourceKey": "content", "Format": "%s"}"#.to_owned();
    let policy = Policy { limits, ..Policy::default() };
    // Whether it can be set up is its own affair.
    drop(Stage::new("fuzz".to_owned(), component, config, Context::default(), policy));
}
