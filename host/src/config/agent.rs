//! The config of the agent as a whole: a JSON object, and variables of the environment that win over it.
//!
//! It is LoongCollector's, with everything that can stand in it; most of that tunes the inside of another agent, and has
//! no effect here.

use std::time::Duration;

use super::env::Lookup;
use super::fields::{Cursor, Fields};
use super::node::{Entry, Node, Position, Value};
use super::problem::{Problem, Report, Warning};
use super::shipping::{GivenShipping, SHIPPING_KEYS, Shipping};
use super::{Syntax, tree};

/// What holds for all pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// `mem_usage_limit`, which is given in MB: about how much memory the agent may take.
    pub mem_usage_limit_bytes: Option<u64>,
    /// `max_bytes_per_sec`: how many bytes of logs may be sent in a second. `None`: any number.
    pub max_bytes_per_sec: Option<u64>,
    /// `discard_old_data`: processors that parse times may drop events that are too old.
    pub discard_old_data: bool,
    /// `default_tail_limit_kb`: the default of `TailSizeKB`.
    pub default_tail_limit_kib: Option<u64>,
    /// `working_ip`: the address of the machine, if not the one that it has.
    pub working_ip: Option<String>,
    /// `working_hostname`: the name of the machine, if not the one that it has.
    pub working_hostname: Option<String>,
    /// `quarantine_max_bytes`: what the events at which processors failed may take on disk. 0: none is kept.
    pub quarantine_max_bytes: u64,
    /// `config_scan_interval`, in seconds: how often configs are looked at, whether or not the system told of a change.
    pub config_scan_interval: Duration,
    /// How it sends.
    pub shipping: Shipping,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self::of(Given::default())
    }
}

/// What one place gives.
#[derive(Debug, Default)]
struct Given {
    mem_usage_limit_mb: Option<u64>,
    max_bytes_per_sec: Option<u64>,
    discard_old_data: Option<bool>,
    default_tail_limit_kib: Option<u64>,
    working_ip: Option<String>,
    working_hostname: Option<String>,
    quarantine_max_bytes: Option<u64>,
    config_scan_interval_secs: Option<u64>,
    shipping: GivenShipping,
}

impl AgentConfig {
    /// Reads a config: the environment wins over the text, and that over the defaults.
    ///
    /// Nested objects are the same as keys joined by `_`. The variable of `key` is `LOONG_KEY`, `key` itself or
    /// `ALIYUN_LOGTAIL_KEY`; the first that is set counts.
    ///
    /// # Errors
    /// Everything that is wrong: text that is no JSON object, and values of the wrong type.
    pub fn parse(text: &str, file: &str, env: &Lookup<'_>) -> Result<(Self, Vec<Warning>), Vec<Problem>> {
        let report = Report::new(file);
        let root = tree(text, Syntax::Json, &report).map_err(|problem| report.error(problem)).ok();
        let in_text = root.and_then(|root| given_by_text(&root, &report));
        let in_env = given_by_env(env);
        match (report.conclude(in_text), in_env) {
            (Ok((in_text, mut warnings)), Ok((in_env, more))) => {
                warnings.extend(more);
                Ok((Self::of(in_env.or(in_text)), warnings))
            }
            (in_text, in_env) => Err([in_text.err(), in_env.err()].into_iter().flatten().flatten().collect()),
        }
    }

    fn of(given: Given) -> Self {
        Self {
            mem_usage_limit_bytes: given.mem_usage_limit_mb.map(|mb| mb.saturating_mul(1 << 20)),
            max_bytes_per_sec: given.max_bytes_per_sec.filter(|bytes| *bytes < UNLIMITED_BYTES_PER_SEC),
            discard_old_data: given.discard_old_data.unwrap_or(true),
            default_tail_limit_kib: given.default_tail_limit_kib,
            working_ip: given.working_ip.filter(|text| !text.is_empty()),
            working_hostname: given.working_hostname.filter(|text| !text.is_empty()),
            quarantine_max_bytes: given.quarantine_max_bytes.unwrap_or(QUARANTINE_MAX_BYTES),
            config_scan_interval: Duration::from_secs(
                given.config_scan_interval_secs.unwrap_or(CONFIG_SCAN_INTERVAL_SECS).max(1),
            ),
            shipping: given.shipping.into(),
        }
    }
}

