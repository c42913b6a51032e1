//! Builds the project of a processor in any language, by its own `build.sh`.
//!
//! A project is a directory with a `build.sh` that makes `processor.wasm` beside itself: an example, or what `loglift
//! new` has written. A [`Project`] gets what its language needs onto the machine, runs the script with that in front of
//! `PATH`, and keeps the component under a hash of all that went into it, so that the same sources are built once.

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod sources;

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace::{replace, stays};
use crate::{BuildError, Workspace, outer_target_dir};
use sources::Sources;

/// The directory of a processor's project.
#[derive(Clone, Debug)]
pub struct Project {
    directory: PathBuf,
    language: Option<Language>,
    target_dir: PathBuf,
}

/// What a processor is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, with cargo.
    Rust,
    /// JavaScript or TypeScript, with npm.
    JavaScript,
    /// Python.
    Python,
    /// C, with clang.
    C,
    /// Go.
    Go,
}

/// What a language needs, as it is on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// Directories to look for programs in, before those of `PATH`.
    pub path: Vec<PathBuf>,
    /// Variables to set.
    pub env: Vec<(OsString, OsString)>,
    /// All that says which tools these are: with others, components are built again.
    pub version: String,
}

impl Project {
    /// The project in `directory`, in the language that its files are of.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), language: None, target_dir: outer_target_dir() }
    }

    /// The same project, in a language of the caller's choice.
    #[must_use]
    pub fn in_language(self, language: Language) -> Self {
        Self { language: Some(language), ..self }
    }

    /// The directory of the project.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Builds the component, unless the same sources were built before, and returns its path. The component is also put
    /// in its place in the project, `processor.wasm`, where the config of a case looks for it.
    ///
    /// `loglift` is the agent's binary, which the script of some languages uses.
    ///
    /// # Errors
    /// [`BuildError::Tools`] when the language's tools are neither there nor to be had, [`BuildError::Script`] when the
    /// script fails.
    pub fn build(&self, loglift: &Path) -> Result<PathBuf, BuildError> {
        let language = self.language()?;
        self.build_with(language, &self.tools(language)?, loglift)
    }

    fn build_with(&self, language: Language, tools: &Tools, loglift: &Path) -> Result<PathBuf, BuildError> {
        let directory = self.target_dir.join("projects");
        // Whoever comes second finds the component.
        let _alone =
            lock(&directory, &format!("{:032x}", sources::hash(self.directory.as_os_str().as_encoded_bytes())))?;
        let component = directory.join(format!("{:032x}.wasm", self.hash(language, tools)?));
        let product = self.directory.join(PRODUCT);
        if component.is_file() {
            put(&product, &read(&component)?)?;
        } else {
            // What an earlier script left is not to be taken for what this one should have made.
            let _ = fs::remove_file(&product);
            self.run(tools, loglift, &["sh", "build.sh"])?;
            put(&component, &read(&product)?)?;
        }
        Ok(component)
    }

    /// Runs the unit tests of the project natively, in its own language, and returns what they print.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn unit_tests(&self, loglift: &Path) -> Result<String, BuildError> {
        let language = self.language()?;
        let tools = match language {
            Language::Rust => rust::native(&self.tools_directory(language)),
            _ => self.tools(language)?,
        };
        self.run(&tools, loglift, language.unit_tests())
    }

    /// Runs a shell script in the project, with the tools of its language, and returns what it prints.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn shell(&self, loglift: &Path, script: &str) -> Result<String, BuildError> {
        self.run(&self.tools(self.language()?)?, loglift, &["sh", "-c", script])
    }

    /// The language that was given, or the one that the files of the project are of.
    ///
    /// # Errors
    /// [`BuildError::Language`] if no file tells.
    pub fn language(&self) -> Result<Language, BuildError> {
        if let Some(language) = self.language {
            return Ok(language);
        }
        let directories = [self.directory.clone(), self.directory.join("src")];
        let found = directories.iter().find_map(|directory| {
            let names: Vec<String> = names(directory).unwrap_or_default();
            Language::of(&names)
        });
        found.ok_or_else(|| BuildError::Language { project: self.directory.clone() })
    }

    fn tools(&self, language: Language) -> Result<Tools, BuildError> {
        let directory = self.tools_directory(language);
        let _alone = lock(&directory, "tools")?;
        // Scripts run in the project.
        let directory = fs::canonicalize(&directory).map_err(|cause| BuildError::Io {
            action: "find",
            path: directory.clone(),
            cause,
        })?;
        match language {
            Language::Rust => rust::tools(&directory),
            Language::JavaScript => javascript::tools(&directory),
            Language::Python => python::tools(&directory),
            Language::C => c::tools(&directory),
            Language::Go => go::tools(&directory),
        }
    }

    fn tools_directory(&self, language: Language) -> PathBuf {
        self.target_dir.join("tools").join(language.name())
    }

    /// A number for all that the component is made of.
    fn hash(&self, language: Language, tools: &Tools) -> Result<u128, BuildError> {
        let workspace = Workspace::here();
        let sdk = workspace.root().join("guest-sdk").join(language.name());
        let mut sources = Sources::default();
        sources.add_text(&tools.version);
        let shared = SHARED.map(|path| workspace.root().join(path));
        for path in [&self.directory, &sdk].into_iter().chain(&shared) {
            sources.add(path).map_err(|cause| BuildError::Io { action: "read", path: path.clone(), cause })?;
        }
        Ok(sources.hash())
    }

    /// Runs a command in the project with its tools and nothing of the cargo around us, and returns what it prints.
    fn run(&self, tools: &Tools, loglift: &Path, words: &[&str]) -> Result<String, BuildError> {
        let mut command = Command::new(words[0]);
        for (name, _) in env::vars_os().filter(|(name, _)| !name.to_str().is_some_and(stays)) {
            command.env_remove(name);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let directories = tools.path.iter().cloned().chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(directories).unwrap_or(path.clone()));
        command.envs(tools.env.iter().map(|(name, value)| (name, value))).env("LOGLIFT", loglift);
        let output = command.args(&words[1..]).current_dir(&self.directory).stdin(Stdio::null()).output();
        let output = output.map_err(|cause| BuildError::Io { action: "run", path: words[0].into(), cause })?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        if !output.status.success() {
            let command = words.join(" ");
            return Err(BuildError::Script { project: self.directory.clone(), command, output: text });
        }
        Ok(text)
    }
}

