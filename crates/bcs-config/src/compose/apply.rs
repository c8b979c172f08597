//! Applies value overrides to the composed configuration.
//!
//! The configuration is in struct mode, as Hydra's is: a key that neither a config file nor the schema
//! has needs a `+`.

use super::{Origin, Schema, build::Build, repository::Repository, unknown};
use crate::{
    error::{Error, Result},
    overrides::{Action, Override},
    suggest,
    value::{Map, Value, join},
};

/// Applies one override.
pub(super) fn apply(build: &mut Build<'_>, parsed: &Override, repository: &Repository<'_>) -> Result<()> {
    if parsed.package.is_some() || (parsed.key.contains('/') && parsed.action == Action::Change) {
        return Err(unknown_group(parsed, repository));
    }
    let value = parsed.value().unwrap_or_default();
    let origin = Origin::Override(parsed.text.clone());
    match parsed.action {
        Action::Delete => delete(&mut build.value, parsed, &value)?,
        Action::Change => {
            check_struct(build, parsed, &value, repository, &origin)?;
            update(&mut build.value, parsed, value)?;
        }
        Action::Add => {
            check_absent(&build.value, parsed, &value)?;
            update(&mut build.value, parsed, value)?;
        }
        Action::ForceAdd => update(&mut build.value, parsed, value)?,
    }
    build.set_origin(&parsed.key, &origin);
    build.check_schema(&origin)
}

fn refuse(parsed: &Override, message: impl Into<String>) -> Error {
    Error::Override { text: parsed.text.clone(), message: message.into() }
}

/// Returns the value at a key, unless it is null or `???`, which Hydra treats as absent.
fn selected<'a>(config: &'a Value, key: &str) -> Option<&'a Value> {
    config.get_path(key).filter(|value| !value.is_null() && !value.is_missing())
}

fn delete(config: &mut Value, parsed: &Override, expected: &Value) -> Result<()> {
    match selected(config, &parsed.key) {
        None => {
            let nearest = unknown::nearest_key(&[config], &parsed.key);
            let hint = suggest::hint(nearest.as_deref());
            Err(refuse(parsed, format!("cannot delete '{}': there is no such key.{hint}", parsed.key)))
        }
        Some(found) if !expected.is_null() && !same(found, expected) => {
            let found = found.to_yaml();
            Err(refuse(
                parsed,
                format!("cannot delete: the value is {}, not the one given", found.trim_end()),
            ))
        }
        Some(_) if in_list(config, &parsed.key) => {
            Err(refuse(parsed, "items of lists cannot be deleted; give the whole list"))
        }
        Some(_) => {
            config.remove(&parsed.key);
            Ok(())
        }
    }
}

/// Whether the key leads to an item of a list.
fn in_list(config: &Value, key: &str) -> bool {
    let parent = key.rsplit_once('.').map_or("", |(parent, _)| parent);
    config.get_path(parent).is_some_and(|parent| parent.as_list().is_some())
}

/// Whether two values are equal in Python, where 2, 2.0 and true may be.
fn same(a: &Value, b: &Value) -> bool {
    let number =
        |value: &Value| value.as_f64().or_else(|| value.as_bool().map(|flag| f64::from(u8::from(flag))));
    match (a, b) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b || number(a).is_some_and(|a| number(b) == Some(a)),
    }
}

fn update(config: &mut Value, parsed: &Override, value: Value) -> Result<()> {
    if let Some(message) = bad_index(config, &parsed.key) {
        return Err(refuse(parsed, message));
    }
    if config.get_path(&parsed.key).and_then(|existing| existing.clash(&value)).is_some() {
        return Err(refuse(
            parsed,
            "a mapping and a list cannot be merged; delete the old value with ~ first",
        ));
    }
    match (parsed.key.split('.').try_fold(&mut *config, Value::child_mut), value) {
        (Some(existing @ Value::Map(_)), value @ Value::Map(_)) => {
            existing.merge(value);
            Ok(())
        }
        (_, value) => config.set(&parsed.key, value).map_err(|error| refuse(parsed, error.to_string())),
    }
}

/// Returns why a dotted key is not an index of a list on its way; `+` cannot append to lists either.
fn bad_index(config: &Value, key: &str) -> Option<String> {
    let mut value = config;
    for part in key.split('.') {
        match (value.child(part), value) {
            (Some(child), _) => value = child,
            (None, Value::List(list)) => {
                let count = list.len();
                return Some(format!("the list has {count} items and no index {part}; give the whole list"));
            }
            (None, _) => return None,
        }
    }
    None
}

fn check_absent(config: &Value, parsed: &Override, value: &Value) -> Result<()> {
    if selected(config, &parsed.key).is_none() || value.is_container() {
        return Ok(());
    }
    let message = format!(
        "'{}' already has a value. Remove the + to change it, or use ++ to set it whether it exists or not",
        parsed.key
    );
    Err(refuse(parsed, message))
}

/// Refuses a change of keys that do not exist.
fn check_struct(
    build: &Build<'_>,
    parsed: &Override,
    value: &Value,
    repository: &Repository<'_>,
    origin: &Origin,
) -> Result<()> {
    let config = &build.value;
    if bad_index(config, &parsed.key).is_some() {
        return Ok(());
    }
    let reason =
        unknown::reason(config, &parsed.key).or_else(|| match (config.get_path(&parsed.key), value) {
            (Some(Value::Map(existing)), Value::Map(new)) => unknown_entry(existing, new, &parsed.key),
            _ => None,
        });
    let Some(reason) = reason else { return Ok(()) };
    let append = can_be_added(build.schema, &parsed.key, value).then(|| format!("+{}", parsed.text));
    // Groups are no dotted keys.
    let groups = if parsed.key.contains('.') { Vec::new() } else { repository.groups() };
    Err(unknown::error((config, build.schema), origin, reason, &groups, append.as_deref()))
}

/// Whether the schema lets `+` add this value.
fn can_be_added(schema: Option<&Schema>, key: &str, value: &Value) -> bool {
    let allows = |path: &str| schema.is_none_or(|schema| schema.allows(path));
    value
        .leaves()
        .iter()
        .all(|(leaf, _)| if leaf.is_empty() { allows(key) } else { allows(&join(key, leaf)) })
}

/// Returns the first key of a mapping that the mapping it is merged into does not have.
fn unknown_entry(existing: &Map, new: &Map, path: &str) -> Option<unknown::Reason> {
    new.iter().find_map(|(key, value)| match (existing.get(key), value) {
        (None, _) => Some(unknown::Reason::NotInMapping { mapping: path.to_owned(), key: key.to_string() }),
        (Some(Value::Map(existing)), Value::Map(new)) => {
            unknown_entry(existing, new, &join(path, &key.text()))
        }
        _ => None,
    })
}

fn unknown_group(parsed: &Override, repository: &Repository<'_>) -> Error {
    let groups = repository.groups();
    let hint = suggest::hint(suggest::nearest(&parsed.key, groups.iter().map(String::as_str)));
    Error::UnknownGroup { text: parsed.text.clone(), group: parsed.key.clone(), groups, hint }
}
