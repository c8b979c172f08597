//! Convolutions.

use super::super::attributes::{int, ints};
use super::super::graph::{Graph, Variable};
use super::super::value::{Arguments, Value};

/// `torch._convolution`: a convolution or a transposed one.
pub(super) fn convolution(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (input, weight, bias) = (arguments.tensor(0)?, arguments.tensor(1)?, arguments.optional(2)?);
    let (strides, padding, dilations) = (arguments.ints(3)?, arguments.ints(4)?, arguments.ints(5)?);
    let (output_padding, groups) = (arguments.ints(7)?, arguments.int(8)?);
    let shape = graph.dims(weight).to_vec();
    let [first, second, kernel @ ..] = shape.as_slice() else { return Err(arguments.unexpected(1)) };
    let mut attributes = vec![
        ints("kernel_shape", kernel),
        ints("strides", &strides),
        ints("pads", &padding.repeat(2)),
        ints("dilations", &dilations),
        int("group", groups),
    ];
    let (operator, channels) = match arguments.get(6) {
        Value::Bool(false) => ("Conv", *first),
        Value::Bool(true) => {
            attributes.push(ints("output_padding", &output_padding));
            ("ConvTranspose", second * groups)
        }
        _ => return Err(arguments.unexpected(6)),
    };
    let inputs: Vec<&Variable> = [input, weight].into_iter().chain(bias).collect();
    Ok(Variable { channels, ..graph.add(operator, &inputs, attributes) })
}
