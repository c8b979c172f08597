//! What each function of `torch` that networks use is in ONNX.

mod activation;
mod arithmetic;
mod convolution;
pub(super) mod edge;
mod image;
mod normalization;

use super::graph::Graph;
use super::value::{Arguments, Value};

/// Adds the operators of a function to the graph and returns its value.
///
/// # Errors
/// The function or an argument that has no counterpart.
pub(super) fn apply(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Value, String> {
    if let Some(value) = edge::apply(graph, arguments)? {
        return Ok(value);
    }
    let tensor = match arguments.function {
        "_convolution" => convolution::convolution(graph, arguments)?,
        "batch_norm" => normalization::batch_norm(graph, arguments)?,
        "instance_norm" => normalization::instance_norm(graph, arguments)?,
        "group_norm" => normalization::group_norm(graph, arguments)?,
        "layer_norm" => normalization::layer_norm(graph, arguments)?,
        "adaptive_avg_pool2d" => image::global_average(graph, arguments)?,
        "avg_pool2d" | "avg_pool3d" => image::average_pool(graph, arguments)?,
        "max_pool2d" => image::max_pool(graph, arguments)?,
        "pixel_shuffle" => image::pixel_shuffle(graph, arguments)?,
        "constant_pad_nd" => image::pad(graph, arguments)?,
        "upsample_nearest2d" | "_upsample_nearest_exact2d" => image::nearest(graph, arguments)?,
        "upsample_bilinear2d" => image::interpolate(graph, arguments, "linear")?,
        "upsample_bicubic2d" => image::interpolate(graph, arguments, "cubic")?,
        "cat" => arithmetic::concatenate(graph, arguments)?,
        "unsqueeze" => arithmetic::unsqueeze(graph, arguments)?,
        "squeeze" => arithmetic::squeeze(graph, arguments)?,
        "add" => arithmetic::binary(graph, arguments, "Add")?,
        "sub" => arithmetic::binary(graph, arguments, "Sub")?,
        "mul" => arithmetic::binary(graph, arguments, "Mul")?,
        "div" => arithmetic::binary(graph, arguments, "Div")?,
        "pow" => arithmetic::binary(graph, arguments, "Pow")?,
        "ge" => arithmetic::binary(graph, arguments, "GreaterOrEqual")?,
        "clamp_min" => arithmetic::binary(graph, arguments, "Max")?,
        "clamp_max" => arithmetic::binary(graph, arguments, "Min")?,
        "feature_dropout" | "dropout" | "alpha_dropout" => arithmetic::dropout(arguments)?,
        _ => activation::apply(graph, arguments)?,
    };
    Ok(Value::Tensor(tensor))
}
