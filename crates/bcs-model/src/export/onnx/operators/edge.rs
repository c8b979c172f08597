//! Repetition of an image's edge up to the size of another image: what `blocks::repeat_edge` computes with lengths and
//! positions becomes one `Pad`.

use super::super::attributes::{int, text};
use super::super::graph::{Graph, Variable};
use super::super::value::{Arguments, Value};

/// A step of the computation.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Length {
    /// Elements along these axes of an image, of which only the number matters.
    Line(Variable, Vec<i64>),
    /// Length of the image along an axis, less a number.
    Count(Variable, i64, i64),
    /// Positions along an axis of the image, the first of which is 1 less a number.
    Positions(Variable, i64, i64),
    /// Positions along an axis of `like`, at most the last one of `input`.
    Repeated { input: Variable, like: Variable, axis: i64 },
}

/// Applies a function to such a step; returns `None` for any other function.
pub(super) fn apply(graph: &mut Graph, arguments: &Arguments<'_>) -> Result<Option<Value>, String> {
    use Length::{Count, Line, Positions, Repeated};
    let (first, second) = (arguments.get(0), arguments.get(1));
    let step = match (arguments.function, first, second) {
        ("detach", Value::Tensor(image), _) => return Ok(Some(Value::Tensor(image.clone()))),
        ("select", Value::Tensor(image), Value::Int(axis)) => {
            let rank = image.rank as i64;
            Line(image.clone(), (0..rank).filter(|kept| kept != axis).collect())
        }
        ("select", Value::Edge(Line(image, axes)), Value::Int(axis)) => {
            let mut axes = axes.clone();
            axes.remove(*axis as usize);
            Line(image.clone(), axes)
        }
        ("ones_like", Value::Edge(line @ Line(..)), _) => line.clone(),
        ("sum", Value::Edge(Line(image, axes)), _) if axes.len() == 1 => Count(image.clone(), axes[0], 0),
        ("cumsum", Value::Edge(Line(image, axes)), _) if axes.len() == 1 => {
            Positions(image.clone(), axes[0], 0)
        }
        ("sub", Value::Edge(Count(image, axis, less)), Value::Int(number)) => {
            Count(image.clone(), *axis, less + number)
        }
        ("sub", Value::Edge(Positions(image, axis, less)), Value::Int(number)) => {
            Positions(image.clone(), *axis, less + number)
        }
        ("minimum", Value::Edge(Positions(like, axis, 1)), Value::Edge(Count(input, same, 1)))
            if axis == same =>
        {
            Repeated { input: input.clone(), like: like.clone(), axis: *axis }
        }
        ("index_select", Value::Tensor(image), Value::Int(axis)) => {
            return match arguments.get(2) {
                Value::Edge(Repeated { input, like, axis: same }) if input == image && axis == same => {
                    Ok(Some(Value::Tensor(pad(graph, input, like, *axis))))
                }
                _ => Err(arguments.unexpected(2)),
            };
        }
        _ => return Ok(None),
    };
    Ok(Some(Value::Edge(step)))
}

fn pad(graph: &mut Graph, input: &Variable, like: &Variable, axis: i64) -> Variable {
    let mut length = |image| graph.add("Shape", &[image], vec![int("start", axis), int("end", axis + 1)]);
    let (wanted, given) = (length(like), length(input));
    let missing = graph.add("Sub", &[&wanted, &given], Vec::new());
    // The pads before all axes, then those behind them.
    let (before, after) = (input.rank as i64 + axis, input.rank as i64 - 1 - axis);
    let mut zeros = |count: i64| graph.ints(&vec![0; count.unsigned_abs() as usize]);
    let (before, after) = (zeros(before), (after > 0).then(|| zeros(after)));
    let parts: Vec<&Variable> = [&before, &missing].into_iter().chain(&after).collect();
    let pads = graph.add("Concat", &parts, vec![int("axis", 0)]);
    graph.add("Pad", &[input, &pads], vec![text("mode", "edge")])
}