impl Given {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            mem_usage_limit_mb: fields.optional("mem_usage_limit"),
            max_bytes_per_sec: fields.optional("max_bytes_per_sec"),
            discard_old_data: fields.optional("discard_old_data"),
            default_tail_limit_kib: fields.optional("default_tail_limit_kb"),
            working_ip: fields.optional("working_ip"),
            working_hostname: fields.optional("working_hostname"),
            quarantine_max_bytes: fields.optional("quarantine_max_bytes"),
            config_scan_interval_secs: fields.optional("config_scan_interval"),
            shipping: GivenShipping::read(fields),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            mem_usage_limit_mb: self.mem_usage_limit_mb.or(other.mem_usage_limit_mb),
            max_bytes_per_sec: self.max_bytes_per_sec.or(other.max_bytes_per_sec),
            discard_old_data: self.discard_old_data.or(other.discard_old_data),
            default_tail_limit_kib: self.default_tail_limit_kib.or(other.default_tail_limit_kib),
            working_ip: self.working_ip.or(other.working_ip),
            working_hostname: self.working_hostname.or(other.working_hostname),
            quarantine_max_bytes: self.quarantine_max_bytes.or(other.quarantine_max_bytes),
            config_scan_interval_secs: self.config_scan_interval_secs.or(other.config_scan_interval_secs),
            shipping: self.shipping.or(other.shipping),
        }
    }
}

fn given_by_text(root: &Node, report: &Report) -> Option<Given> {
    let flat = Node::new(root.at, Value::Map(flattened("", root.entries())));
    let mut fields = Fields::open(Cursor { node: &flat, path: String::new(), report })?;
    let given = Given::read(&mut fields);
    let idle = |key: &str| IDLE.contains(&key) || IDLE_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    let entries = flat.entries().iter();
    let (tolerated, other): (Vec<&Entry>, Vec<&Entry>) = entries.partition(|entry| idle(&entry.key));
    let names: Vec<&str> = tolerated.iter().map(|entry| entry.key.as_str()).collect();
    if let Some(first) = tolerated.first() {
        report.warn(Problem::new(first.at, "", format!("without effect here: {}", names.join(", "))));
    }
    let others = Node::new(root.at, Value::Map(other.into_iter().cloned().collect()));
    fields.tolerate(IDLE);
    fields.cursor.node = &others;
    fields.warn_unknown();
    Some(given)
}

/// The entries of a map and of the maps below it, by their keys joined with `_`.
fn flattened(prefix: &str, entries: &[Entry]) -> Vec<Entry> {
    let flatten = |entry: &Entry| {
        let key = format!("{prefix}{}", entry.key);
        match &entry.value.value {
            Value::Map(below) => flattened(&format!("{key}_"), below),
            _ => vec![Entry { key, ..entry.clone() }],
        }
    };
    entries.iter().flat_map(flatten).collect()
}

fn given_by_env(env: &Lookup<'_>) -> Result<(Given, Vec<Warning>), Vec<Problem>> {
    let report = Report::new("environment");
    let entries = KEYS.iter().chain(SHIPPING_KEYS).filter_map(|key| {
        let upper = key.to_uppercase();
        let names = [format!("LOONG_{upper}"), (*key).to_owned(), format!("ALIYUN_LOGTAIL_{upper}")];
        let value = scalar(names.iter().find_map(|name| env(name))?);
        Some(Entry { key: (*key).to_owned(), at: Position::START, value })
    });
    let node = Node::new(Position::START, Value::Map(entries.collect()));
    let fields = Fields::open(Cursor { node: &node, path: String::new(), report: &report });
    let given = fields.map(|mut fields| {
        let given = Given::read(&mut fields);
        Given {
            mem_usage_limit_mb: at_least(MIN_ENV_MEMORY_MB, given.mem_usage_limit_mb, &fields, "mem_usage_limit"),
            max_bytes_per_sec: at_least(MIN_ENV_BYTES_PER_SEC, given.max_bytes_per_sec, &fields, "max_bytes_per_sec"),
            ..given
        }
    });
    let placeless = |problem: Problem| Problem { at: None, ..problem };
    match report.conclude(given) {
        Ok((given, found)) => Ok((given, found.into_iter().map(|warning| Warning(placeless(warning.0))).collect())),
        Err(found) => Err(found.into_iter().map(placeless).collect()),
    }
}

/// Raises a value of the environment to the least that may stand there, with a warning.
fn at_least(least: u64, given: Option<u64>, fields: &Fields<'_>, key: &str) -> Option<u64> {
    if given.is_some_and(|value| value < least) {
        let problem = Problem::new(Position::START, key, format!("expected {least} or more; {least} applies"));
        fields.cursor.report.warn(problem);
    }
    given.map(|value| value.max(least))
}

