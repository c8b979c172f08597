//! `monai.networks.blocks.Convolution`: a convolution followed by activation, dropout and normalization.

use tch::Tensor;
use tch::nn::Path;

use super::conv::{Conv2d, ConvOptions, ConvTranspose2d};
use super::{Adn, AdnSpec, Block};
use crate::error::{Error, argument};

/// Arguments of a [`Convolution`]. The padding keeps the size of the input, before the stride.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionOptions {
    /// Kernel size, odd.
    pub kernel: [i64; 2],
    /// Stride.
    pub strides: [i64; 2],
    /// Whether the convolution has a bias.
    pub bias: bool,
    /// Whether activation, dropout and normalization are left out.
    pub conv_only: bool,
    /// Whether the convolution is transposed: it enlarges by the stride.
    pub is_transposed: bool,
}

/// `monai.networks.blocks.Convolution`.
#[derive(Debug)]
pub struct Convolution {
    conv: Box<dyn Block>,
    adn: Option<Adn>,
}

impl Convolution {
    /// Creates the block, with parameters under `path/conv` and `path/adn`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an even kernel, which has no padding that keeps the size, and for arguments that a layer
    /// refuses.
    pub fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        options: ConvolutionOptions,
        adn: &AdnSpec,
    ) -> Result<Self, Error> {
        let padding = same_padding("kernel_size", options.kernel)?;
        let ConvolutionOptions { kernel, strides: stride, bias, .. } = options;
        let layer = ConvOptions { kernel, stride, padding, groups: 1, bias };
        let conv_path = path / "conv";
        let conv: Box<dyn Block> = if options.is_transposed {
            Box::new(ConvTranspose2d::new(&conv_path, inputs, outputs, layer)?)
        } else {
            Box::new(Conv2d::new(&conv_path, inputs, outputs, layer)?)
        };
        let adn = (!options.conv_only).then(|| Adn::new(&(path / "adn"), adn, outputs)).transpose()?;
        Ok(Self { conv, adn })
    }

    /// Runs the block and adds a residual, if there is one.
    ///
    /// # Errors
    /// As [`Block::forward`].
    pub(crate) fn forward_and_add(
        &self,
        input: &Tensor,
        residual: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, Error> {
        let output = self.conv.forward(input, train)?;
        match (&self.adn, residual) {
            (Some(adn), residual) => adn.forward_and_add(&output, residual, train),
            (None, Some(residual)) => Ok(output.f_add(residual)?),
            (None, None) => Ok(output),
        }
    }
}

impl Block for Convolution {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.forward_and_add(input, None, train)
    }
}

/// `monai.networks.layers.convutils.same_padding`: the padding that keeps the size. `name` is the kernel's argument.
pub(crate) fn same_padding(name: &str, kernel: [i64; 2]) -> Result<[i64; 2], Error> {
    let odd = |length: i64| length >= 1 && length % 2 == 1;
    match kernel {
        [height, width] if odd(height) && odd(width) => Ok(kernel.map(|length| (length - 1) / 2)),
        [height, width] if height == width => {
            Err(argument(name, format!("is {height}; it must be odd and positive")))
        }
        _ => Err(argument(name, format!("is {kernel:?}; both must be odd and positive"))),
    }
}
