//! MONAI's `FlexibleUNet` in two dimensions: the encoder of an image classifier with a U-Net's decoder.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::basic_unet::{Blocks, UpCat, UpCatChannels};
use super::encoders::{Backbone, Encoder, LEVELS, Rounding};
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use super::{checks, defaults};
use crate::arguments::in_range;
use crate::blocks::conv::MAX_CHANNELS;
use crate::blocks::{Block, Conv2d, ConvOptions, InterpolateMode, Interpolation, LayerSpec, UpsampleMode};
use crate::error::{Error, argument};

/// Product of the strides of every encoder, which is the least side of an image too.
const DIVISOR: i64 = 1 << LEVELS;

/// Arguments of `monai.networks.nets.FlexibleUNet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlexibleUNetArguments {
    /// Number of input channels.
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    pub out_channels: i64,
    /// Encoder: `efficientnet-b0` to `-b8`, `efficientnet-l2`, `resnet10`, `18`, `34`, `50`, `101`, `152` or `200`.
    pub backbone: String,
    /// Whether MONAI downloads the encoder's weights: false. Nothing is downloaded here, so true is an error.
    #[serde(default)]
    pub pretrained: bool,
    /// Number of channels of the five decoder levels, lowest level first; further entries have no effect, as in MONAI.
    #[serde(default = "decoder_channels")]
    pub decoder_channels: Vec<i64>,
    /// Number of spatial dimensions: 2.
    #[serde(default = "two")]
    pub spatial_dims: i64,
    /// Normalization type and arguments of the decoder; the encoder has batch normalization.
    #[serde(default = "batch")]
    pub norm: LayerSpec,
    /// Activation type and arguments of the decoder; EfficientNet has swish, ResNet has ReLU.
    #[serde(default = "relu")]
    pub act: LayerSpec,
    /// Dropout ratio of the decoder, or dropout type and arguments.
    #[serde(default = "defaults::no_dropout")]
    pub dropout: Value,
    /// Whether the decoder's convolutions before a normalization have a bias.
    #[serde(default)]
    pub decoder_bias: bool,
    /// Upsampling mode.
    #[serde(default = "defaults::nontrainable")]
    pub upsample: UpsampleMode,
    /// Convolution before the upsampling modes `nontrainable` and `pixelshuffle`; none is for `nontrainable` only.
    #[serde(default = "default_pre_conv")]
    pub pre_conv: Option<PreConv>,
    /// Interpolation of the upsampling mode `nontrainable`.
    #[serde(default = "nearest")]
    pub interp_mode: InterpolateMode,
    /// Whether upsampled feature maps are padded to the size of the encoder's; otherwise the sides of the image must be
    /// multiples of 32.
    #[serde(default = "defaults::yes")]
    pub is_pad: bool,
}

/// Convolution before upsampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum PreConv {
    /// MONAI's `default`: it halves the channels, except at the top.
    Default,
}

impl TryFrom<String> for PreConv {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "default" => Ok(Self::Default),
            _ => Err(format!("is '{name}'; it must be default, or null for none")),
        }
    }
}

fn decoder_channels() -> Vec<i64> {
    vec![256, 128, 64, 32, 16]
}

fn two() -> i64 {
    2
}

fn batch() -> LayerSpec {
    defaults::layer("batch", &[("eps", 1e-3.into()), ("momentum", 0.1.into())])
}

fn relu() -> LayerSpec {
    defaults::layer("relu", &[("inplace", true.into())])
}

fn default_pre_conv() -> Option<PreConv> {
    Some(PreConv::Default)
}

fn nearest() -> InterpolateMode {
    InterpolateMode::Nearest
}

impl NetworkArguments for FlexibleUNetArguments {
    const NAME: &'static str = "FlexibleUNet";
    const RENAMED: &'static [(&'static str, &'static str)] = &[("activation", "act")];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        Backbone::named(&self.backbone)?;
        if self.pretrained {
            let reason = "is true, but nothing is downloaded here; set it to false and initialize the network from a \
                          file of the encoder's weights, which loads as far as the names fit (--allow-partial)";
            return Err(argument("pretrained", reason));
        }
        if self.upsample == UpsampleMode::PixelShuffle && self.pre_conv.is_none() {
            let reason = "is null; pixelshuffle needs the convolution, which makes four channels of one";
            return Err(argument("pre_conv", reason));
        }
        self.check_decoder_channels()?;
        let adn = self.blocks()?.adn;
        self.used_channels().iter().try_for_each(|channels| adn.check(*channels))
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(FlexibleUNet::new(path, self)?))
    }
}

impl FlexibleUNetArguments {
    fn check_decoder_channels(&self) -> Result<(), Error> {
        let count = self.decoder_channels.len();
        if count < LEVELS {
            let reason = format!("has {count} entries; it needs {LEVELS}, one per decoder level");
            return Err(argument("decoder_channels", reason));
        }
        for (level, channels) in self.used_channels().iter().enumerate() {
            let name = format!("decoder_channels[{level}]");
            in_range(&name, *channels, 1, MAX_CHANNELS)?;
            if *channels == 1 && level + 1 < LEVELS && self.halves(level + 1) {
                return Err(argument(&name, "is 1; it must be at least 2, as upsampling halves it"));
            }
        }
        Ok(())
    }

