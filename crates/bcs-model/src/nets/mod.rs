//! The networks, by MONAI's names. A new one is a file of its own and a line in [`build`].

mod network;
mod unet;

pub use network::Network;
pub use unet::{UNet, UNetArguments};

use serde_json::{Map, Value};
use tch::nn::Path;

use crate::blocks::Block;
use crate::error::{Error, argument};

/// The names that a network can be chosen by.
pub const NAMES: [&str; 1] = ["UNet"];

/// What every network is, beside a [`Block`].
pub trait Architecture: Block {
    /// Channels of the input.
    fn in_channels(&self) -> i64;
    /// Channels of the output: classes.
    fn out_channels(&self) -> i64;
    /// Height and width of the input must be multiples of these.
    fn size_divisor(&self) -> [i64; 2];
}

/// Builds the network of this name with these arguments, its parameters registered under `path`.
fn build(
    path: &Path<'_>,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<Box<dyn Architecture>, Error> {
    match name {
        "UNet" => Ok(Box::new(UNet::new(path, &parse(name, arguments)?)?)),
        _ => Err(Error::UnknownNetwork { name: name.to_owned(), known: NAMES.join(", ") }),
    }
}

/// Arguments by name to a network's own type; serde lists the known names where one is unknown.
fn parse<T: serde::de::DeserializeOwned>(name: &str, arguments: &Map<String, Value>) -> Result<T, Error> {
    serde_json::from_value(Value::Object(arguments.clone()))
        .map_err(|error| argument(name, error.to_string()))
}
