//! The entries of a defaults list, as written.

use crate::{
    error::{Error, Result},
    value::{Map, Value},
};

/// What a group is set to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    /// Nothing.
    Null,
    /// One option.
    One(String),
    /// Several options, merged in order.
    Many(Vec<String>),
}

impl Choice {
    /// The choice that a value makes; nothing if it is of another type.
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

/// What an entry stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// `_self_`
    This,
    /// `name`
    Config { path: String },
    /// `group: option`
    Group { group: String, choice: Choice },
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) package: Option<String>,
    pub(super) optional: bool,
    pub(super) overriding: bool,
}

impl Entry {
    pub(super) fn this() -> Self {
        Self { what: What::This, package: None, optional: false, overriding: false }
    }
}

/// Reads the value of the key `defaults`.
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
        other => Err(format!("the defaults list needs strings and mappings, not {}", other.kind())),
    }
}

fn config(text: &str) -> Result<Entry, String> {
    let (path, package) = split_package(text);
    if path == "_self_" {
        return if package.is_none() {
            Ok(Entry::this())
        } else {
            Err("_self_ cannot be moved to a package; remove the @".to_owned())
        };
    }
    let what = What::Config { path: path.to_owned() };
    Ok(Entry { what, package, optional: false, overriding: false })
}

fn group(map: Map) -> Result<Entry, String> {
    let count = map.len();
    let Some((key, value)) = map.into_iter().next().filter(|_| count == 1) else {
        return Err(format!("an entry of the defaults list needs one 'group: option', not {count}"));
    };
    let (words, package) = split_package(&key);
    let mut words: Vec<&str> = words.split(' ').collect();
    let group = words.pop().unwrap_or_default().to_owned();
    if group.is_empty() {
        return Err(format!("'{key}' in the defaults list names no group"));
    }
    let choice = Choice::from_value(&value)
        .ok_or_else(|| format!("'{key}' needs an option, a list of options or null, not {}", value.kind()))?;
    Ok(Entry {
        what: What::Group { group, choice },
        package,
        optional: words.contains(&"optional"),
        overriding: words.contains(&"override"),
    })
}

/// Splits `group@package`; `_here_` is the package of the config that holds the list.
fn split_package(text: &str) -> (&str, Option<String>) {
    match text.split_once('@') {
        Some((name, "_here_")) => (name, Some(String::new())),
        Some((name, package)) => (name, Some(package.to_owned())),
        None => (text, None),
    }
}
