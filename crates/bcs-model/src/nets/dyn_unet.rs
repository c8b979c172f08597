//! MONAI's `DynUNet` in two dimensions: the U-Net of nnU-Net, with a kernel and a stride per level and deep supervision.
//! Isensee et al., nnU-Net: Self-adapting Framework for U-Net-Based Medical Image Segmentation (2018).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::nn::{Path, VarStore};
use tch::{Kind, Tensor};

use super::activations::Activations;
use super::checks::{self, Levels, MAX_LEVELS};
use super::defaults;
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use crate::arguments::in_range;
use crate::blocks::adn::Dropout;
use crate::blocks::{
    AdnSpec, Block, DynUNetLayers, LayerSpec, Pair, UnetBlock, UnetBlockOptions, UnetOutBlock, UnetUpBlock,
};
use crate::error::{Error, argument};

/// Arguments of `monai.networks.nets.DynUNet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynUNetArguments {
    /// Number of spatial dimensions: 2.
    pub spatial_dims: i64,
    /// Number of input channels.
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    pub out_channels: i64,
    /// Kernel size of each level, top level first, odd; at least three levels.
    pub kernel_size: Vec<Pair>,
    /// Stride of each level. The first one makes the logits smaller than the image.
    pub strides: Vec<Pair>,
    /// Kernel size and stride of the transposed convolutions, top level first: the strides but the first.
    pub upsample_kernel_size: Vec<Pair>,
    /// Number of channels of each level; more are ignored. None for 32, 64, …, at most 512.
    #[serde(default)]
    pub filters: Option<Vec<i64>>,
    /// Dropout ratio, or dropout type and arguments, after each convolution.
    #[serde(default)]
    pub dropout: Value,
    /// Normalization type and arguments.
    #[serde(default = "instance")]
    pub norm_name: LayerSpec,
    /// Activation type and arguments.
    #[serde(default = "leaky_relu")]
    pub act_name: LayerSpec,
    /// Whether the network in training has outputs at lower levels too.
    #[serde(default)]
    pub deep_supervision: bool,
    /// Number of those outputs, at least 1 and less than the number of upsamplings.
    #[serde(default = "one")]
    pub deep_supr_num: i64,
    /// Whether the blocks of the encoder have residual connections.
    #[serde(default)]
    pub res_block: bool,
    /// Whether the transposed convolutions have a bias.
    #[serde(default)]
    pub trans_bias: bool,
}

fn instance() -> LayerSpec {
    defaults::layer("INSTANCE", &[("affine", true.into())])
}

fn leaky_relu() -> LayerSpec {
    defaults::layer("leakyrelu", &[("inplace", true.into()), ("negative_slope", 0.01.into())])
}

fn one() -> i64 {
    1
}

impl NetworkArguments for DynUNetArguments {
    const NAME: &'static str = "DynUNet";
    const RENAMED: &'static [(&'static str, &'static str)] =
        &[("activation", "act_name"), ("act", "act_name"), ("norm", "norm_name")];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        self.check_levels()?;
        self.check_kernels()?;
        self.check_upsampling()?;
        if self.deep_supervision {
            self.check_heads()?;
        }
        self.norm_name.refuse_null("norm_name")?;
        self.act_name.refuse_null("act_name")?;
        let adn = self.adn()?;
        self.filters().iter().try_for_each(|channels| adn.check(*channels)).map_err(own_name)
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(DynUNet::new(path, self)?))
    }
}

/// Replaces the names that layers have elsewhere by those of this network.
fn own_name(error: Error) -> Error {
    let Error::Argument { name, reason } = error else { return error };
    let name = match name.split_once('.') {
        None if name == "act" || name == "norm" => format!("{name}_name"),
        Some((layer @ ("act" | "norm"), argument)) => format!("{layer}_name.{argument}"),
        _ => name,
    };
    Error::Argument { name, reason }
}

