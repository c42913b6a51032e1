//! Whole configs: what users write, and what they get told.

use regex::bytes::Regex;

use super::*;

const BUILTIN: &[&str] =
    &["processor_gotime", "processor_parse_json_native", "processor_parse_timestamp_native", "processor_strptime"];

/// A minimal pipeline to which a test adds.
const MINIMAL: &str = "inputs: [{Type: input_file, FilePaths: [/a]}]\nflushers: [{Type: flusher_blackhole}]\n";

type Parsed = Result<(Pipeline, Vec<String>), Vec<String>>;

fn parse_as(syntax: Syntax, text: &str) -> Parsed {
    let env = |name: &str| match name {
        "LOG_DIR" => Some("/var/log".to_owned()),
        "YES" => Some("true".to_owned()),
        _ => None,
    };
    let source = Source { file: "a.yaml".into(), stem: "a".into(), syntax };
    let context = Context { env: &env, builtin_types: BUILTIN, default_tail_limit_kib: None };
    match parse(text, &source, &context) {
        Ok((pipeline, warnings)) => Ok((pipeline, warnings.iter().map(ToString::to_string).collect())),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

fn parse_yaml(text: &str) -> Parsed {
    parse_as(Syntax::Yaml, text)
}

/// A Kubernetes resource as users write it, with the placeholders of its template.
const RESOURCE: &str = "\
apiVersion: telemetry.alibabacloud.com/v1alpha1
kind: ClusterAliyunPipelineConfig
metadata:
  name: ${your-config-name}
spec:
  config:
    aggregators: []
    global:
      EnableTimestampNanosecond: true
    inputs:
      - Type: input_file
        FilePaths:
          - /test/sls/json_nano.log
        MaxDirSearchDepth: 0
        FileEncoding: utf8
        EnableContainerDiscovery: true
    processors:
      - Type: processor_parse_json_native
        SourceKey: content
      - Type: processor_strptime
        SourceKey: asctime
        Format: '%Y-%m-%d %H:%M:%S,%f'
    flushers:
      - Type: flusher_sls
        Logstore: ${your-logstore-name}
    sample: |-
      {\"message\": \"{\"no\": 45}\"}
  project:
    name: ${your-project-name}
  logstores:
    - name: ${your-logstore-name}
";

#[test]
fn a_kubernetes_resource_is_a_pipeline() {
    let text = RESOURCE.replace("${your-config-name}", "nano").replace("${your-", "x-").replace("-name}", "");
    let (pipeline, warnings) = parse_yaml(&text).expect("valid");
    assert_eq!(warnings, ["a.yaml:16:35: inputs[0].EnableContainerDiscovery: not supported yet, has no effect"]);
    assert_eq!((pipeline.name.as_str(), pipeline.enable, pipeline.global.nanoseconds), ("nano", true, true));
    assert_eq!(pipeline.processors[1].path, "processors[1]");
    assert!(pipeline.begins_with_json());
    let FlusherKind::Sls(sls) = &pipeline.flushers[0].kind else { panic!("flusher_sls") };
    assert_eq!((sls.project.as_str(), sls.logstore.as_str(), &sls.endpoint), ("x-project", "x-logstore", &None));
}

#[test]
fn a_placeholder_that_was_left_in_is_pointed_at() {
    let hint = "was left in (put the real value in its place)";
    assert_eq!(
        parse_yaml(RESOURCE).expect_err("placeholders"),
        [
            format!("a.yaml:4:9: metadata.name: the placeholder ${{your-config-name}} {hint}"),
            format!("a.yaml:25:19: flushers[0].Logstore: the placeholder ${{your-logstore-name}} {hint}"),
            format!("a.yaml:29:11: spec.project.name: the placeholder ${{your-project-name}} {hint}"),
            format!("a.yaml:31:13: spec.logstores[0].name: the placeholder ${{your-logstore-name}} {hint}"),
        ]
    );
}

#[test]
fn environment_references_are_replaced() {
    let text = MINIMAL.replace("[/a]", "['${LOG_DIR}/${NAME:app}.log']");
    let (pipeline, _) = parse_yaml(&text).expect("valid");
    let InputKind::File(file) = &pipeline.inputs[0].kind;
    assert_eq!(file.file_paths, ["/var/log/app.log"]);
    let text = format!("{MINIMAL}enable: '${{YES}}'\n");
    assert_eq!(
        parse_yaml(&text).expect_err("a string"),
        ["a.yaml:3:9: enable: expected true or false, found a string"]
    );
}

#[test]
fn yaml_and_json_mean_the_same() {
    let (from_yaml, _) = parse_yaml(MINIMAL).expect("valid");
    let json = r#"{"inputs": [{"Type": "input_file", "FilePaths": ["/a"]}], /* note */
        "flushers": [{"Type": "flusher_blackhole"}]}"#;
    let (from_json, warnings) = parse_as(Syntax::Json, json).expect("valid");
    assert_eq!(warnings, [""; 0]);
    let kinds = |pipeline: &Pipeline| (pipeline.inputs[0].kind.clone(), pipeline.flushers[0].kind.clone());
    assert_eq!(kinds(&from_yaml), kinds(&from_json));
    assert_eq!((from_yaml.name.as_str(), from_yaml.enable), ("a", true));
}

#[test]
fn what_is_harmless_is_tolerated() {
    fn check(addition: &str, expected: &[&str]) {
        let (_, warnings) = parse_yaml(&format!("{MINIMAL}{addition}")).expect(addition);
        assert_eq!(warnings, expected, "{addition}");
    }
    check("aggregators: []\nprocessors: []\nextensions: []\nglobal: {}\n", &[]);
    check("aggregators: ~\nprocessors:\nextensions:\nglobal:\n", &[]);
    check("sample: x\ncreateTime: 5\nconfigName: y\nenable: yes\n", &[]);
    check("global: {StructureType: v1, FlushIntervalMs: 1}\n", &[]);
    check("procesors: []\n", &["a.yaml:3:1: procesors: unknown parameter, ignored (did you mean processors?)"]);
    check(
        "EnableTimestampNanosecond: true\n",
        &["a.yaml:3:1: EnableTimestampNanosecond: unknown parameter, ignored (it belongs in `global` and has no \
            effect here)"],
    );
    check(
        "aggregators: [{Type: aggregator_default}]\n",
        &["a.yaml:3:15: aggregators[0]: aggregator_default has no effect: flushers group events themselves"],
    );
    check(
        "extensions: [{Type: ext_basicauth}]\n",
        &["a.yaml:3:14: extensions[0]: extensions are not supported yet, this one has no effect"],
    );
    check(
        "global: {Priority: 7}\n",
        &[
            "a.yaml:3:20: global.Priority: expected 0 to 2; 2, the lowest, applies",
            "a.yaml:3:20: global.Priority: not supported yet, has no effect",
        ],
    );
    check(
        "global: {TopicType: filepath}\n",
        &["a.yaml:3:21: global.TopicType: TopicFormat is missing; there will be no topic"],
    );
    check(
        "global: {TopicType: filepath, TopicFormat: '(a'}\n",
        &["a.yaml:3:44: global.TopicFormat: not a usable pattern, there will be no topic: unclosed group"],
    );
    check(
        "global: {PipelineMetaTagKey: {HOST_NAME: a, HOST_ID: b, CLOUD_PROVIDER: '', HOST_UP: c}}\n",
        &[
            "a.yaml:3:54: global.PipelineMetaTagKey.HOST_ID: not known here, there will be no such tag",
            "a.yaml:3:77: global.PipelineMetaTagKey.HOST_UP: unknown parameter, ignored (did you mean HOST_IP?)",
        ],
    );
    check("---\nmore: 1\n", &["a.yaml:3:1: only the first document of a file is read"]);
}

#[test]
fn topics_are_typed() {
    fn check(global: &str, expected: &Topic) {
        let (pipeline, _) = parse_yaml(&format!("{MINIMAL}global: {global}\n")).expect(global);
        assert_eq!(pipeline.global.topic, *expected, "{global}");
    }
    check("{TopicType: none, TopicFormat: x}", &Topic::None);
    check("{TopicType: custom, TopicFormat: 7}", &Topic::Fixed("7".into()));
    check("{TopicType: machine_group_topic, TopicFormat: x}", &Topic::Fixed("x".into()));
    let regex = Regex::new(".").expect("the pattern is valid");
    check("{TopicType: filepath, TopicFormat: '(.*)'}", &Topic::FilePath(PathPattern { text: "(.*)".into(), regex }));
    check("{TopicType: filepath, TopicFormat: '(?=a)'}", &Topic::None);
    check("{TopicType: weird, TopicFormat: x}", &Topic::None);
}

#[test]
fn a_broken_config_is_an_ordinary_error() {
    fn check(text: &str, expected: &str) {
        let problems = parse_yaml(text).expect_err(text);
        assert_eq!(problems[0], format!("a.yaml:{expected}"), "{text:?}");
    }
    check("", "1:1: the file holds no config");
    check("\u{feff}# nothing\n", "1:1: the file holds no config");
    check("[]", "1:1: expected a map at the top, found a list");
    check("\n- a\n", "2:1: expected a map at the top, found a list");
    check("just text", "1:1: expected a map at the top, found a string");
    check("7", "1:1: expected a map at the top, found the number 7");
    check("a: \0", "1:4: a config cannot hold a NUL byte");
    check("{}", "1:1: inputs is missing");
    check(&MINIMAL.replace("[{Type: input_file, FilePaths: [/a]}]", "[]"), "1:9: inputs: expected one entry or more");
    check(&MINIMAL.replace("[{Type: flusher_blackhole}]", "~"), "1:1: flushers is missing");
    check(
        &MINIMAL.replace("input_file", "service_syslog"),
        "1:17: inputs[0].Type: service_syslog exists in LoongCollector but is not supported here yet",
    );
    check(
        &MINIMAL.replace("[/a]}", "[/a]}, {Type: input_file, FilePaths: [/b]}"),
        "1:47: inputs[1]: expected one input: an input_file stands alone",
    );
    check(&format!("{MINIMAL}processors: {{}}"), "3:13: processors: expected a list, found a map");
    check(&format!("{MINIMAL}processors: [a]"), "3:14: processors[0]: expected a map, found a string");
    check(&format!("{MINIMAL}global: []"), "3:9: global: expected a map, found a list");
    check(&format!("{MINIMAL}enable: 1"), "3:9: enable: expected true or false, found the number 1");
    check(
        &format!("{MINIMAL}aggregators: [{{Type: aggregator_shardhash}}]"),
        "3:15: aggregators[0]: the aggregator aggregator_shardhash is not supported",
    );
    check(&format!("{MINIMAL}task: {{}}"), "3:7: task: a file with a task is no pipeline");
}

#[test]
fn resources_that_hold_no_pipeline_are_told_apart() {
    fn check(text: &str, expected: &str) {
        let problems = parse_yaml(text).expect_err(text);
        assert!(problems[0].starts_with(expected), "{text:?}: {}", problems[0]);
    }
    check(
        "apiVersion: log.alibabacloud.com/v1alpha1\nkind: AliyunLogConfig\n",
        "a.yaml:1:1: AliyunLogConfig is the older kind of resource, which is not read (write a Cluster",
    );
    check("apiVersion: v1\nkind: ConfigMap\n", "a.yaml:1:1: a resource of kind ConfigMap in v1 holds no pipeline");
    let head = RESOURCE.split("metadata").next().expect("a head");
    check(head, "a.yaml:1:1: spec is missing");
    check(&format!("{head}spec: {{}}\n"), "a.yaml:3:7: spec: config is missing");
    check(&format!("{head}spec: {{config: []}}\n"), "a.yaml:3:16: expected a map, found a list");
    let bad_name = format!("{head}metadata: {{name: ../up}}\nspec: {{config: {{}}}}\n");
    check(&bad_name, "a.yaml:3:18: metadata.name: expected 2 to 128 lowercase letters");
}

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let text = "inputs: [{Type: input_fil}]\nprocessors: [{Type: processor_strptme}, {Type: processor_gotime}]\n\
        flushers: [{Type: flusher_file, MaxFiles: x}]\nEnabel: 1\n";
    assert_eq!(
        parse_yaml(text).expect_err("four problems"),
        [
            "a.yaml:1:17: inputs[0].Type: unknown input type \"input_fil\" (did you mean input_file?)",
            "a.yaml:2:21: processors[0].Type: unknown processor type \"processor_strptme\" \
                (did you mean processor_strptime?)",
            "a.yaml:3:12: flushers[0]: FilePath is missing",
            "a.yaml:3:43: flushers[0].MaxFiles: expected a whole number, not negative, found a string",
        ]
    );
}

#[test]
fn a_disabled_pipeline_is_only_warned_of() {
    let (pipeline, warnings) = parse_yaml("enable: false\ninputs: 5\n").expect("disabled");
    assert!(!pipeline.enable);
    assert_eq!(
        warnings,
        ["a.yaml:1:1: flushers is missing", "a.yaml:2:9: inputs: expected a list, found the number 5",]
    );
    parse_yaml("enable: false\n\tinputs: 5\n").expect_err("syntax counts all the same");
}
