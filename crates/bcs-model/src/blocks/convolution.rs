//! `monai.networks.blocks.Convolution`: a convolution and what follows it.

use tch::Tensor;
use tch::nn::Path;

use super::conv::{Conv2d, ConvOptions, ConvTranspose2d};
use super::{Adn, AdnSpec, Block};
use crate::error::{Error, argument};

/// Arguments of a [`Convolution`]; padding keeps the size (before the stride).
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionOptions {
    /// Size of the kernel, odd.
    pub kernel: [i64; 2],
    /// Step of the kernel.
    pub strides: [i64; 2],
    /// Whether a constant is learnt for each output channel.
    pub bias: bool,
    /// The convolution alone, without what follows.
    pub conv_only: bool,
    /// Enlarges by the stride instead of shrinking.
    pub is_transposed: bool,
}

/// `monai.networks.blocks.Convolution`
#[derive(Debug)]
pub struct Convolution {
    conv: Box<dyn Block>,
    adn: Option<Adn>,
}

impl Convolution {
    /// Registers under `path/conv` and `path/adn`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an even kernel, which has no padding that keeps the size.
    pub fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        options: ConvolutionOptions,
        adn: &AdnSpec,
    ) -> Result<Self, Error> {
        let padding = same_padding(options.kernel)?;
        let ConvolutionOptions { kernel, strides: stride, bias, .. } = options;
        let layer = ConvOptions { kernel, stride, padding, bias };
        let conv_path = path / "conv";
        let conv: Box<dyn Block> = if options.is_transposed {
            Box::new(ConvTranspose2d::new(&conv_path, inputs, outputs, layer)?)
        } else {
            Box::new(Conv2d::new(&conv_path, inputs, outputs, layer)?)
        };
        let adn = (!options.conv_only).then(|| Adn::new(&(path / "adn"), adn, outputs)).transpose()?;
        Ok(Self { conv, adn })
    }
}

impl Block for Convolution {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let output = self.conv.forward(input, train)?;
        match &self.adn {
            Some(adn) => adn.forward(&output, train),
            None => Ok(output),
        }
    }
}

/// `monai.networks.layers.convutils.same_padding`
pub(super) fn same_padding(kernel: [i64; 2]) -> Result<[i64; 2], Error> {
    if kernel.iter().any(|length| *length < 1 || length % 2 == 0) {
        let reason = format!("{kernel:?} has no padding that keeps the size; kernels must be odd");
        return Err(argument("kernel_size", reason));
    }
    Ok(kernel.map(|length| (length - 1) / 2))
}
