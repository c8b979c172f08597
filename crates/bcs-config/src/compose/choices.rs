//! Choices for config groups, from the command line and from `override` entries of defaults lists.

use indexmap::IndexMap;

use super::{
    entry::{Choice, Entry, EntryKind},
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

/// Choice that overrides the one in a defaults list.
struct Replacement {
    choice: Choice,
    /// Config with the `override` entry; `None` for the command line.
    config: Option<String>,
    used: bool,
}

/// Group deleted on the command line.
struct Deletion {
    /// Option that the group must be set to, if given.
    option: Option<String>,
    text: String,
    used: bool,
}

/// Choices while the defaults lists are walked.
#[derive(Default)]
pub(super) struct Choices {
    replacements: IndexMap<String, Replacement>,
    deletions: IndexMap<String, Deletion>,
    /// Option of each group so far, by override key.
    pub(super) known: IndexMap<String, Option<String>>,
    /// Packages of groups that are deleted or null; the defaults of the schema do not apply to them.
    pub(super) emptied: Vec<String>,
    /// Groups appended on the command line.
    pub(super) appended: Vec<Entry>,
    /// Overrides of values.
    pub(super) values: Vec<Override>,
}

impl Choices {
    /// Separates the overrides of groups from those of values.
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
            Action::ForceAdd => return Err(refuse("++ does not apply to config groups; use + to append it")),
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
                        kind: EntryKind::Group { group: parsed.key.clone(), choice },
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

    /// Records an `override group: option` entry; an earlier record takes precedence.
    pub(super) fn add_override(&mut self, config: &str, node: &Node) {
        if let EntryKind::Group { choice, .. } = &node.kind {
            self.replacements.entry(node.override_key()).or_insert_with(|| Replacement {
                choice: choice.clone(),
                config: Some(config.to_owned()),
                used: false,
            });
        }
    }

    /// Applies the replacement of a node's choice, if any.
    pub(super) fn replace(&mut self, node: &mut Node) {
        let key = node.override_key();
        if let EntryKind::Group { choice, .. } = &mut node.kind
            && let Some(replacement) = self.replacements.get_mut(&key)
        {
            *choice = replacement.choice.clone();
            replacement.used = true;
        }
    }

    /// Whether the command line deletes this node.
    pub(super) fn delete(&mut self, node: &Node) -> bool {
        if !matches!(node.kind, EntryKind::Group { .. }) {
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

    /// Records the option of a group; an error if the group has another one.
    pub(super) fn record(&mut self, node: &Node) -> Result<()> {
        if !matches!(node.kind, EntryKind::Group { .. }) {
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

    /// Refuses replacements and deletions of groups that no defaults list has.
    pub(super) fn check_used(&mut self, schema: Option<&Schema>) -> Result<()> {
        if let Some((key, unused)) = self.replacements.iter().find(|(_, replacement)| !replacement.used) {
            return Err(self.unused(key, unused));
        }
        self.delete_from_schema(schema);
        match self.deletions.iter().find(|(_, deletion)| !deletion.used) {
            Some((key, deletion)) => Err(Error::Override {
                text: deletion.text.clone(),
                message: format!("cannot delete '{key}'. {}", self.advice(key)),
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
        let message = format!("cannot override '{key}'. {}", self.advice(key));
        match &replacement.config {
            Some(config) => Error::Defaults { config: config.clone(), message },
            None => {
                let text = format!("{key}={}", replacement.choice);
                let message = format!("{message} To append to your default list use +{text}");
                Error::Override { text, message }
            }
        }
    }

    /// Suggests the same group in other packages, or a similar group.
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

/// Refuses sweeps, which a single run cannot have.
pub(super) fn refuse_sweeps(overrides: &[Override]) -> Result<()> {
    overrides.iter().try_for_each(|parsed| value_of(parsed).map(|_value| ()))
}

/// Returns the value of an override; an error for a sweep.
fn value_of(parsed: &Override) -> Result<Value> {
    match &parsed.assigned {
        Assigned::Nothing => Ok(Value::Null),
        Assigned::Value(literal) => Ok(literal.value()),
        Assigned::Sweep(_) => {
            Err(Error::SweepOutsideMultirun { text: parsed.text.clone(), key: parsed.key_with_package() })
        }
    }
}
