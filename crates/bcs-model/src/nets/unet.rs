//! MONAI's `UNet` in two dimensions: residual units, strided convolutions down, transposed convolutions up. Kerfoot et
//! al., Left-Ventricle Quantification Using Residual U-Net (2019).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::registry::{NetworkArguments, SegmentationNet};
use crate::arguments::in_range;
use crate::blocks::adn::Dropout;
use crate::blocks::conv::{MAX_CHANNELS, MAX_KERNEL};
use crate::blocks::convolution::same_padding;
use crate::blocks::{
    AdnSpec, Block, Convolution, ConvolutionOptions, LayerSpec, Pair, ResidualUnit, ResidualUnitOptions,
};
use crate::error::{Error, argument};

/// Largest number of levels.
const MAX_LEVELS: usize = 16;

/// Largest number of convolutions in a residual unit.
const MAX_RES_UNITS: usize = 64;

/// Largest product of the strides.
const MAX_DIVISOR: i64 = 1 << 16;

/// Arguments of `monai.networks.nets.UNet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetArguments {
    /// Number of spatial dimensions: 2.
    pub spatial_dims: i64,
    /// Number of input channels.
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    pub out_channels: i64,
    /// Number of channels of each level, top level first; at least two levels.
    pub channels: Vec<i64>,
    /// Stride of each level but the last; more are ignored.
    pub strides: Vec<Pair>,
    /// Kernel size of the convolutions, odd.
    #[serde(default = "three")]
    pub kernel_size: Pair,
    /// Kernel size of the transposed convolutions, odd.
    #[serde(default = "three")]
    pub up_kernel_size: Pair,
    /// Number of convolutions in a residual unit; 0 for convolutions without residual connection.
    #[serde(default)]
    pub num_res_units: usize,
    /// Activation type and arguments.
    #[serde(default = "prelu")]
    pub act: LayerSpec,
    /// Normalization type and arguments.
    #[serde(default = "instance")]
    pub norm: LayerSpec,
    /// Dropout ratio, or dropout type and arguments.
    #[serde(default = "no_dropout")]
    pub dropout: Value,
    /// Whether convolutions have a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Order of activation (A), dropout (D) and normalization (N).
    #[serde(default = "nda")]
    pub adn_ordering: String,
}

fn three() -> Pair {
    Pair::Both(3)
}

fn prelu() -> LayerSpec {
    "PRELU".into()
}

fn instance() -> LayerSpec {
    "INSTANCE".into()
}

fn no_dropout() -> Value {
    0.0.into()
}

fn yes() -> bool {
    true
}

fn nda() -> String {
    "NDA".to_owned()
}

impl NetworkArguments for UNetArguments {
    const NAME: &'static str = "UNet";
    const RENAMED: &'static [(&'static str, &'static str)] = &[("activation", "act")];

    fn check(&self) -> Result<(), Error> {
        self.check_levels()?;
        same_padding("kernel_size", self.kernel_size.dims())?;
        same_padding("up_kernel_size", self.up_kernel_size.dims())?;
        for (name, kernel) in [("kernel_size", self.kernel_size), ("up_kernel_size", self.up_kernel_size)] {
            kernel.dims().iter().try_for_each(|side| in_range(name, *side, 1, MAX_KERNEL))?;
        }
        in_range("num_res_units", self.num_res_units, 0, MAX_RES_UNITS)?;
        let adn = self.adn()?;
        self.normalized_channels().try_for_each(|channels| adn.check(channels))
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(UNet::new(path, self)?))
    }
}

