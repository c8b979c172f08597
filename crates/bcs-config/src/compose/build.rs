//! The configuration while it is being composed, with the origin of each leaf.

use indexmap::IndexMap;

use super::{Origin, schema::Schema, unknown};
use crate::{
    error::{Error, Result},
    value::{Map, Value, join},
};

/// The configuration so far.
pub(super) struct Build<'a> {
    pub(super) value: Value,
    pub(super) schema: Option<&'a Schema>,
    origins: IndexMap<String, Origin>,
}

impl<'a> Build<'a> {
    /// Starts from the defaults of the schema, without those of groups that are deleted or null.
    pub(super) fn new(schema: Option<&'a Schema>, without: &[String]) -> Result<Self> {
        let mut build = Self { value: Value::empty_map(), schema, origins: IndexMap::new() };
        if let Some(schema) = schema {
            let mut defaults = schema.defaults().clone();
            for package in without.iter().filter(|package| !package.is_empty()) {
                defaults.remove(package);
            }
            build.merge(defaults, &Origin::Schema)?;
        }
        Ok(build)
    }

    /// Merges the content of a config file into its package.
    pub(super) fn merge_file(&mut self, package: &str, body: &Value, origin: &Origin) -> Result<()> {
        self.merge(packaged(package, body), origin)?;
        self.check_schema(origin)
    }

    /// Refuses keys that the schema does not know; `origin` is what was merged last.
    pub(super) fn check_schema(&self, origin: &Origin) -> Result<()> {
        let unknown = self.schema.and_then(|schema| schema.first_unknown(&self.value));
        unknown.map_or(Ok(()), |found| {
            let reason = unknown::Reason::NotInMapping { mapping: found.mapping, key: found.key };
            Err(unknown::error((&self.value, self.schema), origin, reason, &[], None))
        })
    }

    /// Records the origin of the value at a dotted path.
    pub(super) fn set_origin(&mut self, path: &str, origin: &Origin) {
        if let Some(changed) = self.value.get_path(path) {
            for (leaf, _) in changed.leaves() {
                let path = if leaf.is_empty() { path.to_owned() } else { join(path, &leaf) };
                self.origins.insert(path, origin.clone());
            }
        }
    }

    /// Returns the origin of every leaf, in the order of the configuration.
    pub(super) fn origins(&self) -> IndexMap<String, Origin> {
        let leaves = self.value.leaves().into_iter();
        leaves.filter_map(|(path, _)| Some((path.clone(), self.origins.get(&path)?.clone()))).collect()
    }

    fn merge(&mut self, layer: Value, origin: &Origin) -> Result<()> {
        if let Some(key) = self.value.clash(&layer) {
            let message = format!("{origin} merges a list with a mapping; use one of the two");
            return Err(Error::Type { key, message });
        }
        for (path, leaf) in layer.leaves() {
            // A `???` does not replace a value, so it is not its origin.
            if !(leaf.is_missing() && self.origins.contains_key(&path)) {
                self.origins.insert(path, origin.clone());
            }
        }
        self.value.merge(layer);
        Ok(())
    }
}

/// Wraps the content of a config into the mappings of its package.
fn packaged(package: &str, body: &Value) -> Value {
    let parts = package.split('.').filter(|part| !part.is_empty());
    parts
        .rev()
        .fold(body.clone(), |inner, part| Value::Map([(part.into(), inner)].into_iter().collect::<Map>()))
}
