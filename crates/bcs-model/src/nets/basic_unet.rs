//! MONAI's `BasicUNet` in two dimensions: five levels of two convolutions, max pooling down, upsampling up. Falk et al.,
//! U-Net: Deep Learning for Cell Counting, Detection, and Morphometry (2019).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use super::{checks, defaults};
use crate::arguments::in_range;
use crate::blocks::adn::Dropout;
use crate::blocks::conv::MAX_CHANNELS;
use crate::blocks::{
    AdnSpec, Block, Conv2d, ConvOptions, Convolution, ConvolutionOptions, Interpolation, LayerSpec, UpSample,
    UpsampleMode, repeat_edge,
};
use crate::error::{Error, argument};

/// Number of levels.
const LEVELS: u32 = 5;

/// Arguments of `monai.networks.nets.BasicUNet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicUNetArguments {
    /// Number of spatial dimensions: 2. MONAI's default is 3, which is an error here.
    #[serde(default = "defaults::spatial_dims")]
    pub spatial_dims: i64,
    /// Number of input channels.
    #[serde(default = "defaults::in_channels")]
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    #[serde(default = "defaults::out_channels")]
    pub out_channels: i64,
    /// Number of channels of the five encoder levels, top level first, and after the last upsampling.
    #[serde(default = "defaults::features")]
    pub features: Vec<i64>,
    /// Activation type and arguments.
    #[serde(default = "defaults::leaky_relu")]
    pub act: LayerSpec,
    /// Normalization type and arguments.
    #[serde(default = "defaults::affine_instance")]
    pub norm: LayerSpec,
    /// Whether the convolutions before a normalization have a bias.
    #[serde(default = "defaults::yes")]
    pub bias: bool,
    /// Dropout ratio, or dropout type and arguments.
    #[serde(default = "defaults::no_dropout")]
    pub dropout: Value,
    /// Upsampling mode.
    #[serde(default = "defaults::deconv")]
    pub upsample: UpsampleMode,
}

impl NetworkArguments for BasicUNetArguments {
    const NAME: &'static str = "BasicUNet";
    const RENAMED: &'static [(&'static str, &'static str)] = &[("activation", "act")];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        check_features(&self.features)?;
        let adn = self.blocks()?.adn;
        self.features.iter().try_for_each(|channels| adn.check(*channels))
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(BasicUNet::new(path, self)?))
    }
}

impl BasicUNetArguments {
    fn blocks(&self) -> Result<Blocks, Error> {
        Blocks::new(&self.act, &self.norm, &self.dropout, self.bias, self.upsample)
    }
}

/// Returns an error unless there are six numbers of channels, in range, and those that upsampling halves can be halved.
pub(super) fn check_features(features: &[i64]) -> Result<(), Error> {
    if features.len() != 6 {
        let reason = format!(
            "has {} entries; it needs 6: the channels of five levels and after the last upsampling",
            features.len()
        );
        return Err(argument("features", reason));
    }
    for (index, channels) in features.iter().enumerate() {
        in_range(&format!("features[{index}]"), *channels, 1, MAX_CHANNELS)?;
    }
    match features[2..5].iter().position(|channels| *channels < 2) {
        Some(index) => {
            let reason = "is 1; it must be at least 2, as upsampling halves it";
            Err(argument(&format!("features[{}]", index + 2), reason))
        }
        None => Ok(()),
    }
}

/// `monai.networks.nets.BasicUNet`.
#[derive(Debug)]
pub struct BasicUNet {
    conv_0: TwoConv,
    downs: [Down; 4],
    upcats: [UpCat; 4],
    final_conv: Conv2d,
    shapes: Shapes,
}

impl BasicUNet {
    /// Creates the network, with parameters under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses.
    pub fn new(path: &Path<'_>, arguments: &BasicUNetArguments) -> Result<Self, Error> {
        arguments.check()?;
        let blocks = arguments.blocks()?;
        let features = &arguments.features;
        let down = |level: usize| {
            blocks.down(&(path / format!("down_{level}")), features[level - 1], features[level])
        };
        let up = |level: usize, outputs: i64| {
            let channels = UpCatChannels {
                inputs: features[level],
                skip: features[level - 1],
                outputs,
                halves: level > 1,
            };
            blocks.up_cat(&(path / format!("upcat_{level}")), channels)
        };
        // In MONAI's order, the same seed gives the same parameters.
        Ok(Self {
            conv_0: blocks.two_conv(&(path / "conv_0"), arguments.in_channels, features[0])?,
            downs: [down(1)?, down(2)?, down(3)?, down(4)?],
            upcats: [up(4, features[3])?, up(3, features[2])?, up(2, features[1])?, up(1, features[5])?],
            final_conv: Conv2d::new(
                &(path / "final_conv"),
                features[5],
                arguments.out_channels,
                ConvOptions::pointwise(true),
            )?,
            shapes: blocks.shapes(arguments.in_channels, arguments.out_channels, features[4])?,
        })
    }
}

impl SegmentationNet for BasicUNet {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let mut x = self.conv_0.forward(input, train)?;
        let mut skips = Vec::with_capacity(self.downs.len());
        for down in &self.downs {
            let below = down.forward(&x, train)?;
            skips.push(x);
            x = below;
        }
        let bottleneck = x.shallow_clone();
        for (upcat, skip) in self.upcats.iter().zip(skips.iter().rev()) {
            x = upcat.forward(&x, Some(skip), train)?;
        }
        Ok(Activations { logits: self.final_conv.forward(&x, train)?, bottleneck })
    }
}

