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
    /// Interpolation, after a 1×1 convolution if the number of channels changes.
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

/// Interpolation mode by MONAI's name (`monai.utils.InterpolateMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum InterpolateMode {
    /// The nearest pixel, rounding down.
    Nearest,
    /// The nearest pixel centre.
    #[serde(rename = "nearest-exact")]
    NearestExact,
    /// Between the four nearest pixels. `linear` and `trilinear` mean this in two dimensions.
    Bilinear,
    /// Between the 16 nearest pixels.
    Bicubic,
    /// The mean of the pixels that a new pixel covers.
    Area,
}

impl TryFrom<String> for InterpolateMode {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "nearest" => Ok(Self::Nearest),
            "nearest-exact" => Ok(Self::NearestExact),
            "linear" | "bilinear" | "trilinear" => Ok(Self::Bilinear),
            "bicubic" => Ok(Self::Bicubic),
            "area" => Ok(Self::Area),
            _ => Err(format!(
                "is '{name}'; it must be nearest, nearest-exact, linear, bilinear, trilinear, bicubic or area"
            )),
        }
    }
}

/// Interpolation to twice the height and width.
#[derive(Debug, Clone, Copy)]
pub struct Interpolation {
    /// Interpolation mode.
    pub mode: InterpolateMode,
    /// Whether the corner pixels of input and output have the same centres, in the modes bilinear and bicubic.
    pub align_corners: bool,
}

impl Interpolation {
    /// Returns bilinear interpolation.
    pub(crate) fn bilinear(align_corners: bool) -> Self {
        Self { mode: InterpolateMode::Bilinear, align_corners }
    }

    fn apply(self, input: &Tensor) -> Result<Tensor, Error> {
        // By a factor, not to a size, so that an exported trace holds for images of any size.
        let (size, factors) = (None::<i64>, [2.0, 2.0]);
        let align_corners = self.align_corners;
        Ok(match self.mode {
            // A new pixel covers one pixel alone.
            InterpolateMode::Nearest | InterpolateMode::Area => {
                input.f_upsample_nearest2d_vec(size, factors)?
            }
            InterpolateMode::NearestExact => input.f_internal_upsample_nearest_exact2d_vec(size, factors)?,
            InterpolateMode::Bilinear => input.f_upsample_bilinear2d_vec(size, align_corners, factors)?,
            InterpolateMode::Bicubic => input.f_upsample_bicubic2d_vec(size, align_corners, factors)?,
        })
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
        /// What enlarges the image.
        interpolation: Interpolation,
    },
    /// Mode `pixelshuffle`.
    PixelShuffle(Conv2d),
}

impl UpSample {
    /// Creates the block, with parameters under `path/deconv`, `path/deconvgroup`, `path/preconv` or
    /// `path/pixelshuffle/conv_block`. `interpolation` is for the mode `nontrainable`.
    ///
    /// # Errors
    /// [`Error::Argument`] for numbers of channels out of range; [`Error::Torch`] if memory runs out.
    pub fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        mode: UpsampleMode,
        interpolation: Interpolation,
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
                Self::NonTrainable { preconv: (inputs != outputs).then(conv).transpose()?, interpolation }
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
            Self::NonTrainable { preconv: Some(conv), interpolation } => {
                interpolation.apply(&conv.forward(input, train)?)
            }
            Self::NonTrainable { preconv: None, interpolation } => interpolation.apply(input),
            Self::PixelShuffle(conv) => {
                let pixels = conv.forward(input, train)?.f_pixel_shuffle(2)?;
                let padded = pixels.f_constant_pad_nd([1, 0, 1, 0])?;
                Ok(padded.f_avg_pool2d([2, 2], [1, 1], [0, 0], false, true, None)?)
            }
        }
    }
}
