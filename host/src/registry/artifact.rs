//! How a component is described in a registry.
//!
//! A manifest of type `application/vnd.oci.image.manifest.v1+json` names the component as its one layer of type
//! `application/wasm`, and a config of type `application/vnd.wasm.config.v0+json` with what the component imports and
//! exports. That is what the tools of the Bytecode Alliance write. `oras` writes other configs, so they are not looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::telemetry::one_line;

/// No larger component is downloaded. One with a JavaScript engine has some 12 MB, one with Python some 40 MB.
pub const MAX_COMPONENT_BYTES: u64 = 128 << 20;

pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
pub(super) const COMPONENT_TYPE: &str = "application/wasm";

/// What older tools call a component.
const OLD_COMPONENT_TYPE: &str = "application/vnd.wasm.content.layer.v1+wasm";

/// What is said of a component in a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it calls itself.
    pub name: String,
    /// Its version, by its own word.
    pub version: String,
    /// What it does.
    pub summary: String,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
}

/// A component that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) digest: String,
    pub(super) bytes: u64,
}

/// A manifest and the config that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) manifest: Vec<u8>,
    pub(super) config: Vec<u8>,
    pub(super) config_digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Descriptor>,
    manifests: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewManifest {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewConfig<'a> {
    created: &'static str,
    author: Option<&'static str>,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [&'a str; 1],
    component: NewComponent<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewComponent<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<&'static str>,
}

/// The component that a manifest names.
///
/// # Errors
/// It names none, several, or one that is too large.
pub(super) fn read(manifest: &[u8]) -> Result<Named, String> {
    let found: Manifest = serde_json::from_slice(manifest).map_err(|error| format!("its manifest is none: {error}"))?;
    if found.manifests.is_some() {
        return Err("it is an index of several artifacts: name one of them by its digest".to_owned());
    }
    let is_component = |layer: &&Descriptor| [COMPONENT_TYPE, OLD_COMPONENT_TYPE].contains(&layer.media_type.as_str());
    let mut components = found.layers.iter().filter(is_component);
    let (component, another) = (components.next(), components.next());
    let Some(component) = component else {
        let types: Vec<String> = found.layers.iter().map(|layer| one_line(&layer.media_type)).collect();
        let types = if types.is_empty() { "nothing".to_owned() } else { types.join(", ") };
        return Err(format!(
            "it holds no component, but {types}: push the component as {COMPONENT_TYPE}, as `loglift push`, `wkg oci push` \
                and `oras push REFERENCE FILE:{COMPONENT_TYPE}` do"
        ));
    };
    if another.is_some() {
        return Err("it holds several components: push each under a name of its own".to_owned());
    }
    let Descriptor { digest, size: bytes, .. } = component;
    if !crate::config::is_digest(digest) {
        return Err(format!("its component has the digest {}, which is no SHA-256", one_line(digest)));
    }
    if *bytes > MAX_COMPONENT_BYTES {
        return Err(format!("its component has {bytes} bytes, and more than {MAX_COMPONENT_BYTES} are not downloaded"));
    }
    Ok(Named { digest: digest.clone(), bytes: *bytes })
}

/// Describes a component.
pub(super) fn write(
    component: &Named,
    facts: &Facts,
    digest: impl Fn(&[u8]) -> String,
) -> Result<Written, serde_json::Error> {
    let config = serde_json::to_vec(&NewConfig {
        created: CREATED,
        author: None,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [&component.digest],
        component: NewComponent { exports: &facts.exports, imports: &facts.imports, target: None },
    })?;
    let config_digest = digest(&config);
    let annotate = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let said = pairs.iter().filter(|(_, value)| !value.is_empty());
        said.map(|(key, value)| (format!("org.opencontainers.image.{key}"), one_line(value))).collect()
    };
    let Facts { name, version, summary, .. } = facts;
    let manifest = serde_json::to_vec(&NewManifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE,
        config: Descriptor {
            media_type: CONFIG_TYPE.to_owned(),
            digest: config_digest.clone(),
            size: config.len() as u64,
            annotations: BTreeMap::new(),
        },
        layers: [Descriptor {
            media_type: COMPONENT_TYPE.to_owned(),
            digest: component.digest.clone(),
            size: component.bytes,
            // The name of the file that `oras pull` makes of it, which pulls nothing without a name.
            annotations: annotate(&[("title", &file_name(name))]),
        }],
        annotations: annotate(&[("title", name), ("version", version), ("description", summary)]),
    })?;
    Ok(Written { manifest, config, config_digest })
}

