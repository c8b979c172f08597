//! What can go wrong, said with the file, the line or the key, and what to do about it.

use std::path::PathBuf;

use crate::compose::Origin;

/// Everything this crate can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: std::io::Error,
    },

    /// Text that is not the YAML this crate reads.
    #[error("{origin}:{line}:{column}: {message}")]
    Yaml {
        /// The file, or a name for text that came from elsewhere.
        origin: String,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },

    /// An override that does not follow Hydra's grammar.
    #[error("override '{text}', character {}: {message}", position + 1)]
    OverrideSyntax {
        /// The override as given.
        text: String,
        /// Where in it, counted in characters from 0.
        position: usize,
        /// What is wrong there.
        message: String,
    },

    /// An override that parses, but cannot be applied.
    #[error("override '{text}': {message}")]
    Override {
        /// The override as given.
        text: String,
        /// Why, and what to write instead.
        message: String,
    },

    /// A sweep where a single value is needed.
    #[error(
        "override '{text}' is a sweep, and this is a single run. To run once for each value add -m \
         (--multirun); for a list write {key}=[a,b]; for a string with commas quote it: {key}='a,b'"
    )]
    SweepOutsideMultirun {
        /// The override as given.
        text: String,
        /// Its key.
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

    /// A defaults list or an override chooses a file that does not exist.
    #[error("In '{parent}': Could not find '{config}'.{hint} {}", available(group, options))]
    ConfigNotFound {
        /// The config that asked for it.
        parent: String,
        /// What it asked for, as `group/option`.
        config: String,
        /// The group.
        group: String,
        /// The options that the group has, sorted.
        options: Vec<String>,
        /// A similar option, as a sentence; empty when there is none.
        hint: String,
    },

    /// An override addresses a config group that does not exist.
    #[error(
        "override '{text}' looks like a config group override, but there is no group '{group}'.{hint} {}",
        known_groups(groups)
    )]
    UnknownGroup {
        /// The override as given.
        text: String,
        /// The group.
        group: String,
        /// The groups on the search path, sorted.
        groups: Vec<String>,
        /// A similar group, as a sentence; empty when there is none.
        hint: String,
    },

    /// A group in the defaults list must be chosen by the user.
    #[error("You must specify '{key}', e.g. {key}=<OPTION>. {}", available(group, options))]
    MandatoryGroup {
        /// The override key of the group.
        key: String,
        /// The group.
        group: String,
        /// Its options, sorted.
        options: Vec<String>,
    },

    /// A defaults list that contradicts itself or the command line.
    #[error("In '{config}': {message}")]
    Defaults {
        /// The config whose defaults list it is.
        config: String,
        /// What is wrong, and what to write instead.
        message: String,
    },

    /// Two values that cannot be merged.
    #[error("{}{message}", prefix(key))]
    Type {
        /// The key.
        key: String,
        /// What was found, and what was needed.
        message: String,
    },

    /// An interpolation that cannot be resolved.
    #[error("{}cannot resolve '{text}': {message}", prefix(key))]
    Interpolation {
        /// The key whose value it is.
        key: String,
        /// The value.
        text: String,
        /// What is wrong with it.
        message: String,
    },

    /// A value that the target format or type does not have.
    #[error("{}{message}", prefix(key))]
    Convert {
        /// The key.
        key: String,
        /// What does not fit.
        message: String,
    },
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The key in front of a message; the whole configuration has none.
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
