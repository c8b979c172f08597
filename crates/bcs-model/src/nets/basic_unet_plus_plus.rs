//! MONAI's `BasicUNetPlusPlus` in two dimensions: `BasicUNet` with nested, dense skip connections. Zhou et al., UNet++: A
//! Nested U-Net Architecture for Medical Image Segmentation (2018).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::basic_unet::{Blocks, Down, TwoConv, UpCat, UpCatChannels, check_features};
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use super::{checks, defaults};
use crate::blocks::{Block, Conv2d, ConvOptions, LayerSpec, UpsampleMode};
use crate::error::Error;

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
    /// Whether the network has the logits of all four columns as outputs. The parameters are the same either way.
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
///
/// [`outputs`](SegmentationNet::outputs) with deep supervision, in training and inference, has the logits of the last
/// column (the main ones) to the first, all of the image's size. MONAI lists them the other way round.
#[derive(Debug)]
pub struct BasicUNetPlusPlus {
    top: TwoConv,
    downs: Vec<Down>,
    /// By row and column, from column 1.
    upcats: [Vec<UpCat>; LAST],
    /// By column, from column 1.
    final_convs: Vec<Conv2d>,
    deep_supervision: bool,
    shapes: Shapes,
}

impl BasicUNetPlusPlus {
    /// Creates the network, with parameters under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses.
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
            final_convs: final_convs(path, arguments)?,
            deep_supervision: arguments.deep_supervision,
            shapes: blocks.shapes(arguments.in_channels, arguments.out_channels, features[4])?,
        })
    }
}

/// Creates the last convolution of each column. All but the last serve deep supervision only, but their parameters are in
/// MONAI's state dictionary always.
fn final_convs(path: &Path<'_>, arguments: &BasicUNetPlusPlusArguments) -> Result<Vec<Conv2d>, Error> {
    let conv = |column: usize| {
        let path = path / format!("final_conv_0_{column}");
        let inputs = arguments.features[if column == LAST { 5 } else { 0 }];
        Conv2d::new(&path, inputs, arguments.out_channels, ConvOptions::pointwise(true))
    };
    (1..=LAST).map(conv).collect()
}

impl BasicUNetPlusPlus {
    /// Returns the features of the top level by column, and those of the lowest level.
    fn features(&self, input: &Tensor, train: bool) -> Result<(Vec<Tensor>, Tensor), Error> {
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
        let bottleneck = rows[LAST][0].shallow_clone();
        Ok((rows.swap_remove(0), bottleneck))
    }
}

impl SegmentationNet for BasicUNetPlusPlus {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let (features, bottleneck) = self.features(input, train)?;
        Ok(Activations { logits: self.final_convs[LAST - 1].forward(&features[LAST], train)?, bottleneck })
    }

    fn outputs(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error> {
        let (features, _) = self.features(input, train)?;
        let columns = self.final_convs.iter().zip(&features[1..]).rev();
        let count = if self.deep_supervision { LAST } else { 1 };
        columns.take(count).map(|(conv, column)| conv.forward(column, train)).collect()
    }
}
