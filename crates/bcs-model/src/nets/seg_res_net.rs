//! MONAI's `SegResNet` in two dimensions: an encoder of residual blocks with a smaller decoder. Myronenko, 3D MRI Brain
//! Tumor Segmentation Using Autoencoder Regularization (2018), without the autoencoder.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::checks::{self, MAX_LEVELS};
use super::defaults;
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use crate::arguments::in_range;
use crate::blocks::adn::Dropout;
use crate::blocks::conv::MAX_CHANNELS;
use crate::blocks::{
    Activation, AdnSpec, Block, Conv2d, ConvOptions, Interpolation, LayerSpec, Norm, UpSample, UpsampleMode,
};
use crate::error::{Error, argument};

/// Largest number of residual blocks of a level.
const MAX_BLOCKS: usize = 64;

/// Arguments of `monai.networks.nets.SegResNet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegResNetArguments {
    /// Number of spatial dimensions: 2. MONAI's default is 3, which is an error here.
    #[serde(default = "defaults::spatial_dims")]
    pub spatial_dims: i64,
    /// Number of channels of the top level; each level below has twice as many.
    #[serde(default = "init_filters")]
    pub init_filters: i64,
    /// Number of input channels.
    #[serde(default = "defaults::in_channels")]
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    #[serde(default = "defaults::out_channels")]
    pub out_channels: i64,
    /// Ratio of the channels that dropout zeroes after the first convolution; none for no dropout.
    #[serde(default)]
    pub dropout_prob: Option<f64>,
    /// Activation type and arguments.
    #[serde(default = "relu")]
    pub act: LayerSpec,
    /// Normalization type and arguments.
    #[serde(default = "group")]
    pub norm: LayerSpec,
    /// Deprecated in MONAI: empty, or `group` for group normalization with `num_groups` in place of `norm`.
    #[serde(default)]
    pub norm_name: String,
    /// Deprecated in MONAI: number of groups for `norm_name`.
    #[serde(default = "num_groups")]
    pub num_groups: i64,
    /// Whether the last convolution, from `init_filters` to `out_channels` channels, is applied.
    #[serde(default = "defaults::yes")]
    pub use_conv_final: bool,
    /// Number of residual blocks of each encoder level, top level first.
    #[serde(default = "blocks_down")]
    pub blocks_down: Vec<usize>,
    /// Number of residual blocks of each decoder level, lowest level first: one fewer than encoder levels.
    #[serde(default = "blocks_up")]
    pub blocks_up: Vec<usize>,
    /// Upsampling mode.
    #[serde(default = "defaults::nontrainable")]
    pub upsample_mode: UpsampleMode,
}

fn init_filters() -> i64 {
    8
}

fn relu() -> LayerSpec {
    defaults::layer("RELU", &[("inplace", true.into())])
}

fn group() -> LayerSpec {
    group_of(num_groups())
}

fn group_of(groups: i64) -> LayerSpec {
    defaults::layer("GROUP", &[("num_groups", groups.into())])
}

fn num_groups() -> i64 {
    8
}

fn blocks_down() -> Vec<usize> {
    vec![1, 2, 2, 4]
}

fn blocks_up() -> Vec<usize> {
    vec![1, 1, 1]
}

impl NetworkArguments for SegResNetArguments {
    const NAME: &'static str = "SegResNet";
    const RENAMED: &'static [(&'static str, &'static str)] =
        &[("activation", "act"), ("dropout", "dropout_prob")];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        self.check_levels()?;
        if let Some(ratio) = self.dropout_prob {
            in_range("dropout_prob", ratio, 0.0, 1.0)?;
        }
        if !self.norm_name.is_empty() && !self.norm_name.eq_ignore_ascii_case("group") {
            let reason = format!("is '{}'; it must be empty or group, use norm instead", self.norm_name);
            return Err(argument("norm_name", reason));
        }
        self.act.refuse_null("act")?;
        self.norm.refuse_null("norm")?;
        let layers = self.layers();
        self.normalized_channels().try_for_each(|channels| layers.check(channels))
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(SegResNet::new(path, self)?))
    }
}

impl SegResNetArguments {
    fn check_levels(&self) -> Result<(), Error> {
        let (down, up) = (self.blocks_down.len(), self.blocks_up.len());
        if !(1..=MAX_LEVELS).contains(&down) {
            let reason = format!("has {down} entries; it needs 1 to {MAX_LEVELS}, one per level");
            return Err(argument("blocks_down", reason));
        }
        if up != down - 1 {
            let reason = format!("has {up} entries; {down} levels in blocks_down need {}", down - 1);
            return Err(argument("blocks_up", reason));
        }
        for (name, blocks) in [("blocks_down", &self.blocks_down), ("blocks_up", &self.blocks_up)] {
            for (level, count) in blocks.iter().enumerate() {
                in_range(&format!("{name}[{level}]"), *count, 0, MAX_BLOCKS)?;
            }
        }
        in_range("init_filters", self.init_filters, 1, MAX_CHANNELS >> (down - 1))
    }

