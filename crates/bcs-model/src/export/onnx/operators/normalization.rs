//! Normalizations.

use super::super::attributes::{float, int, ints};
use super::super::graph::{Graph, Variable};
use super::super::value::{Arguments, Value};

/// PyTorch's default of what is added to variances.
const EPSILON: f64 = 1e-5;

/// `torch.batch_norm`, with running statistics or those of the batch.
pub(super) fn batch_norm(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let epsilon = arguments.float(7, EPSILON)?;
    if arguments.get(5) == &Value::Bool(false) {
        return with_running_statistics(graph, arguments, epsilon);
    }
    let input = arguments.tensor(0)?;
    let mean = mean(graph, input);
    let centred = graph.add("Sub", &[input, &mean], Vec::new());
    let squares = graph.add("Mul", &[&centred, &centred], Vec::new());
    let variance = self::mean(graph, &squares);
    let epsilon = graph.scalar(epsilon);
    let variance = graph.add("Add", &[&variance, &epsilon], Vec::new());
    let deviation = graph.add("Sqrt", &[&variance], Vec::new());
    let normalized = graph.add("Div", &[&centred, &deviation], Vec::new());
    Ok(scale_and_shift(graph, normalized, arguments.optional(1)?, arguments.optional(2)?))
}

/// Mean of each channel over the batch.
fn mean(graph: &mut Graph, input: &Variable) -> Variable {
    graph.add("ReduceMean", &[input], vec![ints("axes", &[0, 2, 3]), int("keepdims", 1)])
}

/// `torch.instance_norm`, with running statistics or those of the image.
pub(super) fn instance_norm(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let epsilon = arguments.float(7, EPSILON)?;
    if arguments.get(5) == &Value::Bool(false) {
        return with_running_statistics(graph, arguments, epsilon);
    }
    let input = arguments.tensor(0)?;
    let scale = or_constant(graph, arguments.optional(1)?, input.channels, 1.0);
    let shift = or_constant(graph, arguments.optional(2)?, input.channels, 0.0);
    Ok(graph.add("InstanceNormalization", &[input, &scale, &shift], vec![float("epsilon", epsilon)]))
}

fn with_running_statistics(
    graph: &mut Graph,
    arguments: &Arguments<'_>,
    epsilon: f64,
) -> Result<Variable, String> {
    let (input, mean, variance) = (arguments.tensor(0)?, arguments.tensor(3)?, arguments.tensor(4)?);
    let scale = or_constant(graph, arguments.optional(1)?, input.channels, 1.0);
    let shift = or_constant(graph, arguments.optional(2)?, input.channels, 0.0);
    let inputs = [input, &scale, &shift, mean, variance];
    Ok(graph.add("BatchNormalization", &inputs, vec![float("epsilon", epsilon)]))
}

/// `torch.group_norm`: an instance normalization of the groups, as if each were one channel.
pub(super) fn group_norm(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (input, groups) = (arguments.tensor(0)?, arguments.int(1)?);
    let epsilon = arguments.float(4, EPSILON)?;
    let shape = graph.add("Shape", &[input], Vec::new());
    let by_group = graph.ints(&[0, groups, -1]);
    let grouped = graph.add("Reshape", &[input, &by_group], Vec::new());
    let (ones, zeros) = (constant(graph, groups, 1.0), constant(graph, groups, 0.0));
    let epsilon = vec![float("epsilon", epsilon)];
    let normalized = graph.add("InstanceNormalization", &[&grouped, &ones, &zeros], epsilon);
    let restored = graph.add("Reshape", &[&normalized, &shape], Vec::new());
    let restored = Variable { rank: input.rank, channels: input.channels, ..restored };
    Ok(scale_and_shift(graph, restored, arguments.optional(2)?, arguments.optional(3)?))
}

/// `torch.layer_norm`
pub(super) fn layer_norm(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (input, shape) = (arguments.tensor(0)?, arguments.ints(1)?);
    let scale = match arguments.optional(2)? {
        Some(scale) => scale.clone(),
        None => {
            let elements = shape.iter().product::<i64>().unsigned_abs() as usize;
            graph.floats(&format!("ones_{shape:?}"), &shape, &vec![1.0; elements])
        }
    };
    let inputs: Vec<&Variable> = [input, &scale].into_iter().chain(arguments.optional(3)?).collect();
    let attributes = vec![int("axis", -(shape.len() as i64)), float("epsilon", arguments.float(4, EPSILON)?)];
    Ok(graph.add("LayerNormalization", &inputs, attributes))
}

/// Multiplies each channel of feature maps and adds to it.
fn scale_and_shift(
    graph: &mut Graph,
    input: Variable,
    scale: Option<&Variable>,
    shift: Option<&Variable>,
) -> Variable {
    let mut output = input;
    for (operator, parameter) in [("Mul", scale), ("Add", shift)] {
        if let Some(parameter) = parameter {
            let by_channel = graph.by_channel(parameter);
            output = graph.add(operator, &[&output, &by_channel], Vec::new());
        }
    }
    output
}

fn or_constant(graph: &mut Graph, given: Option<&Variable>, channels: i64, value: f32) -> Variable {
    given.cloned().unwrap_or_else(|| constant(graph, channels, value))
}

/// A value for each channel.
fn constant(graph: &mut Graph, channels: i64, value: f32) -> Variable {
    let values = vec![value; channels.unsigned_abs() as usize];
    graph.floats(&format!("{channels}_times_{value}"), &[channels], &values)
}
