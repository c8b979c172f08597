//! Applies the overrides of values to the composed configuration.
//!
//! The configuration is closed, as Hydra's is: a key that no file and no schema has needs a `+`.

use super::repository::Repository;
use crate::{
    error::{Error, Result},
    overrides::{Action, Override},
    suggest,
    value::{Map, Value},
};

/// Applies one override.
pub(super) fn apply(config: &mut Value, parsed: &Override, repository: &Repository<'_>) -> Result<()> {
    if parsed.package.is_some() || parsed.key.contains('/') {
        return Err(unknown_group(parsed, repository));
    }
    let value = parsed.value().unwrap_or_default();
    match parsed.action {
        Action::Delete => delete(config, parsed, &value),
        Action::ForceAdd => update(config, parsed, value, repository, true),
        Action::Change => update(config, parsed, value, repository, false),
        Action::Add => {
            let present = selected(config, &parsed.key).is_some();
            if present && !value.is_container() {
                return Err(refuse(
                    parsed,
                    format!(
                        "an item is already at '{0}'. Remove the + to change it, or add a second + to set it \
                         whether it is there or not",
                        parsed.key
                    ),
                ));
            }
            update(config, parsed, value, repository, true)
        }
    }
}

fn refuse(parsed: &Override, message: impl Into<String>) -> Error {
    Error::Override { text: parsed.text.clone(), message: message.into() }
}

/// The value at a key, unless it is null or `???`, which Hydra counts as absent.
fn selected<'a>(config: &'a Value, key: &str) -> Option<&'a Value> {
    config.get_path(key).filter(|value| !value.is_null() && !value.is_missing())
}

fn delete(config: &mut Value, parsed: &Override, wanted: &Value) -> Result<()> {
    match selected(config, &parsed.key) {
        None => {
            let near = nearest_key(config, &parsed.key);
            let hint = suggest::hint(near.as_deref());
            Err(refuse(parsed, format!("could not delete: '{}' does not exist.{hint}", parsed.key)))
        }
        Some(found) if !wanted.is_null() && found != wanted => {
            let found = found.to_yaml();
            Err(refuse(parsed, format!("could not delete: the value is {}, not this one", found.trim_end())))
        }
        Some(_) => {
            config.remove(&parsed.key);
            Ok(())
        }
    }
}

fn update(
    config: &mut Value,
    parsed: &Override,
    value: Value,
    repository: &Repository<'_>,
    open: bool,
) -> Result<()> {
    if let Some(message) = bad_index(config, &parsed.key) {
        return Err(refuse(parsed, message));
    }
    if !open && let Some(reason) = missing_part(config, &parsed.key) {
        return Err(unknown_key(config, parsed, reason, repository));
    }
    if let Value::Map(new) = &value
        && let Some(Value::Map(existing)) = config.get_path(&parsed.key)
        && !open
        && let Some(reason) = unknown_entry(existing, new, &parsed.key)
    {
        return Err(unknown_key(config, parsed, reason, repository));
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

/// Says which part of a dotted key is not an index of the list that it meets; `+` cannot help there.
fn bad_index(config: &Value, key: &str) -> Option<String> {
    let mut value = config;
    for part in key.split('.') {
        match (value.child(part), value) {
            (Some(child), _) => value = child,
            (None, Value::List(list)) => {
                return Some(format!(
                    "the list has {} items and no index {part}; give the whole list",
                    list.len()
                ));
            }
            (None, _) => return None,
        }
    }
    None
}

/// Says which part of a dotted key does not exist.
fn missing_part(config: &Value, key: &str) -> Option<String> {
    let mut value = config;
    let mut path = String::new();
    for part in key.split('.') {
        let place = if path.is_empty() { "the configuration".to_owned() } else { format!("'{path}'") };
        value = match value.child(part) {
            Some(child) => child,
            None if value.is_container() => return Some(format!("Key '{part}' is not in {place}.")),
            None => return Some(format!("{place} is {}, so it has no key '{part}'.", value.kind())),
        };
        path = if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    }
    None
}

/// Says which key of a mapping is new to the mapping that it is merged into.
fn unknown_entry(existing: &Map, new: &Map, path: &str) -> Option<String> {
    new.iter().find_map(|(key, value)| match (existing.get(key), value) {
        (None, _) => Some(format!("Key '{key}' is not in '{path}'.")),
        (Some(Value::Map(existing)), Value::Map(new)) => {
            unknown_entry(existing, new, &format!("{path}.{key}"))
        }
        _ => None,
    })
}

fn unknown_key(config: &Value, parsed: &Override, reason: String, repository: &Repository<'_>) -> Error {
    let near = nearest_key(config, &parsed.key);
    let groups = repository.groups();
    let near =
        near.or_else(|| suggest::nearest(&parsed.key, groups.iter().map(String::as_str)).map(str::to_owned));
    Error::UnknownKey {
        text: parsed.text.clone(),
        key: parsed.key.clone(),
        reason,
        hint: suggest::hint(near.as_deref()),
    }
}

fn unknown_group(parsed: &Override, repository: &Repository<'_>) -> Error {
    let groups = repository.groups();
    let hint = suggest::hint(suggest::nearest(&parsed.key, groups.iter().map(String::as_str)));
    Error::UnknownGroup { text: parsed.text.clone(), group: parsed.key.clone(), groups, hint }
}

/// A key that is spelled almost like this one, or the same key in another place.
fn nearest_key(config: &Value, key: &str) -> Option<String> {
    let mut paths = Vec::new();
    collect_paths(config, "", &mut paths);
    let near = suggest::nearest(key, paths.iter().map(String::as_str)).map(str::to_owned);
    near.or_else(|| {
        let last = key.rsplit('.').next().unwrap_or(key);
        let same = |path: &&String| path.rsplit('.').next() == Some(last) && path.as_str() != key;
        paths.iter().find(same).cloned()
    })
}

fn collect_paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    if let Value::Map(map) = value {
        for (key, child) in map {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect_paths(child, &path, paths);
            paths.push(path);
        }
    }
}
