//! Biases that a normalization subtracts again.

use std::collections::{BTreeMap, BTreeSet};

use super::Operators;

/// Takes the bias from convolutions whose output is only normalized, as the normalization subtracts it again. Where all inputs
/// of a convolution are zero, the runtimes' rounding of the mean of a bias would be enlarged to visible values.
pub(super) fn drop(operators: &mut Operators) {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    let mut normalized = BTreeSet::new();
    for node in &operators.nodes {
        node.input.iter().for_each(|input| *uses.entry(input.clone()).or_default() += 1);
        if node.op_type == "InstanceNormalization" {
            normalized.insert(node.input[0].clone());
        }
    }
    for node in &mut operators.nodes {
        let output = &node.output[0];
        let is_convolution = ["Conv", "ConvTranspose"].contains(&node.op_type.as_str());
        if is_convolution && normalized.contains(output) && uses.get(output) == Some(&1) {
            node.input.truncate(2);
        }
    }
}