impl UNetArguments {
    fn check_levels(&self) -> Result<(), Error> {
        if self.spatial_dims != 2 {
            let reason =
                format!("is {}; only 2 is supported, as images have two dimensions", self.spatial_dims);
            return Err(argument("spatial_dims", reason));
        }
        let levels = self.channels.len();
        if !(2..=MAX_LEVELS).contains(&levels) {
            let reason = format!("has {levels} entries; it needs 2 to {MAX_LEVELS}, one per level");
            return Err(argument("channels", reason));
        }
        if self.strides.len() < levels - 1 {
            let reason = format!(
                "has {} entries; {levels} channels need at least {} (one per level but the last)",
                self.strides.len(),
                levels - 1
            );
            return Err(argument("strides", reason));
        }
        in_range("in_channels", self.in_channels, 1, MAX_CHANNELS)?;
        in_range("out_channels", self.out_channels, 1, MAX_CHANNELS)?;
        for (level, channels) in self.channels.iter().enumerate() {
            in_range(&format!("channels[{level}]"), *channels, 1, MAX_CHANNELS)?;
        }
        for (level, stride) in self.used_strides().enumerate() {
            stride
                .iter()
                .try_for_each(|step| in_range(&format!("strides[{level}]"), *step, 1, MAX_KERNEL))?;
        }
        let [height, width] = self.size_divisor();
        if height.max(width) > MAX_DIVISOR {
            let reason =
                format!("multiply to {}; the product must be at most {MAX_DIVISOR}", height.max(width));
            return Err(argument("strides", reason));
        }
        Ok(())
    }

    fn adn(&self) -> Result<AdnSpec, Error> {
        Ok(AdnSpec {
            ordering: self.adn_ordering.clone(),
            act: self.act.clone(),
            norm: self.norm.clone(),
            dropout: Dropout::parse(&self.dropout)?,
        })
    }

    /// Strides that are used: one per level but the last.
    fn used_strides(&self) -> impl Iterator<Item = [i64; 2]> + '_ {
        self.strides.iter().take(self.channels.len() - 1).map(|stride| stride.dims())
    }

    fn size_divisor(&self) -> [i64; 2] {
        let multiply = |[h, w]: [i64; 2], [sh, sw]: [i64; 2]| [h.saturating_mul(sh), w.saturating_mul(sw)];
        self.used_strides().fold([1, 1], multiply)
    }

    /// Channel counts of all activations and normalizations.
    fn normalized_channels(&self) -> impl Iterator<Item = i64> + '_ {
        let top = (self.num_res_units > 0).then_some(self.out_channels);
        self.channels.iter().copied().chain(top)
    }

    /// Channel counts of the normalizations that see the image at its smallest: those below the last stride.
    fn channels_at_the_bottom(&self) -> impl Iterator<Item = i64> + '_ {
        let strides: Vec<_> = self.used_strides().collect();
        let last = strides.iter().rposition(|stride| *stride != [1, 1]);
        let top = (last.is_none() && self.num_res_units > 0).then_some(self.out_channels);
        self.channels[last.unwrap_or(0)..].iter().copied().chain(top)
    }

    /// Least height and width, which leaves more than one pixel at the bottom if the normalization needs it.
    fn min_size(&self, adn: &AdnSpec, train: bool) -> Result<[i64; 2], Error> {
        let mut refuses = false;
        for channels in self.channels_at_the_bottom() {
            refuses |= adn.refuses_single_pixel(channels, train)?;
        }
        Ok(self.size_divisor().map(|divisor| if refuses { 2 * divisor } else { divisor }))
    }
}

/// `monai.networks.nets.UNet`.
#[derive(Debug)]
pub struct UNet {
    model: Level,
    in_channels: i64,
    out_channels: i64,
    size_divisor: [i64; 2],
    min_size: [i64; 2],
    min_training_size: [i64; 2],
}

/// One encoder–decoder level with its skip connection.
#[derive(Debug)]
struct Level {
    down: Box<dyn Block>,
    subblock: Subblock,
    up: Up,
}

/// The part of the network below a level.
#[derive(Debug)]
enum Subblock {
    Level(Box<Level>),
    Bottom(Box<dyn Block>),
}

/// The decoder of a level.
#[derive(Debug)]
struct Up {
    convolution: Convolution,
    residual: Option<ResidualUnit>,
}

impl UNet {
    /// Creates the network, with parameters under `path/model`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses.
    pub fn new(path: &Path<'_>, arguments: &UNetArguments) -> Result<Self, Error> {
        arguments.check()?;
        let builder = Builder { arguments, adn: arguments.adn()? };
        let (in_channels, out_channels) = (arguments.in_channels, arguments.out_channels);
        Ok(Self {
            model: builder.level(&(path / "model"), in_channels, out_channels, 0)?,
            in_channels,
            out_channels,
            size_divisor: arguments.size_divisor(),
            min_size: arguments.min_size(&builder.adn, false)?,
            min_training_size: arguments.min_size(&builder.adn, true)?,
        })
    }
}

