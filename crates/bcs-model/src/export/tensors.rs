//! The distinct tensors of a network.

use std::collections::BTreeMap;

use tch::Tensor;

use super::module::Entry;
use crate::nets::Network;

/// The tensors of a network, each once, whatever the number of its names.
pub(super) struct Tensors<'a> {
    /// The tensors.
    pub distinct: Vec<Tensor>,
    /// The first name of each.
    pub names: Vec<&'a str>,
    /// Entry of each name.
    pub entries: BTreeMap<&'a str, Entry>,
}

impl<'a> Tensors<'a> {
    /// Returns the tensors of a network's state.
    pub(super) fn of(network: &Network, state: &'a BTreeMap<String, Tensor>) -> Self {
        let parameters = network.variables().trainable_variables();
        let parameters: Vec<_> = parameters.iter().map(Tensor::data_ptr).collect();
        let mut tensors = Self { distinct: Vec::new(), names: Vec::new(), entries: BTreeMap::new() };
        let mut indices = BTreeMap::new();
        for (name, tensor) in state {
            let index = *indices.entry(tensor.data_ptr()).or_insert_with(|| {
                tensors.distinct.push(tensor.shallow_clone());
                tensors.names.push(name);
                tensors.distinct.len() - 1
            });
            let is_parameter = parameters.contains(&tensor.data_ptr());
            tensors.entries.insert(name, Entry { tensor: index, is_parameter });
        }
        tensors
    }
}
