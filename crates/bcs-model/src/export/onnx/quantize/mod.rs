//! Quantization of graphs after training: convolutions in whole numbers of 8 bits.
//!
//! Their inputs and weights get pairs of `QuantizeLinear` and `DequantizeLinear`, which runtimes fuse into the convolutions. A
//! weight has a scale for each output channel. A tensor with negative values is quantized to −127 … 127, any other to 0 … 255,
//! and 0 always stays 0.
//!
//! # Layout
//! - [`Histogram`]: distribution of a tensor's values, of which its scale is made
//! - [`weight`]: quantized weights

mod histogram;
mod weight;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

pub use self::histogram::{Calibration, Histogram, Scale};
use super::messages::{DataType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::rewrite::BY_PHASE;
use crate::error::Error;

/// A convolution that can be quantized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name of its weight, without `.weight`.
    pub name: String,
    /// Name of the tensor that it reads.
    pub input: String,
}

/// A float32 graph that [`onnx`](super::onnx) has written.
pub struct FloatGraph {
    model: ModelProto,
}

impl FloatGraph {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`Error::Export`] for another file.
    pub fn read(file: &[u8]) -> Result<Self, Error> {
        let model = ModelProto::decode(file)
            .map_err(|error| Error::Export(format!("its graph is not an ONNX file: {error}")))?;
        match model.graph {
            Some(_) => Ok(Self { model }),
            None => Err(Error::Export("its ONNX file has no graph".to_owned())),
        }
    }

    /// Returns the layers that can be quantized, in their order.
    pub fn layers(&self) -> Vec<Layer> {
        let Some(graph) = &self.model.graph else { return Vec::new() };
        let constants: BTreeSet<&str> =
            graph.initializer.iter().map(|constant| constant.name.as_str()).collect();
        graph.node.iter().filter_map(|node| layer(node, |name| constants.contains(name))).collect()
    }

    /// Returns an ONNX file whose graph has the logits and these tensors as outputs.
    pub fn with_outputs(&self, tensors: &[String]) -> Vec<u8> {
        let mut model = self.model.clone();
        if let Some(graph) = &mut model.graph {
            let named = |name: &String| ValueInfoProto { name: name.clone(), r#type: None };
            graph.output.truncate(1);
            graph.output.extend(tensors.iter().map(named));
        }
        model.encode_to_vec()
    }

    /// Returns an ONNX file in which the layers of these names compute in 8 bits. `scales` are those of their inputs, by
    /// tensor.
    ///
    /// # Errors
    /// [`Error::Export`] for a layer whose input has no scale.
    pub fn quantized(
        &self,
        scales: &BTreeMap<String, Scale>,
        layers: &BTreeSet<String>,
    ) -> Result<Vec<u8>, Error> {
        let mut model = self.model.clone();
        if let Some(graph) = &mut model.graph {
            quantize(graph, scales, layers)?;
        }
        Ok(model.encode_to_vec())
    }
}

/// Returns the layer of a node. A level by phases is none: OpenVINO takes scales of channels wrongly through the reshaping of its
/// normalization, and as the last level it is sensitive in any case.
fn layer(node: &NodeProto, is_constant: impl Fn(&str) -> bool) -> Option<Layer> {
    let is_convolution = ["Conv", "ConvTranspose"].contains(&node.op_type.as_str());
    let [input, weight, ..] = node.input.as_slice() else { return None };
    let name = weight.replace(".weight", "");
    (is_convolution && is_constant(weight) && !weight.ends_with(BY_PHASE))
        .then(|| Layer { name, input: input.clone() })
}

fn quantize(
    graph: &mut GraphProto,
    scales: &BTreeMap<String, Scale>,
    layers: &BTreeSet<String>,
) -> Result<(), Error> {
    let mut constants: BTreeMap<String, TensorProto> =
        graph.initializer.drain(..).map(|constant| (constant.name.clone(), constant)).collect();
    let mut known = BTreeSet::new();
    for mut node in std::mem::take(&mut graph.node) {
        let layer = layer(&node, |name| constants.contains_key(name));
        if let Some(layer) = layer.filter(|layer| layers.contains(&layer.name)) {
            let scale = scales.get(&layer.input).ok_or_else(|| {
                Error::Export(format!("the input {} of {} has no scale", layer.input, layer.name))
            })?;
            if known.insert(layer.input.clone()) {
                graph.node.extend(pair(&mut constants, &layer.input, *scale));
            }
            if known.insert(node.input[1].clone()) {
                graph.node.push(weight::quantize(&mut constants, &node)?);
            }
            node.input[0] = format!("{}.dequantized", layer.input);
            node.input[1] = format!("{}.dequantized", node.input[1]);
        }
        graph.node.push(node);
    }
    let used: BTreeSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    constants.retain(|name, _| used.contains(name));
    graph.initializer = constants.into_values().collect();
    Ok(())
}

/// Returns the operators that quantize a tensor and turn it back into numbers.
fn pair(constants: &mut BTreeMap<String, TensorProto>, tensor: &str, scale: Scale) -> [NodeProto; 2] {
    let (step, zero) = (format!("{tensor}.scale"), format!("{tensor}.zero"));
    constants.insert(step.clone(), TensorProto::of_floats(step.clone(), &[], &[scale.step]));
    let kind = if scale.is_signed { DataType::Int8 } else { DataType::Uint8 };
    let zero_point =
        TensorProto { dims: Vec::new(), data_type: kind as i32, name: zero.clone(), raw_data: vec![0] };
    constants.insert(zero.clone(), zero_point);
    let (quantized, output) = (format!("{tensor}.quantized"), format!("{tensor}.dequantized"));
    [
        NodeProto::new(
            "QuantizeLinear",
            vec![tensor.to_owned(), step.clone(), zero.clone()],
            quantized.clone(),
            Vec::new(),
        ),
        NodeProto::new("DequantizeLinear", vec![quantized, step, zero], output, Vec::new()),
    ]
}
