//! The choices of groups: what the command line and `override` entries ask for, and what was used.

use indexmap::IndexMap;

use super::{
    entry::{Choice, Entry, What},
    node::Node,
    repository::Repository,
    schema::Schema,
};
use crate::{
    error::{Error, Result},
    overrides::{Action, Assigned, Override},
    suggest,
    value::Value,
};

/// A choice that replaces the one in a defaults list.
struct Replacement {
    choice: Choice,
    /// The config whose defaults list asks for it; nothing for the command line.
    config: Option<String>,
    used: bool,
}

/// A group taken out on the command line.
struct Deletion {
    /// Only if it is set to this option.
    option: Option<String>,
    text: String,
    used: bool,
}

/// All that is known about the choices of groups while a defaults list is walked.
#[derive(Default)]
pub(super) struct Choices {
    replacements: IndexMap<String, Replacement>,
    deletions: IndexMap<String, Deletion>,
    /// The option of each group so far, by override key.
    pub(super) known: IndexMap<String, Option<String>>,
    /// Packages of the groups that are deleted or null: the schema has no defaults for them.
    pub(super) emptied: Vec<String>,
    /// Groups added on the command line.
    pub(super) appended: Vec<Entry>,
    /// The overrides that are about values and not about groups.
    pub(super) values: Vec<Override>,
}

impl Choices {
    /// Sorts the overrides into those of groups and those of values.
    pub(super) fn new(repository: &Repository<'_>, overrides: &[Override]) -> Result<Self> {
        let mut choices = Self::default();
        for parsed in overrides {
            let value = value_of(parsed)?;
            if matches!(value, Value::Map(_)) || !repository.group_exists(&parsed.key) {
                choices.values.push(parsed.clone());
            } else {
                choices.add_group(parsed, &value)?;
            }
        }
        Ok(choices)
    }

    fn add_group(&mut self, parsed: &Override, value: &Value) -> Result<()> {
        let refuse =
            |message: &str| Error::Override { text: parsed.text.clone(), message: message.to_owned() };
        let key = parsed.key_with_package();
        match parsed.action {
            Action::ForceAdd => return Err(refuse("a group cannot be forced; write one + to add it")),
            Action::Delete => {
                let option = match value {
                    Value::Null => None,
                    Value::Str(option) => Some(option.clone()),
                    _ => return Err(refuse("the option to delete must be a string")),
                };
                self.deletions.insert(key, Deletion { option, text: parsed.text.clone(), used: false });
            }
            Action::Add | Action::Change => {
                let choice = Choice::from_value(value).filter(|choice| *choice != Choice::Null);
                let choice = choice
                    .ok_or_else(|| refuse("the option of a group must be a string or a list of strings"))?;
                if parsed.action == Action::Add {
                    self.appended.push(Entry {
                        what: What::Group { group: parsed.key.clone(), choice },
                        package: parsed.package.clone(),
                        optional: false,
                        overriding: false,
                    });
                } else {
                    self.replacements.insert(key, Replacement { choice, config: None, used: false });
                }
            }
        }
        Ok(())
    }

    /// Notes an `override group: option` entry; what was noted first stays.
    pub(super) fn add_override(&mut self, config: &str, node: &Node) {
        if let What::Group { choice, .. } = &node.what {
            self.replacements.entry(node.override_key()).or_insert_with(|| Replacement {
                choice: choice.clone(),
                config: Some(config.to_owned()),
                used: false,
            });
        }
    }

    /// Gives a node the choice that replaces its own.
    pub(super) fn replace(&mut self, node: &mut Node) {
        let key = node.override_key();
        if let What::Group { choice, .. } = &mut node.what
            && let Some(replacement) = self.replacements.get_mut(&key)
        {
            *choice = replacement.choice.clone();
            replacement.used = true;
        }
    }

    /// Whether the command line takes this node out.
    pub(super) fn delete(&mut self, node: &Node) -> bool {
        if !matches!(node.what, What::Group { .. }) {
            return false;
        }
        let Some(deletion) = self.deletions.get_mut(&node.override_key()) else { return false };
        let deleted = deletion.option.is_none() || deletion.option.as_deref() == node.name();
        if deleted {
            deletion.used = true;
            self.emptied.push(node.final_package());
        }
        deleted
    }

    /// Remembers the option of a group; a group cannot have two.
    pub(super) fn learn(&mut self, node: &Node) -> Result<()> {
        if !matches!(node.what, What::Group { .. }) {
            return Ok(());
        }
        let key = node.override_key();
        let option = node.name().map(str::to_owned);
        let known = self.known.entry(key.clone()).or_insert_with(|| option.clone());
        if *known == option {
            return Ok(());
        }
        let known = known.as_deref().unwrap_or("null");
        let message = format!("Multiple values for {key}. To override a value use 'override {key}: {known}'");
        Err(Error::Defaults { config: node.parent.config.clone(), message })
    }

    /// Refuses choices and deletions that met no group.
    pub(super) fn check_used(&mut self, schema: Option<&Schema>) -> Result<()> {
        if let Some((key, unused)) = self.replacements.iter().find(|(_, replacement)| !replacement.used) {
            return Err(self.unused(key, unused));
        }
        self.delete_from_schema(schema);
        match self.deletions.iter().find(|(_, deletion)| !deletion.used) {
            Some((key, deletion)) => Err(Error::Override {
                text: deletion.text.clone(),
                message: format!("Could not delete '{key}'. {}", self.advice(key)),
            }),
            None => Ok(()),
        }
    }

    /// Deletes the groups that no defaults list has, but for which the schema has defaults.
    fn delete_from_schema(&mut self, schema: Option<&Schema>) {
        for (key, deletion) in &mut self.deletions {
            let package = key.replace('/', ".");
            let has_defaults = schema.is_some_and(|schema| schema.defaults().get_path(&package).is_some());
            if !deletion.used && deletion.option.is_none() && has_defaults {
                deletion.used = true;
                self.emptied.push(package);
            }
        }
    }

    fn unused(&self, key: &str, replacement: &Replacement) -> Error {
        let message = format!("Could not override '{key}'. {}", self.advice(key));
        match &replacement.config {
            Some(config) => Error::Defaults { config: config.clone(), message },
            None => {
                let text = format!("{key}={}", replacement.choice);
                let message = format!("{message} To append to your default list use +{text}");
                Error::Override { text, message }
            }
        }
    }

    /// The same group under other packages, or a similar one.
    fn advice(&self, key: &str) -> String {
        let group = key.split('@').next().unwrap_or(key);
        let mut same: Vec<&str> = self.known.keys().map(String::as_str).collect();
        same.retain(|known| known.split('@').next() == Some(group));
        same.sort_unstable();
        if same.is_empty() {
            let nearest = suggest::nearest(key, self.known.keys().map(String::as_str));
            return format!("No match in the defaults list.{}", suggest::hint(nearest));
        }
        format!("Did you mean to override one of {}?", same.join(", "))
    }
}

/// The one value of an override, which a single run needs.
fn value_of(parsed: &Override) -> Result<Value> {
    match &parsed.assigned {
        Assigned::Nothing => Ok(Value::Null),
        Assigned::Value(value) => Ok(value.clone()),
        Assigned::Sweep(_) => {
            Err(Error::SweepOutsideMultirun { text: parsed.text.clone(), key: parsed.key_with_package() })
        }
    }
}
