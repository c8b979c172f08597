//! The tree of modules that the names of a state dictionary describe: `model.0.conv.weight` is the tensor `weight` of
//! the module `conv` of the module `0` of the module `model`.

use std::collections::BTreeMap;

/// A module with its tensors and submodules by name.
#[derive(Debug, Default)]
pub(super) struct Module<'a> {
    pub tensors: BTreeMap<&'a str, Entry>,
    pub children: BTreeMap<&'a str, Self>,
}

/// A tensor of a module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Which tensor it is. A tensor may have several names.
    pub tensor: usize,
    /// Whether it is a parameter; otherwise it is a buffer.
    pub is_parameter: bool,
}

impl<'a> Module<'a> {
    pub(super) fn insert(&mut self, name: &'a str, entry: Entry) {
        match name.split_once('.') {
            Some((child, rest)) => self.children.entry(child).or_default().insert(rest, entry),
            None => drop(self.tensors.insert(name, entry)),
        }
    }
}
