//! Values of a pickle.

use super::globals::Global;
use super::tensor::{Storage, TensorView};

/// A value. Containers are indices into a [`Heap`], so that a pickle can share and nest them to any depth without
/// recursion here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Str(&'a str),
    Tuple(usize),
    /// A list; nothing that is read depends on its elements.
    List,
    Dict(usize),
    Global(Global<'a>),
    Storage(Storage<'a>),
    Tensor(usize),
    Object(usize),
    /// A value that nothing here depends on, by what it is.
    Opaque(&'static str),
}

impl Value<'_> {
    /// Returns what the value is, with its article.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Float => "a number",
            Self::Str(_) => "a string",
            Self::Tuple(_) => "a tuple",
            Self::List => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Global(_) => "a class or function",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Object(_) => "an object",
            Self::Opaque(what) => what,
        }
    }
}

/// A dictionary in the order of insertion; a later entry replaces an earlier one of the same key.
#[derive(Debug, Default)]
pub(crate) struct Dict<'a> {
    /// Whether it is an `OrderedDict`.
    pub(crate) ordered: bool,
    pub(crate) entries: Vec<(Value<'a>, Value<'a>)>,
}

/// An object of a class of a TorchScript archive.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    /// Module of the class, as `__torch__.torch.nn.modules.conv`.
    pub(crate) module: &'a str,
    pub(crate) class: &'a str,
    /// Index of the dictionary of the attributes, once they are set.
    pub(crate) attributes: Option<usize>,
}

/// All containers, objects and tensors of a pickle.
#[derive(Debug, Default)]
pub(crate) struct Heap<'a> {
    pub(crate) tuples: Vec<Vec<Value<'a>>>,
    pub(crate) dicts: Vec<Dict<'a>>,
    pub(crate) tensors: Vec<TensorView<'a>>,
    pub(crate) objects: Vec<Object<'a>>,
}

impl<'a> Heap<'a> {
    pub(crate) fn tuple(&mut self, items: Vec<Value<'a>>) -> Value<'a> {
        self.tuples.push(items);
        Value::Tuple(self.tuples.len() - 1)
    }

    pub(crate) fn dict(&mut self, ordered: bool) -> Value<'a> {
        self.dicts.push(Dict { ordered, entries: Vec::new() });
        Value::Dict(self.dicts.len() - 1)
    }

    pub(crate) fn tensor(&mut self, tensor: TensorView<'a>) -> Value<'a> {
        self.tensors.push(tensor);
        Value::Tensor(self.tensors.len() - 1)
    }

    pub(crate) fn object(&mut self, module: &'a str, class: &'a str) -> Value<'a> {
        self.objects.push(Object { module, class, attributes: None });
        Value::Object(self.objects.len() - 1)
    }
}
