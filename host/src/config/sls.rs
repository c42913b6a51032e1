//! The parameters of `flusher_sls`.

use super::fields::{Fields, NotYet, StringMap};

/// The parameters of `flusher_sls`.
#[derive(Clone, Debug, PartialEq)]
pub struct SlsFlusher {
    /// `Project`, or the project of a Kubernetes resource.
    pub project: String,
    /// `Logstore`, or the only logstore of a Kubernetes resource; empty only where the telemetry needs none.
    pub logstore: String,
    /// `Endpoint`, or that of a Kubernetes resource's project; `None` means the agent's default endpoint.
    pub endpoint: Option<String>,
    /// `Region`; `None` means the agent's default region.
    pub region: Option<String>,
    /// `Aliuid`: kept, without effect.
    pub aliuid: String,
    /// `EndpointMode` is `accelerate`, not `default`.
    pub accelerate: bool,
    /// `TelemetryType`: what is sent, and so to which path.
    pub telemetry: Telemetry,
    /// `Workspace`: for application monitoring.
    pub workspace: String,
    /// `ShardHashKeys`: the tags whose values choose the shard.
    pub shard_hash_keys: Vec<String>,
    /// `CompressType`: how log groups are compressed.
    pub compression: Compression,
    /// `MaxSendRate`: bytes a second before compression; 0 means no limit.
    pub max_send_rate_bytes: u64,
    /// `ExtraHeaders`: sent with each request.
    pub extra_headers: StringMap,
    /// `Batch`: when a log group is full.
    pub batch: SlsBatch,
}

/// When a log group is sent: as soon as one of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlsBatch {
    /// `MinSizeBytes`: size before compression.
    pub min_bytes: u64,
    /// `MinCnt`: number of events.
    pub min_events: u64,
    /// `TimeoutSecs`: age of its first event.
    pub timeout_secs: u64,
}

/// What a flusher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telemetry {
    /// `logs`.
    Logs,
    /// `metrics`.
    Metrics,
    /// `metrics_multivalue`.
    MetricsMultivalue,
    /// `metrics_host`.
    MetricsHost,
    /// `arms_agentinfo`.
    ArmsAgentInfo,
    /// `arms_metrics`.
    ArmsMetrics,
    /// `arms_traces`.
    ArmsTraces,
}

/// How log groups are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// LZ4 blocks.
    Lz4,
    /// Zstandard.
    Zstd,
    /// Not at all.
    None,
}

/// What a Kubernetes resource fills in where `flusher_sls` says nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct SlsDefaults {
    pub(super) project: Option<String>,
    pub(super) logstore: Option<String>,
    pub(super) endpoint: Option<String>,
}

const NOT_YET: &[NotYet<SlsFlusher>] = &[
    ("Aliuid", |sls| !sls.aliuid.is_empty()),
    ("EndpointMode", |sls| sls.accelerate),
    ("TelemetryType", |sls| sls.telemetry != Telemetry::Logs),
    ("Workspace", |sls| !sls.workspace.is_empty()),
];

const COMPRESSIONS: &[(&str, Compression)] =
    &[("lz4", Compression::Lz4), ("zstd", Compression::Zstd), ("none", Compression::None)];

const TELEMETRIES: &[(&str, Telemetry)] = &[
    ("logs", Telemetry::Logs),
    ("metrics", Telemetry::Metrics),
    ("metrics_multivalue", Telemetry::MetricsMultivalue),
    ("metrics_host", Telemetry::MetricsHost),
    ("arms_agentinfo", Telemetry::ArmsAgentInfo),
    ("arms_metrics", Telemetry::ArmsMetrics),
    ("arms_traces", Telemetry::ArmsTraces),
];

const DEFAULT_MIN_BYTES: u64 = 512 << 10;
/// The largest batch that stays below the service's 10 MiB once it is packed.
const MAX_BATCH_BYTES: u64 = 8_738_133;
const DEFAULT_MIN_EVENTS: u64 = 4000;
/// The service takes no more events in one log group.
const MAX_BATCH_EVENTS: u64 = 40_960;
const DEFAULT_TIMEOUT_SECS: u64 = 3;

/// Reads the parameters of an entry of type `flusher_sls`.
pub(super) fn read(fields: &mut Fields<'_>, defaults: &SlsDefaults) -> Option<SlsFlusher> {
    let telemetry = fields.choice("TelemetryType", TELEMETRIES);
    let needs_logstore = matches!(telemetry, Telemetry::Logs | Telemetry::Metrics | Telemetry::MetricsMultivalue);
    let project = required_or(fields, "Project", defaults.project.as_ref());
    let logstore_default = defaults.logstore.clone().or_else(|| (!needs_logstore).then(String::new));
    let logstore = required_or(fields, "Logstore", logstore_default.as_ref());
    let (batch, batch_shard_hash_keys) = batch(fields);
    let sls = SlsFlusher {
        project: project?,
        logstore: logstore?,
        endpoint: endpoint(fields).or_else(|| defaults.endpoint.clone()),
        region: fields.optional("Region").filter(|region: &String| !region.is_empty()),
        aliuid: fields.or("Aliuid", String::new()),
        accelerate: fields.choice("EndpointMode", &[("default", false), ("accelerate", true)]),
        telemetry,
        workspace: fields.or("Workspace", String::new()),
        shard_hash_keys: fields.optional("ShardHashKeys").or(batch_shard_hash_keys).unwrap_or_default(),
        compression: fields.choice("CompressType", COMPRESSIONS),
        max_send_rate_bytes: fields.or("MaxSendRate", 0),
        extra_headers: fields.or("ExtraHeaders", StringMap::new()),
        batch,
    };
    fields.tolerate(&["ExpireTime"]);
    fields.warn_not_yet(&sls, NOT_YET);
    Some(sls)
}

