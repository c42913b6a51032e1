//! Names that LoongCollector knows, and the known name nearest to one that nobody knows.

/// Returns the known name nearest to `name`, if one is near enough to be what was meant.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| distance * 3 <= known.len().max(name.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns the processor that is meant by a name that is often written but exists nowhere.
pub(super) fn processor_alias(name: &str) -> Option<&'static str> {
    PROCESSOR_ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, target)| *target)
}

const PROCESSOR_ALIASES: &[(&str, &str)] = &[
    ("processor_delimiter", "processor_split_string"),
    ("processor_fields_with_conditions", "processor_fields_with_condition"),
    ("processor_filter_native", "processor_filter_regex_native"),
    ("processor_split_log_string_native", "processor_split_string_native"),
    ("processor_str_replace", "processor_string_replace"),
    ("processor_strreplace", "processor_string_replace"),
];

/// Processors of LoongCollector.
pub(super) const PROCESSORS: &[&str] = &[
    "processor_add_fields",
    "processor_anchor",
    "processor_appender",
    "processor_base64_decoding",
    "processor_base64_encoding",
    "processor_cloud_meta",
    "processor_csv",
    "processor_default",
    "processor_desensitize",
    "processor_desensitize_native",
    "processor_dict_map",
    "processor_drop",
    "processor_drop_last_key",
    "processor_encrypt",
    "processor_fields_with_condition",
    "processor_filter_key_regex",
    "processor_filter_regex",
    "processor_filter_regex_native",
    "processor_geoip",
    "processor_gotime",
    "processor_grok",
    "processor_json",
    "processor_log_to_sls_metric",
    "processor_md5",
    "processor_merge_multiline_log_native",
    "processor_otel_metric",
    "processor_otel_trace",
    "processor_packjson",
    "processor_parse_apsara_native",
    "processor_parse_container_log_native",
    "processor_parse_delimiter_native",
    "processor_parse_from_pb_native",
    "processor_parse_json_native",
    "processor_parse_regex_native",
    "processor_parse_timestamp_native",
    "processor_pick_key",
    "processor_prom_parse_metric_native",
    "processor_prom_relabel_metric_native",
    "processor_rate_limit",
    "processor_regex",
    "processor_rename",
    "processor_spl",
    "processor_split_char",
    "processor_split_key_value",
    "processor_split_log_regex",
    "processor_split_log_string",
    "processor_split_multiline_log_string_native",
    "processor_split_string",
    "processor_split_string_native",
    "processor_string_replace",
    "processor_strptime",
    "processor_tag_native",
    "processor_timestamp_filter_native",
];

/// Inputs of LoongCollector.
pub(super) const INPUTS: &[&str] = &[
    "input_agentsight",
    "input_command",
    "input_container_stdio",
    "input_cpu_profiling",
    "input_file",
    "input_file_security",
    "input_forward",
    "input_host_meta",
    "input_host_monitor",
    "input_internal_alarms",
    "input_internal_config_container_info",
    "input_internal_metrics",
    "input_journal",
    "input_network_observer",
    "input_network_security",
    "input_process_security",
    "input_prometheus",
    "input_static_file_onetime",
    "metric_debug_file",
    "metric_http",
    "metric_input_example",
    "metric_meta_host",
    "metric_mock",
    "metric_mysql",
    "metric_redis",
    "metric_system_v2",
    "service_canal",
    "service_docker_stdout",
    "service_etw",
    "service_goprofile",
    "service_gpu_metric",
    "service_http_server",
    "service_journal",
    "service_kafka",
    "service_kubernetesmeta_v2",
    "service_mock",
    "service_mssql",
    "service_mysql",
    "service_otlp",
    "service_pgsql",
    "service_prometheus",
    "service_snmp",
    "service_syslog",
    "service_telegraf",
    "service_udp_server",
    "service_wineventlog",
];

/// Flushers of LoongCollector.
pub(super) const FLUSHERS: &[&str] = &[
    "flusher_blackhole",
    "flusher_checker",
    "flusher_clickhouse",
    "flusher_doris",
    "flusher_elasticsearch",
    "flusher_file",
    "flusher_grpc",
    "flusher_http",
    "flusher_kafka",
    "flusher_kafka_native",
    "flusher_kafka_v2",
    "flusher_loki",
    "flusher_otlp",
    "flusher_prometheus",
    "flusher_pulsar",
    "flusher_sleep",
    "flusher_sls",
    "flusher_statistics",
    "flusher_stdout",
];

/// Aggregators that only group events for sending, which the flushers here do themselves.
pub(super) const GROUPING_AGGREGATORS: &[&str] = &["aggregator_base", "aggregator_context", "aggregator_default"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_is_near() {
        fn check(name: &str, known: &[&str], expected: Option<&str>) {
            assert_eq!(nearest(name, known.iter().copied()), expected, "{name}");
        }
        check("SourceKye", &["SourceKey", "SourceFormat"], Some("SourceKey"));
        check("sourcekey", &["SourceFormat", "SourceKey"], Some("SourceKey"));
        check("processor_strptme", PROCESSORS, Some("processor_strptime"));
        check("Zebra", &["SourceKey"], None);
        check("", &["A"], None);
        check("x", &[], None);
    }

    #[test]
    fn every_alias_names_a_processor_and_is_none() {
        for (alias, target) in PROCESSOR_ALIASES {
            assert!(PROCESSORS.contains(target), "{target}");
            assert!(!PROCESSORS.contains(alias), "{alias}");
        }
    }
}
