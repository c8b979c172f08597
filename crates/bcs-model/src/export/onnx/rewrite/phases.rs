//! Transposed convolutions with few output channels, as at the end of MONAI's `UNet`.
//!
//! A transposed convolution of stride 2 and size 3 computes each of the four pixels of a 2×2 square from other elements of its
//! kernel. The same numbers come from a convolution of half the size with four times the channels, a phase each, whose output is then
//! rearranged into squares. CPUs compute 16 channels at once, so that the phases of up to four channels take no longer than one
//! channel would. What follows up to the output is computed by phases too.

use super::super::attributes::{int as int_attribute, ints as ints_attribute, text};
use super::super::messages::{AttributeProto, NodeProto, TensorProto};
use super::{Operators, int, ints};

/// Largest number of output channels that are computed by phases.
const MOST_CHANNELS: usize = 4;
/// End of the names of parameters by phase.
pub(in super::super) const BY_PHASE: &str = ".by_phase";
/// Number of phases of a square.
const PHASES: usize = 4;
/// For each row of a square: rows of the input, counted from the square's own, and rows of the kernel that apply to them.
const TAPS: [&[(usize, usize)]; 2] = [&[(0, 1)], &[(0, 2), (1, 0)]];

/// Splits the last transposed convolution into phases, and what follows it.
pub(super) fn split(operators: &mut Operators) {
    let is_transposed = |node: &NodeProto| node.op_type == "ConvTranspose";
    let Some(position) = operators.nodes.iter().rposition(is_transposed) else { return };
    let Some(mut by_phase) = split_transposed(operators, position) else { return };
    let squares = operators.nodes[position].output[0].clone();
    let (mut output, mut last) = (squares, position);
    let mut replaced = vec![position];
    while let Some(next) = operators.only_user(&output).filter(|next| *next > last) {
        let input = by_phase.last().map(|node| node.output[0].clone()).unwrap_or_default();
        let Some(nodes) = split_next(operators, next, &output, &input) else { break };
        by_phase.extend(nodes);
        output.clone_from(&operators.nodes[next].output[0]);
        replaced.push(next);
        last = next;
    }
    let Some(input) = by_phase.last().map(|node| node.output[0].clone()) else { return };
    let arranged = vec![int_attribute("blocksize", 2), text("mode", "CRD")];
    by_phase.push(operator("DepthToSpace", &[&input], &output, arranged));
    operators.nodes[last] = by_phase.pop().unwrap_or_default();
    let mut index = 0;
    operators.nodes.retain(|_| {
        index += 1;
        index - 1 == last || !replaced.contains(&(index - 1))
    });
    operators.nodes.splice(position..position, by_phase);
}

/// Returns the convolution that computes the phases of a transposed one.
fn split_transposed(operators: &mut Operators, position: usize) -> Option<Vec<NodeProto>> {
    let node = &operators.nodes[position];
    let weight = operators.constants.get(&node.input[1])?;
    let [inputs, outputs, height, width] = weight.dims4()?;
    let fits = [height, width] == [3, 3]
        && outputs <= MOST_CHANNELS
        && int(node, "group") == 1
        && ints(node, "strides") == [2, 2]
        && ints(node, "dilations") == [1, 1]
        && ints(node, "output_padding") == [1, 1]
        && ints(node, "pads") == [1; 4];
    if !fits {
        return None;
    }
    let given = weight.to_floats();
    let mut values = vec![0.0; PHASES * outputs * inputs * 4];
    for channel in 0..outputs {
        for (phase, [rows, columns]) in phases().map(|[row, column]| [TAPS[row], TAPS[column]]).enumerate() {
            for input in 0..inputs {
                for (y, kernel_y) in rows {
                    for (x, kernel_x) in columns {
                        let to = (((channel * PHASES + phase) * inputs + input) * 2 + y) * 2 + x;
                        let from = ((input * outputs + channel) * 3 + kernel_y) * 3 + kernel_x;
                        values[to] = *given.get(from)?;
                    }
                }
            }
        }
    }
    let name = format!("{}{BY_PHASE}", node.input[1]);
    let dims = [PHASES * outputs, inputs, 2, 2].map(|length| length as i64);
    let output = format!("{}_by_phase", node.output[0]);
    let mut parameters = vec![node.input[0].clone(), name.clone()];
    let bias = node.input.get(2).cloned();
    operators.constants.insert(name.clone(), TensorProto::of_floats(name, &dims, &values));
    if let Some(bias) = bias {
        parameters.push(repeat(operators, &bias)?);
    }
    Some(vec![convolution(&parameters, &output, [2, 2], [0, 0, 1, 1])])
}

