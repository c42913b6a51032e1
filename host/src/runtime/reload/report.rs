//! What a look at the configs led to.

use serde::{Deserialize, Serialize};

/// What a look at the configs led to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of each config file what became of its pipeline.
    pub files: Vec<FileReport>,
    /// What is wrong with the places where config files should be.
    pub problems: Vec<String>,
    /// What was found beside config files.
    pub warnings: Vec<String>,
}

/// What became of the pipeline of a config file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// The config file.
    pub file: String,
    /// The pipeline.
    pub pipeline: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What is wrong.
    pub problems: Vec<String>,
    /// What is questionable.
    pub warnings: Vec<String>,
}

/// What became of a pipeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It runs as before.
    #[default]
    Unchanged,
    /// It runs from now on.
    Started,
    /// It has other processors from now on.
    Replaced,
    /// It was stopped, and runs again with another config.
    Restarted,
    /// It runs no more.
    Stopped,
    /// Its config says that it is not to run.
    Disabled,
    /// Another config file has a pipeline of this name.
    Shadowed,
    /// It is wrong. What ran before goes on.
    Broken,
}

impl Outcome {
    /// How a person reads it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Started => "started",
            Self::Replaced => "processors replaced",
            Self::Restarted => "restarted",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::Shadowed => "skipped",
            Self::Broken => "wrong",
        }
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && self.files.iter().all(|file| file.problems.is_empty())
    }
}
