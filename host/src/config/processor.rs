//! The processors of a pipeline: which component, with which config, within which limits.

use std::path::{Path, PathBuf};

use super::fields::{Cursor, Fields, Read, join};
use super::names::{PROCESSORS, processor_alias};
use super::node::{Entry, Node, Position, Value};
use super::plugin::{self, TypeName};
use super::problem::{Problem, Warning};
use super::reference::{Reference, ReferenceError};
use super::sandbox::{self, SandboxSpec};

/// One entry of `processors`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessorSpec {
    /// The file that the entry is in, as the user named it.
    pub file: String,
    /// Where the entry is, such as `processors[1]`.
    pub path: String,
    /// Where the entry begins.
    pub at: Position,
    /// The `Type`, as written.
    pub type_name: String,
    /// The component that does the work.
    pub component: Component,
    /// The processor's own parameters: always a map, without `Type` and `Sandbox`.
    pub config: Node,
    /// Where `config` is: `path` itself, or `Config` below it.
    pub config_path: String,
    /// What the agent grants and limits.
    pub sandbox: SandboxSpec,
}

/// Where the component of a processor comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// A component inside the agent, by its type.
    BuiltIn(String),
    /// A file, as written: a relative path counts from the directory of the config file.
    File(PathBuf),
    /// A registry.
    Registry(Reference),
}

impl Component {
    /// What is named by a text: something in a registry if it is a URL, and else a file.
    ///
    /// # Errors
    /// It is a URL that no registry has.
    pub fn named(text: &str) -> Result<Self, ReferenceError> {
        if text.contains("://") { text.parse().map(Self::Registry) } else { Ok(Self::File(text.into())) }
    }
}

impl Read for Component {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        Self::named(&String::read(cursor)?).map_err(|error| cursor.error(error.to_string())).ok()
    }
}

impl ProcessorSpec {
    /// Returns what the processor says is wrong with its config, at the place that its path (`Keys[2]`) names.
    pub fn problem(&self, issue_path: &str, message: impl Into<String>) -> Problem {
        let at = self.config.locate(issue_path);
        let problem = Problem::new(at, &join(&self.config_path, issue_path), message);
        Problem { file: self.file.clone(), ..problem }
    }

    /// Returns what the processor warns of in its config, like [`ProcessorSpec::problem`].
    pub fn warning(&self, issue_path: &str, message: impl Into<String>) -> Warning {
        Warning(self.problem(issue_path, message))
    }
}

/// A path that a config file names, which may be relative to that.
fn beside(file: &str, path: &Path) -> PathBuf {
    let path = Path::new(file).parent().unwrap_or(Path::new("")).join(path);
    std::path::absolute(&path).unwrap_or(path)
}

/// Reads one entry of `processors`; `builtin_types` are those that the agent has.
pub(super) fn read(mut fields: Fields<'_>, file: &str, builtin_types: &[&str]) -> Option<ProcessorSpec> {
    let type_name = plugin::type_name(&mut fields)?;
    let mut sandbox = fields.map("Sandbox").map(sandbox::read).unwrap_or_default();
    // What is granted is found from wherever the agent was started, as the component is.
    for dir in &mut sandbox.capabilities.dirs {
        dir.host = beside(file, &dir.host);
    }
    let path = fields.cursor.path.clone();
    let (component, config, config_path) = if type_name.text == WASM_TYPE {
        wasm(&mut fields)?
    } else {
        (built_in(&type_name, builtin_types)?, own_parameters(&fields), path.clone())
    };
    let (at, type_name) = (fields.cursor.at(), type_name.text);
    let file = file.to_owned();
    Some(ProcessorSpec { file, path, at, type_name, component, config, config_path, sandbox })
}

/// The type whose component the config names: a file, or something in a registry.
const WASM_TYPE: &str = "processor_wasm";

fn built_in(type_name: &TypeName<'_>, builtin_types: &[&str]) -> Option<Component> {
    let written = type_name.text.as_str();
    let name = processor_alias(written).unwrap_or(written);
    if builtin_types.contains(&name) {
        if name != written {
            type_name.cursor.warn(format!("{written} is taken as {name}"));
        }
        return Some(Component::BuiltIn(name.to_owned()));
    }
    if PROCESSORS.contains(&name) {
        let problem = type_name.cursor.problem(format!("{name} exists in LoongCollector but is not built in yet"));
        type_name.cursor.report.error(problem.hint("a component of your own runs as processor_wasm"));
        return None;
    }
    let known = builtin_types.iter().chain(PROCESSORS).copied().chain([WASM_TYPE]);
    type_name.unknown("processor", known)
}

fn wasm(fields: &mut Fields<'_>) -> Option<(Component, Node, String)> {
    let component = fields.required::<Component>("Component");
    let config = fields.map("Config").map(|config| config.cursor.node.clone());
    let config = config.unwrap_or_else(|| Node::new(fields.cursor.at(), Value::Map(Vec::new())));
    fields.warn_unknown();
    Some((component?, config, join(&fields.cursor.path, "Config")))
}

