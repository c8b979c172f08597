//! Encoders of [`FlexibleUNet`](super::FlexibleUNet): images to five feature maps, each half as high and wide as the one
//! before.

mod efficient_net;
mod res_net;
mod same_conv;

use std::fmt::Debug;

use tch::Tensor;
use tch::nn::Path;

use crate::error::{Error, argument};

/// Number of feature maps.
pub(super) const LEVELS: usize = 5;

/// An encoder, as MONAI's `BaseEncoder`.
pub(super) trait Encoder: Send + Debug {
    /// Runs the encoder on images `[N, C, H, W]`, in training mode if `train`, and returns the feature maps, largest
    /// first.
    fn features(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error>;

    /// Number of channels of each feature map.
    fn channels(&self) -> [i64; LEVELS];

    /// How each halving of an odd side rounds.
    fn rounding(&self) -> [Rounding; LEVELS];
}

/// What is left of an odd side after halving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// The smaller half.
    Down,
    /// The larger half.
    Up,
}

impl Rounding {
    /// Returns the half of a side.
    pub(super) fn halve(self, side: i64) -> i64 {
        match self {
            Self::Down => side / 2,
            Self::Up => (side + 1) / 2,
        }
    }
}

/// An encoder's architecture.
#[derive(Debug, Clone, Copy)]
pub(super) enum Backbone {
    EfficientNet(efficient_net::Scale),
    ResNet(res_net::Layout),
}

impl Backbone {
    /// Finds an architecture by the name that it has in MONAI's `FLEXUNET_BACKBONE`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name; the message lists the known ones.
    pub(super) fn named(name: &str) -> Result<Self, Error> {
        let efficient_net = || efficient_net::named(name).map(Self::EfficientNet);
        let res_net = || res_net::named(name).map(Self::ResNet);
        efficient_net().or_else(res_net).ok_or_else(|| {
            let known = efficient_net::names().chain(res_net::names()).collect::<Vec<_>>().join(", ");
            argument("backbone", format!("is '{name}'; the backbones are {known}"))
        })
    }

    /// Builds the encoder, with parameters under `path`.
    pub(super) fn build(self, path: &Path<'_>, in_channels: i64) -> Result<Box<dyn Encoder>, Error> {
        Ok(match self {
            Self::EfficientNet(scale) => {
                Box::new(efficient_net::EfficientNetEncoder::new(path, in_channels, scale)?)
            }
            Self::ResNet(layout) => Box::new(res_net::ResNetEncoder::new(path, in_channels, layout)?),
        })
    }
}
