//! `monai.networks.blocks.UpSample` with a scale factor of 2.

use serde::{Deserialize, Serialize};
use tch::nn::Path;
use tch::{Kind, Tensor};

use super::Block;
use super::conv::{Conv2d, ConvOptions, ConvTranspose2d};
use crate::error::Error;

/// Upsampling mode by MONAI's name (`monai.utils.UpsampleMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum UpsampleMode {
    /// A transposed convolution.
    Deconv,
    /// A transposed convolution with as many groups as output channels, if they divide the input channels.
    DeconvGroup,
    /// Bilinear interpolation, after a 1×1 convolution if the number of channels changes.
    NonTrainable,
    /// A convolution to four times as many channels, whose values become blocks of 2×2 pixels, averaged with their
    /// neighbours. Shi et al. (2016); Aitken et al., Checkerboard artifact free sub-pixel convolution (2017).
    PixelShuffle,
}

impl TryFrom<String> for UpsampleMode {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "deconv" => Ok(Self::Deconv),
            "deconvgroup" => Ok(Self::DeconvGroup),
            "nontrainable" => Ok(Self::NonTrainable),
            "pixelshuffle" => Ok(Self::PixelShuffle),
            _ => Err(format!("is '{name}'; it must be deconv, deconvgroup, nontrainable or pixelshuffle")),
        }
    }
}

/// `monai.networks.blocks.UpSample` with a scale factor of 2.
#[derive(Debug)]
pub enum UpSample {
    /// Modes `deconv` and `deconvgroup`.
    Deconv(ConvTranspose2d),
    /// Mode `nontrainable`.
    NonTrainable {
        /// The convolution that changes the number of channels.
        preconv: Option<Conv2d>,
        /// Whether the corner pixels of input and output have the same centres.
        align_corners: bool,
    },
    /// Mode `pixelshuffle`.
    PixelShuffle(Conv2d),
}

impl UpSample {
    /// Creates the block, with parameters under `path/deconv`, `path/deconvgroup`, `path/preconv` or
    /// `path/pixelshuffle/conv_block`. `align_corners` is for the mode `nontrainable`.
    ///
    /// # Errors
    /// [`Error::Argument`] for numbers of channels out of range; [`Error::Torch`] if memory runs out.
    pub fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        mode: UpsampleMode,
        align_corners: bool,
    ) -> Result<Self, Error> {
        let deconv = ConvOptions { kernel: [2, 2], stride: [2, 2], padding: [0, 0], groups: 1, bias: true };
        Ok(match mode {
            UpsampleMode::Deconv => {
                Self::Deconv(ConvTranspose2d::new(&(path / "deconv"), inputs, outputs, deconv)?)
            }
            UpsampleMode::DeconvGroup => {
                let groups = if outputs > 0 && inputs % outputs == 0 { outputs } else { 1 };
                let options = ConvOptions { groups, ..deconv };
                Self::Deconv(ConvTranspose2d::new(&(path / "deconvgroup"), inputs, outputs, options)?)
            }
            UpsampleMode::NonTrainable => {
                let conv = || Conv2d::new(&(path / "preconv"), inputs, outputs, ConvOptions::pointwise(true));
                Self::NonTrainable { preconv: (inputs != outputs).then(conv).transpose()?, align_corners }
            }
            UpsampleMode::PixelShuffle => {
                Self::PixelShuffle(subpixel_conv(&(path / "pixelshuffle" / "conv_block"), inputs, outputs)?)
            }
        })
    }
}

/// Creates the convolution of `monai.networks.blocks.SubpixelUpsample`.
fn subpixel_conv(path: &Path<'_>, inputs: i64, outputs: i64) -> Result<Conv2d, Error> {
    let options = ConvOptions { kernel: [3, 3], stride: [1, 1], padding: [1, 1], groups: 1, bias: true };
    let conv = Conv2d::new(path, inputs, 4 * outputs, options)?;
    tch::no_grad(|| icnr(conv.weight(), inputs, outputs))?;
    Ok(conv)
}

/// `monai.networks.utils.icnr_init`: draws a smaller kernel and repeats it, in MONAI's order of the elements.
fn icnr(weight: &Tensor, inputs: i64, outputs: i64) -> Result<(), Error> {
    let mut kernel = Tensor::f_zeros([outputs, inputs, 3, 3], (Kind::Float, weight.device()))?;
    // The standard deviation of PyTorch's kaiming_normal_.
    let _ = kernel.f_normal_(0.0, 2.0_f64.sqrt() / ((inputs * 9) as f64).sqrt())?;
    let repeated = kernel.f_transpose(0, 1)?.f_reshape([outputs, inputs, -1])?.f_repeat([1, 1, 4])?;
    let repeated = repeated.f_reshape([inputs, 4 * outputs, 3, 3])?.f_transpose(0, 1)?;
    Ok(weight.shallow_clone().f_copy_(&repeated)?)
}

impl Block for UpSample {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        match self {
            Self::Deconv(conv) => conv.forward(input, train),
            Self::NonTrainable { preconv: Some(conv), align_corners } => {
                interpolate(&conv.forward(input, train)?, *align_corners)
            }
            Self::NonTrainable { preconv: None, align_corners } => interpolate(input, *align_corners),
            Self::PixelShuffle(conv) => {
                let pixels = conv.forward(input, train)?.f_pixel_shuffle(2)?;
                let padded = pixels.f_constant_pad_nd([1, 0, 1, 0])?;
                Ok(padded.f_avg_pool2d([2, 2], [1, 1], [0, 0], false, true, None)?)
            }
        }
    }
}

fn interpolate(input: &Tensor, align_corners: bool) -> Result<Tensor, Error> {
    let (_, _, height, width) = input.size4()?;
    Ok(input.f_upsample_bilinear2d([2 * height, 2 * width], align_corners, 2.0, 2.0)?)
}