    /// Number of channels of a level.
    fn filters(&self, level: usize) -> i64 {
        self.init_filters << level
    }

    fn levels(&self) -> usize {
        self.blocks_down.len()
    }

    /// Normalization and activation; the residual blocks have no dropout.
    fn layers(&self) -> AdnSpec {
        let norm = if self.norm_name.is_empty() { self.norm.clone() } else { group_of(self.num_groups) };
        AdnSpec { ordering: "NA".to_owned(), act: self.act.clone(), norm, dropout: Dropout::Plain(0.0) }
    }

    /// Channel counts of all activations and normalizations.
    fn normalized_channels(&self) -> impl Iterator<Item = i64> + '_ {
        let has_blocks = |level: &usize| {
            let up = self.blocks_up.iter().rev().nth(*level);
            self.blocks_down[*level] > 0 || up.is_some_and(|blocks| *blocks > 0)
        };
        // The layer before the last convolution exists even if it is not applied.
        (0..self.levels())
            .filter(move |level| *level == 0 || has_blocks(level))
            .map(|level| self.filters(level))
    }

    /// Least height and width, which leaves more than one pixel at the lowest level if its normalization needs it.
    fn min_size(&self, train: bool) -> Result<i64, Error> {
        let lowest = self.levels() - 1;
        let is_normalized = self.blocks_down[lowest] > 0 || (lowest == 0 && self.use_conv_final);
        let refuses = is_normalized && self.layers().refuses_single_pixel(self.filters(lowest), train)?;
        Ok(if refuses { 2 << lowest } else { 1 << lowest })
    }
}

/// `monai.networks.nets.SegResNet`.
#[derive(Debug)]
pub struct SegResNet {
    conv_init: Conv2d,
    dropout: Option<f64>,
    downs: Vec<Down>,
    ups: Vec<Up>,
    conv_final: Option<FinalConv>,
    shapes: Shapes,
}

/// An encoder level: a strided convolution, except at the top, and residual blocks.
#[derive(Debug)]
struct Down {
    pre_conv: Option<Conv2d>,
    blocks: Vec<ResBlock>,
}

/// A decoder level: a 1×1 convolution, upsampling, the skip connection's addition, and residual blocks.
#[derive(Debug)]
struct Up {
    conv: Conv2d,
    upsample: UpSample,
    blocks: Vec<ResBlock>,
}

/// Normalization, activation and a 1×1 convolution.
#[derive(Debug)]
struct FinalConv {
    norm: Norm,
    act: Activation,
    conv: Conv2d,
}

impl SegResNet {
    /// Creates the network, with parameters under `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses.
    pub fn new(path: &Path<'_>, arguments: &SegResNetArguments) -> Result<Self, Error> {
        arguments.check()?;
        let builder = Builder { arguments, layers: arguments.layers() };
        // In MONAI's order, the same seed gives the same parameters.
        let conv_init = Conv2d::new(
            &(path / "convInit" / "conv"),
            arguments.in_channels,
            arguments.init_filters,
            same(1),
        )?;
        let downs =
            (0..arguments.levels()).map(|level| builder.down(path, level)).collect::<Result<_, _>>()?;
        let ups = (0..arguments.levels() - 1).map(|step| builder.up(path, step)).collect::<Result<_, _>>()?;
        let conv_final = builder.conv_final(path)?;
        let used = arguments.use_conv_final;
        Ok(Self {
            conv_init,
            dropout: arguments.dropout_prob,
            downs,
            ups,
            conv_final: used.then_some(conv_final),
            shapes: Shapes {
                in_channels: arguments.in_channels,
                out_channels: if used { arguments.out_channels } else { arguments.init_filters },
                size_divisor: [1 << (arguments.levels() - 1); 2],
                min_size: [arguments.min_size(false)?; 2],
                min_training_size: [arguments.min_size(true)?; 2],
                output_stride: [1, 1],
            },
        })
    }
}

/// A 3×3 convolution without bias that keeps the size before the stride.
fn same(stride: i64) -> ConvOptions {
    ConvOptions { kernel: [3, 3], stride: [stride; 2], padding: [1, 1], groups: 1, bias: false }
}

struct Builder<'a> {
    arguments: &'a SegResNetArguments,
    layers: AdnSpec,
}