/// Returns what computes the phases of an operator from those of its input, if its output depends on its position only by the
/// pixels around it.
fn split_next(
    operators: &mut Operators,
    position: usize,
    squares: &str,
    input: &str,
) -> Option<Vec<NodeProto>> {
    let node = operators.nodes[position].clone();
    if node.input[0] != squares {
        return None;
    }
    let output = format!("{}_by_phase", node.output[0]);
    match node.op_type.as_str() {
        "Relu" | "LeakyRelu" | "Sigmoid" => {
            Some(vec![operator(&node.op_type, &[input], &output, node.attribute)])
        }
        "PRelu" => {
            let is_shared = operators.constants.get(&node.input[1])?.dims == [1];
            let slope = if is_shared { node.input[1].clone() } else { repeat(operators, &node.input[1])? };
            Some(vec![operator("PRelu", &[input, &slope], &output, node.attribute)])
        }
        "InstanceNormalization" => normalize(operators, &node, input, &output),
        "Conv" => split_convolution(operators, &node, input, &output),
        _ => None,
    }
}

/// All phases of a channel are normalized together.
fn normalize(
    operators: &mut Operators,
    node: &NodeProto,
    input: &str,
    output: &str,
) -> Option<Vec<NodeProto>> {
    let channels = *operators.constants.get(&node.input[1])?.dims.first()?;
    let lengths = format!("{channels}_channels");
    operators.constants.insert(lengths.clone(), TensorProto::of_ints(lengths.clone(), &[0, channels, -1]));
    let [shape, joined, normalized] =
        ["shape", "joined", "normalized"].map(|name| format!("{output}.{name}"));
    let inputs = [joined.as_str(), &node.input[1], &node.input[2]];
    Some(vec![
        operator("Shape", &[input], &shape, Vec::new()),
        operator("Reshape", &[input, &lengths], &joined, Vec::new()),
        operator("InstanceNormalization", &inputs, &normalized, node.attribute.clone()),
        operator("Reshape", &[&normalized, &shape], output, Vec::new()),
    ])
}

/// A convolution of size 3 takes the pixels around a square from the phases of the squares around it.
fn split_convolution(
    operators: &mut Operators,
    node: &NodeProto,
    input: &str,
    output: &str,
) -> Option<Vec<NodeProto>> {
    let weight = operators.constants.get(&node.input[1])?;
    let [outputs, inputs, height, width] = weight.dims4()?;
    let fits = [height, width] == [3, 3]
        && outputs <= MOST_CHANNELS
        && int(node, "group") == 1
        && ints(node, "strides") == [1, 1]
        && ints(node, "dilations") == [1, 1]
        && ints(node, "pads") == [1; 4];
    if !fits {
        return None;
    }
    let given = weight.to_floats();
    let mut values = vec![0.0; PHASES * outputs * PHASES * inputs * 9];
    for channel in 0..outputs {
        for (phase, [row, column]) in phases().enumerate() {
            for from in 0..inputs {
                for element in 0..9 {
                    // Position of the pixel, counted from the square above and to the left.
                    let (y, x) = (row + element / 3 + 1, column + element % 3 + 1);
                    let neighbour = from * PHASES + y % 2 * 2 + x % 2;
                    let to =
                        ((channel * PHASES + phase) * PHASES * inputs + neighbour) * 9 + y / 2 * 3 + x / 2;
                    values[to] = *given.get((channel * inputs + from) * 9 + element)?;
                }
            }
        }
    }
    let name = format!("{}{BY_PHASE}", node.input[1]);
    let dims = [PHASES * outputs, PHASES * inputs, 3, 3].map(|length| length as i64);
    operators.constants.insert(name.clone(), TensorProto::of_floats(name.clone(), &dims, &values));
    let mut parameters = vec![input.to_owned(), name];
    if let Some(bias) = node.input.get(2) {
        parameters.push(repeat(operators, bias)?);
    }
    Some(vec![convolution(&parameters, output, [3, 3], [1; 4])])
}

/// Row and column of each phase in a square.
fn phases() -> impl Iterator<Item = [usize; 2]> {
    (0..PHASES).map(|phase| [phase / 2, phase % 2])
}

/// Repeats the value of each channel for its phases.
fn repeat(operators: &mut Operators, name: &str) -> Option<String> {
    let given = operators.constants.get(name)?;
    let repeated: Vec<f32> = given.to_floats().into_iter().flat_map(|value| [value; PHASES]).collect();
    let mut dims = given.dims.clone();
    *dims.first_mut()? *= PHASES as i64;
    let name = format!("{name}{BY_PHASE}");
    operators.constants.insert(name.clone(), TensorProto::of_floats(name.clone(), &dims, &repeated));
    Some(name)
}

fn convolution(inputs: &[String], output: &str, kernel: [i64; 2], pads: [i64; 4]) -> NodeProto {
    let attributes = vec![
        ints_attribute("kernel_shape", &kernel),
        ints_attribute("strides", &[1, 1]),
        ints_attribute("pads", &pads),
        ints_attribute("dilations", &[1, 1]),
        int_attribute("group", 1),
    ];
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    operator("Conv", &inputs, output, attributes)
}

fn operator(kind: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: kind.to_owned(),
        attribute,
    }
}
