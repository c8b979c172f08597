//! The list of networks. A new one is a file with its arguments and a line in [`NETWORKS`].

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tch::nn::Path;

use super::attention_unet::AttentionUnetArguments;
use super::basic_unet::BasicUNetArguments;
use super::basic_unet_plus_plus::BasicUNetPlusPlusArguments;
use super::seg_res_net::SegResNetArguments;
use super::unet::UNetArguments;
use crate::arguments;
use crate::blocks::Block;
use crate::error::{Error, argument};

/// All networks.
pub(super) const NETWORKS: &[Entry] = &[
    Entry::of::<UNetArguments>(),
    Entry::of::<AttentionUnetArguments>(),
    Entry::of::<BasicUNetArguments>(),
    Entry::of::<SegResNetArguments>(),
    Entry::of::<BasicUNetPlusPlusArguments>(),
];

/// A network for semantic segmentation: images `[N, in_channels, H, W]` to logits `[N, out_channels, H, W]`.
pub trait SegmentationNet: Block {
    /// Number of input channels.
    fn in_channels(&self) -> i64;
    /// Number of output channels, which is the number of classes.
    fn out_channels(&self) -> i64;
    /// Numbers that height and width of the input must be multiples of.
    fn size_divisor(&self) -> [i64; 2];
    /// Least height and width: every image with sides of at least these is accepted, even in a batch of one.
    fn min_size(&self, train: bool) -> [i64; 2];
}

/// Constructor arguments of a network under MONAI's names. The fields of the implementing struct are the arguments.
pub(super) trait NetworkArguments: DeserializeOwned + Serialize {
    /// Class name in `monai.networks.nets`.
    const NAME: &'static str;

    /// Arguments that have another name in the configuration, as (configuration key, argument).
    const RENAMED: &'static [(&'static str, &'static str)];

    /// Checks the values, without building the network and without drawing random numbers.
    fn check(&self) -> Result<(), Error>;

    /// Builds the network, with its parameters under `path`.
    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error>;
}

/// Constructor arguments by name.
type Named = Map<String, Value>;

/// Result of building a network.
type Built = Result<Box<dyn SegmentationNet>, Error>;

/// Entry of a network in the list.
pub(super) struct Entry {
    /// Class name in `monai.networks.nets`.
    pub name: &'static str,
    names: fn() -> &'static [&'static str],
    renamed: &'static [(&'static str, &'static str)],
    complete: fn(&Named) -> Result<Named, Error>,
    build: fn(&Path<'_>, &Named) -> Built,
}

impl Entry {
    pub(super) const fn of<A: NetworkArguments>() -> Self {
        Self {
            name: A::NAME,
            names: arguments::names::<A>,
            renamed: A::RENAMED,
            complete: complete::<A>,
            build: |path, given| arguments::parse::<A>(given)?.build(path),
        }
    }

    /// Builds the network, with its parameters under `path`.
    pub(super) fn build(&self, path: &Path<'_>, arguments: &Named) -> Built {
        (self.build)(path, arguments).map_err(|error| error.within(self.name))
    }

    /// Checks arguments and adds the defaults of those left out.
    pub(super) fn complete(&self, arguments: &Named) -> Result<Named, Error> {
        (self.complete)(arguments)
    }

    /// Returns the configuration keys of the network.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> + '_ {
        (self.names)().iter().map(|name| self.key_of(name).unwrap_or(name))
    }

    /// Returns the argument that a configuration key stands for.
    pub(super) fn argument_of(&self, key: &str) -> Option<&'static str> {
        let renamed = self.renamed.iter().find(|(own, _)| *own == key).map(|(_, name)| *name);
        let same = || (self.names)().iter().copied().find(|name| *name == key && self.key_of(name).is_none());
        renamed.or_else(same)
    }

    /// Replaces an argument's name in an error by its configuration key.
    pub(super) fn in_config(&self, error: Error) -> Error {
        let Error::Argument { name, reason } = error else { return error };
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, rest) = name.split_at(end);
        argument(&format!("{}{rest}", self.key_of(first).unwrap_or(first)), reason)
    }

    /// Returns the configuration key of an argument where it differs from its name.
    fn key_of(&self, argument: &str) -> Option<&'static str> {
        self.renamed.iter().find(|(_, name)| *name == argument).map(|(key, _)| *key)
    }
}

fn complete<A: NetworkArguments>(given: &Named) -> Result<Named, Error> {
    let arguments: A = arguments::parse(given)?;
    arguments.check()?;
    match serde_json::to_value(&arguments) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        _ => Ok(given.clone()),
    }
}

/// Finds a network by name, in any case.
pub(super) fn find<'a>(networks: &'a [Entry], name: &str) -> Result<&'a Entry, Error> {
    networks
        .iter()
        .find(|entry| entry.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| Error::UnknownNetwork { name: name.to_owned(), known: names_of(networks) })
}

/// Returns the names of all networks.
pub fn names() -> impl Iterator<Item = &'static str> {
    NETWORKS.iter().map(|entry| entry.name)
}

/// Returns the names of networks, separated by commas.
pub(super) fn names_of(networks: &[Entry]) -> String {
    networks.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}
