//! Operators and their attributes.

use super::messages::{AttributeProto, NodeProto};

impl NodeProto {
    /// Returns an operator of one output, which has its name too.
    pub(super) fn new(
        operator: &str,
        inputs: Vec<String>,
        output: String,
        attribute: Vec<AttributeProto>,
    ) -> Self {
        Self {
            input: inputs,
            output: vec![output.clone()],
            name: output,
            op_type: operator.to_owned(),
            attribute,
        }
    }

    /// Returns the whole numbers of an attribute; empty if the operator does not have it.
    pub(super) fn ints(&self, name: &str) -> &[i64] {
        self.attribute(name).map_or(&[], |attribute| &attribute.ints)
    }

    /// Returns the whole number of an attribute; 1, the default of all that are asked for, if the operator does not have it.
    pub(super) fn int(&self, name: &str) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(1)
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name == name)
    }
}