impl Language {
    /// All that there are SDKs for.
    pub const ALL: [Self; 5] = [Self::Rust, Self::JavaScript, Self::Python, Self::C, Self::Go];

    /// As directories are named: `javascript`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }

    /// The language of a directory with files of these names.
    fn of(names: &[String]) -> Option<Self> {
        let has = |name: &str| names.iter().any(|known| known == name);
        let has_any = |extension: &str| names.iter().any(|name| name.ends_with(extension));
        let found = [
            (has("Cargo.toml"), Self::Rust),
            (has("go.mod"), Self::Go),
            (has("package.json"), Self::JavaScript),
            (has("pyproject.toml") || has_any(".py"), Self::Python),
            (has_any(".c"), Self::C),
        ];
        found.into_iter().find(|(is_it, _)| *is_it).map(|(_, language)| language)
    }

    /// The command that runs the unit tests of a project.
    fn unit_tests(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo", "test", "--quiet"],
            Self::JavaScript => &["npm", "test"],
            Self::Python => &["python3", "-m", "unittest", "discover", "--pattern", "*test*.py"],
            Self::C => &["sh", "test.sh"],
            Self::Go => &["go", "test", "./..."],
        }
    }
}

/// Waits until nobody else holds the lock of this name in `directory`, which is made; held until the answer is dropped.
fn lock(directory: &Path, name: &str) -> Result<File, BuildError> {
    let path = directory.join(name).with_extension("lock");
    let locked = fs::create_dir_all(directory).and_then(|()| File::create(&path)).and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|cause| BuildError::Io { action: "lock", path, cause })
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|cause| BuildError::Io { action: "read", path: path.to_owned(), cause })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    replace(path, bytes).map_err(|cause| BuildError::Io { action: "write", path: path.to_owned(), cause })
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// What `build.sh` makes.
const PRODUCT: &str = "processor.wasm";

