//! What networks are built of, after MONAI's blocks of the same names.

mod activation;
pub mod adn;
mod conv;
mod convolution;
mod norm;
mod residual_unit;
mod spec;

pub use activation::Activation;
pub use adn::{Adn, AdnSpec};
pub use conv::{Conv2d, ConvOptions, ConvTranspose2d};
pub use convolution::{Convolution, ConvolutionOptions};
pub use norm::Norm;
pub use residual_unit::{ResidualUnit, ResidualUnitOptions};
pub use spec::{LayerSpec, Pair};

use tch::Tensor;

use crate::error::Error;

/// A part of a network.
pub trait Block: Send + std::fmt::Debug {
    /// Runs the block on `[N, C, H, W]`; `train` switches dropout and batch statistics on.
    ///
    /// # Errors
    /// [`Error::Torch`] where the shapes do not fit or memory runs out.
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error>;
}
