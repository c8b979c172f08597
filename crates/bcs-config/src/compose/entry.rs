//! Entries of a defaults list.

use crate::{
    error::{Error, Result},
    value::{Map, Value},
};

/// Value of a group in a defaults list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    /// No option.
    Null,
    /// One option.
    One(String),
    /// Several options, merged in order.
    Many(Vec<String>),
}

impl Choice {
    /// Converts a value to a choice; `None` for other types.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Str(option) => Some(Self::One(option.clone())),
            Value::List(list) => {
                let options = list.iter().map(|item| item.as_str().map(str::to_owned));
                options.collect::<Option<_>>().map(Self::Many)
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::One(option) => f.write_str(option),
            Self::Many(options) => write!(f, "[{}]", options.join(",")),
        }
    }
}

/// Kind of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EntryKind {
    /// `_self_`
    OwnConfig,
    /// `name`
    Config { path: String },
    /// `group: option`
    Group { group: String, choice: Choice },
}

/// Entry of a defaults list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) package: Option<String>,
    pub(super) optional: bool,
    pub(super) overriding: bool,
}

impl Entry {
    /// The entry `_self_`.
    pub(super) fn own_config() -> Self {
        Self { kind: EntryKind::OwnConfig, package: None, optional: false, overriding: false }
    }
}

/// Parses the value of the key `defaults`.
pub(super) fn parse_all(defaults: Option<Value>, refuse: impl Fn(String) -> Error) -> Result<Vec<Entry>> {
    let items = match defaults {
        None => Vec::new(),
        Some(Value::List(items)) => items,
        Some(other) => return Err(refuse(format!("defaults must be a list, not {}", other.kind()))),
    };
    items.into_iter().map(|item| parse(item).map_err(&refuse)).collect()
}

fn parse(item: Value) -> Result<Entry, String> {
    match item {
        Value::Str(text) => config(&text),
        Value::Map(map) => group(map),
        other => {
            Err(format!("an entry of the defaults list must be a string or a mapping, not {}", other.kind()))
        }
    }
}

fn config(text: &str) -> Result<Entry, String> {
    let (path, package) = split_package(text);
    if path == "_self_" {
        return if package.is_none() {
            Ok(Entry::own_config())
        } else {
            Err("_self_ cannot have a package; remove the @".to_owned())
        };
    }
    let kind = EntryKind::Config { path: path.to_owned() };
    Ok(Entry { kind, package, optional: false, overriding: false })
}

fn group(map: Map) -> Result<Entry, String> {
    let count = map.len();
    let Some((key, value)) = map.into_iter().next().filter(|_| count == 1) else {
        return Err(format!("an entry of the defaults list must have one 'group: option', not {count}"));
    };
    let key = key.text();
    let (words, package) = split_package(&key);
    let mut words: Vec<&str> = words.split(' ').collect();
    let group = words.pop().unwrap_or_default().to_owned();
    if group.is_empty() {
        return Err(format!("'{key}' in the defaults list has no group"));
    }
    let choice = Choice::from_value(&value).ok_or_else(|| {
        format!("'{key}' must be an option, a list of options or null, not {}", value.kind())
    })?;
    Ok(Entry {
        kind: EntryKind::Group { group, choice },
        package,
        optional: words.contains(&"optional"),
        overriding: words.contains(&"override"),
    })
}

/// Splits `group@package`; `_here_` is the package of the config with the defaults list.
fn split_package(text: &str) -> (&str, Option<String>) {
    match text.split_once('@') {
        Some((name, "_here_")) => (name, Some(String::new())),
        Some((name, package)) => (name, Some(package.to_owned())),
        None => (text, None),
    }
}