    fn used_channels(&self) -> &[i64] {
        &self.decoder_channels[..LEVELS.min(self.decoder_channels.len())]
    }

    /// Whether the upsampling of a decoder level, counted from the lowest, halves its input's channels.
    fn halves(&self, level: usize) -> bool {
        let only_enlarges = self.upsample == UpsampleMode::NonTrainable && self.pre_conv.is_none();
        level + 1 < LEVELS && !only_enlarges
    }

    fn blocks(&self) -> Result<Blocks, Error> {
        let blocks = Blocks::new(&self.act, &self.norm, &self.dropout, self.decoder_bias, self.upsample)?;
        let interpolation = Interpolation { mode: self.interp_mode, align_corners: false };
        Ok(Blocks { interpolation, is_pad: self.is_pad, ..blocks })
    }
}

/// `monai.networks.nets.FlexibleUNet`.
#[derive(Debug)]
pub struct FlexibleUNet {
    encoder: Box<dyn Encoder>,
    decoder: Vec<UpCat>,
    head: Conv2d,
    shapes: Shapes,
    is_pad: bool,
}

impl FlexibleUNet {
    /// Creates the network, with parameters under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses, and for `pretrained`.
    pub fn new(path: &Path<'_>, arguments: &FlexibleUNetArguments) -> Result<Self, Error> {
        arguments.check()?;
        // In MONAI's order, the same seed gives the same parameters.
        let encoder =
            Backbone::named(&arguments.backbone)?.build(&(path / "encoder"), arguments.in_channels)?;
        let decoder = decoder(&(path / "decoder" / "blocks"), arguments, encoder.channels())?;
        let outputs = arguments.used_channels();
        let head = ConvOptions { kernel: [3, 3], stride: [1, 1], padding: [1, 1], groups: 1, bias: true };
        let head_path = path / "segmentation_head" / 0;
        let rounding = encoder.rounding();
        Ok(Self {
            encoder,
            decoder,
            head: Conv2d::new(&head_path, outputs[LEVELS - 1], arguments.out_channels, head)?,
            shapes: Shapes {
                in_channels: arguments.in_channels,
                out_channels: arguments.out_channels,
                size_divisor: [divisor(rounding, arguments.is_pad); 2],
                min_size: [DIVISOR; 2],
                // The encoder's batch normalization needs more than one pixel at the lowest level.
                min_training_size: [2 * DIVISOR; 2],
                output_stride: [1, 1],
            },
            is_pad: arguments.is_pad,
        })
    }

    /// Sides of the feature maps for an image's side.
    fn sides(&self, side: i64) -> [i64; LEVELS] {
        let mut half = side;
        self.encoder.rounding().map(|rounding| {
            half = rounding.halve(half);
            half
        })
    }

    /// Whether each upsampled feature map has the side of the next larger one, after padding.
    fn takes_side(&self, side: i64) -> bool {
        let sides = self.sides(side);
        let padding = i64::from(self.is_pad);
        let fits = |pair: &[i64]| pair[1] > 0 && (0..=padding).contains(&(pair[0] - 2 * pair[1]));
        side % self.shapes.size_divisor[0] == 0 || sides.windows(2).all(fits)
    }
}

/// Least number whose multiples are all accepted and give logits of the image's size, for an encoder that rounds like this.
fn divisor(rounding: [Rounding; LEVELS], is_pad: bool) -> i64 {
    if !is_pad {
        return DIVISOR;
    }
    // An odd side that is rounded up can't be restored: padding adds, it takes nothing off. If the first one is rounded
    // down, the logits have one row or column less.
    let last = rounding.iter().rposition(|rounding| *rounding == Rounding::Up).unwrap_or(0);
    2 << last
}

/// Creates the decoder's levels, lowest first.
fn decoder(
    path: &Path<'_>,
    arguments: &FlexibleUNetArguments,
    encoder_channels: [i64; LEVELS],
) -> Result<Vec<UpCat>, Error> {
    let blocks = arguments.blocks()?;
    let [first, second, third, fourth, mut inputs] = encoder_channels;
    let skips = [fourth, third, second, first, 0];
    let levels = skips.into_iter().zip(arguments.used_channels()).enumerate();
    let level = |(level, (skip, outputs)): (usize, (i64, &i64))| {
        let channels = UpCatChannels { inputs, skip, outputs: *outputs, halves: arguments.halves(level) };
        inputs = *outputs;
        blocks.up_cat(&(path / level), channels)
    };
    levels.map(level).collect()
}

impl SegmentationNet for FlexibleUNet {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let (_, _, height, width) = input.size4()?;
        if self.sides(height.min(width)).contains(&0) {
            return Err(Error::EmptyOutput { window: DIVISOR, shape: input.size() });
        }
        let mut features = self.encoder.features(input, train)?.into_iter().rev();
        let bottleneck = features.next().unwrap_or_else(|| input.shallow_clone());
        let mut x = bottleneck.shallow_clone();
        for level in &self.decoder {
            x = level.forward(&x, features.next().as_ref(), train)?;
        }
        Ok(Activations { logits: self.head.forward(&x, train)?, bottleneck })
    }

    fn takes(&self, size: [i64; 2]) -> bool {
        size.into_iter().all(|side| self.takes_side(side))
    }
}
