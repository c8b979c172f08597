//! MONAI's `BasicUNetPlusPlus` in two dimensions: `BasicUNet` with nested, dense skip connections. Zhou et al., UNet++: A
//! Nested U-Net Architecture for Medical Image Segmentation (2018).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::basic_unet::{Blocks, Down, TwoConv, UpCat, UpCatChannels, check_features};
use super::registry::{NetworkArguments, SegmentationNet};
use super::{checks, defaults};
use crate::blocks::{Block, Conv2d, ConvOptions, LayerSpec, UpsampleMode};
use crate::error::{Error, argument};

/// Index of the lowest level, and of the last column of the top level.
const LAST: usize = 4;

/// Arguments of `monai.networks.nets.BasicUNetPlusPlus`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicUNetPlusPlusArguments {
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
    /// Whether MONAI's network returns the logits of all four columns: only false is supported. The parameters are the
    /// same either way.
    #[serde(default)]
    pub deep_supervision: bool,
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

impl NetworkArguments for BasicUNetPlusPlusArguments {
    const NAME: &'static str = "BasicUNetPlusPlus";
    const RENAMED: &'static [(&'static str, &'static str)] = &[("activation", "act")];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        check_features(&self.features)?;
        if self.deep_supervision {
            let reason =
                "is true; only false is supported, as a network has one output. The parameters are the same";
            return Err(argument("deep_supervision", reason));
        }
        let adn = self.blocks()?.adn;
        self.features.iter().try_for_each(|channels| adn.check(*channels))
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(BasicUNetPlusPlus::new(path, self)?))
    }
}

impl BasicUNetPlusPlusArguments {
    fn blocks(&self) -> Result<Blocks, Error> {
        Blocks::new(&self.act, &self.norm, &self.dropout, self.bias, self.upsample)
    }
}

/// `monai.networks.nets.BasicUNetPlusPlus`.
///
/// A node of the network has a row, which is its level, and a column, which is the number of nodes before it in its row.
#[derive(Debug)]
pub struct BasicUNetPlusPlus {
    top: TwoConv,
    downs: Vec<Down>,
    /// By row and column, from column 1.
    upcats: [Vec<UpCat>; LAST],
    final_conv: Conv2d,
    in_channels: i64,
    out_channels: i64,
    min_size: i64,
    min_training_size: i64,
}

impl BasicUNetPlusPlus {
    /// Creates the network, with parameters under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses, and for deep supervision.
    pub fn new(path: &Path<'_>, arguments: &BasicUNetPlusPlusArguments) -> Result<Self, Error> {
        arguments.check()?;
        let blocks = arguments.blocks()?;
        let features = &arguments.features;
        // In MONAI's order, the same seed gives the same parameters.
        let top = blocks.two_conv(&(path / "conv_0_0"), arguments.in_channels, features[0])?;
        let down =
            |row: usize| blocks.down(&(path / format!("conv_{row}_0")), features[row - 1], features[row]);
        let downs = (1..=LAST).map(down).collect::<Result<_, _>>()?;
        let mut upcats: [Vec<UpCat>; LAST] = Default::default();
        for column in 1..=LAST {
            for (row, upcats) in upcats.iter_mut().enumerate().take(LAST + 1 - column) {
                let channels = UpCatChannels {
                    inputs: features[row + 1],
                    skip: features[row] * column as i64,
                    outputs: if column == LAST { features[5] } else { features[row] },
                    halves: row > 0,
                };
                upcats.push(blocks.up_cat(&(path / format!("upcat_{row}_{column}")), channels)?);
            }
        }
        Ok(Self {
            top,
            downs,
            upcats,
            final_conv: final_conv(path, arguments)?,
            in_channels: arguments.in_channels,
            out_channels: arguments.out_channels,
            min_size: blocks.min_size(features[4], false)?,
            min_training_size: blocks.min_size(features[4], true)?,
        })
    }
}

/// Creates the last convolution of each column, and returns that of the last column: the others serve deep supervision
/// only, but their parameters are in MONAI's state dictionary.
fn final_conv(path: &Path<'_>, arguments: &BasicUNetPlusPlusArguments) -> Result<Conv2d, Error> {
    let conv = |column: usize, inputs: i64| {
        let path = path / format!("final_conv_0_{column}");
        Conv2d::new(&path, inputs, arguments.out_channels, ConvOptions::pointwise(true))
    };
    for column in 1..LAST {
        conv(column, arguments.features[0])?;
    }
    conv(LAST, arguments.features[5])
}

impl Block for BasicUNetPlusPlus {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let mut rows = vec![vec![self.top.forward(input, train)?]];
        // Each level of the encoder allows one more column in the rows above.
        for (level, down) in self.downs.iter().enumerate() {
            rows.push(vec![down.forward(&rows[level][0], train)?]);
            for row in (0..=level).rev() {
                let column = level - row;
                let skip = Tensor::f_cat(&rows[row], 1)?;
                let node = self.upcats[row][column].forward(&rows[row + 1][column], Some(&skip), train)?;
                rows[row].push(node);
            }
        }
        self.final_conv.forward(&rows[0][LAST], train)
    }
}

impl SegmentationNet for BasicUNetPlusPlus {
    fn in_channels(&self) -> i64 {
        self.in_channels
    }

    fn out_channels(&self) -> i64 {
        self.out_channels
    }

    fn size_divisor(&self) -> [i64; 2] {
        [1, 1]
    }

    fn min_size(&self, train: bool) -> [i64; 2] {
        [if train { self.min_training_size } else { self.min_size }; 2]
    }
}
