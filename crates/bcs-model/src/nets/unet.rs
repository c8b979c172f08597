//! MONAI's `UNet` in two dimensions: residual units, strided convolutions down, transposed convolutions up. Kerfoot et
//! al., Left-Ventricle Quantification Using Residual U-Net (2019).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::checks::{self, Levels};
use super::defaults;
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use crate::arguments::in_range;
use crate::blocks::adn::Dropout;
use crate::blocks::{
    AdnSpec, Block, Convolution, ConvolutionOptions, LayerSpec, Pair, ResidualUnit, ResidualUnitOptions,
};
use crate::error::Error;

/// Largest number of convolutions in a residual unit.
const MAX_RES_UNITS: usize = 64;

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
    #[serde(default = "defaults::three")]
    pub kernel_size: Pair,
    /// Kernel size of the transposed convolutions, odd.
    #[serde(default = "defaults::three")]
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
    #[serde(default = "defaults::no_dropout")]
    pub dropout: Value,
    /// Whether convolutions have a bias.
    #[serde(default = "defaults::yes")]
    pub bias: bool,
    /// Order of activation (A), dropout (D) and normalization (N).
    #[serde(default = "nda")]
    pub adn_ordering: String,
}

fn prelu() -> LayerSpec {
    "PRELU".into()
}

fn instance() -> LayerSpec {
    "INSTANCE".into()
}

fn nda() -> String {
    "NDA".to_owned()
}

impl NetworkArguments for UNetArguments {
    const NAME: &'static str = "UNet";
    const RENAMED: &'static [(&'static str, &'static str)] = &[("activation", "act")];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        self.levels().check()?;
        checks::kernel("kernel_size", self.kernel_size)?;
        checks::kernel("up_kernel_size", self.up_kernel_size)?;
        in_range("num_res_units", self.num_res_units, 0, MAX_RES_UNITS)?;
        let adn = self.adn()?;
        self.normalized_channels().try_for_each(|channels| adn.check(channels))
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(UNet::new(path, self)?))
    }
}

impl UNetArguments {
    fn levels(&self) -> Levels<'_> {
        Levels { channels: &self.channels, strides: &self.strides }
    }

    fn adn(&self) -> Result<AdnSpec, Error> {
        Ok(AdnSpec {
            ordering: self.adn_ordering.clone(),
            act: self.act.clone(),
            norm: self.norm.clone(),
            dropout: Dropout::parse(&self.dropout)?,
        })
    }

    /// Channel counts of all activations and normalizations.
    fn normalized_channels(&self) -> impl Iterator<Item = i64> + '_ {
        let top = (self.num_res_units > 0).then_some(self.out_channels);
        self.channels.iter().copied().chain(top)
    }

    /// Channel counts of the normalizations that see the image at its smallest: those below the last stride.
    fn channels_at_the_bottom(&self) -> impl Iterator<Item = i64> + '_ {
        let strides = self.levels().used_strides();
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
        Ok(self.levels().size_divisor().map(|divisor| if refuses { 2 * divisor } else { divisor }))
    }
}

/// `monai.networks.nets.UNet`.
#[derive(Debug)]
pub struct UNet {
    model: Level,
    shapes: Shapes,
    runs_together: bool,
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
            runs_together: builder.adn.runs_together(arguments.channels[0])?,
            model: builder.level(&(path / "model"), in_channels, out_channels, 0)?,
            shapes: Shapes {
                in_channels,
                out_channels,
                size_divisor: arguments.levels().size_divisor(),
                min_size: arguments.min_size(&builder.adn, false)?,
                min_training_size: arguments.min_size(&builder.adn, true)?,
                output_stride: [1, 1],
            },
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
    /// Returns the output of the level and that of the bottom.
    fn forward(&self, input: &Tensor, train: bool) -> Result<[Tensor; 2], Error> {
        let x = self.down.forward(input, train)?;
        let [below, bottom] = match &self.subblock {
            Subblock::Level(level) => level.forward(&x, train)?,
            Subblock::Bottom(bottom) => {
                let bottom = bottom.forward(&x, train)?;
                [bottom.shallow_clone(), bottom]
            }
        };
        let concatenated = Tensor::f_cat(&[x, below], 1)?;
        let mut output = self.up.convolution.forward(&concatenated, train)?;
        if let Some(residual) = &self.up.residual {
            output = residual.forward(&output, train)?;
        }
        Ok([output, bottom])
    }
}

impl SegmentationNet for UNet {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let [logits, bottleneck] = self.model.forward(input, train)?;
        Ok(Activations { logits, bottleneck })
    }

    fn prefers_channels_last(&self) -> bool {
        self.runs_together
    }
}
