//! Access to values by dotted paths such as `a.b.0`.

use super::{Key, Map, Value};
use crate::error::{Error, Result};

impl Value {
    /// Returns the child at a key of a mapping or an index of a list.
    pub fn child(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(map) => map.get(key),
            Self::List(list) => list.get(index(key, list.len())?),
            _ => None,
        }
    }

    /// Returns the key of this value under which a part of a dotted path finds a child; `None` if it has none.
    pub(crate) fn key(&self, part: &str) -> Option<Key> {
        match self {
            Self::Map(map) => map.get_key_value(part).map(|(key, _)| key.clone()),
            Self::List(list) => {
                index(part, list.len()).and_then(|index| Some(Key::Int(index.try_into().ok()?)))
            }
            _ => None,
        }
    }

    /// Returns the child at a key of any type; indexes of lists are integers.
    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        match (self, key) {
            (Self::Map(map), key) => map.get(key),
            (Self::List(list), Key::Int(index)) => list.get(usize::try_from(*index).ok()?),
            _ => None,
        }
    }

    /// Returns the child at a key of a mapping or an index of a list, for modification.
    pub fn child_mut(&mut self, key: &str) -> Option<&mut Value> {
        match self {
            Self::Map(map) => map.get_mut(key),
            Self::List(list) => {
                let index = index(key, list.len())?;
                list.get_mut(index)
            }
            _ => None,
        }
    }

    /// Returns the value at a dotted path; the empty path is the value itself.
    pub fn get_path(&self, path: &str) -> Option<&Value> {
        segments(path).try_fold(self, Value::child)
    }

    /// Sets the value at a dotted path, creating the mappings on the way.
    ///
    /// Scalars on the way are replaced by mappings.
    ///
    /// # Errors
    /// [`Error::Type`] for an index that a list does not have.
    pub fn set(&mut self, path: &str, value: Value) -> Result<()> {
        let mut target = self;
        for key in segments(path) {
            target = target.child_or_insert(key).ok_or_else(|| Error::Type {
                key: path.to_owned(),
                message: format!("'{key}' is not an index of the list"),
            })?;
        }
        *target = value;
        Ok(())
    }

    /// Removes and returns the value at a dotted path.
    pub fn remove(&mut self, path: &str) -> Option<Value> {
        let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
        match segments(parent).try_fold(self, Value::child_mut)? {
            Self::Map(map) => map.shift_remove(key),
            Self::List(list) => {
                let index = index(key, list.len())?;
                Some(list.remove(index))
            }
            _ => None,
        }
    }

    /// Returns the value at a dotted path in which keys of all types are written as text.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        segments(path).try_fold(self, |value, key| match value {
            Self::Map(map) => map
                .get(key)
                .or_else(|| map.iter().find(|(known, _)| known.text() == key).map(|(_, child)| child)),
            other => other.child(key),
        })
    }

    /// Returns the leaves with their dotted paths, in order; empty containers are leaves.
    pub fn leaves(&self) -> Vec<(String, &Value)> {
        let mut leaves = Vec::new();
        collect_leaves(self, String::new(), &mut leaves);
        leaves
    }

    fn child_or_insert(&mut self, key: &str) -> Option<&mut Value> {
        if !self.is_container() {
            *self = Self::Map(Map::new());
        }
        match self {
            Self::Map(map) => Some(map.entry(Key::from(key)).or_default()),
            Self::List(list) => {
                let index = index(key, list.len())?;
                list.get_mut(index)
            }
            _ => None,
        }
    }
}

/// Returns the dotted paths of all values that are [`MISSING`](super::MISSING).
///
/// ```
/// let config = bcs_config::yaml::parse("a: {b: ???, c: 1}", "example")?;
/// assert_eq!(bcs_config::missing_keys(&config), ["a.b"]);
/// # Ok::<(), bcs_config::Error>(())
/// ```
pub fn missing_keys(value: &Value) -> Vec<String> {
    value.leaves().into_iter().filter(|(_, leaf)| leaf.is_missing()).map(|(path, _)| path).collect()
}

/// Appends a key to a dotted path.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(move |_| !path.is_empty())
}

fn index(key: &str, len: usize) -> Option<usize> {
    key.parse().ok().filter(|index| *index < len)
}

fn collect_leaves<'a>(value: &'a Value, path: String, leaves: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            for (key, child) in map {
                collect_leaves(child, join(&path, &key.text()), leaves);
            }
        }
        Value::List(list) if !list.is_empty() => {
            for (index, child) in list.iter().enumerate() {
                collect_leaves(child, join(&path, &index.to_string()), leaves);
            }
        }
        _ => leaves.push((path, value)),
    }
}
