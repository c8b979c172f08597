//! Describes keys that a configuration does not have: which mapping lacks them, and what may be meant.

use super::{Origin, Schema};
use crate::{
    error::Error,
    suggest,
    value::{Key, Value, join},
};

/// Hydra's own part of a configuration, which is not suggested.
const HYDRA: &str = "hydra";

/// Why a dotted key leads nowhere.
pub(super) enum Reason {
    /// A mapping does not have the key.
    NotInMapping { mapping: String, key: String },
    /// The key is below a value that is no container.
    BelowScalar { scalar: String, kind: &'static str, key: String },
}

/// Returns why a dotted key does not exist; `None` if it does.
pub(super) fn reason(config: &Value, path: &str) -> Option<Reason> {
    let mut value = config;
    let mut walked = String::new();
    for key in path.split('.') {
        value = match value.child(key) {
            Some(child) => child,
            None if value.is_container() => {
                return Some(Reason::NotInMapping { mapping: walked, key: key.to_owned() });
            }
            None => {
                return Some(Reason::BelowScalar { scalar: walked, kind: value.kind(), key: key.to_owned() });
            }
        };
        walked = join(&walked, key);
    }
    None
}

/// Creates the error for an unknown key.
///
/// `groups` are names that may be meant as well; `append` is the override that adds the key, where one can.
pub(super) fn error(
    (config, schema): (&Value, Option<&Schema>),
    origin: &Origin,
    reason: Reason,
    groups: &[String],
    append: Option<&str>,
) -> Error {
    let configs: Vec<&Value> = std::iter::once(config).chain(schema.map(Schema::defaults)).collect();
    let (key, reason, keys) = match reason {
        Reason::NotInMapping { mapping, key } => {
            let place =
                if mapping.is_empty() { "the configuration".to_owned() } else { format!("'{mapping}'") };
            let keys = list_of_keys(&place, &keys_of(&configs, &mapping, &key));
            (join(&mapping, &key), format!("key '{key}' is not in {place}."), keys)
        }
        Reason::BelowScalar { scalar, kind, key } => {
            (join(&scalar, &key), format!("'{scalar}' is {kind} and has no key '{key}'."), String::new())
        }
    };
    let nearest = nearest_key(&configs, &key);
    let nearest = nearest.as_deref().or_else(|| suggest::nearest(&key, groups.iter().map(String::as_str)));
    let hint = suggest::hint(nearest);
    let append = append.map_or_else(String::new, |text| format!(" To append to your config use {text}"));
    Error::UnknownKey { origin: origin.clone(), message: format!("{reason}{hint}{keys}{append}"), key }
}

/// Returns the key that is spelled most like this one, or that ends like it.
pub(super) fn nearest_key(configs: &[&Value], key: &str) -> Option<String> {
    let mut paths = Vec::new();
    for config in configs {
        collect_paths(config, "", &mut paths);
    }
    suggest::nearest_path(key, &paths).map(str::to_owned)
}

/// The keys that a mapping has in any of the configurations, without `unknown` itself.
fn keys_of<'a>(configs: &[&'a Value], mapping: &str, unknown: &str) -> Vec<&'a str> {
    let mut keys: Vec<&str> = Vec::new();
    for map in configs.iter().filter_map(|config| config.get_path(mapping)?.as_map()) {
        for key in map.keys().filter_map(Key::as_str) {
            let is_hydra = mapping.is_empty() && key == HYDRA;
            if key != unknown && !is_hydra && !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

fn list_of_keys(place: &str, keys: &[&str]) -> String {
    if keys.is_empty() { String::new() } else { format!(" Keys of {place}: {}.", keys.join(", ")) }
}

fn collect_paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    if let Value::Map(map) = value {
        for (key, child) in map.iter().filter(|(key, _)| !(path.is_empty() && key.as_str() == Some(HYDRA))) {
            let path = join(path, &key.text());
            collect_paths(child, &path, paths);
            paths.push(path);
        }
    }
}
