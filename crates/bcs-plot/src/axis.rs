//! Axes of parallel coordinates.

use crate::frame;
use crate::number::number;
use crate::scale::{Mapping, Scale, range};

/// Number of ticks of an axis.
const TICKS: usize = 5;
/// Smallest distance between labels.
const LABEL_HEIGHT: f64 = 15.0;
/// Ratio of the largest to the smallest value from which an axis is logarithmic.
const LOG_RATIO: f64 = 50.0;

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, such as a learning rate.
    Number(f64),
    /// Anything else, such as the name of a network.
    Text(String),
}

/// How the values of an axis are spread.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisKind {
    /// Numbers.
    Number(Scale),
    /// Texts, in this order from bottom to top.
    Category(Vec<String>),
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Name of the parameter, such as `train_hyp.learning_rate`.
    pub name: String,
    /// How its values are spread.
    pub kind: AxisKind,
}

impl Value {
    /// Returns the value as text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(value) => number(*value),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Axis {
    /// Creates the axis that fits values: of categories if there is a text among them or no number, logarithmic for positive
    /// numbers that span a factor of 50 or more, else linear. Categories are in the order of the values.
    pub fn fitting<'a>(name: impl Into<String>, values: impl IntoIterator<Item = &'a Value>) -> Self {
        let values: Vec<&Value> = values.into_iter().collect();
        let numbers: Vec<f64> = values.iter().filter_map(|value| finite(value)).collect();
        let kind = if numbers.is_empty() || values.iter().any(|value| matches!(value, Value::Text(_))) {
            let mut categories: Vec<String> = Vec::new();
            for text in values.iter().map(|value| value.text()) {
                if !categories.contains(&text) {
                    categories.push(text);
                }
            }
            AxisKind::Category(categories)
        } else {
            let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let is_log = low > 0.0 && high / low >= LOG_RATIO;
            AxisKind::Number(if is_log { Scale::Log } else { Scale::Linear })
        };
        Self { name: name.into(), kind }
    }
}

fn finite(value: &Value) -> Option<f64> {
    match value {
        Value::Number(value) => Some(*value).filter(|value| value.is_finite()),
        Value::Text(_) => None,
    }
}

/// Largest number of different values that are all ticks.
const FEW_VALUES: usize = 6;

/// Positions of the values of an axis, and its labels.
pub(crate) enum Positions<'a> {
    /// Axis, and the values that are ticks.
    Numbers(Mapping, Vec<f64>),
    Categories(&'a [String], [f64; 2]),
}

impl<'a> Positions<'a> {
    /// Places the values of an axis on `[bottom, top]`.
    pub(crate) fn new<'v>(axis: &'a Axis, values: impl Iterator<Item = &'v Value>, span: [f64; 2]) -> Self {
        match &axis.kind {
            AxisKind::Category(names) => Self::Categories(names, span),
            AxisKind::Number(scale) => {
                let mut values: Vec<f64> = values.filter_map(finite).collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                let range = range(*scale, values.iter().copied()).unwrap_or([1.0, 1.0]);
                let axis = Mapping::new(*scale, range, span);
                let ticks = if are_apart(&axis, &values) { values } else { axis.ticks(TICKS) };
                Self::Numbers(axis, ticks)
            }
        }
    }

    /// Returns the position of a value; `None` if it has none.
    pub(crate) fn at(&self, value: &Value) -> Option<f64> {
        match (self, value) {
            (Self::Numbers(axis, _), Value::Number(value)) => axis.at(*value),
            (Self::Numbers(..), Value::Text(_)) => None,
            (Self::Categories(names, span), value) => {
                let text = value.text();
                let index = names.iter().position(|name| *name == text)?;
                Some(category(index, names.len(), *span))
            }
        }
    }

    /// Returns the labels with their positions, shortened to `width`.
    pub(crate) fn labels(&self, width: f64) -> Vec<(f64, String)> {
        match self {
            Self::Numbers(axis, ticks) => {
                ticks.iter().filter_map(|value| Some((axis.at(*value)?, number(*value)))).collect()
            }
            Self::Categories(names, span) => {
                let label = |(index, name): (usize, &String)| {
                    (category(index, names.len(), *span), frame::shortened(name, width))
                };
                names.iter().enumerate().map(label).collect()
            }
        }
    }
}

/// Whether ascending values are so few, and so far apart, that each can have a label.
fn are_apart(axis: &Mapping, values: &[f64]) -> bool {
    let places: Vec<f64> = values.iter().filter_map(|value| axis.at(*value)).collect();
    values.len() <= FEW_VALUES && places.windows(2).all(|pair| (pair[1] - pair[0]).abs() >= LABEL_HEIGHT)
}

/// Position of a category, in the middle of its share of the axis.
fn category(index: usize, count: usize, [start, end]: [f64; 2]) -> f64 {
    start + (index as f64 + 0.5) / count as f64 * (end - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn axes_fit_their_values() {
        let kind = |values: &[Value]| Axis::fitting("a", values).kind;
        let numbers = |values: &[f64]| values.iter().copied().map(Value::Number).collect::<Vec<_>>();
        assert_eq!(kind(&numbers(&[1e-4, 1e-2])), AxisKind::Number(Scale::Log));
        assert_eq!(kind(&numbers(&[1.0, 20.0])), AxisKind::Number(Scale::Linear));
        assert_eq!(kind(&numbers(&[0.0, 1000.0])), AxisKind::Number(Scale::Linear));
        let mixed = [text("adam"), Value::Number(3.0), text("adam")];
        assert_eq!(kind(&mixed), AxisKind::Category(vec!["adam".to_owned(), "3".to_owned()]));
        assert_eq!(kind(&[]), AxisKind::Category(Vec::new()));
    }

    #[test]
    fn few_values_are_ticks() {
        let labels = |values: &[f64]| -> Vec<String> {
            let values: Vec<Value> = values.iter().copied().map(Value::Number).collect();
            let axis = Axis::fitting("a", &values);
            let labels = Positions::new(&axis, values.iter(), [200.0, 0.0]).labels(100.0);
            labels.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(&[8.0, 32.0, 16.0]), ["8", "16", "32"]);
        assert_eq!(labels(&[0.0, 1.0, 100.0]), ["0", "20", "40", "60", "80", "100"]);
    }
}
