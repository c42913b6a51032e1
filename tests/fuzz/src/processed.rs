//! Runs a processor natively on events, and checks what holds for every processor.

use loglift_sdk::Processor;
use loglift_sdk::testing::{Guest, Output, TestEvent};

/// What a processor makes of events, or `None` if it does not take the config.
///
/// # Panics
/// If the answer is out of range, or an event changes what becomes of another.
pub(super) fn run<P: Processor>(config: &str, events: &[TestEvent]) -> Option<Output> {
    let mut guest = Guest::<P>::configure(config).ok()?;
    let output = guest.process(events);
    assert_eq!(output.outcomes.len(), events.len());
    assert!(output.outcomes.iter().all(|outcome| *outcome <= 3));
    assert_eq!(output.origins.len(), output.events.len());
    assert!(output.origins.is_sorted() && output.origins.iter().all(|origin| *origin < events.len()));
    assert!(output.alarms.iter().all(|(kind, _)| !kind.is_empty() && kind.len() <= 64));

    if events.len() > 1 {
        let alone = |event: &TestEvent| guest.process(std::slice::from_ref(event)).events;
        let alone: Vec<TestEvent> = events.iter().flat_map(alone).collect();
        assert_eq!(output.events, alone, "{config}");
    }
    Some(output)
}
