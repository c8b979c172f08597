//! Values of the expressions of a trace, and the arguments of its functions.

use super::graph::Variable;
use super::operators::edge::Length;

/// The value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A tensor of the graph.
    Tensor(Variable),
    /// The two outputs of the trace.
    Pair(Box<[Variable; 2]>),
    /// A step of the repetition of an edge, which becomes one operator.
    Edge(Length),
    /// A list.
    List(Vec<Self>),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A string.
    Text(String),
    /// No value.
    None,
}

/// The arguments of a function. Those at the end that have their defaults are not written.
pub(super) struct Arguments<'a> {
    /// Name of the function, for errors.
    pub function: &'a str,
    /// The arguments.
    pub values: &'a [Value],
}

impl Arguments<'_> {
    /// Returns an argument, or `None` if it is not written.
    pub(super) fn get(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::None)
    }

    /// Returns a tensor.
    pub(super) fn tensor(&self, index: usize) -> Result<&Variable, String> {
        self.optional(index)?.ok_or_else(|| self.unexpected(index))
    }

    /// Returns a tensor that may be left out.
    pub(super) fn optional(&self, index: usize) -> Result<Option<&Variable>, String> {
        match self.get(index) {
            Value::Tensor(tensor) => Ok(Some(tensor)),
            Value::None => Ok(None),
            _ => Err(self.unexpected(index)),
        }
    }

    /// Returns the tensors of a list.
    pub(super) fn tensors(&self, index: usize) -> Result<Vec<&Variable>, String> {
        let Value::List(items) = self.get(index) else { return Err(self.unexpected(index)) };
        let mut tensors = Vec::with_capacity(items.len());
        for item in items {
            let Value::Tensor(tensor) = item else { return Err(self.unexpected(index)) };
            tensors.push(tensor);
        }
        Ok(tensors)
    }

    /// Returns a whole number.
    pub(super) fn int(&self, index: usize) -> Result<i64, String> {
        match self.get(index) {
            Value::Int(number) => Ok(*number),
            _ => Err(self.unexpected(index)),
        }
    }

    /// Returns the whole numbers of a list.
    pub(super) fn ints(&self, index: usize) -> Result<Vec<i64>, String> {
        let Value::List(items) = self.get(index) else { return Err(self.unexpected(index)) };
        let number = |item: &Value| match item {
            Value::Int(number) => Ok(*number),
            _ => Err(self.unexpected(index)),
        };
        items.iter().map(number).collect()
    }

    /// Returns a number, or its default.
    pub(super) fn float(&self, index: usize, default: f64) -> Result<f64, String> {
        match self.get(index) {
            Value::Float(number) => Ok(*number),
            Value::Int(number) => Ok(*number as f64),
            Value::None => Ok(default),
            _ => Err(self.unexpected(index)),
        }
    }

    /// Returns an error unless an argument is this one, which is its default.
    pub(super) fn only(&self, index: usize, default: &Value) -> Result<(), String> {
        match self.get(index) {
            Value::None => Ok(()),
            value if value == default => Ok(()),
            _ => Err(self.unexpected(index)),
        }
    }

    /// Returns an error that names the argument.
    pub(super) fn unexpected(&self, index: usize) -> String {
        let value = self.get(index);
        format!(
            "the argument {index} of {} is {value:?}, which has no counterpart in ONNX here",
            self.function
        )
    }
}
