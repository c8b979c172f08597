use std::fmt;
use std::path::PathBuf;

/// Why a data set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder is missing, unreadable or empty.
    #[error("{path}: {reason}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Files that do not fit, all of them.
    #[error("{}", list(problems))]
    Files {
        /// What is wrong with which file.
        problems: Vec<Problem>,
    },
    /// A label map that can't be read or contradicts itself.
    #[error("label map {name}: {reason}")]
    LabelMap {
        /// Its name or path.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A split that leaves one side empty.
    #[error("split: {0}")]
    Split(String),
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Problems shown in full before the rest is counted: enough to see the pattern.
const SHOWN: usize = 20;

fn list(problems: &[Problem]) -> String {
    let mut text = format!("{} of the files do not fit:", problems.len());
    for problem in problems.iter().take(SHOWN) {
        text.push_str(&format!("\n  {problem}"));
    }
    if problems.len() > SHOWN {
        text.push_str(&format!("\n  … and {} more", problems.len() - SHOWN));
    }
    text
}
