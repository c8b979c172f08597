//! `monai.networks.blocks.ResidualUnit`: convolutions with a residual connection.

use tch::Tensor;
use tch::nn::Path;

use super::conv::{Conv2d, ConvOptions};
use super::convolution::same_padding;
use super::{AdnSpec, Block, Convolution, ConvolutionOptions};
use crate::error::Error;

/// Arguments of a [`ResidualUnit`].
#[derive(Debug, Clone, Copy)]
pub struct ResidualUnitOptions {
    /// Kernel size, odd.
    pub kernel: [i64; 2],
    /// Stride of the first convolution.
    pub strides: [i64; 2],
    /// Number of convolutions, at least 1.
    pub subunits: usize,
    /// Whether convolutions have a bias.
    pub bias: bool,
    /// Whether the last convolution is without activation, dropout and normalization.
    pub last_conv_only: bool,
}

/// `monai.networks.blocks.ResidualUnit`.
#[derive(Debug)]
pub struct ResidualUnit {
    units: Vec<Convolution>,
    residual: Option<Conv2d>,
}

impl ResidualUnit {
    /// Creates the block, with parameters under `path/conv/unitN` and `path/residual`.
    ///
    /// # Errors
    /// [`Error::Argument`] for arguments that a layer refuses.
    pub fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        options: ResidualUnitOptions,
        adn: &AdnSpec,
    ) -> Result<Self, Error> {
        let ResidualUnitOptions { kernel, strides, bias, .. } = options;
        let subunits = options.subunits.max(1);
        let unit = |index: usize| {
            let (inputs, strides) = if index == 0 { (inputs, strides) } else { (outputs, [1, 1]) };
            let conv_only = options.last_conv_only && index == subunits - 1;
            let unit = ConvolutionOptions { kernel, strides, bias, conv_only, is_transposed: false };
            Convolution::new(&(path / "conv" / format!("unit{index}")), inputs, outputs, unit, adn)
        };
        let units = (0..subunits).map(unit).collect::<Result<_, _>>()?;
        let residual = if strides != [1, 1] || inputs != outputs {
            // A 1×1 kernel suffices if only the number of channels changes.
            let kernel = if strides == [1, 1] { [1, 1] } else { kernel };
            let padding = same_padding("kernel_size", kernel)?;
            let layer = ConvOptions { kernel, stride: strides, padding, groups: 1, bias };
            Some(Conv2d::new(&(path / "residual"), inputs, outputs, layer)?)
        } else {
            None
        };
        Ok(Self { units, residual })
    }
}

impl Block for ResidualUnit {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let residual = match &self.residual {
            Some(residual) => residual.forward(input, train)?,
            None => input.shallow_clone(),
        };
        let Some((last, units)) = self.units.split_last() else { return Ok(residual) };
        let x = units.iter().try_fold(input.shallow_clone(), |x, unit| unit.forward(&x, train))?;
        last.forward_and_add(&x, Some(&residual), train)
    }
}
