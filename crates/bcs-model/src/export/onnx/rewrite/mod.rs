//! Rewrites of a finished graph into one that computes the same in less time.
//!
//! # Layout
//! - [`biases`]: biases that a normalization subtracts again
//! - [`identity`]: sums of a convolution and its input
//! - [`phases`]: transposed convolutions with few output channels

mod biases;
mod identity;
mod phases;

use std::collections::BTreeMap;

pub(super) use self::phases::BY_PHASE;

use super::messages::{NodeProto, TensorProto};

/// Operators in order, and the constants that they use.
pub(super) struct Operators {
    /// The operators.
    pub nodes: Vec<NodeProto>,
    /// The constants by name.
    pub constants: BTreeMap<String, TensorProto>,
}

impl Operators {
    /// Applies all rewrites.
    pub(super) fn rewrite(&mut self) {
        biases::drop(self);
        identity::fold(self);
        phases::split(self);
    }

    /// Returns the position of the operator of which a tensor is the output.
    fn producer(&self, tensor: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.output[0] == tensor)
    }

    /// Returns the position of the only operator that uses a tensor; `None` if there are several or none.
    fn only_user(&self, tensor: &str) -> Option<usize> {
        let mut users =
            self.nodes.iter().enumerate().filter(|(_, node)| node.input.iter().any(|i| i == tensor));
        let (position, node) = users.next()?;
        let is_once = node.input.iter().filter(|input| *input == tensor).count() == 1;
        (is_once && users.next().is_none()).then_some(position)
    }
}
