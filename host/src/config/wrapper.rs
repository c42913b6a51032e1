//! Kubernetes resources as config files: one kind holds a pipeline, the others are told apart from it.

use super::fields::{Cursor, Fields, Read as _};
use super::sls::SlsDefaults;

/// A pipeline document, and what its wrapper says about it.
pub(super) struct Document<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) name: String,
    pub(super) sls: SlsDefaults,
}

/// Takes the pipeline document out of a Kubernetes resource; any other document is one itself.
///
/// `stem` is the name of the file, for a document that has no name of its own.
pub(super) fn unwrap<'a>(root: Cursor<'a>, stem: &str) -> Option<Document<'a>> {
    let mut fields = Fields::open(root)?;
    let (api, kind) = (fields.cursor.node.get("apiVersion"), fields.cursor.node.get("kind"));
    let (Some(api), Some(kind)) = (api.and_then(|api| api.as_str()), kind.and_then(|kind| kind.as_str())) else {
        return Some(Document { fields, name: stem.to_owned(), sls: SlsDefaults::default() });
    };
    match (api.split_once('/').map(|(group, _)| group), kind) {
        (Some("telemetry.alibabacloud.com"), "ClusterAliyunPipelineConfig") => resource(&mut fields, stem),
        (_, "AliyunLogConfig") => {
            let problem = fields.cursor.problem("AliyunLogConfig is the older kind of resource, which is not read");
            let hint = "write a ClusterAliyunPipelineConfig, with a `Type: NAME` entry for each `{type, detail}`";
            fields.cursor.report.error(problem.hint(hint));
            None
        }
        _ => {
            let problem = fields.cursor.problem(format!("a resource of kind {kind} in {api} holds no pipeline"));
            let hint = "expected kind ClusterAliyunPipelineConfig in telemetry.alibabacloud.com/v1alpha1";
            fields.cursor.report.error(problem.hint(hint));
            None
        }
    }
}

fn resource<'a>(fields: &mut Fields<'a>, stem: &str) -> Option<Document<'a>> {
    let name = name(fields, stem);
    let spec = fields.map("spec");
    if spec.is_none() && fields.cursor("spec").is_none() {
        fields.cursor.error("spec is missing");
    }
    fields.tolerate(&["apiVersion", "kind", "status"]);
    fields.warn_unknown();
    let mut spec = spec?;
    let sls = sls_defaults(&mut spec);
    let config = match spec.cursor("config") {
        Some(config) => Fields::open(Cursor { path: String::new(), ..config }),
        None => {
            spec.cursor.error("config is missing");
            None
        }
    };
    spec.tolerate(&["enableUpgradeOverride", "machineGroups"]);
    spec.finish();
    Some(Document { fields: config?, name, sls })
}

/// Reads `metadata.name`, which becomes part of file names and so must be fit for that.
fn name(fields: &mut Fields<'_>, stem: &str) -> String {
    let name = fields.map("metadata").and_then(|mut metadata| metadata.cursor("name"));
    let Some(cursor) = name else {
        fields.cursor.warn(format!("metadata.name is missing; the name of the file, {stem}, applies"));
        return stem.to_owned();
    };
    let Some(name) = String::read(&cursor) else { return stem.to_owned() };
    if !is_name(&name) {
        let expected = "2 to 128 lowercase letters, digits, `-` or `_`, with a letter or digit at both ends";
        cursor.error(format!("expected {expected}, found {name:?}"));
    }
    name
}

fn is_name(name: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    (2..=128).contains(&name.len())
        && ends.into_iter().flatten().all(is_alphanumeric)
        && name.bytes().all(|byte| is_alphanumeric(byte) || b"-_".contains(&byte))
}

fn sls_defaults(spec: &mut Fields<'_>) -> SlsDefaults {
    let mut defaults = SlsDefaults::default();
    if let Some(mut project) = spec.map("project") {
        defaults.project = given(&mut project, "name");
        defaults.endpoint = given(&mut project, "endpoint");
    }
    // With several logstores, only the flusher can say which one is meant.
    if let [logstore] = spec.maps("logstores").as_mut_slice() {
        defaults.logstore = given(logstore, "name");
    }
    defaults
}

/// Reads a string; one that is wrong is reported here, and counts as given so that its absence is not reported too.
fn given(fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
    let is_given = fields.cursor(key).is_some();
    is_given.then(|| fields.or(key, String::new()))
}