/// The value that a variable stands for.
fn scalar(text: String) -> Node {
    let value = match (text.as_str(), text.parse()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(number)) => Value::Integer(number),
        _ => Value::String(text.clone()),
    };
    Node { at: Position::START, value, text }
}

/// The keys that have an effect.
const KEYS: &[&str] = &[
    "mem_usage_limit",
    "max_bytes_per_sec",
    "discard_old_data",
    "default_tail_limit_kb",
    "working_ip",
    "working_hostname",
    "quarantine_max_bytes",
    "config_scan_interval",
];

/// Tens of thousands of events of a usual size.
const QUARANTINE_MAX_BYTES: u64 = 64 << 20;

/// That of LoongCollector.
const CONFIG_SCAN_INTERVAL_SECS: u64 = 10;

/// From here on LoongCollector does not limit anything.
const UNLIMITED_BYTES_PER_SEC: u64 = 31_457_280;
/// The least that LoongCollector takes from the environment.
const MIN_ENV_MEMORY_MB: u64 = 384;
/// The least that LoongCollector takes from the environment.
const MIN_ENV_BYTES_PER_SEC: u64 = 1_048_576;

/// Keys that are LoongCollector's and have no effect here.
const IDLE: &[&str] = &[
    "accept_multi_config",
    "batch_send_interval",
    "batch_send_metric_size",
    "bind_interface",
    "buffer_file_path",
    "buffer_map_num",
    "buffer_map_size",
    "bytes_per_sec",
    "check_handler_timeout_interval",
    "check_point_dump_interval",
    "check_point_file_path",
    "check_point_filename",
    "checkpoint_find_max_file_count",
    "config_server_list",
    "config_servers",
    "cpu_usage_limit",
    "data_server_port",
    "docker_config_update_interval",
    "docker_file_cache_path",
    "dynamic_plugins",
    "enable_checkpoint_sync_write",
    "enable_env_ref_in_config",
    "enable_full_drain_mode",
    "enable_host_ip_replace",
    "enable_log_time_auto_adjust",
    "enable_polling_discovery",
    "enable_response_verification",
    "force_quit_read_timeout",
    "host_path_blacklist",
    "ignore_dir_inode_changed",
    "ignored_interfaces",
    "ilogtail_configserver_address",
    "ilogtail_tags",
    "inotify_black_list",
    "input_flow_control",
    "log_parse_error",
    "logreader_filedeleted_remove_interval",
    "logreader_max_rotate_queue_size",
    "logtail_sys_conf_dir",
    "machine_cpu_usage_threshold",
    "max_docker_config_update_times",
    "max_multi_config",
    "max_read_buffer_size",
    "metrics_report_method",
    "no_inotify",
    "oas_connect_timeout",
    "oas_request_timeout",
    "polling_dir_first_watch_timeout",
    "polling_dirfile_check_interval_ms",
    "polling_file_first_watch_timeout",
    "polling_ignore_file_modify_timeout",
    "polling_modify_check_interval",
    "primary_region",
    "process_thread_count",
    "read_local_event_interval",
    "reader_close_unused_file_time",
    "resource_auto_scale",
    "scaled_cpu_usage_limit",
    "search_checkpoint_default_dir_depth",
    "send_running_status",
    "sls_request_dscp",
    "system_boot_time",
    "truncate_pos_skip_bytes",
    "working_interface",
];

/// Groups of such keys.
const IDLE_PREFIXES: &[&str] = &["ebpf_"];

#[cfg(test)]
mod tests {
    use super::*;

