//! Quantized weights.

use std::collections::BTreeMap;

use super::super::attributes::int;
use super::super::messages::{DataType, NodeProto, TensorProto};
use crate::error::Error;

/// Largest magnitude of a quantized weight.
const LARGEST: f32 = 127.0;

/// Quantizes the weight of a convolution, with a scale for each output channel, and returns the operator that turns it back
/// into numbers. A transposed convolution of several groups has one scale.
pub(super) fn quantize(
    constants: &mut BTreeMap<String, TensorProto>,
    node: &NodeProto,
) -> Result<NodeProto, Error> {
    let name = &node.input[1];
    let weight = constants.get(name).ok_or_else(|| Error::Export(format!("there is no weight {name}")))?;
    let axis = match node.op_type.as_str() {
        "Conv" => Some(0),
        _ if node.int("group") == 1 => Some(1),
        _ => None,
    };
    let values = weight.to_floats();
    let lengths: Vec<usize> = weight.dims.iter().map(|length| *length as usize).collect();
    let channels = axis.map_or(1, |axis| lengths[axis]);
    let inner: usize = axis.map_or(values.len(), |axis| lengths[axis + 1..].iter().product());
    let channel_of = |index: usize| index / inner.max(1) % channels;
    let mut steps = vec![0.0_f32; channels];
    for (index, value) in values.iter().enumerate() {
        let step = &mut steps[channel_of(index)];
        *step = step.max(value.abs() / LARGEST);
    }
    // Of a channel without weights, which stays 0.
    steps.iter_mut().filter(|step| **step == 0.0).for_each(|step| *step = 1.0);
    let bytes = values.iter().enumerate().map(|(index, value)| {
        let quantized = (value / steps[channel_of(index)]).round_ties_even().clamp(-LARGEST, LARGEST);
        (quantized as i8).to_le_bytes()[0]
    });
    let dims = axis.map_or_else(Vec::new, |_| vec![channels as i64]);
    let whole = TensorProto {
        dims: weight.dims.clone(),
        data_type: DataType::Int8 as i32,
        name: format!("{name}.quantized"),
        raw_data: bytes.collect(),
    };
    let zero = TensorProto {
        dims: dims.clone(),
        data_type: DataType::Int8 as i32,
        name: format!("{name}.zero"),
        raw_data: vec![0; channels],
    };
    let scale = TensorProto::of_floats(format!("{name}.scale"), &dims, &steps);
    let inputs = [&whole, &scale, &zero].map(|constant| constant.name.clone()).to_vec();
    let attribute = axis.map(|axis| int("axis", axis as i64)).into_iter().collect();
    let node = NodeProto::new("DequantizeLinear", inputs, format!("{name}.dequantized"), attribute);
    for constant in [whole, scale, zero] {
        constants.insert(constant.name.clone(), constant);
    }
    Ok(node)
}
