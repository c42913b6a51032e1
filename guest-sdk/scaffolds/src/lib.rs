//! Projects to begin a processor with, one for each language, and the SDKs that they use: all that `loglift new` writes, inside
//! the binary.
//!
//! A template is `guest-sdk/LANGUAGE/template`, with `__NAME__`, `__SNAKE__` and `__PASCAL__` for the name of the processor, in
//! contents and in names of files. A file that must not be seen by tools here ends in `.in`.
#![forbid(unsafe_code)]

mod name;

use std::borrow::Cow;

pub use name::{Name, NameError};

/// A language that processors can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// How it is called on the command line, such as `rust`.
    pub name: &'static str,
    template: &'static [File],
    sdk: &'static [File],
}

/// A file that is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct File {
    path: &'static str,
    content: &'static [u8],
    is_program: bool,
}

/// A file of a project that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where, below the directory of the project, with `/` between the parts.
    pub path: String,
    /// What is in it.
    pub content: Cow<'static, [u8]>,
    /// Whether it is to be executable.
    pub is_program: bool,
}

/// All languages that this binary has a project for.
pub const LANGUAGES: &[Language] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// The language of this name.
///
/// # Examples
/// ```
/// assert!(loglift_scaffolds::find("rust").is_some());
/// assert!(loglift_scaffolds::find("cobol").is_none());
/// ```
pub fn find(name: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.name == name)
}

impl Language {
    /// The files of a project for a processor of this name, the SDK among them below `sdk/`.
    pub fn project(&self, name: &Name) -> Vec<ProjectFile> {
        let template = self.template.iter().map(|file| ProjectFile {
            path: name.fill(file.path.strip_suffix(".in").unwrap_or(file.path)),
            content: match str::from_utf8(file.content) {
                Ok(text) => Cow::Owned(name.fill(text).into_bytes()),
                Err(_) => Cow::Borrowed(file.content),
            },
            is_program: file.is_program,
        });
        let sdk = self.sdk.iter().map(|file| ProjectFile {
            path: format!("sdk/{}", file.path),
            content: Cow::Borrowed(file.content),
            is_program: file.is_program,
        });
        template.chain(sdk).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_the_name_in_it_and_all_that_one_needs() {
        let name = Name::parse("my-parser").expect("it is a name");
        for language in LANGUAGES {
            let files = language.project(&name);
            let text = |file: &ProjectFile| String::from_utf8_lossy(&file.content).into_owned();
            for file in &files {
                let own = !file.path.starts_with("sdk/");
                let has_left = ["__NAME__", "__SNAKE__", "__PASCAL__"].iter().any(|mark| text(file).contains(mark));
                assert!(!(own && has_left), "{}: {} still has a mark", language.name, file.path);
                assert!(!file.path.ends_with(".in") && !file.path.contains("__NAME__"), "{}", file.path);
                assert!(!file.path.contains("target/") && !file.path.contains("template"), "{}", file.path);
            }
            let find = |path: &str| files.iter().find(|file| file.path == path);
            for path in ["README.md", "build.sh", ".gitignore"] {
                assert!(find(path).is_some(), "{} has no {path}", language.name);
            }
            assert!(find("build.sh").is_some_and(|file| file.is_program), "{}", language.name);
            assert!(files.iter().any(|file| file.path.ends_with("/expected.jsonl")), "{} has no case", language.name);
            assert!(find("sdk/wit/processor.wit").is_some(), "{}", language.name);
            assert!(
                files.iter().any(|file| text(file).contains("processor_my_parser")),
                "{} has no type",
                language.name
            );
        }
    }

    #[test]
    fn the_rust_sdk_stands_alone() {
        let files = find("rust").expect("it is there").project(&Name::parse("a").expect("it is a name"));
        let text = |path: &str| {
            let file = files.iter().find(|file| file.path == path).expect("it is there");
            String::from_utf8(file.content.to_vec()).expect("it is text")
        };
        let manifest = text("sdk/Cargo.toml");
        assert!(!manifest.contains("workspace") && manifest.contains("edition = \"2024\""), "{manifest}");
        assert!(manifest.contains("serde = { version"), "{manifest}");
        assert!(
            manifest.lines().any(|line| line.starts_with("wasip2 = {") && line.ends_with("optional = true }")),
            "{manifest}"
        );
        assert!(text("sdk/src/bindings.rs").contains("path: \"wit\""));
        assert!(!text("sdk/src/memory.rs").contains("../../wit"));
    }
}
