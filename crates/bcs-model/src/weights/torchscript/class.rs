//! The classes of a TorchScript archive, by their source code.

use std::collections::{BTreeMap, BTreeSet};

use crate::weights::archive::Archive;

/// Which attributes of the archive's classes are in a module's `state_dict`, by qualified class name.
pub(super) struct Classes<'a>(BTreeMap<String, Registered<'a>>);

/// Attributes of a class that are parameters or buffers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Registered<'a> {
    names: BTreeSet<&'a str>,
    /// Whether the class lists its buffers. PyTorch before version 1.5 did not.
    lists_buffers: bool,
}

impl Registered<'_> {
    pub(super) fn contains(&self, attribute: &str) -> bool {
        !self.lists_buffers || self.names.contains(attribute)
    }
}

impl<'a> Classes<'a> {
    /// Reads the class headers of all source files. Nothing is run.
    ///
    /// # Errors
    /// A source file that is not UTF-8.
    pub(super) fn read(archive: &'a Archive<'_>) -> Result<Self, String> {
        let mut classes = BTreeMap::new();
        for (name, contents) in archive.records() {
            let path = name.strip_prefix("code/").and_then(|path| path.strip_suffix(".py"));
            let Some(path) = path else { continue };
            let text = std::str::from_utf8(contents).map_err(|_| format!("{name}: the code is not UTF-8"))?;
            read_file(&path.replace('/', "."), text, &mut classes);
        }
        Ok(Self(classes))
    }

    /// Returns the registered attributes of the class `module.name`.
    pub(super) fn get(&self, module: &str, name: &str) -> Option<&Registered<'a>> {
        self.0.get(&format!("{module}.{name}"))
    }
}

fn read_file<'a>(module: &str, text: &'a str, classes: &mut BTreeMap<String, Registered<'a>>) {
    let mut current: Option<&mut Registered<'a>> = None;
    for line in text.lines() {
        let class = line.strip_prefix("class ").and_then(|rest| rest.split_once('(')).map(|(name, _)| name);
        if let Some(name) = class {
            current = Some(classes.entry(format!("{module}.{name}")).or_default());
        } else if let Some(class) = &mut current {
            let list =
                |attribute: &str| line.strip_prefix(attribute)?.strip_prefix(" = [")?.strip_suffix(']');
            if let Some(names) = list("  __parameters__") {
                class.names.extend(quoted(names));
            } else if let Some(names) = list("  __buffers__") {
                class.names.extend(quoted(names));
                class.lists_buffers = true;
            }
        }
    }
}

/// Returns the strings of a list as the archive has it: `"weight", "bias", `.
fn quoted(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter_map(|item| item.trim().strip_prefix('"')?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_buffers_are_told_from_other_attributes() {
        let text = "class Conv(Module):\n  __parameters__ = [\"weight\", \"bias\", ]\n  __buffers__ = [\"mean\", ]\n  \
                    weight : Tensor\n  other : Tensor\n  def forward(self) -> Tensor:\n    return self.weight\n\
                    class Old(Module):\n  __parameters__ = [\"weight\", ]\n  weight : Tensor\n";
        let mut classes = BTreeMap::new();
        read_file("__torch__.nets", text, &mut classes);
        let conv = &classes["__torch__.nets.Conv"];
        assert!(["weight", "bias", "mean"].iter().all(|name| conv.contains(name)));
        assert!(!conv.contains("other"));
        assert!(classes["__torch__.nets.Old"].contains("mean"));
    }
}
