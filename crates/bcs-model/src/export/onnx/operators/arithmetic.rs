//! Element-wise arithmetic, and changes of the shape.

use super::super::attributes::int;
use super::super::graph::{Graph, Variable};
use super::super::value::{Arguments, Value};

/// A function of a tensor and another one or a number.
pub(super) fn binary(
    graph: &mut Graph,
    arguments: &Arguments<'_>,
    operator: &str,
) -> Result<Variable, String> {
    // `add` and `sub` can scale their second argument.
    arguments.only(2, &Value::Int(1))?;
    let first = arguments.tensor(0)?;
    let second = match arguments.get(1) {
        Value::Tensor(tensor) => tensor.clone(),
        Value::Float(1.0) if operator == "Mul" => return Ok(first.clone()),
        _ => {
            let number = arguments.float(1, f64::NAN)?;
            graph.scalar(number)
        }
    };
    Ok(graph.add(operator, &[first, &second], Vec::new()))
}

/// `torch.cat` of feature maps.
pub(super) fn concatenate(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let tensors = arguments.tensors(0)?;
    let axis = arguments.int(1)?;
    let joined = graph.add("Concat", &tensors, vec![int("axis", axis)]);
    match axis {
        1 => Ok(Variable { channels: tensors.iter().map(|tensor| tensor.channels).sum(), ..joined }),
        _ => Err(arguments.unexpected(1)),
    }
}

/// `torch.unsqueeze`
pub(super) fn unsqueeze(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (tensor, axis) = (arguments.tensor(0)?, graph.ints(&[arguments.int(1)?]));
    let output = graph.add("Unsqueeze", &[tensor, &axis], Vec::new());
    Ok(Variable { rank: tensor.rank + 1, ..output })
}

/// `torch.squeeze`
pub(super) fn squeeze(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (tensor, axis) = (arguments.tensor(0)?, graph.ints(&[arguments.int(1)?]));
    let output = graph.add("Squeeze", &[tensor, &axis], Vec::new());
    Ok(Variable { rank: tensor.rank - 1, ..output })
}

/// Dropout, which is the identity in inference.
pub(super) fn dropout(arguments: &Arguments<'_>) -> Result<Variable, String> {
    arguments.only(2, &Value::Bool(false))?;
    arguments.tensor(0).cloned()
}
