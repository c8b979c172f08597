//! The schema: the keys that a program knows, with their defaults.

use std::collections::BTreeSet;

use crate::value::{Map, Value, join};

/// The keys that a program knows, with their defaults.
///
/// Plays the part of Hydra's structured configs: config files are merged over the defaults, and every
/// mapping is closed: it takes no key but its own, not even with `+`. Empty mappings and those
/// declared by [`Schema::open`] take any key.
///
/// ```
/// use bcs_config::{Schema, yaml};
///
/// let defaults = yaml::parse("{train_hyp: {max_epochs: 20}, notes: {author: unknown}}", "schema")?;
/// let schema = Schema::new(defaults).open("notes");
/// assert!(schema.allows("train_hyp.max_epochs") && schema.allows("notes.title"));
/// assert!(!schema.allows("train_hyp.max_epoch"));
/// # Ok::<(), bcs_config::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Schema {
    defaults: Value,
    open: BTreeSet<String>,
}

/// A key that a closed mapping does not have.
pub(super) struct UnknownKey {
    /// Dotted path of the mapping; empty for the root.
    pub(super) mapping: String,
    pub(super) key: String,
}

impl Schema {
    /// Creates a schema whose mappings are closed.
    pub fn new(defaults: Value) -> Self {
        Self { defaults, open: BTreeSet::new() }
    }

    /// Lets the mapping at a dotted path take any key, at any depth; the empty path is the root.
    #[must_use]
    pub fn open(mut self, path: &str) -> Self {
        self.open.insert(path.to_owned());
        self
    }

    /// The defaults.
    pub fn defaults(&self) -> &Value {
        &self.defaults
    }

    /// Whether a configuration may have a value at this dotted path.
    pub fn allows(&self, path: &str) -> bool {
        if path.split('.').next() == Some("hydra") {
            return true;
        }
        let mut known = &self.defaults;
        let mut walked = String::new();
        for key in path.split('.') {
            match known {
                Value::Map(map) if self.is_open(&walked, map) => return true,
                Value::Null | Value::List(_) => return true,
                _ => {}
            }
            let Some(child) = known.child(key) else { return false };
            walked = join(&walked, key);
            known = child;
        }
        true
    }

    /// Returns the first key of a configuration that is in a closed mapping and unknown to it.
    pub(super) fn first_unknown(&self, config: &Value) -> Option<UnknownKey> {
        self.unknown_below(&self.defaults, config, "")
    }

    fn unknown_below(&self, known: &Value, config: &Value, path: &str) -> Option<UnknownKey> {
        let (Value::Map(known), Value::Map(config)) = (known, config) else { return None };
        if self.is_open(path, known) {
            return None;
        }
        config.iter().find_map(|(key, child)| match known.get(key) {
            Some(known) => self.unknown_below(known, child, &join(path, &key.text())),
            None if path.is_empty() && key.as_str() == Some("hydra") => None,
            None => Some(UnknownKey { mapping: path.to_owned(), key: key.to_string() }),
        })
    }

    fn is_open(&self, path: &str, known: &Map) -> bool {
        known.is_empty() || self.open.contains(path)
    }
}

impl From<Value> for Schema {
    fn from(defaults: Value) -> Self {
        Self::new(defaults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let text = "{a: {b: 1, c: null}, free: {}, notes: {x: 1}}";
        Schema::new(crate::yaml::parse(text, "schema").expect("valid")).open("notes")
    }

    fn unknown(text: &str) -> Option<String> {
        let config = crate::yaml::parse(text, "config").expect("valid");
        schema().first_unknown(&config).map(|found| join(&found.mapping, &found.key))
    }

    #[test]
    fn closed_mappings_take_only_their_own_keys() {
        assert_eq!(unknown("a: {b: 2, d: 3}"), Some("a.d".to_owned()));
        assert_eq!(unknown("e: 1"), Some("e".to_owned()));
        assert_eq!(unknown("a: {b: {any: 1}, c: {any: 1}}"), None);
    }

    #[test]
    fn open_and_empty_mappings_take_any_key() {
        assert_eq!(unknown("{free: {y: {z: 1}}, notes: {y: {z: 1}}}"), None);
    }

    #[test]
    fn allowed_paths_are_those_that_first_unknown_accepts() {
        for path in ["a.b", "a.c", "a.c.any", "free.y.z", "notes.y.z"] {
            assert!(schema().allows(path), "{path}");
        }
        for path in ["a.d", "e", "e.f", "a.b.any"] {
            assert!(!schema().allows(path), "{path}");
        }
    }
}