impl DynUNetArguments {
    fn check_levels(&self) -> Result<(), Error> {
        let levels = self.strides.len();
        if !(3..MAX_LEVELS).contains(&levels) {
            let reason = format!("has {levels} entries; it needs 3 to {}, one per level", MAX_LEVELS - 1);
            return Err(argument("strides", reason));
        }
        let upsamplings = self.upsample_kernel_size.len();
        if upsamplings < levels - 1 {
            let least = levels - 1;
            let reason = format!("has {upsamplings} entries; {levels} strides need at least {least}");
            return Err(argument("upsample_kernel_size", reason));
        }
        if self.filters.as_ref().is_some_and(|filters| filters.len() < levels) {
            let reason = format!("has fewer entries than strides, which has {levels}");
            return Err(argument("filters", reason));
        }
        // A level more, as every level here has a stride.
        let channels: Vec<i64> = std::iter::once(1).chain(self.filters()).collect();
        Levels { channels: &channels, strides: &self.strides }.check().map_err(|error| match error {
            Error::Argument { name, reason } if name.starts_with("channels") => {
                argument("filters", format!("has an entry that {reason}"))
            }
            other => other,
        })
    }

    fn check_kernels(&self) -> Result<(), Error> {
        let (kernels, levels) = (self.kernel_size.len(), self.strides.len());
        if kernels != levels {
            let reason = format!("has {kernels} entries; strides has {levels}, and there must be as many");
            return Err(argument("kernel_size", reason));
        }
        for (level, (kernel, stride)) in self.kernel_size.iter().zip(&self.strides).enumerate() {
            checks::kernel(&format!("kernel_size[{level}]"), *kernel)?;
            for (side, step) in kernel.dims().into_iter().zip(stride.dims()) {
                // The padding of a larger stride would be negative; residual connections have a kernel of 1.
                let greatest = if self.res_block { 2 } else { side + 1 };
                in_range(&format!("strides[{level}]"), step, 1, greatest)?;
            }
        }
        Ok(())
    }

    /// MONAI's network is built with other sizes too, but then fails for every image.
    fn check_upsampling(&self) -> Result<(), Error> {
        let first = self.upsample_kernel_size.len() - (self.strides.len() - 1);
        for (index, (size, stride)) in self.upsampling().iter().zip(&self.strides[1..]).enumerate() {
            if size.dims() != stride.dims() {
                let (size, stride) = (size.dims(), stride.dims());
                let reason = format!("is {size:?}; it must be {stride:?}, as strides[{}] is", index + 1);
                return Err(argument(&format!("upsample_kernel_size[{}]", first + index), reason));
            }
        }
        Ok(())
    }

    fn check_heads(&self) -> Result<(), Error> {
        let greatest = self.strides.len() as i64 - 2;
        in_range("deep_supr_num", self.deep_supr_num, 1, greatest)
    }

    /// Kernel sizes of the transposed convolutions, top level first: MONAI takes the last ones of the list.
    fn upsampling(&self) -> &[Pair] {
        let count = self.strides.len() - 1;
        &self.upsample_kernel_size[self.upsample_kernel_size.len() - count..]
    }

    /// Number of channels of each level.
    fn filters(&self) -> Vec<i64> {
        let levels = self.strides.len();
        match &self.filters {
            Some(filters) => filters.iter().copied().take(levels).collect(),
            None => (0..levels).map(|level| (32 << level.min(4)).min(512)).collect(),
        }
    }

    fn heads(&self) -> usize {
        if self.deep_supervision { usize::try_from(self.deep_supr_num).unwrap_or(0) } else { 0 }
    }

    fn adn(&self) -> Result<AdnSpec, Error> {
        let DynUNetLayers { norm, act, dropout } = self.layers()?;
        Ok(AdnSpec { ordering: "DNA".to_owned(), act, norm, dropout })
    }

    fn layers(&self) -> Result<DynUNetLayers, Error> {
        let dropout = Dropout::parse(&self.dropout)?;
        Ok(DynUNetLayers { norm: self.norm_name.clone(), act: self.act_name.clone(), dropout })
    }

    fn size_divisor(&self) -> [i64; 2] {
        let strides = self.strides.iter().map(|stride| stride.dims());
        strides.fold([1, 1], |[height, width], [down, right]| [height * down, width * right])
    }