/// Creates the blocks of MONAI's `basic_unet`, which differ only in their channels.
pub(super) struct Blocks {
    pub adn: AdnSpec,
    /// Whether the convolutions before a normalization have a bias.
    pub bias: bool,
    pub upsample: UpsampleMode,
    /// Interpolation of the upsampling mode `nontrainable`.
    pub interpolation: Interpolation,
    /// Whether an upsampled image that is smaller than the skip connection gets a row or column more.
    pub is_pad: bool,
}

/// Channels of an [`UpCat`].
#[derive(Debug, Clone, Copy)]
pub(super) struct UpCatChannels {
    /// Channels to be upsampled.
    pub inputs: i64,
    /// Channels of the skip connection; 0 for none.
    pub skip: i64,
    /// Channels of the output.
    pub outputs: i64,
    /// Whether upsampling halves the channels.
    pub halves: bool,
}

impl Blocks {
    /// Bilinear interpolation and padding, the defaults of MONAI's `UpCat`, may be changed afterwards.
    pub(super) fn new(
        act: &LayerSpec,
        norm: &LayerSpec,
        dropout: &Value,
        bias: bool,
        upsample: UpsampleMode,
    ) -> Result<Self, Error> {
        let dropout = Dropout::parse(dropout)?;
        let adn = AdnSpec { ordering: "NDA".to_owned(), act: act.clone(), norm: norm.clone(), dropout };
        Ok(Self { adn, bias, upsample, interpolation: Interpolation::bilinear(true), is_pad: true })
    }

    pub(super) fn two_conv(&self, path: &Path<'_>, inputs: i64, outputs: i64) -> Result<TwoConv, Error> {
        let options = ConvolutionOptions {
            kernel: [3, 3],
            strides: [1, 1],
            bias: self.bias,
            conv_only: false,
            is_transposed: false,
        };
        let conv = |name: &str, inputs| Convolution::new(&(path / name), inputs, outputs, options, &self.adn);
        Ok(TwoConv([conv("conv_0", inputs)?, conv("conv_1", outputs)?]))
    }

    pub(super) fn down(&self, path: &Path<'_>, inputs: i64, outputs: i64) -> Result<Down, Error> {
        Ok(Down(self.two_conv(&(path / "convs"), inputs, outputs)?))
    }

    pub(super) fn up_cat(&self, path: &Path<'_>, channels: UpCatChannels) -> Result<UpCat, Error> {
        let UpCatChannels { inputs, skip, outputs, halves } = channels;
        let upsampled = if halves { inputs / 2 } else { inputs };
        Ok(UpCat {
            upsample: UpSample::new(
                &(path / "upsample"),
                inputs,
                upsampled,
                self.upsample,
                self.interpolation,
            )?,
            convs: self.two_conv(&(path / "convs"), skip + upsampled, outputs)?,
            is_pad: self.is_pad,
        })
    }

    /// Shapes of a network of these blocks, whose lowest level has `bottom_channels`.
    pub(super) fn shapes(
        &self,
        in_channels: i64,
        out_channels: i64,
        bottom_channels: i64,
    ) -> Result<Shapes, Error> {
        Ok(Shapes {
            in_channels,
            out_channels,
            size_divisor: [1, 1],
            min_size: [self.min_side(bottom_channels, false)?; 2],
            min_training_size: [self.min_side(bottom_channels, true)?; 2],
            output_stride: [1, 1],
        })
    }

    /// Least height and width: a pixel at the last level, or two if the normalization refuses one.
    fn min_side(&self, bottom_channels: i64, train: bool) -> Result<i64, Error> {
        let least = 1 << (LEVELS - 1);
        Ok(if self.adn.refuses_single_pixel(bottom_channels, train)? { 2 * least } else { least })
    }
}

/// Two convolutions.
#[derive(Debug)]
pub(super) struct TwoConv([Convolution; 2]);

impl TwoConv {
    pub(super) fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let [first, second] = &self.0;
        second.forward(&first.forward(input, train)?, train)
    }
}

/// Max pooling and two convolutions. The last row or column of an odd image has no part in pooling.
#[derive(Debug)]
pub(super) struct Down(TwoConv);

impl Down {
    pub(super) fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let shape = input.size();
        if shape.iter().rev().take(2).any(|side| *side < 2) {
            return Err(Error::EmptyOutput { window: 2, shape });
        }
        self.0.forward(&input.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)?, train)
    }
}

/// Upsampling, concatenation with the skip connection, if there is one, and two convolutions.
#[derive(Debug)]
pub(super) struct UpCat {
    upsample: UpSample,
    convs: TwoConv,
    is_pad: bool,
}

impl UpCat {
    pub(super) fn forward(
        &self,
        input: &Tensor,
        skip: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, Error> {
        let upsampled = self.upsample.forward(input, train)?;
        let Some(skip) = skip else { return self.convs.forward(&upsampled, train) };
        let fitting = if self.is_pad { pad(upsampled, skip)? } else { upsampled };
        self.convs.forward(&Tensor::f_cat(&[skip, &fitting], 1)?, train)
    }
}

/// Repeats the last row or column of an image that is smaller than `skip`: halving took it off an odd side.
fn pad(upsampled: Tensor, skip: &Tensor) -> Result<Tensor, Error> {
    let (sides, wanted) = (upsampled.size(), skip.size());
    [2, 3]
        .into_iter()
        .filter(|axis| wanted[*axis] == sides[*axis] + 1)
        .try_fold(upsampled, |image, axis| repeat_edge(&image, skip, axis as i64))
}