/// The contract, and what the scripts of some languages have make a component of their core module: `loglift
/// component`.
const SHARED: [&str; 3] = ["wit", "host/src/cli/component.rs", "host/src/cli/component"];

#[cfg(test)]
mod tests {
    use super::*;

    /// A project whose script counts how often it runs.
    fn project(name: &str, script: &str) -> Project {
        let directory = outer_target_dir().join("tmp").join(format!("project-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("own")).unwrap();
        fs::write(directory.join("own/build.sh"), script).unwrap();
        fs::write(directory.join("own/main.c"), "1").unwrap();
        Project { directory: directory.join("own"), language: None, target_dir: directory.join("target") }
    }

    /// As [`Project::build`], with tools that every machine has.
    fn build(project: &Project, tools: &Tools) -> Result<Vec<u8>, BuildError> {
        project.build_with(Language::C, tools, Path::new("/agent")).map(|path| fs::read(path).unwrap())
    }

    #[test]
    fn the_same_sources_are_built_once_and_put_in_place_again() {
        let project = project("cache", "echo run >>../runs; cat main.c >processor.wasm");
        let (tools, newer) = (Tools::default(), Tools { version: "2".to_owned(), ..Tools::default() });
        let runs = || fs::read_to_string(project.directory.join("../runs")).unwrap().lines().count();
        let product = project.directory.join(PRODUCT);
        let check = |tools: &Tools, text: &str, expected_runs| {
            assert_eq!(build(&project, tools).unwrap(), text.as_bytes());
            assert_eq!(fs::read(&product).unwrap(), text.as_bytes());
            assert_eq!(runs(), expected_runs);
        };
        check(&tools, "1", 1);
        check(&tools, "1", 1);
        fs::remove_file(&product).unwrap();
        check(&tools, "1", 1);
        fs::write(project.directory.join("main.c"), "2").unwrap();
        check(&tools, "2", 2);
        fs::create_dir(project.directory.join("cases")).unwrap();
        fs::write(project.directory.join("cases/expected.jsonl"), "{}").unwrap();
        check(&tools, "2", 2);
        fs::write(project.directory.join("main.c"), "1").unwrap();
        check(&tools, "1", 2);
        check(&newer, "1", 3);
    }

    #[test]
    fn the_script_gets_its_tools_and_the_agent() {
        let project = project("tools", r#"printf '%s %s %s' "$LOGLIFT" "$TOOL" "${PATH%%:*}" >processor.wasm"#);
        let tools = Tools {
            path: vec![PathBuf::from("/tools/bin")],
            env: vec![("TOOL".into(), "sharp".into())],
            version: String::new(),
        };
        assert_eq!(build(&project, &tools).unwrap(), b"/agent sharp /tools/bin");
    }

    #[test]
    fn a_script_that_fails_is_quoted_and_leaves_nothing_behind() {
        let project = project("fails", "echo 'clang is missing' >&2; exit 3");
        let error = build(&project, &Tools::default()).unwrap_err();
        assert!(error.to_string().contains("clang is missing"), "{error}");
        assert!(matches!(error, BuildError::Script { .. }), "{error:?}");
        // Not even one of an earlier time is taken for what it should have made.
        fs::write(project.directory.join(PRODUCT), "stale").unwrap();
        fs::write(project.directory.join("build.sh"), "true").unwrap();
        assert!(build(&project, &Tools::default()).is_err());
    }

    #[test]
    fn files_tell_the_language() {
        let check = |names: &[&str], expected| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(Language::of(&names), expected, "{names:?}");
        };
        check(&["Cargo.toml", "build.sh"], Some(Language::Rust));
        check(&["go.mod", "main.go"], Some(Language::Go));
        check(&["package.json", "tool.py"], Some(Language::JavaScript));
        check(&["processor.py"], Some(Language::Python));
        check(&["key_value.c", "README.md"], Some(Language::C));
        check(&["README.md"], None);
        let nothing = project("unknown", "");
        fs::remove_file(nothing.directory.join("main.c")).unwrap();
        assert!(matches!(nothing.language(), Err(BuildError::Language { .. })));
        assert_eq!(nothing.in_language(Language::Go).language().unwrap(), Language::Go);
    }
}
