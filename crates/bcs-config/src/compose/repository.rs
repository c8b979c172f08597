//! The configuration files on the search path.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    entry::{self, Entry},
    header,
};
use crate::{
    error::{Error, Result},
    value::Value,
    yaml,
};

/// One configuration file, read.
pub(super) struct Config {
    pub(super) file: PathBuf,
    /// The package in its header, if any.
    pub(super) package: Option<String>,
    pub(super) defaults: Vec<Entry>,
    /// The rest of the file, a mapping.
    pub(super) body: Value,
}

/// The files below a list of folders, the first folder winning.
pub(super) struct Repository<'a> {
    search_path: &'a [PathBuf],
    cache: RefCell<HashMap<String, Option<Rc<Config>>>>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(search_path: &'a [PathBuf]) -> Self {
        Self { search_path, cache: RefCell::default() }
    }

    pub(super) fn search_path(&self) -> Vec<String> {
        self.search_path.iter().map(|path| path.display().to_string()).collect()
    }

    /// Reads `group/option`; nothing if no folder has it.
    pub(super) fn load(&self, config: &str) -> Result<Option<Rc<Config>>> {
        if let Some(known) = self.cache.borrow().get(config) {
            return Ok(known.clone());
        }
        let loaded = match self.file(config) {
            Some(file) => Some(Rc::new(read(config, file)?)),
            None => None,
        };
        self.cache.borrow_mut().insert(config.to_owned(), loaded.clone());
        Ok(loaded)
    }

    pub(super) fn group_exists(&self, group: &str) -> bool {
        self.search_path.iter().any(|folder| folder.join(group).is_dir())
    }

    /// The options of a group, sorted.
    pub(super) fn options(&self, group: &str) -> Vec<String> {
        let mut options = BTreeSet::new();
        for folder in self.search_path {
            options.extend(entries(&folder.join(group)).iter().filter_map(|path| option(path)));
        }
        options.into_iter().collect()
    }

    /// All groups that have options, sorted.
    pub(super) fn groups(&self) -> Vec<String> {
        let mut groups = BTreeSet::new();
        for folder in self.search_path {
            collect_groups(folder, "", &mut groups);
        }
        groups.into_iter().collect()
    }

    fn file(&self, config: &str) -> Option<PathBuf> {
        let name = if config.ends_with(".yaml") { config.to_owned() } else { format!("{config}.yaml") };
        self.search_path.iter().map(|folder| folder.join(&name)).find(|file| file.is_file())
    }
}

fn read(config: &str, file: PathBuf) -> Result<Config> {
    let text = yaml::read_text(&file)?;
    let origin = file.display().to_string();
    let package = header::package(&text, &origin)?;
    let refuse = |message: String| Error::Defaults { config: config.to_owned(), message };
    let mut body = match yaml::parse(&text, &origin)? {
        Value::Null => Value::empty_map(),
        body @ Value::Map(_) => body,
        other => return Err(refuse(format!("{origin} must hold a mapping, not {}", other.kind()))),
    };
    let defaults = body.as_map_mut().and_then(|map| map.shift_remove("defaults"));
    let defaults = entry::parse_all(defaults, refuse)?;
    Ok(Config { file, package, defaults, body })
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn option(path: &Path) -> Option<String> {
    let yaml = path.extension().is_some_and(|extension| extension == "yaml") && path.is_file();
    yaml.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
}

fn collect_groups(folder: &Path, group: &str, groups: &mut BTreeSet<String>) {
    let entries = entries(folder);
    if !group.is_empty() && entries.iter().any(|path| option(path).is_some()) {
        groups.insert(group.to_owned());
    }
    // Links are not followed, since they may lead back up.
    for path in entries.iter().filter(|path| path.is_dir() && !path.is_symlink()) {
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            let child = if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
            collect_groups(path, &child, groups);
        }
    }
}