struct Builder<'a> {
    arguments: &'a UNetArguments,
    adn: AdnSpec,
}

impl Builder<'_> {
    /// Creates the level of this depth, the levels below it first: in MONAI's order, the same seed gives the same
    /// parameters.
    fn level(&self, path: &Path<'_>, inputs: i64, outputs: i64, depth: usize) -> Result<Level, Error> {
        let channels = &self.arguments.channels[depth..];
        let stride = self.arguments.strides[depth].dims();
        let subblock_path = path / 1 / "submodule";
        let (subblock, up_inputs) = if channels.len() > 2 {
            let level = self.level(&subblock_path, channels[0], channels[0], depth + 1)?;
            (Subblock::Level(Box::new(level)), 2 * channels[0])
        } else {
            let bottom = self.down(&subblock_path, channels[0], channels[1], [1, 1])?;
            (Subblock::Bottom(bottom), channels[0] + channels[1])
        };
        let down = self.down(&(path / 0), inputs, channels[0], stride)?;
        let up = self.up(&(path / 2), up_inputs, outputs, stride, depth == 0)?;
        Ok(Level { down, subblock, up })
    }

    fn down(
        &self,
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        strides: [i64; 2],
    ) -> Result<Box<dyn Block>, Error> {
        let (kernel, bias) = (self.arguments.kernel_size.dims(), self.arguments.bias);
        if self.arguments.num_res_units > 0 {
            let subunits = self.arguments.num_res_units;
            let options = ResidualUnitOptions { kernel, strides, subunits, bias, last_conv_only: false };
            return Ok(Box::new(ResidualUnit::new(path, inputs, outputs, options, &self.adn)?));
        }
        let options = ConvolutionOptions { kernel, strides, bias, conv_only: false, is_transposed: false };
        Ok(Box::new(Convolution::new(path, inputs, outputs, options, &self.adn)?))
    }

    fn up(
        &self,
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        strides: [i64; 2],
        is_top: bool,
    ) -> Result<Up, Error> {
        let bias = self.arguments.bias;
        let has_residual = self.arguments.num_res_units > 0;
        let options = ConvolutionOptions {
            kernel: self.arguments.up_kernel_size.dims(),
            strides,
            bias,
            conv_only: is_top && !has_residual,
            is_transposed: true,
        };
        if !has_residual {
            let convolution = Convolution::new(path, inputs, outputs, options, &self.adn)?;
            return Ok(Up { convolution, residual: None });
        }
        let convolution = Convolution::new(&(path / 0), inputs, outputs, options, &self.adn)?;
        let kernel = self.arguments.kernel_size.dims();
        let unit = ResidualUnitOptions { kernel, strides: [1, 1], subunits: 1, bias, last_conv_only: is_top };
        let residual = ResidualUnit::new(&(path / 1), outputs, outputs, unit, &self.adn)?;
        Ok(Up { convolution, residual: Some(residual) })
    }
}

impl Level {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let x = self.down.forward(input, train)?;
        let below = match &self.subblock {
            Subblock::Level(level) => level.forward(&x, train)?,
            Subblock::Bottom(bottom) => bottom.forward(&x, train)?,
        };
        let concatenated = Tensor::f_cat(&[x, below], 1)?;
        let output = self.up.convolution.forward(&concatenated, train)?;
        match &self.up.residual {
            Some(residual) => residual.forward(&output, train),
            None => Ok(output),
        }
    }
}

impl Block for UNet {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.model.forward(input, train)
    }
}

impl SegmentationNet for UNet {
    fn in_channels(&self) -> i64 {
        self.in_channels
    }

    fn out_channels(&self) -> i64 {
        self.out_channels
    }

    fn size_divisor(&self) -> [i64; 2] {
        self.size_divisor
    }

    fn min_size(&self, train: bool) -> [i64; 2] {
        if train { self.min_training_size } else { self.min_size }
    }
}
