//! The name of a processor, in the forms in which languages want it.

use std::fmt;

/// The name of a processor: words of small letters and digits with hyphens between them, such as `my-parser`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is no name, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is not written like one.
    Form {
        /// The nearest text that is.
        instead: Option<String>,
    },
    /// It means something to a language, so that a package of that name does not compile.
    Taken {
        /// What would do.
        instead: String,
    },
}

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if !is_written_like_a_name(text) {
            return Err(NameError::Form { instead: near(text) });
        }
        if TAKEN.contains(&text) {
            return Err(NameError::Taken { instead: format!("my-{text}") });
        }
        Ok(Self(text.to_owned()))
    }

    /// `my-parser`.
    pub fn kebab(&self) -> &str {
        &self.0
    }

    /// `my_parser`.
    pub fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// `MyParser`.
    pub fn pascal(&self) -> String {
        let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        self.0.split('-').map(capital).collect()
    }

    /// The type by which pipeline configs know it: `processor_my_parser`.
    pub fn type_name(&self) -> String {
        format!("processor_{}", self.snake())
    }

    /// A text with the name in place of each mark.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("__NAME__", &self.0).replace("__SNAKE__", &self.snake()).replace("__PASCAL__", &self.pascal())
    }
}

/// The nearest text that is written like a name.
fn near(text: &str) -> Option<String> {
    let mut near = String::new();
    let mut was_small = false;
    for char in text.chars() {
        if char.is_ascii_alphanumeric() {
            if char.is_ascii_uppercase() && was_small {
                near.push('-');
            }
            near.push(char.to_ascii_lowercase());
        } else {
            near.push('-');
        }
        was_small = char.is_ascii_lowercase();
    }
    let is_start = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
    let words: Vec<&str> = near.split('-').skip_while(|word| !is_start(word)).filter(is_start).collect();
    let near = words.join("-");
    (is_written_like_a_name(&near) && !TAKEN.contains(&near.as_str())).then_some(near)
}

fn is_written_like_a_name(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
    };
    text.len() <= LONGEST && text.split('-').all(is_word)
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form { instead } => {
                write!(
                    f,
                    "a name is words of small letters and digits with hyphens between them, each beginning with a \
                     letter, and at most {LONGEST} characters"
                )?;
                instead.as_ref().map_or(Ok(()), |instead| write!(f, ": {instead} would do"))
            }
            Self::Taken { instead } => {
                write!(
                    f,
                    "the name means something to a compiler, so that it cannot name a package: {instead} would do"
                )
            }
        }
    }
}

impl std::error::Error for NameError {}

/// File names and packages may be longer; those who type it are glad.
const LONGEST: usize = 64;

/// Keywords and packages of the languages, and what the project has itself.
const TAKEN: [&str; 52] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "auto",
    "await",
    "bool",
    "box",
    "break",
    "case",
    "char",
    "class",
    "const",
    "continue",
    "core",
    "crate",
    "def",
    "default",
    "do",
    "else",
    "enum",
    "export",
    "extern",
    "false",
    "fn",
    "for",
    "func",
    "go",
    "if",
    "impl",
    "import",
    "in",
    "int",
    "let",
    "loglift",
    "loglift-sdk",
    "loop",
    "main",
    "match",
    "mod",
    "package",
    "pass",
    "proc-macro",
    "return",
    "sdk",
    "self",
    "serde",
    "std",
    "struct",
    "super",
    "test",
    "type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_three_forms() {
        let name = Name::parse("my-parser2").expect("it is a name");
        assert_eq!(
            (name.kebab(), name.snake().as_str(), name.pascal().as_str()),
            ("my-parser2", "my_parser2", "MyParser2")
        );
        assert_eq!(name.type_name(), "processor_my_parser2");
        assert_eq!(name.fill("__NAME__/__SNAKE__.__PASCAL__"), "my-parser2/my_parser2.MyParser2");
    }

    #[test]
    fn what_is_no_name_is_refused_with_one_that_would_do() {
        fn check(text: &str, instead: Option<&str>) {
            let expected = NameError::Form { instead: instead.map(str::to_owned) };
            assert_eq!(Name::parse(text), Err(expected), "{text}");
        }
        check("My Parser", Some("my-parser"));
        check("MyParser", Some("my-parser"));
        check("my_parser", Some("my-parser"));
        check("2parser", None);
        check("", None);
        check("-", None);
        check("日志", None);
        check("a--b", Some("a-b"));
        check("../evil", Some("evil"));
        check(&"x".repeat(65), None);
        assert_eq!(Name::parse("test"), Err(NameError::Taken { instead: "my-test".to_owned() }));
    }
}
