//! Errors, which name the file, line or key and say what to do.

use std::path::PathBuf;

use crate::compose::Origin;

/// Error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },

    /// Invalid or unsupported YAML.
    #[error("{origin}:{line}:{column}: {message}")]
    Yaml {
        /// The file, or a name for text from elsewhere.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Description of the error.
        message: String,
    },

    /// An override that does not follow Hydra's grammar.
    #[error("override '{text}', character {}: {message}", position + 1)]
    OverrideSyntax {
        /// The override as given.
        text: String,
        /// Position of the error in characters, from 0.
        position: usize,
        /// Description of the error.
        message: String,
    },

    /// An override that cannot be applied.
    #[error("override '{text}': {message}")]
    Override {
        /// The override as given.
        text: String,
        /// Description of the error, and what to write instead.
        message: String,
    },

    /// A sweep in a single run.
    #[error(
        "override '{text}' is a sweep, but this is a single run. For one run per value add -m (--multirun); \
         for a list use {key}=[a,b]; for a string with commas use {key}='a,b'"
    )]
    SweepOutsideMultirun {
        /// The override as given.
        text: String,
        /// Key of the override.
        key: String,
    },

    /// A config file or an override sets a key that the configuration does not have.
    #[error("{origin}: {message}")]
    UnknownKey {
        /// What sets the key.
        origin: Origin,
        /// Full dotted key.
        key: String,
        /// Which part of the key is unknown, what may be meant, and how to add it where that is possible.
        message: String,
    },

    /// The primary config is not on the search path.
    #[error(
        "Cannot find primary config '{name}'.{hint} Searched: {}. Available: {}.",
        list(searched),
        list(available)
    )]
    PrimaryNotFound {
        /// Name of the primary config, without the extension.
        name: String,
        /// Search path, in words.
        searched: Vec<String>,
        /// Configs in the same place, sorted.
        available: Vec<String>,
        /// Suggestion of a similar name, as a sentence; may be empty.
        hint: String,
    },

    /// A defaults list or an override selects a config that does not exist.
    #[error("In '{parent}': Could not find '{config}'.{hint} {}", available(group, options))]
    ConfigNotFound {
        /// Config whose defaults list has the entry.
        parent: String,
        /// The missing config, as `group/option`.
        config: String,
        /// The config group.
        group: String,
        /// Options of the group, sorted.
        options: Vec<String>,
        /// Suggestion of a similar option, as a sentence; may be empty.
        hint: String,
    },

    /// An override of a config group that does not exist.
    #[error(
        "override '{text}' looks like a config group override, but there is no group '{group}'.{hint} {}",
        known_groups(groups)
    )]
    UnknownGroup {
        /// The override as given.
        text: String,
        /// The config group.
        group: String,
        /// Config groups on the search path, sorted.
        groups: Vec<String>,
        /// Suggestion of a similar group, as a sentence; may be empty.
        hint: String,
    },

    /// A config group set to `???`, which the user must select.
    #[error("You must specify '{key}', e.g. {key}=<OPTION>. {}", available(group, options))]
    MandatoryGroup {
        /// Override key of the group, as `group` or `group@package`.
        key: String,
        /// The config group.
        group: String,
        /// Options of the group, sorted.
        options: Vec<String>,
    },

    /// An invalid defaults list, or one that contradicts the command line.
    #[error("In '{config}': {message}")]
    Defaults {
        /// Config with the defaults list.
        config: String,
        /// Description of the error, and what to write instead.
        message: String,
    },

    /// Two values that cannot be merged, or a key that cannot be set.
    #[error("{}{message}", prefix(key))]
    Type {
        /// Dotted key.
        key: String,
        /// Description of the error.
        message: String,
    },

    /// An interpolation that cannot be resolved.
    #[error("{}cannot resolve '{text}': {message}", prefix(key))]
    Interpolation {
        /// Dotted key of the value.
        key: String,
        /// The value as written.
        text: String,
        /// Description of the error.
        message: String,
    },

    /// A value that cannot be converted to JSON or to a type of the program.
    #[error("{}{message}", prefix(key))]
    Convert {
        /// Dotted key.
        key: String,
        /// Description of the error.
        message: String,
    },
}

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns the prefix of a message about a key; empty for the root.
fn prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

fn available(group: &str, options: &[String]) -> String {
    if options.is_empty() {
        return format!("The group '{group}' has no options on the search path.");
    }
    format!("Available options in '{group}': {}.", options.join(", "))
}

fn known_groups(groups: &[String]) -> String {
    format!("Known groups: {}.", list(groups))
}
