use std::fmt;
use std::path::PathBuf;

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder is missing, unreadable or has no images.
    #[error("{path}: {reason}", path = path.display())]
    Folder {
        /// Path of the folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Files that cannot be used, all of them.
    #[error("{}", list(problems))]
    Files {
        /// The files, each with what is wrong with it.
        problems: Vec<Problem>,
    },
    /// A label map that cannot be read or is inconsistent.
    #[error("label map {name}: {reason}")]
    LabelMap {
        /// Name or path of the label map.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A train/validation split that cannot be made.
    #[error("{0}")]
    Split(String),
    /// An option of the augmentation that is out of range.
    #[error("augmentation.{key} {reason}")]
    Augmentation {
        /// Key of the option below `augmentation`.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Shards or their index that cannot be used.
    #[error("{location}: {reason}")]
    Shards {
        /// Location of the shards, of a shard or of the index.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread that decodes tiles has panicked.
    #[error("a thread that decodes tiles has panicked; its message is above")]
    Worker,
}

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the file.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Number of problems listed in a message before the rest is only counted: enough to see the pattern.
const MAX_LISTED: usize = 20;

fn list(problems: &[Problem]) -> String {
    let mut text = match problems.len() {
        1 => "1 file cannot be used:".to_owned(),
        count => format!("{count} files cannot be used:"),
    };
    for problem in problems.iter().take(MAX_LISTED) {
        text.push_str(&format!("\n  {problem}"));
    }
    if problems.len() > MAX_LISTED {
        text.push_str(&format!("\n  … and {} more", problems.len() - MAX_LISTED));
    }
    text
}
