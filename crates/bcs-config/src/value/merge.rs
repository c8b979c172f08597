//! Merging of values.

use super::{Value, path::join};

impl Value {
    /// Returns the first path at which one value has a list and the other a mapping.
    ///
    /// Hydra refuses to merge them. The path is empty for the root.
    pub(crate) fn clash(&self, over: &Value) -> Option<String> {
        match (self, over) {
            (Self::Map(base), Self::Map(over)) => over.iter().find_map(|(key, value)| {
                let below = base.get(key)?.clash(value)?;
                Some(if below.is_empty() { key.to_string() } else { join(&key.text(), &below) })
            }),
            (Self::Map(_), Self::List(_)) | (Self::List(_), Self::Map(_)) => Some(String::new()),
            _ => None,
        }
    }

    /// Merges `over` into this value: mappings key by key; everything else is replaced.
    ///
    /// As in OmegaConf, `???` does not replace an existing value.
    pub fn merge(&mut self, over: Value) {
        match (self, over) {
            (Self::Map(base), Self::Map(over)) => {
                for (key, value) in over {
                    match base.get_mut(&key) {
                        Some(existing) => existing.merge(value),
                        None => {
                            base.insert(key, value);
                        }
                    }
                }
            }
            (base, over) => {
                if !over.is_missing() {
                    *base = over;
                }
            }
        }
    }
}
