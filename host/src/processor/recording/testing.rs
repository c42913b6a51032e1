//! Recordings for tests.

use super::header::FORMAT;
use super::{Bytes, ComponentFacts, ContextFacts, Header, Kind, LimitFacts, ZoneData};
use crate::processor::world::World;

/// The header of some recording.
pub(crate) fn header() -> Header {
    let text = |text: &str| text.to_owned();
    Header {
        format: FORMAT,
        kind: Kind::Quarantine,
        contract: text(World::Columnar.export()),
        agent: text("0.1.0"),
        recorded_seconds: 1_700_000_000,
        pipeline: text("shop"),
        processor: text("processors[0]"),
        r#type: text("processor_wasm"),
        component: ComponentFacts { digest: text("sha256:00"), name: text("processor_own"), version: text("1.2.3") },
        config: text(r#"{"Key": "\u00e4 \"x\""}"#),
        context: ContextFacts {
            machine_zone: text("Asia/Shanghai"),
            discard_older_than: Some(43_200),
            extra: vec![(text("file-offset-key"), text("offset"))],
        },
        limits: LimitFacts {
            memory_bytes: 64 << 20,
            time_milliseconds: 1000,
            answer_bytes: 64 << 20,
            setup_milliseconds: Some(7000),
            fuel: Some((50, 1000)),
        },
        grants: Vec::new(),
        zones: vec![
            ZoneData { name: text("Asia/Shanghai"), tzif: Some(Bytes(b"TZif2\xff\xfe".to_vec())) },
            ZoneData { name: text("Mars/Olympus"), tzif: None },
        ],
    }
}