fn required_or(fields: &mut Fields<'_>, key: &'static str, default: Option<&String>) -> Option<String> {
    match default {
        Some(default) if fields.cursor(key).is_none() => Some(default.clone()),
        _ => fields.required(key),
    }
}

fn endpoint(fields: &mut Fields<'_>) -> Option<String> {
    let endpoint = fields.optional::<String>("Endpoint")?;
    let host = endpoint.trim();
    (!host.is_empty()).then(|| host.to_owned())
}

fn batch(fields: &mut Fields<'_>) -> (SlsBatch, Option<Vec<String>>) {
    let Some(mut batch) = fields.map("Batch") else { return (SlsBatch::default(), None) };
    let given = SlsBatch {
        min_bytes: batch.within("MinSizeBytes", DEFAULT_MIN_BYTES, 1..=MAX_BATCH_BYTES),
        min_events: batch.within("MinCnt", DEFAULT_MIN_EVENTS, 1..=MAX_BATCH_EVENTS),
        timeout_secs: batch.or("TimeoutSecs", DEFAULT_TIMEOUT_SECS),
    };
    let shard_hash_keys = batch.optional("ShardHashKeys");
    batch.tolerate(&["MaxSizeBytes"]);
    batch.finish();
    (given, shard_hash_keys)
}

impl Default for SlsBatch {
    fn default() -> Self {
        Self { min_bytes: DEFAULT_MIN_BYTES, min_events: DEFAULT_MIN_EVENTS, timeout_secs: DEFAULT_TIMEOUT_SECS }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::Cursor;
    use super::super::testing::{warnings_and_problems, yaml};
    use super::*;

    fn read_entry(text: &str, defaults: &SlsDefaults) -> (Option<SlsFlusher>, Vec<String>) {
        warnings_and_problems(|report| {
            let node = yaml(text);
            let mut fields = Fields::open(Cursor { node: &node, path: "f".into(), report }).expect("a map");
            let sls = read(&mut fields, defaults);
            fields.finish();
            sls
        })
    }

    #[test]
    fn every_parameter_is_typed() {
        let (sls, found) = read_entry(
            "{Project: p, Logstore: 42, Endpoint: ' http://h:80/ ', Region: r, ShardHashKeys: [a], CompressType: zstd,
              MaxSendRate: 9, ExtraHeaders: {a: b}, ExpireTime: 1,
              Batch: {MinSizeBytes: 1, MinCnt: 2, TimeoutSecs: 5, ShardHashKeys: [old]}}",
            &SlsDefaults::default(),
        );
        let sls = sls.expect("valid");
        assert_eq!(found, [""; 0]);
        assert_eq!((sls.project.as_str(), sls.logstore.as_str()), ("p", "42"));
        assert_eq!((sls.endpoint.as_deref(), sls.region.as_deref()), (Some("http://h:80/"), Some("r")));
        assert_eq!((sls.shard_hash_keys, sls.compression), (vec!["a".to_owned()], Compression::Zstd));
        assert_eq!(sls.batch, SlsBatch { min_bytes: 1, min_events: 2, timeout_secs: 5 });
        assert_eq!((sls.max_send_rate_bytes, sls.extra_headers.len()), (9, 1));
    }

    #[test]
    fn a_kubernetes_resource_fills_in_what_is_missing() {
        let given = |text: &str| Some(text.to_owned());
        let defaults = SlsDefaults { project: given("p"), logstore: given("l"), endpoint: given("e") };
        let (sls, found) = read_entry("{Logstore: mine}", &defaults);
        let sls = sls.expect("valid");
        assert_eq!(found, [""; 0]);
        assert_eq!((sls.project, sls.logstore, sls.endpoint), ("p".into(), "mine".into(), given("e")));
    }

    #[test]
    fn bad_values_are_refused_or_replaced() {
        fn check(text: &str, expected: &[&str]) {
            assert_eq!(read_entry(text, &SlsDefaults::default()).1, expected, "{text}");
        }
        check("{}", &["a.yaml:1:1: f: Project is missing", "a.yaml:1:1: f: Logstore is missing"]);
        check(
            "{Project: p, Logstore: l, CompressType: gzip}",
            &["a.yaml:1:41: f.CompressType: expected lz4, zstd or none; the default lz4 applies"],
        );
        check(
            "{Project: p, TelemetryType: metrics_host}",
            &["a.yaml:1:29: f.TelemetryType: not supported yet, has no effect"],
        );
        check(
            "{Project: p, Logstore: l, Batch: {MinCnt: -1}}",
            &["a.yaml:1:43: f.Batch.MinCnt: expected a whole number, not negative, found the number -1"],
        );
    }
}
