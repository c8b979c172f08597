//! The config files on the search path.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use super::{
    Origin,
    entry::{self, Entry},
    header,
    source::Source,
};
use crate::{
    error::{Error, Result},
    value::Value,
    yaml,
};

/// A parsed config file.
pub(super) struct Config {
    pub(super) origin: Origin,
    /// Package named in the header comment.
    pub(super) package: Option<String>,
    /// Defaults list.
    pub(super) defaults: Vec<Entry>,
    /// The other keys of the file, a mapping.
    pub(super) body: Value,
}

/// The config files of a search path; the first source that has a file wins.
pub(super) struct Repository<'a> {
    sources: &'a [Source],
    cache: RefCell<HashMap<String, Option<Rc<Config>>>>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(sources: &'a [Source]) -> Self {
        Self { sources, cache: RefCell::default() }
    }

    /// Returns the search path in words.
    pub(super) fn search_path(&self) -> Vec<String> {
        self.sources.iter().filter(|source| source.has_configs_of_user()).map(Source::to_string).collect()
    }

    /// Loads the config `group/option`; `None` if no source has it.
    pub(super) fn load(&self, config: &str) -> Result<Option<Rc<Config>>> {
        if let Some(known) = self.cache.borrow().get(config) {
            return Ok(known.clone());
        }
        let loaded = match self.read(config)? {
            Some((origin, text)) => Some(Rc::new(parse(config, origin, &text)?)),
            None => None,
        };
        self.cache.borrow_mut().insert(config.to_owned(), loaded.clone());
        Ok(loaded)
    }

    pub(super) fn group_exists(&self, group: &str) -> bool {
        self.sources.iter().any(|source| source.has_group(group))
    }

    /// Returns the options of a group, sorted; the empty group is the root.
    pub(super) fn options(&self, group: &str) -> Vec<String> {
        let mut options = BTreeSet::new();
        for source in self.sources {
            source.collect_options(group, &mut options);
        }
        options.into_iter().collect()
    }

    /// Returns the groups that have options, sorted, without those of Hydra.
    pub(super) fn groups(&self) -> Vec<String> {
        let mut groups = BTreeSet::new();
        for source in self.sources {
            source.collect_groups(&mut groups);
        }
        groups.into_iter().filter(|group| group != "hydra" && !group.starts_with("hydra/")).collect()
    }

    fn read(&self, config: &str) -> Result<Option<(Origin, String)>> {
        let name = if config.ends_with(".yaml") { config.to_owned() } else { format!("{config}.yaml") };
        for source in self.sources {
            if let Some(found) = source.read(&name)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn parse(config: &str, origin: Origin, text: &str) -> Result<Config> {
    let name = origin.to_string();
    let package = header::package(text, &name)?;
    let refuse = |message: String| Error::Defaults { config: config.to_owned(), message };
    let mut body = match yaml::parse(text, &name)? {
        Value::Null => Value::empty_map(),
        body @ Value::Map(_) => body,
        other => return Err(refuse(format!("{name} must hold a mapping, not {}", other.kind()))),
    };
    let defaults = body.as_map_mut().and_then(|map| map.shift_remove("defaults"));
    let defaults = entry::parse_all(defaults, refuse)?;
    Ok(Config { origin, package, defaults, body })
}
