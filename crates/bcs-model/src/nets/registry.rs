//! The list of networks. A new one is a file with its arguments and a line in [`NETWORKS`].

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::attention_unet::AttentionUnetArguments;
use super::basic_unet::BasicUNetArguments;
use super::basic_unet_plus_plus::BasicUNetPlusPlusArguments;
use super::dyn_unet::DynUNetArguments;
use super::flexible_unet::FlexibleUNetArguments;
use super::seg_res_net::SegResNetArguments;
use super::shapes::Shapes;
use super::unet::UNetArguments;
use crate::arguments;
use crate::error::Error;

/// All networks.
pub(super) const NETWORKS: &[Entry] = &[
    Entry::of::<UNetArguments>(),
    Entry::of::<AttentionUnetArguments>(),
    Entry::of::<BasicUNetArguments>(),
    Entry::of::<SegResNetArguments>(),
    Entry::of::<BasicUNetPlusPlusArguments>(),
    Entry::of::<FlexibleUNetArguments>(),
    Entry::of::<DynUNetArguments>(),
];

/// A network for semantic segmentation: images `[N, in_channels, H, W]` to logits `[N, out_channels, H, W]`,
/// smaller by [`Shapes::output_stride`] for a few.
pub trait SegmentationNet: Send + std::fmt::Debug {
    /// Shapes of its input and output.
    fn shapes(&self) -> &Shapes;

    /// Runs the network on `[N, in_channels, H, W]`, in training mode (dropout, batch statistics) if `train`.
    ///
    /// # Errors
    /// [`Error::SingleValue`] and [`Error::EmptyOutput`] for an input that is too small; [`Error::Torch`] if the shapes
    /// do not fit or memory runs out.
    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error>;

    /// Whether training on a CPU is faster with channels last in memory: where the layers between the convolutions run
    /// together, see [`Adn`](crate::blocks::Adn).
    fn prefers_channels_last(&self) -> bool {
        false
    }

    /// Whether images of this height and width are accepted if they are large enough. Those whose sides are multiples of
    /// [`Shapes::size_divisor`] are; a network that takes others, as MONAI's does, may give logits of
    /// another size for them.
    fn takes(&self, [height, width]: [i64; 2]) -> bool {
        let [divisor_height, divisor_width] = self.shapes().size_divisor;
        height % divisor_height == 0 && width % divisor_width == 0
    }

    /// Runs the network on `[N, in_channels, H, W]` and returns the logits, then those of deep supervision if the network
    /// has it in this mode.
    ///
    /// # Errors
    /// As [`activations`](Self::activations).
    fn outputs(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error> {
        Ok(vec![self.activations(input, train)?.logits])
    }
}

/// Constructor arguments of a network under MONAI's names. The fields of the implementing struct are the arguments.
pub(super) trait NetworkArguments: DeserializeOwned + Serialize {
    /// Class name in `monai.networks.nets`.
    const NAME: &'static str;

    /// Arguments that may have another name in the configuration too, as (configuration key, argument).
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

    /// Returns the configuration keys of the network: its arguments, and other names of some.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> + '_ {
        (self.names)().iter().copied().chain(self.renamed.iter().map(|(key, _)| *key))
    }

    /// Describes the arguments by their names: `in_channels, act (or activation)`.
    pub(super) fn describe_keys(&self) -> String {
        let describe = |name: &&'static str| {
            let others = self.renamed.iter().filter(|(_, renamed)| renamed == name);
            let others = others.map(|(key, _)| format!("or {key}")).collect::<Vec<_>>().join(" ");
            if others.is_empty() { (*name).to_owned() } else { format!("{name} ({others})") }
        };
        (self.names)().iter().map(describe).collect::<Vec<_>>().join(", ")
    }

    /// Returns whether the network has an argument of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        (self.names)().contains(&name)
    }

    /// Returns the argument that a configuration key stands for, if that is not the argument's own name.
    pub(super) fn renamed(&self, key: &str) -> Option<&'static str> {
        self.renamed.iter().find(|(other, _)| *other == key).map(|(_, name)| *name)
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
