//! Activations.

use super::super::attributes::{float, int};
use super::super::graph::{Graph, Variable};
use super::super::value::{Arguments, Value};

/// Adds an activation.
pub(super) fn apply(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let input = match arguments.function {
        "where" => return leaky_relu(graph, arguments),
        _ => arguments.tensor(0)?,
    };
    let mut plain = |operator: &str| graph.add(operator, &[input], Vec::new());
    Ok(match arguments.function {
        "relu" => plain("Relu"),
        "sigmoid" => plain("Sigmoid"),
        "tanh" => plain("Tanh"),
        "selu" => plain("Selu"),
        "prelu" => prelu(graph, input, arguments.tensor(1)?),
        "silu" => gated(graph, input, "Sigmoid", input),
        "mish" => {
            let soft = plain("Softplus");
            gated(graph, input, "Tanh", &soft)
        }
        "relu6" => clip(graph, input, [0.0, 6.0]),
        "hardtanh" => clip(graph, input, [arguments.float(1, -1.0)?, arguments.float(2, 1.0)?]),
        "expm1" => {
            let (exponential, one) = (plain("Exp"), graph.scalar(1.0));
            graph.add("Sub", &[&exponential, &one], Vec::new())
        }
        "softmax" => graph.add("Softmax", &[input], vec![int("axis", arguments.int(1)?)]),
        "log_softmax" => graph.add("LogSoftmax", &[input], vec![int("axis", arguments.int(1)?)]),
        "gelu" if arguments.get(1) == &Value::Text("tanh".to_owned()) => gelu_by_tanh(graph, input),
        "gelu" => gelu(graph, input),
        function => return Err(format!("torch.{function} has no counterpart in ONNX here")),
    })
}

/// One slope, or one per channel.
fn prelu(graph: &mut Graph, input: &Variable, slope: &Variable) -> Variable {
    let slope = if graph.dims(slope) == [1] { slope.clone() } else { graph.by_channel(slope) };
    graph.add("PRelu", &[input, &slope], Vec::new())
}

/// `where(x ≥ 0, x, slope · x)`, the form that a leaky ReLU has in a trace.
fn leaky_relu(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Variable, String> {
    let (condition, input, scaled) = (arguments.tensor(0)?, arguments.tensor(1)?, arguments.tensor(2)?);
    let factor = |tensor: &Variable, expected: &str| match graph.origin(tensor)? {
        (operator, [first, second]) if operator == expected && *first == input.name => graph.value_of(second),
        _ => None,
    };
    match (factor(condition, "GreaterOrEqual"), factor(scaled, "Mul")) {
        (Some(0.0), Some(slope)) => {
            Ok(graph.add("LeakyRelu", &[input], vec![float("alpha", f64::from(slope))]))
        }
        _ => Ok(Variable { rank: input.rank, ..graph.add("Where", &[condition, input, scaled], Vec::new()) }),
    }
}

/// input · operator(argument)
fn gated(graph: &mut Graph, input: &Variable, operator: &str, argument: &Variable) -> Variable {
    let gate = graph.add(operator, &[argument], Vec::new());
    graph.add("Mul", &[input, &gate], Vec::new())
}

fn clip(graph: &mut Graph, input: &Variable, limits: [f64; 2]) -> Variable {
    let [low, high] = limits.map(|limit| graph.scalar(limit));
    graph.add("Clip", &[input, &low, &high], Vec::new())
}

/// x / 2 · (1 + erf(x / √2))
fn gelu(graph: &mut Graph, input: &Variable) -> Variable {
    let root = graph.scalar(std::f64::consts::SQRT_2);
    let scaled = graph.add("Div", &[input, &root], Vec::new());
    let curve = graph.add("Erf", &[&scaled], Vec::new());
    half_of_one_and(graph, input, &curve)
}

/// x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³)))
fn gelu_by_tanh(graph: &mut Graph, input: &Variable) -> Variable {
    let (three, factor) = (graph.scalar(3.0), graph.scalar(0.044_715));
    let cube = graph.add("Pow", &[input, &three], Vec::new());
    let cube = graph.add("Mul", &[&cube, &factor], Vec::new());
    let sum = graph.add("Add", &[input, &cube], Vec::new());
    let root = graph.scalar((2.0 / std::f64::consts::PI).sqrt());
    let scaled = graph.add("Mul", &[&sum, &root], Vec::new());
    let curve = graph.add("Tanh", &[&scaled], Vec::new());
    half_of_one_and(graph, input, &curve)
}

/// input / 2 · (1 + curve)
fn half_of_one_and(graph: &mut Graph, input: &Variable, curve: &Variable) -> Variable {
    let (one, half) = (graph.scalar(1.0), graph.scalar(0.5));
    let sum = graph.add("Add", &[curve, &one], Vec::new());
    let product = graph.add("Mul", &[input, &sum], Vec::new());
    graph.add("Mul", &[&product, &half], Vec::new())
}