    /// LoongCollector's own file as it is installed on a host.
    const INSTALLED: &str = r#"{ "primary_region":"cn-beijing", "config_servers":["http://a"],
        "data_servers":[{"region":"cn-beijing","endpoint_list":["cn-beijing.log.aliyuncs.com"]}],
        "cpu_usage_limit":0.4, "mem_usage_limit":384, "max_bytes_per_sec":20971520, "bytes_per_sec":1048576,
        "buffer_file_num":25, "buffer_file_size":20971520, "buffer_map_num":5 }"#;

    fn parse(text: &str, env: &[(&str, &str)]) -> (Option<AgentConfig>, Vec<String>) {
        let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        match AgentConfig::parse(text, "agent.json", &lookup) {
            Ok((config, warnings)) => (Some(config), warnings.iter().map(ToString::to_string).collect()),
            Err(problems) => (None, problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn an_installed_file_is_taken_as_it_is() {
        let (config, warnings) = parse(INSTALLED, &[]);
        let limits = AgentConfig {
            mem_usage_limit_bytes: Some(384 << 20),
            max_bytes_per_sec: Some(20_971_520),
            ..AgentConfig::default()
        };
        let config = config.expect("valid");
        assert_eq!(config.shipping.spool_max_bytes, 25 * 20_971_520);
        assert_eq!(config.shipping.endpoints.len(), 1);
        assert_eq!(AgentConfig { shipping: limits.shipping.clone(), ..config }, limits);
        let warning = "agent.json:1:3: without effect here: primary_region, config_servers, \
            cpu_usage_limit, bytes_per_sec, buffer_map_num";
        assert_eq!(warnings, [warning]);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        fn check(text: &str, env: &[(&str, &str)], ip: Option<&str>) {
            let (config, warnings) = parse(text, env);
            assert_eq!(config.and_then(|config| config.working_ip).as_deref(), ip, "{text} {env:?} {warnings:?}");
        }
        check("{}", &[], None);
        check(r#"{"working_ip": "1.1.1.1"}"#, &[], Some("1.1.1.1"));
        check(r#"{"working": {"ip": "1.1.1.1"}}"#, &[], Some("1.1.1.1"));
        check(r#"{"working_ip": ""}"#, &[], None);
        let env = [("ALIYUN_LOGTAIL_WORKING_IP", "4"), ("working_ip", "3"), ("LOONG_WORKING_IP", "2")];
        check(r#"{"working_ip": "1.1.1.1"}"#, &env, Some("2"));
        check(r#"{"working_ip": "1.1.1.1"}"#, &env[..2], Some("3"));
        check(r#"{"working_ip": "1.1.1.1"}"#, &env[..1], Some("4"));
    }

    #[test]
    fn limits() {
        fn check(text: &str, env: &[(&str, &str)], memory: Option<u64>, rate: Option<u64>, found: &[&str]) {
            let (config, warnings) = parse(text, env);
            let config = config.expect("valid");
            assert_eq!((config.mem_usage_limit_bytes, config.max_bytes_per_sec), (memory, rate), "{text} {env:?}");
            assert_eq!(warnings, found, "{text} {env:?}");
        }
        check("{}", &[], None, None, &[]);
        let quarantine = |text, env: &[_]| parse(text, env).0.map(|config| config.quarantine_max_bytes);
        assert_eq!(quarantine("{}", &[]), Some(64 << 20));
        assert_eq!(quarantine(r#"{"quarantine_max_bytes": 7}"#, &[("LOONG_QUARANTINE_MAX_BYTES", "0")]), Some(0));
        check(r#"{"max_bytes_per_sec": 31457280}"#, &[], None, None, &[]);
        check(r#"{"max_bytes_per_sec": 31457279, "mem_usage_limit": 1}"#, &[], Some(1 << 20), Some(31_457_279), &[]);
        let floors = [
            "environment: mem_usage_limit: expected 384 or more; 384 applies",
            "environment: max_bytes_per_sec: expected 1048576 or more; 1048576 applies",
        ];
        let env = [("LOONG_MEM_USAGE_LIMIT", "1"), ("max_bytes_per_sec", "5")];
        check(r#"{"mem_usage_limit": 9999}"#, &env, Some(384 << 20), Some(1_048_576), &floors);
    }

    #[test]
    fn mistakes() {
        fn check(text: &str, env: &[(&str, &str)], expected: &[&str]) {
            let (config, found) = parse(text, env);
            assert_eq!(
                (config.is_some(), found),
                (false, expected.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
        check("[]", &[], &["agent.json:1:1: expected a map at the top, found a list"]);
        check(
            r#"{"mem_usage_limit": "1g"}"#,
            &[("LOONG_DISCARD_OLD_DATA", "perhaps")],
            &[
                "agent.json:1:21: mem_usage_limit: expected a whole number, not negative, found a string",
                "environment: discard_old_data: expected true or false, found a string",
            ],
        );
        let (config, found) = parse(r#"{"mem_usage_limt": 1, "ebpf": {"x": 1}}"#, &[]);
        assert_eq!(config, Some(AgentConfig::default()));
        assert_eq!(
            found,
            [
                "agent.json:1:2: mem_usage_limt: unknown parameter, ignored (did you mean mem_usage_limit?)",
                "agent.json:1:32: without effect here: ebpf_x",
            ]
        );
    }
}
