//! `monai.networks.blocks.ResidualUnit`: convolutions and a way around them.

use tch::Tensor;
use tch::nn::Path;

use super::conv::{Conv2d, ConvOptions};
use super::convolution::same_padding;
use super::{AdnSpec, Block, Convolution, ConvolutionOptions};
use crate::error::Error;

/// Arguments of a [`ResidualUnit`].
#[derive(Debug, Clone, Copy)]
pub struct ResidualUnitOptions {
    /// Size of the kernels, odd.
    pub kernel: [i64; 2],
    /// Step of the first convolution.
    pub strides: [i64; 2],
    /// Convolutions, at least one.
    pub subunits: usize,
    /// Whether a constant is learnt for each output channel.
    pub bias: bool,
    /// The last convolution alone, without what follows.
    pub last_conv_only: bool,
}

/// `monai.networks.blocks.ResidualUnit`
#[derive(Debug)]
pub struct ResidualUnit {
    units: Vec<Convolution>,
    residual: Option<Conv2d>,
}

impl ResidualUnit {
    /// Registers under `path/conv/unitN` and `path/residual`.
    ///
    /// # Errors
    /// [`Error::Argument`].
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
            // Where only channels change, a single pixel is enough to adapt them.
            let kernel = if strides == [1, 1] { [1, 1] } else { kernel };
            let layer = ConvOptions { kernel, stride: strides, padding: same_padding(kernel)?, bias };
            Some(Conv2d::new(&(path / "residual"), inputs, outputs, layer)?)
        } else {
            None
        };
        Ok(Self { units, residual })
    }
}

impl Block for ResidualUnit {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let around = match &self.residual {
            Some(residual) => residual.forward(input, train)?,
            None => input.shallow_clone(),
        };
        let through = self.units.iter().try_fold(input.shallow_clone(), |x, unit| unit.forward(&x, train))?;
        Ok(through.f_add(&around)?)
    }
}