/// Returns the entry without what belongs to the agent.
fn own_parameters(fields: &Fields<'_>) -> Node {
    let is_own = |entry: &&Entry| !RESERVED.contains(&entry.key.as_str());
    let own = fields.cursor.node.entries().iter().filter(is_own).cloned().collect();
    Node::new(fields.cursor.at(), Value::Map(own))
}

/// Keys of an entry that belong to the agent.
pub(super) const RESERVED: &[&str] = &["Type", "Sandbox"];

#[cfg(test)]
mod tests {
    use super::super::testing::{warnings_and_problems, yaml};
    use super::*;

    fn read_entry(text: &str) -> (Option<ProcessorSpec>, Vec<String>) {
        warnings_and_problems(|report| {
            let node = yaml(text);
            let fields = Fields::open(Cursor { node: &node, path: "processors[1]".into(), report });
            read(fields.expect("a map"), "a.yaml", &["processor_strptime", "processor_split_string_native"])
        })
    }

    #[test]
    fn a_built_in_gets_its_own_parameters() {
        let text = "Type: processor_strptime\nSandbox: {Limits: {Memory: 64MiB, Time: 100ms}}\nKeys: [a, 1]\n";
        let (spec, found) = read_entry(text);
        let spec = spec.expect("valid");
        assert_eq!(found, [""; 0]);
        assert_eq!(spec.component, Component::BuiltIn("processor_strptime".into()));
        assert_eq!(spec.config.to_json(), r#"{"Keys":["a",1]}"#);
        assert_eq!(spec.sandbox.limits.memory_bytes, 64 << 20);
        assert_eq!(spec.sandbox.limits.time.as_millis(), 100);
        assert_eq!(spec.problem("Keys[1]", "bad").to_string(), "a.yaml:3:11: processors[1].Keys[1]: bad");
        assert_eq!(spec.warning("", "bad").to_string(), "a.yaml:1:1: processors[1]: bad");
    }

    #[test]
    fn a_component_file_gets_its_config() {
        let (spec, found) = read_entry("Type: processor_wasm\nComponent: ./a.wasm\nConfig:\n  Key: v\n");
        let spec = spec.expect("valid");
        assert_eq!(found, [""; 0]);
        assert_eq!(spec.component, Component::File("./a.wasm".into()));
        assert_eq!(spec.config.to_json(), r#"{"Key":"v"}"#);
        assert_eq!(spec.problem("Key", "bad").to_string(), "a.yaml:4:8: processors[1].Config.Key: bad");
        let (spec, _) = read_entry("Type: processor_wasm\nComponent: a.wasm\n");
        assert_eq!(spec.map(|spec| spec.config.to_json()).as_deref(), Some("{}"));
    }

    #[test]
    fn a_component_may_be_in_a_registry() {
        let (spec, found) = read_entry("{Type: processor_wasm, Component: \"oci://host/a:1\"}");
        assert_eq!(found, [""; 0]);
        let reference = "oci://host/a:1".parse().expect("a reference");
        assert_eq!(spec.map(|spec| spec.component), Some(Component::Registry(reference)));
        let form = "; expected oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]";
        let at = "a.yaml:1:35: processors[1].Component:";
        let (spec, found) = read_entry("{Type: processor_wasm, Component: \"oci://host\"}");
        assert_eq!((spec, found), (None, vec![format!("{at} \"oci://host\" names no repository{form}")]));
        let (_, found) = read_entry("{Type: processor_wasm, Component: \"http://host/a\"}");
        assert_eq!(found, [format!("{at} \"http://host/a\" does not begin with oci://{form}")]);
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        fn check(text: &str, expected: &str) {
            let (_, found) = read_entry(text);
            assert_eq!(found.first().map_or("", |found| found.trim_start_matches("a.yaml:")), expected, "{text}");
        }
        check("{}", "1:1: processors[1]: Type is missing");
        check("Type: [a]", "1:7: processors[1].Type: expected a string, found a list");
        check(
            "Type: processor_strptme",
            "1:7: processors[1].Type: unknown processor type \"processor_strptme\" (did you mean processor_strptime?)",
        );
        check("Type: zebra", "1:7: processors[1].Type: unknown processor type \"zebra\"");
        check(
            "Type: processor_grok",
            "1:7: processors[1].Type: processor_grok exists in LoongCollector but is not built in yet \
                (a component of your own runs as processor_wasm)",
        );
        check(
            "Type: processor_filter_native",
            "1:7: processors[1].Type: processor_filter_regex_native exists in LoongCollector but is \
                not built in yet (a component of your own runs as processor_wasm)",
        );
        check(
            "Type: processor_split_log_string_native",
            "1:7: processors[1].Type: processor_split_log_string_native is taken as processor_split_string_native",
        );
        check(
            "{type: processor_json, detail: {}}",
            "1:1: processors[1]: `type` and `detail` are the form of older configs (write `Type: NAME` and put what \
                is under `detail` beside it)",
        );
        check("Type: processor_wasm", "1:1: processors[1]: Component is missing");
        check(
            "{Type: processor_wasm, Component: a, Config: []}",
            "1:46: processors[1].Config: expected a map, found a list",
        );
        check("{Type: processor_wasm, Component: a, Key: b}", "1:38: processors[1].Key: unknown parameter, ignored");
    }
}
