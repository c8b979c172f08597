//! Forms in which MONAI takes arguments: a number or one per dimension, a layer's name with or without arguments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::arguments::plain;
use crate::error::{Error, argument};

/// One number for both dimensions, or height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Value")]
pub enum Pair {
    /// The same for height and width.
    Both(i64),
    /// Height and width.
    Each([i64; 2]),
}

impl Pair {
    /// Returns height and width.
    pub fn dims(self) -> [i64; 2] {
        match self {
            Self::Both(length) => [length; 2],
            Self::Each(lengths) => lengths,
        }
    }
}

impl TryFrom<Value> for Pair {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let lengths = value.as_array().map(|list| list.iter().map(Value::as_i64).collect::<Vec<_>>());
        match (value.as_i64(), lengths.as_deref()) {
            (Some(length), _) => Ok(Self::Both(length)),
            (_, Some([Some(height), Some(width)])) => Ok(Self::Each([*height, *width])),
            _ => Err(format!(
                "is {value}; it must be a whole number, or a list of two: one for height and one for width"
            )),
        }
    }
}

/// A layer by name, or by name and arguments: `"PRELU"`, `["leakyrelu", {"negative_slope": 0.1}]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Value")]
pub enum LayerSpec {
    /// No layer: null.
    None,
    /// The name alone, in any case.
    Name(String),
    /// The name and the layer's arguments.
    WithArguments(String, Map<String, Value>),
}

impl From<&str> for LayerSpec {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl TryFrom<Value> for LayerSpec {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self::None),
            Value::String(name) => Ok(Self::Name(name)),
            Value::Array(list) => match <[Value; 2]>::try_from(list) {
                Ok([Value::String(name), Value::Object(arguments)]) => {
                    Ok(Self::WithArguments(name, arguments))
                }
                Ok(pair) => Err(not_a_layer(&Value::from(pair.to_vec()))),
                Err(list) => Err(not_a_layer(&Value::from(list))),
            },
            other => Err(not_a_layer(&other)),
        }
    }
}

fn not_a_layer(value: &Value) -> String {
    format!(
        "is {value}; it must be a layer's name, or a list of a name and its arguments: [NAME, {{argument: value}}]"
    )
}

impl LayerSpec {
    /// Returns the name in capitals, as MONAI's factories list it; empty for no layer.
    pub fn name(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Name(name) | Self::WithArguments(name, _) => name.to_uppercase(),
        }
    }

    /// Returns whether there is no layer: null, or an empty name, which MONAI takes for the identity.
    pub(crate) fn is_identity(&self) -> bool {
        match self {
            Self::None => true,
            Self::Name(name) => name.is_empty(),
            Self::WithArguments(..) => false,
        }
    }

    /// Returns an error for null, which MONAI takes in some networks only. `argument_name` is the network's argument.
    pub(crate) fn refuse_null(&self, argument_name: &str) -> Result<(), Error> {
        match self {
            Self::None => Err(argument(argument_name, "is null; it must be a layer, or \"\" for no layer")),
            Self::Name(_) | Self::WithArguments(..) => Ok(()),
        }
    }

    /// Returns the arguments for a layer to take. `owner` is what errors call this layer, as `act`.
    pub(crate) fn arguments(&self, owner: &'static str) -> LayerArguments {
        let left = match self {
            Self::None | Self::Name(_) => Map::new(),
            Self::WithArguments(_, arguments) => arguments.clone(),
        };
        LayerArguments { owner, layer: self.name(), known: Vec::new(), left }
    }
}

/// Arguments of a layer: each is taken by name; those left in the end are unknown.
pub(crate) struct LayerArguments {
    owner: &'static str,
    layer: String,
    known: Vec<&'static str>,
    left: Map<String, Value>,
}

impl LayerArguments {
    /// Takes an argument, or its default if it is not given.
    pub(crate) fn take<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &'static str,
        default: T,
    ) -> Result<T, Error> {
        self.known.push(name);
        match self.left.remove(name) {
            None => Ok(default),
            Some(value) => {
                serde_json::from_value(value).map_err(|error| self.error(name, plain(&error.to_string())))
            }
        }
    }

    /// Takes an argument that has no default.
    pub(crate) fn require<T: serde::de::DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Error> {
        let layer = self.layer.clone();
        self.take::<Option<T>>(name, None)?
            .ok_or_else(|| self.error(name, format!("is missing; {layer} has no default for it")))
    }

    /// Takes `inplace`, which has no effect here: it changes where PyTorch writes the result, not its value.
    pub(crate) fn take_inplace(&mut self) -> Result<(), Error> {
        self.take("inplace", false).map(|_| ())
    }

    /// Returns an error that names an argument of this layer.
    pub(crate) fn error(&self, name: &str, reason: impl Into<String>) -> Error {
        argument(&format!("{}.{name}", self.owner), reason)
    }

    /// Returns an error if an argument was given that the layer did not take.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Some(name) = self.left.keys().next() else { return Ok(()) };
        let known = match self.known[..] {
            [] => "it has none".to_owned(),
            ref known => format!("its arguments are {}", known.join(", ")),
        };
        Err(self.error(name, format!("is not an argument of {}; {known}", self.layer)))
    }
}
