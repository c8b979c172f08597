//! Building blocks of networks, after MONAI's blocks of the same names.

mod activation;
pub mod adn;
pub(crate) mod conv;
pub(crate) mod convolution;
mod norm;
mod repeat_edge;
mod residual_unit;
mod spec;
mod upsample;

pub use activation::Activation;
pub use adn::{Adn, AdnSpec};
pub use conv::{Conv2d, ConvOptions, ConvTranspose2d};
pub use convolution::{Convolution, ConvolutionOptions};
pub use norm::Norm;
pub(crate) use repeat_edge::repeat_edge;
pub use residual_unit::{ResidualUnit, ResidualUnitOptions};
pub use spec::{LayerSpec, Pair};
pub use upsample::{InterpolateMode, Interpolation, UpSample, UpsampleMode};

use tch::Tensor;

use crate::error::Error;

/// A part of a network: a function of images with parameters.
pub trait Block: Send + std::fmt::Debug {
    /// Runs the block on `[N, C, H, W]`, in training mode (dropout, batch statistics) if `train`.
    ///
    /// # Errors
    /// [`Error::SingleValue`] and [`Error::EmptyOutput`] for an input that is too small; [`Error::Torch`] if the shapes
    /// do not fit or memory runs out.
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error>;
}
