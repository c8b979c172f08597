//! Where config files come from: a folder on disk, or the files built into the program.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use super::Origin;
use crate::{error::Result, value::Value, yaml};

/// Config files built into a program: path below the root of the config tree, and text.
pub type BuiltIn = &'static [(&'static str, &'static str)];

/// One entry of the search path.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Who added it: `hydra`, `main`, `command-line`, …
    provider: &'static str,
    files: Files,
}

#[derive(Debug, Clone)]
enum Files {
    /// The files below a folder.
    Folder(PathBuf),
    /// Files in memory, with their name.
    BuiltIn(&'static str, BuiltIn),
}

impl Source {
    pub(super) fn folder(provider: &'static str, folder: impl Into<PathBuf>) -> Self {
        Self { provider, files: Files::Folder(folder.into()) }
    }

    pub(super) fn built_in(provider: &'static str, name: &'static str, files: BuiltIn) -> Self {
        Self { provider, files: Files::BuiltIn(name, files) }
    }

    /// Whether it is part of the search path that a user knows: not Hydra's own files.
    pub(super) fn has_configs_of_user(&self) -> bool {
        !matches!(self.provider, "hydra" | "schema")
    }

    /// Describes the source as Hydra does in `hydra.runtime.config_sources`.
    pub(super) fn describe(&self) -> Value {
        let (path, schema) = match &self.files {
            Files::Folder(folder) => {
                let absolute = std::path::absolute(folder);
                (absolute.as_ref().unwrap_or(folder).display().to_string(), "file")
            }
            Files::BuiltIn(name, _) => {
                ((*name).to_owned(), if name.is_empty() { "structured" } else { "pkg" })
            }
        };
        let pairs =
            [("path", Value::from(path)), ("schema", schema.into()), ("provider", self.provider.into())];
        Value::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Returns the text of a config file and its origin; `None` if this source does not have the file.
    ///
    /// `name` is relative to the root of the tree and has the extension.
    pub(super) fn read(&self, name: &str) -> Result<Option<(Origin, String)>> {
        match &self.files {
            Files::Folder(folder) => {
                let path = folder.join(name);
                if !path.is_file() {
                    return Ok(None);
                }
                let text = yaml::read_text(&path)?;
                Ok(Some((Origin::File(path), text)))
            }
            Files::BuiltIn(_, files) => {
                let found = files.iter().find(|(path, _)| *path == name);
                Ok(found.map(|(path, text)| (Origin::BuiltIn(path), (*text).to_owned())))
            }
        }
    }

    /// Whether this source has the group, with or without options of its own.
    pub(super) fn has_group(&self, group: &str) -> bool {
        match &self.files {
            Files::Folder(folder) => folder.join(group).is_dir(),
            Files::BuiltIn(_, files) => files
                .iter()
                .any(|(path, _)| path.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'))),
        }
    }

    /// Adds the options of a group; the empty group is the root of the tree.
    pub(super) fn collect_options(&self, group: &str, options: &mut BTreeSet<String>) {
        match &self.files {
            Files::Folder(folder) => {
                options.extend(entries(&folder.join(group)).iter().filter_map(|path| option(path)));
            }
            Files::BuiltIn(_, files) => options.extend(
                files
                    .iter()
                    .filter(|(path, _)| parent(path) == group)
                    .filter_map(|(path, _)| path.rsplit('/').next()?.strip_suffix(".yaml"))
                    .map(str::to_owned),
            ),
        }
    }

    /// Adds the groups that have options.
    pub(super) fn collect_groups(&self, groups: &mut BTreeSet<String>) {
        match &self.files {
            Files::Folder(folder) => collect_folder_groups(folder, "", groups),
            Files::BuiltIn(_, files) => {
                let yaml = files.iter().filter(|(path, _)| path.ends_with(".yaml"));
                let parents = yaml.map(|(path, _)| parent(path)).filter(|group| !group.is_empty());
                groups.extend(parents.map(str::to_owned));
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.files {
            Files::Folder(folder) => folder.display().fmt(f),
            Files::BuiltIn(..) => f.write_str("the built-in configuration"),
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn option(path: &Path) -> Option<String> {
    let yaml = path.extension().is_some_and(|extension| extension == "yaml") && path.is_file();
    yaml.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
}

fn collect_folder_groups(folder: &Path, group: &str, groups: &mut BTreeSet<String>) {
    let entries = entries(folder);
    if !group.is_empty() && entries.iter().any(|path| option(path).is_some()) {
        groups.insert(group.to_owned());
    }
    // Symbolic links are not followed, since they may form a loop.
    for path in entries.iter().filter(|path| path.is_dir() && !path.is_symlink()) {
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            let child = if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
            collect_folder_groups(path, &child, groups);
        }
    }
}