    /// Least height and width, which leaves more than one pixel at the bottom if the normalization needs it.
    fn min_size(&self, train: bool) -> Result<[i64; 2], Error> {
        let adn = self.adn()?;
        let last = self.strides.iter().rposition(|stride| stride.dims() != [1, 1]);
        let mut refuses = false;
        for channels in &self.filters()[last.unwrap_or(0)..] {
            refuses |= adn.refuses_single_pixel(*channels, train)?;
        }
        Ok(self.size_divisor().map(|divisor| if refuses { 2 * divisor } else { divisor }))
    }
}

/// `monai.networks.nets.DynUNet`.
///
/// [`outputs`](SegmentationNet::outputs) in training with deep supervision has the logits, then those of the levels below
/// the top one, highest first, enlarged to the size of the logits; MONAI stacks them in this order.
#[derive(Debug)]
pub struct DynUNet {
    /// Encoder, top level first, without the bottleneck.
    downs: Vec<UnetBlock>,
    bottleneck: UnetBlock,
    /// Decoder, lowest level first.
    ups: Vec<UnetUpBlock>,
    output_block: UnetOutBlock,
    /// Of the levels below the top one, highest first.
    heads: Vec<UnetOutBlock>,
    shapes: Shapes,
}

impl DynUNet {
    /// Creates the network, with parameters under `path`, and under MONAI's second names of them in `path/skip_layers`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses.
    pub fn new(path: &Path<'_>, arguments: &DynUNetArguments) -> Result<Self, Error> {
        arguments.check()?;
        let builder = Builder { path, arguments, filters: arguments.filters(), layers: arguments.layers()? };
        let bottom = arguments.strides.len() - 1;
        // In MONAI's order, the same seed gives the same parameters.
        let downs = (0..bottom).map(|level| builder.down(level)).collect::<Result<_, _>>()?;
        let bottleneck = builder.bottleneck(bottom)?;
        let ups = (0..bottom).rev().map(|level| builder.up(level, bottom)).collect::<Result<_, _>>()?;
        let (filters, outputs, dropout) = (&builder.filters, arguments.out_channels, builder.layers.dropout);
        let output_block = UnetOutBlock::new(&(path / "output_block"), filters[0], outputs, dropout)?;
        // MONAI fills the list of the heads' outputs with a random number.
        let _ = Tensor::f_rand([1], (Kind::Float, path.device()))?;
        let heads = (0..arguments.heads()).map(|index| builder.head(index)).collect::<Result<_, _>>()?;
        let network = Self {
            downs,
            bottleneck,
            ups,
            output_block,
            heads,
            shapes: Shapes {
                in_channels: arguments.in_channels,
                out_channels: arguments.out_channels,
                size_divisor: arguments.size_divisor(),
                min_size: arguments.min_size(false)?,
                min_training_size: arguments.min_size(true)?,
                output_stride: arguments.strides[0].dims(),
            },
        };
        network.initialize()?;
        Ok(network)
    }

    /// `DynUNet.initialize_weights`, in MONAI's order.
    fn initialize(&self) -> Result<(), Error> {
        self.downs.iter().chain([&self.bottleneck]).try_for_each(UnetBlock::initialize)?;
        self.ups.iter().try_for_each(UnetUpBlock::initialize)?;
        [&self.output_block].into_iter().chain(&self.heads).try_for_each(UnetOutBlock::initialize)
    }

    /// Returns the features of each level of the decoder, top level first, and those of the bottleneck.
    fn features(&self, input: &Tensor, train: bool) -> Result<(Vec<Tensor>, Tensor), Error> {
        let mut skips: Vec<Tensor> = Vec::with_capacity(self.downs.len());
        for down in &self.downs {
            skips.push(down.forward(skips.last().unwrap_or(input), train)?);
        }
        let bottleneck = self.bottleneck.forward(skips.last().unwrap_or(input), train)?;
        let mut x = bottleneck.shallow_clone();
        let mut features = Vec::with_capacity(self.ups.len());
        for (up, skip) in self.ups.iter().zip(skips.iter().rev()) {
            x = up.forward(&x, skip, train)?;
            features.push(x.shallow_clone());
        }
        features.reverse();
        Ok((features, bottleneck))
    }
}

