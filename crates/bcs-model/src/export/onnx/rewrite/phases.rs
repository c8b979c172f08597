//! Transposed convolutions with few output channels, as at the end of MONAI's `UNet`.
//!
//! A transposed convolution of stride 2 and size 3 computes each of the four pixels of a 2×2 square from other elements of its
//! kernel. The same numbers come from a convolution of half the size with four times the channels, a phase each, whose output is then
//! rearranged into squares. CPUs compute 16 channels at once, so that the phases of up to four channels take no longer than one
//! channel would. What follows up to the output is computed by phases too.

use super::super::attributes::{int, ints, text};
use super::super::messages::{NodeProto, TensorProto};
use super::Operators;

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
    let arranged = vec![int("blocksize", 2), text("mode", "CRD")];
    by_phase.push(NodeProto::new("DepthToSpace", vec![input], output, arranged));
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
    let node = operators.nodes[position].clone();
    let weight = operators.constants.get(&node.input[1])?;
    let [inputs, outputs, height, width] = weight.dims4()?;
    if !fits(&node, outputs, [height, width], 2) || node.ints("output_padding") != [1, 1] {
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
    let weight = ([PHASES * outputs, inputs, 2, 2], values);
    let output = format!("{}_by_phase", node.output[0]);
    convolution(operators, &node, &node.input[0], &output, &weight, [0, 0, 1, 1])
}

/// Whether a convolution, transposed or not, has this stride, a kernel of size 3 with one pixel around it, and few output channels.
fn fits(node: &NodeProto, outputs: usize, kernel: [usize; 2], stride: i64) -> bool {
    kernel == [3, 3]
        && outputs <= MOST_CHANNELS
        && node.int("group") == 1
        && node.ints("strides") == [stride; 2]
        && node.ints("dilations") == [1, 1]
        && node.ints("pads") == [1; 4]
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
            Some(vec![NodeProto::new(&node.op_type, vec![input.to_owned()], output, node.attribute)])
        }
        "PRelu" => {
            let is_shared = operators.constants.get(&node.input[1])?.dims == [1];
            let slope = if is_shared { node.input[1].clone() } else { repeat(operators, &node.input[1])? };
            Some(vec![NodeProto::new("PRelu", vec![input.to_owned(), slope], output, node.attribute)])
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
    let (input, output) = (input.to_owned(), output.to_owned());
    let parameters = vec![joined.clone(), node.input[1].clone(), node.input[2].clone()];
    Some(vec![
        NodeProto::new("Shape", vec![input.clone()], shape.clone(), Vec::new()),
        NodeProto::new("Reshape", vec![input, lengths], joined, Vec::new()),
        NodeProto::new("InstanceNormalization", parameters, normalized.clone(), node.attribute.clone()),
        NodeProto::new("Reshape", vec![normalized, shape], output, Vec::new()),
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
    if !fits(node, outputs, [height, width], 1) {
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
    let weight = ([PHASES * outputs, PHASES * inputs, 3, 3], values);
    convolution(operators, node, input, output, &weight, [1; 4])
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

/// Returns the convolution that computes the phases of a given one, with a weight (shape and values) by phase and the bias of the
/// given one.
fn convolution(
    operators: &mut Operators,
    given: &NodeProto,
    input: &str,
    output: &str,
    (shape, values): &([usize; 4], Vec<f32>),
    pads: [i64; 4],
) -> Option<Vec<NodeProto>> {
    let name = format!("{}{BY_PHASE}", given.input[1]);
    let dims = shape.map(|length| length as i64);
    operators.constants.insert(name.clone(), TensorProto::of_floats(name.clone(), &dims, values));
    let mut inputs = vec![input.to_owned(), name];
    if let Some(bias) = given.input.get(2) {
        inputs.push(repeat(operators, bias)?);
    }
    let attributes = vec![
        ints("kernel_shape", &dims[2..]),
        ints("strides", &[1, 1]),
        ints("pads", &pads),
        ints("dilations", &[1, 1]),
        int("group", 1),
    ];
    Some(vec![NodeProto::new("Conv", inputs, output.to_owned(), attributes)])
}
