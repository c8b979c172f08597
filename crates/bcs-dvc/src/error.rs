use std::path::PathBuf;

/// Number of lines of a list in a message before the rest is only counted.
const MAX_LISTED: usize = 20;

/// Why data cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no repository.
    #[error("{} is in no DVC repository (no folder .dvc in it or above it); run dvc init, or correct the path", .0.display())]
    NoRepository(PathBuf),
    /// A target is no `.dvc` file of the repository.
    #[error("{}: {reason}", path.display())]
    Target {
        /// The target.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration file of DVC is malformed, or has a value that cannot be used.
    #[error("{origin}: {reason}")]
    Config {
        /// Path of the file, with the line where known.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `.dvc` file or a list of files is malformed or unsafe.
    #[error("{origin}: {reason}")]
    Malformed {
        /// Path of the file, or name of the object.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Objects are missing or damaged, all of them.
    #[error("{}", objects(.0))]
    Objects(Vec<String>),
    /// Files in the workspace would be lost.
    #[error("{}", unsaved(.0))]
    Unsaved(Vec<PathBuf>),
    /// The remote cannot be used.
    #[error(transparent)]
    Storage(#[from] bcs_storage::Error),
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn objects(problems: &[String]) -> String {
    list(problems, "1 object cannot be fetched:", "objects cannot be fetched:")
}

fn unsaved(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    list(
        &paths,
        "1 file has changes that are not in DVC's cache and would be lost; add it with dvc add, move it, or pull with --force:",
        "files have changes that are not in DVC's cache and would be lost; add them with dvc add, move them, or pull with \
         --force:",
    )
}

fn list(lines: &[String], one: &str, many: &str) -> String {
    let mut text = if lines.len() == 1 { one.to_owned() } else { format!("{} {many}", lines.len()) };
    for line in lines.iter().take(MAX_LISTED) {
        text.push_str(&format!("\n  {line}"));
    }
    if lines.len() > MAX_LISTED {
        text.push_str(&format!("\n  … and {} more", lines.len() - MAX_LISTED));
    }
    text
}