struct Builder<'a> {
    path: &'a Path<'a>,
    arguments: &'a DynUNetArguments,
    filters: Vec<i64>,
    layers: DynUNetLayers,
}

impl Builder<'_> {
    fn down(&self, level: usize) -> Result<UnetBlock, Error> {
        let path = match level {
            0 => self.path / "input_block",
            _ => self.path / "downsamples" / (level - 1),
        };
        shared(&[path, self.skip(level) / "downsample"], |path| self.block(path, level))
    }

    fn bottleneck(&self, level: usize) -> Result<UnetBlock, Error> {
        shared(&[self.path / "bottleneck", self.skip(level)], |path| self.block(path, level))
    }

    fn block(&self, path: &Path<'_>, level: usize) -> Result<UnetBlock, Error> {
        let inputs = if level == 0 { self.arguments.in_channels } else { self.filters[level - 1] };
        let options = UnetBlockOptions {
            kernel: self.arguments.kernel_size[level].dims(),
            stride: self.arguments.strides[level].dims(),
            residual: self.arguments.res_block,
        };
        UnetBlock::new(path, inputs, self.filters[level], options, &self.layers)
    }

    /// Creates the decoder of a level, which upsamples the level below.
    fn up(&self, level: usize, bottom: usize) -> Result<UnetUpBlock, Error> {
        let paths = [self.path / "upsamples" / (bottom - 1 - level), self.skip(level) / "upsample"];
        let channels = [self.filters[level + 1], self.filters[level]];
        let kernel = self.arguments.kernel_size[level + 1].dims();
        let upsampling = self.arguments.upsampling()[level].dims();
        let bias = self.arguments.trans_bias;
        shared(&paths, |path| UnetUpBlock::new(path, channels, kernel, upsampling, bias, &self.layers))
    }

    fn head(&self, index: usize) -> Result<UnetOutBlock, Error> {
        let level = index + 1;
        let paths = [self.path / "deep_supervision_heads" / index, self.skip(level) / "super_head"];
        let (inputs, outputs) = (self.filters[level], self.arguments.out_channels);
        shared(&paths, |path| UnetOutBlock::new(path, inputs, outputs, self.layers.dropout))
    }

    /// Path of MONAI's skip layer of a level; that of the last level is the bottleneck.
    fn skip(&self, level: usize) -> Path<'_> {
        (0..level).fold(self.path / "skip_layers", |path, _| path / "next_layer")
    }
}

/// Creates a block whose parameters MONAI's state dictionary has under several paths. They are trained under the first.
fn shared<B>(paths: &[Path<'_>; 2], build: impl FnOnce(&Path<'_>) -> Result<B, Error>) -> Result<B, Error> {
    let own = VarStore::new(paths[0].device());
    let block = build(&own.root())?;
    // Sorted, so that an optimizer always has the same order.
    let variables: BTreeMap<String, Tensor> = own.variables().into_iter().collect();
    for (index, path) in paths.iter().enumerate() {
        for (name, tensor) in &variables {
            let (modules, name) = name.rsplit_once('.').unwrap_or(("", name));
            let path = modules.split('.').fold(path.clone(), |path, module| path / module);
            let _ = path.add(name, tensor.shallow_clone(), index == 0 && tensor.requires_grad());
        }
    }
    Ok(block)
}

impl SegmentationNet for DynUNet {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let (features, bottleneck) = self.features(input, train)?;
        Ok(Activations { logits: self.output_block.forward(&features[0], train)?, bottleneck })
    }

    fn outputs(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error> {
        let (features, _) = self.features(input, train)?;
        let main = self.output_block.forward(&features[0], train)?;
        let (_, _, height, width) = main.size4()?;
        let mut outputs = vec![main];
        if train {
            for (head, level) in self.heads.iter().zip(&features[1..]) {
                let logits = head.forward(level, train)?;
                outputs.push(logits.f_upsample_nearest2d([height, width], None, None)?);
            }
        }
        Ok(outputs)
    }
}