/// A name for the file of a component that leads nowhere else.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = name.chars().take(100).map(plain).collect();
    if name.is_empty() { "processor.wasm".to_owned() } else { format!("{name}.wasm") }
}

/// Those who pin a component compare digests: when it was pushed must not change them.
const CREATED: &str = "1970-01-01T00:00:00Z";

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn layer(media_type: &str, bytes: u64) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{DIGEST}","size":{bytes}}}"#)
    }

    #[test]
    fn what_is_written_is_read_and_never_changes() {
        let component = Named { digest: DIGEST.to_owned(), bytes: 7 };
        let facts = Facts {
            name: "../my parser".into(),
            version: "1.2.0".into(),
            exports: vec!["loglift:processor/columnar@0.1.0".into()],
            ..Facts::default()
        };
        let written = write(&component, &facts, |_| DIGEST.replace("ba", "ab")).expect("written");
        assert_eq!(read(&written.manifest), Ok(component));
        assert_eq!(
            String::from_utf8_lossy(&written.config),
            format!(
                r#"{{"created":"1970-01-01T00:00:00Z","author":null,"architecture":"wasm","os":"wasip2","layerDigests":["{DIGEST}"],"component":{{"exports":["loglift:processor/columnar@0.1.0"],"imports":[],"target":null}}}}"#
            )
        );
        assert_eq!(
            String::from_utf8_lossy(&written.manifest),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/wasm","digest":"{DIGEST}","size":7,"annotations":{{"org.opencontainers.image.title":"---my-parser.wasm"}}}}],"annotations":{{"org.opencontainers.image.title":"../my parser","org.opencontainers.image.version":"1.2.0"}}}}"#,
                written.config_digest,
                written.config.len()
            )
        );
    }

    #[test]
    fn the_one_component_of_a_manifest_is_found() {
        fn check(layers: &[String], expected: Result<u64, &str>) {
            let manifest = format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, layers.join(","));
            let found = read(manifest.as_bytes()).map(|found| found.bytes);
            match (&found, expected) {
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{manifest}: {found}"),
                _ => assert_eq!(found.as_ref().ok(), expected.as_ref().ok(), "{manifest}"),
            }
        }
        let tar = || layer("application/vnd.oci.image.layer.v1.tar", 1);
        check(&[layer(COMPONENT_TYPE, 5)], Ok(5));
        check(&[layer(OLD_COMPONENT_TYPE, 5)], Ok(5));
        check(&[tar(), layer(COMPONENT_TYPE, 5)], Ok(5));
        check(&[], Err("it holds no component, but nothing: push"));
        check(&[tar()], Err("it holds no component, but application/vnd.oci.image.layer.v1.tar: push"));
        check(&[layer(COMPONENT_TYPE, 5), layer(COMPONENT_TYPE, 5)], Err("it holds several components"));
        check(
            &[layer(COMPONENT_TYPE, 5).replace("sha256:b", "sha256:B")],
            Err("its component has the digest sha256:B"),
        );
        check(&[layer(COMPONENT_TYPE, MAX_COMPONENT_BYTES)], Ok(MAX_COMPONENT_BYTES));
        let of_200_mb = Err("its component has 200000000 bytes, and more than 134217728 are not downloaded");
        check(&[layer(COMPONENT_TYPE, 200_000_000)], of_200_mb);
    }

    #[test]
    fn what_is_no_manifest_says_so() {
        assert!(read(b"<html>").is_err_and(|what| what.starts_with("its manifest is none: ")));
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        assert!(read(index.as_bytes()).is_err_and(|what| what.starts_with("it is an index of several artifacts")));
    }
}
