//! Sums of a convolution and its input, as at the end of MONAI's `UNet`.

use super::super::messages::{NodeProto, TensorProto};
use super::Operators;

/// Replaces the sum of a convolution and its input with a convolution whose kernel has 1 added to its centre. Besides saving
/// the sum, this ends the graph with a convolution: OpenVINO computes all operators between the last convolution and the output
/// in float32, and through the sum that would be the whole decoder.
pub(super) fn fold(operators: &mut Operators) {
    while let Some((sum, convolution)) = foldable(operators) {
        let output = operators.nodes[sum].output.clone();
        let weight = operators.nodes[convolution].input[1].clone();
        let name = format!("{weight}.plus_identity");
        let Some(folded) = operators.constants.get(&weight).and_then(|weight| plus_identity(weight, &name))
        else {
            return;
        };
        operators.constants.insert(name.clone(), folded);
        let node = &mut operators.nodes[convolution];
        (node.input[1], node.output) = (name, output);
        operators.nodes.remove(sum);
    }
}

/// Returns the positions of a sum and of the convolution that it adds to its input.
fn foldable(operators: &Operators) -> Option<(usize, usize)> {
    let mut sums = operators.nodes.iter().enumerate().filter(|(_, node)| node.op_type == "Add");
    sums.find_map(|(sum, node)| {
        [[0, 1], [1, 0]].into_iter().find_map(|[convolved, added]| {
            let position = operators.producer(&node.input[convolved])?;
            let convolution = &operators.nodes[position];
            let weight = operators.constants.get(convolution.input.get(1)?)?;
            let is_used_once = operators.only_user(&convolution.output[0]) == Some(sum);
            let folds =
                is_used_once && convolution.input[0] == node.input[added] && keeps_shape(convolution, weight);
            folds.then_some((sum, position))
        })
    })
}

/// Whether the output of a convolution has the shape of its input, and its kernel a centre.
fn keeps_shape(node: &NodeProto, weight: &TensorProto) -> bool {
    let Some([outputs, inputs, height, width]) = weight.dims4() else { return false };
    let same = [(height - 1) / 2, (width - 1) / 2].map(|side| side as i64).repeat(2);
    node.op_type == "Conv"
        && node.int("group") == 1
        && outputs == inputs
        && [height % 2, width % 2] == [1, 1]
        && node.ints("strides").iter().chain(node.ints("dilations")).all(|step| *step == 1)
        && node.ints("pads") == same
}

fn plus_identity(weight: &TensorProto, name: &str) -> Option<TensorProto> {
    let [outputs, inputs, height, width] = weight.dims4()?;
    let mut values = weight.to_floats();
    for channel in 0..outputs {
        let centre = ((channel * inputs + channel) * height + height / 2) * width + width / 2;
        *values.get_mut(centre)? += 1.0;
    }
    Some(TensorProto::of_floats(name.to_owned(), &weight.dims, &values))
}
