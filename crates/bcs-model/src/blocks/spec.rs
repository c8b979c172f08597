//! Arguments as MONAI writes them: a number or one a dimension, a name or a name with arguments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, argument};

/// One number for both dimensions, or height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Pair {
    /// The same for height and width.
    Both(i64),
    /// Height and width.
    Each([i64; 2]),
}

impl Pair {
    /// Height and width.
    pub fn dims(self) -> [i64; 2] {
        match self {
            Self::Both(length) => [length; 2],
            Self::Each(lengths) => lengths,
        }
    }
}

/// A layer by name, or by name and arguments: `"PRELU"`, `["leakyrelu", {"negative_slope": 0.1}]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LayerSpec {
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

impl LayerSpec {
    /// The name in capitals, as MONAI's factories list it.
    pub fn name(&self) -> String {
        match self {
            Self::Name(name) | Self::WithArguments(name, _) => name.to_uppercase(),
        }
    }

    /// The arguments, each of which must be taken: what is left in the end is unknown.
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        let left = match self {
            Self::Name(_) => Map::new(),
            Self::WithArguments(_, arguments) => arguments.clone(),
        };
        Arguments { spec: self, left }
    }
}

/// The arguments of a layer that were not taken yet.
pub(crate) struct Arguments<'a> {
    spec: &'a LayerSpec,
    left: Map<String, Value>,
}

impl Arguments<'_> {
    /// Takes an argument, or the default where it is not given.
    pub(crate) fn take<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &str,
        default: T,
    ) -> Result<T, Error> {
        match self.left.remove(name) {
            None => Ok(default),
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|error| argument(&self.spec.name(), format!("{name} = {value}: {error}"))),
        }
    }

    /// Takes an argument that has no default.
    pub(crate) fn require<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let missing = || argument(&self.spec.name(), format!("needs the argument {name}"));
        self.take::<Option<T>>(name, None)?.ok_or_else(missing)
    }

    /// Fails where an argument was given that nobody took; `inplace` changes nothing and is let pass.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.left.keys().find(|name| *name != "inplace") {
            Some(name) => Err(argument(&self.spec.name(), format!("does not know the argument {name}"))),
            None => Ok(()),
        }
    }
}
