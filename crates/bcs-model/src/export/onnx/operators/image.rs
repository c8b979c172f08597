//! Pooling, padding and interpolation.

use super::super::attributes::{float, int, ints, text};
use super::super::graph::{Graph, Variable};
use super::super::messages::AttributeProto;
use super::super::value::{Arguments, Value};

/// `torch.adaptive_avg_pool2d` to a single pixel.
pub(super) fn global_average(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    match arguments.ints(1)?.as_slice() {
        [1, 1] => Ok(graph.add("GlobalAveragePool", &[arguments.tensor(0)?], Vec::new())),
        _ => Err(arguments.unexpected(1)),
    }
}

/// `torch.avg_pool2d` and `torch.avg_pool3d`, which count the padding.
pub(super) fn average_pool(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    arguments.only(4, &Value::Bool(false))?;
    arguments.only(5, &Value::Bool(true))?;
    arguments.only(6, &Value::None)?;
    let attributes = [windows(arguments)?, vec![int("count_include_pad", 1)]].concat();
    Ok(graph.add("AveragePool", &[arguments.tensor(0)?], attributes))
}

/// `torch.max_pool2d`
pub(super) fn max_pool(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    arguments.only(5, &Value::Bool(false))?;
    let attributes = [windows(arguments)?, vec![ints("dilations", &arguments.ints(4)?)]].concat();
    Ok(graph.add("MaxPool", &[arguments.tensor(0)?], attributes))
}

fn windows(arguments: &Arguments<'_>) -> Result<Vec<AttributeProto>, String> {
    let (kernel, stride, padding) = (arguments.ints(1)?, arguments.ints(2)?, arguments.ints(3)?);
    let stride = if stride.is_empty() { &kernel } else { &stride };
    Ok(vec![ints("kernel_shape", &kernel), ints("strides", stride), ints("pads", &padding.repeat(2))])
}

/// `torch.pixel_shuffle`
pub(super) fn pixel_shuffle(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (input, factor) = (arguments.tensor(0)?, arguments.int(1)?);
    let attributes = vec![int("blocksize", factor), text("mode", "CRD")];
    Ok(Variable {
        channels: input.channels / (factor * factor),
        ..graph.add("DepthToSpace", &[input], attributes)
    })
}

/// `torch.constant_pad_nd`: pairs of padding before and after, the last dimension first.
pub(super) fn pad(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (input, padding) = (arguments.tensor(0)?, arguments.ints(1)?);
    let mut pads = vec![0; 2 * input.rank];
    for (axis, pair) in (0..input.rank).rev().zip(padding.chunks_exact(2)) {
        (pads[axis], pads[input.rank + axis]) = (pair[0], pair[1]);
    }
    let (pads, value) = (graph.ints(&pads), graph.scalar(arguments.float(2, 0.0)?));
    Ok(graph.add("Pad", &[input, &pads, &value], vec![text("mode", "constant")]))
}

/// Both modes of `nearest`, which are the same for whole factors.
pub(super) fn nearest(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let attributes = vec![
        text("mode", "nearest"),
        text("coordinate_transformation_mode", "asymmetric"),
        text("nearest_mode", "floor"),
    ];
    resize(graph, arguments, 2, attributes)
}

/// `torch.upsample_bilinear2d` and `torch.upsample_bicubic2d`
pub(super) fn interpolate(
    graph: &mut Graph,
    arguments: &Arguments<'_>,
    mode: &str,
) -> Result<Variable, String> {
    let coordinates = match arguments.get(2) {
        Value::Bool(true) => "align_corners",
        _ => "half_pixel",
    };
    let attributes = vec![
        text("mode", mode),
        text("coordinate_transformation_mode", coordinates),
        // PyTorch's, not that of ONNX.
        float("cubic_coeff_a", -0.75),
    ];
    resize(graph, arguments, 3, attributes)
}

/// Enlarges by the factors in the argument at `index`, without a size.
fn resize(
    graph: &mut Graph,
    arguments: &Arguments<'_>,
    index: usize,
    attributes: Vec<AttributeProto>,
) -> Result<Variable, String> {
    arguments.only(1, &Value::None)?;
    match arguments.get(index) {
        Value::List(factors) if *factors == [Value::Float(2.0), Value::Float(2.0)] => {}
        _ => return Err(arguments.unexpected(index)),
    }
    let scales = graph.floats("twice_the_sides", &[4], &[1.0, 1.0, 2.0, 2.0]);
    // No region of interest.
    let none = Variable { name: String::new(), rank: 0, channels: 0 };
    Ok(graph.add("Resize", &[arguments.tensor(0)?, &none, &scales], attributes))
}
