//! Laying one value over another.

use super::{Value, path::join};

impl Value {
    /// The first path at which `over` has a list for a mapping of this value, or the reverse.
    ///
    /// Such values cannot be meant to be merged, and Hydra refuses to.
    pub(crate) fn clash(&self, over: &Value) -> Option<String> {
        match (self, over) {
            (Self::Map(base), Self::Map(over)) => over.iter().find_map(|(key, value)| {
                let below = base.get(key)?.clash(value)?;
                Some(if below.is_empty() { key.clone() } else { join(key, &below) })
            }),
            (Self::Map(_), Self::List(_)) | (Self::List(_), Self::Map(_)) => Some(String::new()),
            _ => None,
        }
    }

    /// Lays `over` onto this value: mappings merge key by key, everything else is replaced.
    ///
    /// As in OmegaConf, a `???` in `over` leaves a value that is already there alone.
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
