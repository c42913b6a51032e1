//! Compiles the built-in processors to components, and writes the table that embeds them.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs, process};

use loglift_guest_build::{BuildError, Toolchain, Workspace};

/// The `Type` of a processor in a pipeline config, and the package that holds it.
const BUILT_IN: [(&str, &str); 8] = [
    ("processor_desensitize_native", "loglift-redact"),
    ("processor_filter_regex_native", "loglift-filter"),
    ("processor_gotime", "loglift-gotime"),
    ("processor_parse_delimiter_native", "loglift-parse-delimiter"),
    ("processor_parse_json_native", "loglift-parse-json"),
    ("processor_parse_regex_native", "loglift-parse-regex"),
    ("processor_parse_timestamp_native", "loglift-parse-timestamp"),
    ("processor_strptime", "loglift-strptime"),
];

/// The package of the processor that changes nothing, which others are measured against.
const PASS_THROUGH: &str = "loglift-pass-through";

/// All that the processors are made of. Cargo compiles again what has really changed, so this may name too much.
const MADE_OF: [&str; 6] = [
    "builtin-processors",
    "examples/processors/rust-pass-through",
    "guest-sdk/rust",
    "wit",
    "Cargo.toml",
    "Cargo.lock",
];

fn main() {
    for path in MADE_OF {
        println!("cargo::rerun-if-changed=../../{path}");
    }
    let Err(error) = embed() else { return };
    // One line; a compiler's page, if there is one, goes below it.
    let message = error.to_string();
    println!("cargo::error={}", message.lines().next().unwrap_or_default());
    if let Some(BuildError::Compile { output, .. }) = error.downcast_ref() {
        eprintln!("{output}");
        process::exit(1);
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let toolchain = Toolchain::find()?;
    let packages: Vec<&str> = BUILT_IN.iter().map(|(_, package)| *package).chain([PASS_THROUGH]).collect();
    let mut components = Workspace::here().components(&toolchain, &packages)?;
    let pass_through = components.pop().ok_or("each package makes a component")?;
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: this is a build script")?);
    let mut table = String::from("&[\n");
    for ((type_name, _), component) in BUILT_IN.iter().zip(components) {
        // A copy: whoever removes the guests' target directory leaves the host compilable.
        let embedded = out_dir.join(type_name).with_extension("wasm");
        fs::copy(&component.path, &embedded)?;
        writeln!(table, "    BuiltIn {{ type_name: {type_name:?}, component: include_bytes!({embedded:?}) }},")?;
    }
    fs::copy(&pass_through.path, out_dir.join("pass_through.wasm"))?;
    table.push_str("]\n");
    fs::write(out_dir.join("built_in.rs"), table)?;
    Ok(())
}
