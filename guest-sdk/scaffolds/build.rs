//! Lists the templates and SDKs beside this crate, and writes the table that embeds them.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// How languages are called on the command line, and their directories.
const LANGUAGES: [(&str, &str); 5] =
    [("rust", "rust"), ("js", "javascript"), ("python", "python"), ("c", "c"), ("go", "go")];

/// What tools leave behind, which nobody wants a copy of. So is everything hidden.
const LEFTOVERS: [&str; 9] =
    ["target", "node_modules", "__pycache__", "venv", "build", "dist", "processor.wasm", "Cargo.lock", "template"];

/// Files by their path in a project.
type Files = BTreeMap<String, PathBuf>;

fn main() {
    if let Err(error) = embed() {
        println!("cargo::error={error}");
    }
}

fn embed() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let root = here.join("../..");
    println!("cargo::rerun-if-changed=..");
    println!("cargo::rerun-if-changed=../../wit");
    println!("cargo::rerun-if-changed=../../Cargo.toml");
    let mut table = String::from("&[\n");
    for (name, directory) in LANGUAGES {
        let directory = here.join("..").join(directory);
        let template = directory.join("template");
        if !template.is_dir() {
            continue;
        }
        let (mut files, mut sdk) = (Files::new(), Files::new());
        list(&template, "", &|_| true, &mut files)?;
        // Those of a project may be hidden, and called as they like; those of the SDK are all that nobody left behind.
        let is_wanted = |name: &str| !name.starts_with('.') && !LEFTOVERS.contains(&name);
        list(&root.join("wit"), "wit/", &is_wanted, &mut sdk)?;
        list(&directory, "", &is_wanted, &mut sdk)?;
        if name == "rust" {
            stand_alone(&mut sdk, &root, &out_dir)?;
        }
        writeln!(table, "    Language {{ name: {name:?}, template: &[").expect("a string takes all");
        write_files(&mut table, &files)?;
        writeln!(table, "    ], sdk: &[").expect("a string takes all");
        write_files(&mut table, &sdk)?;
        writeln!(table, "    ] }},").expect("a string takes all");
    }
    table.push_str("]\n");
    fs::write(out_dir.join("languages.rs"), table)
}

fn list(directory: &Path, prefix: &str, is_wanted: &dyn Fn(&str) -> bool, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| io::Error::other(format!("{name:?} is not UTF-8")))?;
        if !is_wanted(&name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), is_wanted, files)?;
        } else {
            files.insert(path, entry.path().canonicalize()?);
        }
    }
    Ok(())
}

fn write_files(table: &mut String, files: &Files) -> io::Result<()> {
    for (path, source) in files {
        let is_program = fs::read(source)?.starts_with(b"#!");
        writeln!(
            table,
            "        File {{ path: {path:?}, content: include_bytes!({source:?}), is_program: {is_program} }},"
        )
        .expect("a string takes all");
    }
    Ok(())
}

/// Makes copies of the files of the Rust SDK that name what is around them here: the workspace, and `wit/`.
fn stand_alone(sdk: &mut Files, root: &Path, out_dir: &Path) -> io::Result<()> {
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    for (path, source) in sdk.iter_mut() {
        let Ok(text) = fs::read_to_string(&*source) else { continue };
        let changed = match path.as_str() {
            "Cargo.toml" => without_workspace(&text, &workspace),
            path if path.ends_with(".rs") => text.replace("path: \"../../wit\"", "path: \"wit\""),
            _ => continue,
        };
        if changed != text {
            let copy = out_dir.join("rust-sdk").join(path);
            fs::create_dir_all(copy.parent().unwrap_or(out_dir))?;
            fs::write(&copy, changed)?;
            *source = copy;
        }
    }
    Ok(())
}

/// A manifest in which nothing is inherited.
fn without_workspace(manifest: &str, workspace: &str) -> String {
    let inherited = |section: &str, key: &str| {
        let lines = workspace.lines().skip_while(|line| line.trim() != section).skip(1);
        let mut lines = lines.take_while(|line| !line.starts_with('['));
        let value = lines.find_map(|line| line.split_once('=').filter(|(name, _)| name.trim() == key));
        value.map(|(_, value)| value.trim().to_owned())
    };
    let mut text = String::new();
    let mut is_lints = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_lints = line == "[lints]";
        }
        if is_lints {
            continue;
        }
        let resolved = match line.split_once('=') {
            Some((key, "true")) | Some((key, " true")) if key.trim().ends_with(".workspace") => {
                let key = key.trim().trim_end_matches(".workspace");
                inherited("[workspace.package]", key).map(|value| format!("{key} = {value}"))
            }
            Some((key, value)) => value.trim().strip_prefix("{ workspace = true").and_then(|more| {
                let value = inherited("[workspace.dependencies]", key.trim())?;
                let value = match value.strip_suffix('}') {
                    Some(table) => format!("{}{more}", table.trim_end()),
                    None if more.trim() == "}" => value,
                    None => format!("{{ version = {value}{more}"),
                };
                Some(format!("{} = {value}", key.trim()))
            }),
            None => None,
        };
        text += resolved.as_deref().unwrap_or(line);
        text.push('\n');
    }
    text
}
