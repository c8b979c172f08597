//! A graph under construction: nodes in order, and the constants that they use.

use std::collections::{BTreeMap, BTreeSet};

use super::messages::{
    AttributeProto, DataType, Dimension, GraphProto, Length, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::rewrite::Operators;

/// Name of the graph's input.
const INPUT: &str = "image";

/// A tensor of the graph, with what operators must know of its shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    /// Name.
    pub name: String,
    /// Number of dimensions.
    pub rank: usize,
    /// Number of channels, the length of dimension 1 of a feature map.
    pub channels: i64,
}

/// A graph under construction.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<NodeProto>,
    constants: BTreeMap<String, TensorProto>,
}

impl Graph {
    /// Returns the input, a batch of images.
    pub(super) fn input(channels: i64) -> Variable {
        Variable { name: INPUT.to_owned(), rank: 4, channels }
    }

    /// Adds an operator and returns its output, which has the rank and the channels of the first input.
    pub(super) fn add(
        &mut self,
        operator: &str,
        inputs: &[&Variable],
        attributes: Vec<AttributeProto>,
    ) -> Variable {
        let name = format!("{operator}_{}", self.nodes.len());
        let names = inputs.iter().map(|input| input.name.clone()).collect();
        self.nodes.push(NodeProto::new(operator, names, name.clone(), attributes));
        let (rank, channels) = inputs.first().map_or((0, 0), |input| (input.rank, input.channels));
        Variable { name, rank, channels }
    }

    /// Adds float32 values as a constant of this name, unless it is there.
    pub(super) fn floats(&mut self, name: &str, dims: &[i64], values: &[f32]) -> Variable {
        self.constant(name, dims.len(), |name| TensorProto::of_floats(name, dims, values))
    }

    /// Adds a number as a constant.
    pub(super) fn scalar(&mut self, value: f64) -> Variable {
        self.floats(&format!("scalar_{:e}", value as f32), &[], &[value as f32])
    }

    /// Adds a list of whole numbers as a constant.
    pub(super) fn ints(&mut self, values: &[i64]) -> Variable {
        let numbers: Vec<String> = values.iter().map(i64::to_string).collect();
        self.constant(&format!("ints_{}", numbers.join("_")), 1, |name| TensorProto::of_ints(name, values))
    }

    fn constant(&mut self, name: &str, rank: usize, tensor: impl FnOnce(String) -> TensorProto) -> Variable {
        self.constants.entry(name.to_owned()).or_insert_with(|| tensor(name.to_owned()));
        Variable { name: name.to_owned(), rank, channels: 0 }
    }

    /// Returns the shape of a constant; empty for another tensor.
    pub(super) fn dims(&self, constant: &Variable) -> &[i64] {
        self.constants.get(&constant.name).map_or(&[], |constant| &constant.dims)
    }

    /// Returns a constant with a value per channel in the shape `[C, 1, 1]`, so that it applies to feature maps.
    pub(super) fn by_channel(&mut self, constant: &Variable) -> Variable {
        let name = format!("{}_by_channel", constant.name);
        if let Some(given) = self.constants.get(&constant.name) {
            let dims = [given.dims.as_slice(), &[1, 1]].concat();
            let shaped = TensorProto { name: name.clone(), dims, ..given.clone() };
            self.constants.insert(name.clone(), shaped);
        }
        Variable { name, rank: constant.rank + 2, channels: 0 }
    }

    /// Returns the operator and the inputs of which a tensor is the output.
    pub(super) fn origin(&self, tensor: &Variable) -> Option<(&str, &[String])> {
        let node = self.nodes.iter().rev().find(|node| node.output[0] == tensor.name)?;
        Some((&node.op_type, &node.input))
    }

    /// Returns the value of a constant of one number.
    pub(super) fn value_of(&self, name: &str) -> Option<f32> {
        let bytes = &self.constants.get(name)?.raw_data;
        bytes.as_slice().try_into().ok().map(f32::from_le_bytes)
    }

    /// Returns the graph that computes `outputs`, each with its name, without the operators and constants that it does not
    /// need.
    pub(super) fn finish(mut self, input: &Variable, outputs: &[(&str, &Variable)]) -> GraphProto {
        let outputs: Vec<(&str, Variable)> = outputs
            .iter()
            .map(|(name, output)| (*name, self.add("Identity", &[output], Vec::new())))
            .collect();
        let mut needed: BTreeSet<String> = outputs.iter().map(|(_, output)| output.name.clone()).collect();
        let mut nodes: Vec<NodeProto> = Vec::new();
        for node in self.nodes.into_iter().rev() {
            if needed.contains(&node.output[0]) {
                needed.extend(node.input.iter().cloned());
                nodes.push(node);
            }
        }
        nodes.reverse();
        let mut operators = Operators { nodes, constants: self.constants };
        operators.rewrite();
        let Operators { mut nodes, mut constants } = operators;
        for (name, output) in &outputs {
            if let Some(node) = nodes.iter_mut().find(|node| node.output[0] == output.name) {
                node.output = vec![(*name).to_owned()];
            }
        }
        let used: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.input).collect();
        constants.retain(|name, _| used.contains(name));
        GraphProto {
            node: nodes,
            name: "network".to_owned(),
            initializer: constants.into_values().collect(),
            input: vec![described(INPUT, "", input)],
            output: outputs
                .iter()
                .map(|(name, output)| described(name, &format!("{name}_"), output))
                .collect(),
        }
    }
}

/// Describes a float32 tensor of any number of images, of any size. `prefix` begins the names of its height and width.
fn described(name: &str, prefix: &str, tensor: &Variable) -> ValueInfoProto {
    let lengths = [
        Length::Param("images".to_owned()),
        Length::Value(tensor.channels),
        Length::Param(format!("{prefix}height")),
        Length::Param(format!("{prefix}width")),
    ];
    let dim =
        lengths.into_iter().take(tensor.rank).map(|length| Dimension { length: Some(length) }).collect();
    let tensor_type =
        TensorTypeProto { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