impl Builder<'_> {
    fn down(&self, path: &Path<'_>, level: usize) -> Result<Down, Error> {
        let path = path / "down_layers" / level;
        let filters = self.arguments.filters(level);
        let conv = || Conv2d::new(&(&path / 0 / "conv"), filters / 2, filters, same(2));
        let pre_conv = (level > 0).then(conv).transpose()?;
        let blocks = 1..=self.arguments.blocks_down[level];
        let blocks = blocks.map(|index| ResBlock::new(&(&path / index), filters, &self.layers));
        Ok(Down { pre_conv, blocks: blocks.collect::<Result<_, _>>()? })
    }

    /// `step` counts decoder levels from the lowest.
    fn up(&self, path: &Path<'_>, step: usize) -> Result<Up, Error> {
        let filters = self.arguments.filters(self.arguments.levels() - 2 - step);
        let layers = path / "up_layers" / step;
        let blocks = 0..self.arguments.blocks_up[step];
        let blocks = blocks.map(|index| ResBlock::new(&(&layers / index), filters, &self.layers));
        let blocks = blocks.collect::<Result<_, _>>()?;
        let samples = path / "up_samples" / step;
        let conv =
            Conv2d::new(&(&samples / 0 / "conv"), 2 * filters, filters, ConvOptions::pointwise(false))?;
        let mode = self.arguments.upsample_mode;
        Ok(Up {
            conv,
            upsample: UpSample::new(&(&samples / 1), filters, filters, mode, Interpolation::bilinear(false))?,
            blocks,
        })
    }

    fn conv_final(&self, path: &Path<'_>) -> Result<FinalConv, Error> {
        let (filters, outputs) = (self.arguments.init_filters, self.arguments.out_channels);
        let layers = path / "conv_final";
        let norm = Norm::new(&(&layers / 0), &self.layers.norm, filters)?;
        let act = Activation::new(&(&layers / 1), &self.layers.act, filters)?;
        // MONAI registers this layer under both names, so its state dictionary has both.
        if let Activation::PRelu { weight } = &act {
            let _ = (path / "act_mod").add("weight", weight.shallow_clone(), false);
        }
        let conv = Conv2d::new(&(&layers / 2 / "conv"), filters, outputs, ConvOptions::pointwise(true))?;
        Ok(FinalConv { norm, act, conv })
    }
}

/// `monai.networks.blocks.segresnet_block.ResBlock`: twice normalization, activation and a convolution, added to the
/// input.
#[derive(Debug)]
struct ResBlock {
    norms: [Norm; 2],
    act: Activation,
    convs: [Conv2d; 2],
}

impl ResBlock {
    fn new(path: &Path<'_>, channels: i64, layers: &AdnSpec) -> Result<Self, Error> {
        let norm = |name: &str| Norm::new(&(path / name), &layers.norm, channels);
        let conv = |name: &str| Conv2d::new(&(path / name / "conv"), channels, channels, same(1));
        Ok(Self {
            norms: [norm("norm1")?, norm("norm2")?],
            act: Activation::new(&(path / "act"), &layers.act, channels)?,
            convs: [conv("conv1")?, conv("conv2")?],
        })
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let mut x = input.shallow_clone();
        for (norm, conv) in self.norms.iter().zip(&self.convs) {
            let normalized = norm.forward(&x, train)?;
            x = conv.forward(&self.act.forward(&normalized, train)?, train)?;
        }
        Ok(x.f_add(input)?)
    }
}

fn run(blocks: &[ResBlock], input: Tensor, train: bool) -> Result<Tensor, Error> {
    blocks.iter().try_fold(input, |x, block| block.forward(&x, train))
}

impl SegmentationNet for SegResNet {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let mut x = self.conv_init.forward(input, train)?;
        if let Some(ratio) = self.dropout {
            x = x.f_feature_dropout(ratio, train)?;
        }
        let mut skips = Vec::with_capacity(self.downs.len());
        for down in &self.downs {
            if let Some(conv) = &down.pre_conv {
                x = conv.forward(&x, train)?;
            }
            x = run(&down.blocks, x, train)?;
            skips.push(x.shallow_clone());
        }
        let bottleneck = x.shallow_clone();
        for (up, skip) in self.ups.iter().zip(skips.iter().rev().skip(1)) {
            let upsampled = up.upsample.forward(&up.conv.forward(&x, train)?, train)?;
            x = run(&up.blocks, upsampled.f_add(skip)?, train)?;
        }
        if let Some(last) = &self.conv_final {
            x = last.forward(&x, train)?;
        }
        Ok(Activations { logits: x, bottleneck })
    }
}

impl FinalConv {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let normalized = self.norm.forward(input, train)?;
        self.conv.forward(&self.act.forward(&normalized, train)?, train)
    }
}
