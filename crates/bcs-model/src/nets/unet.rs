//! MONAI's `UNet` in two dimensions: residual units, strided convolutions down, transposed ones up. Kerfoot et
//! al., Left-Ventricle Quantification Using Residual U-Net (2019).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::Architecture;
use crate::blocks::adn::Dropout;
use crate::blocks::{
    AdnSpec, Block, Convolution, ConvolutionOptions, LayerSpec, Pair, ResidualUnit, ResidualUnitOptions,
};
use crate::error::{Error, argument};

/// Arguments of `monai.networks.nets.UNet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetArguments {
    /// 2; images have no third dimension here.
    pub spatial_dims: i64,
    /// Channels of the input.
    pub in_channels: i64,
    /// Channels of the output: classes.
    pub out_channels: i64,
    /// Channels of each level, the top first; at least two levels.
    pub channels: Vec<i64>,
    /// By how much each level but the last shrinks the image.
    pub strides: Vec<Pair>,
    /// Size of the kernels on the way down, odd.
    #[serde(default = "three")]
    pub kernel_size: Pair,
    /// Size of the kernels on the way up, odd.
    #[serde(default = "three")]
    pub up_kernel_size: Pair,
    /// Convolutions in a residual unit; 0 for plain convolutions.
    #[serde(default)]
    pub num_res_units: usize,
    /// The activation.
    #[serde(default = "prelu")]
    pub act: LayerSpec,
    /// The normalisation.
    #[serde(default = "instance")]
    pub norm: LayerSpec,
    /// The dropout: a probability or a layer.
    #[serde(default = "no_dropout")]
    pub dropout: Value,
    /// Whether convolutions learn a constant.
    #[serde(default = "yes")]
    pub bias: bool,
    /// The order of activation (A), dropout (D) and normalisation (N).
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

impl UNetArguments {
    fn check(&self) -> Result<(), Error> {
        let error = |reason: String| Err(argument("UNet", reason));
        if self.spatial_dims != 2 {
            return error(format!(
                "spatial_dims = {}; only 2 is supported, slides are flat",
                self.spatial_dims
            ));
        }
        if self.channels.len() < 2 {
            return error("channels needs at least two levels".to_owned());
        }
        if self.strides.len() < self.channels.len() - 1 {
            let levels = self.channels.len();
            return error(format!(
                "{} strides for {levels} levels; one less than levels",
                self.strides.len()
            ));
        }
        let positive = [self.in_channels, self.out_channels].into_iter().chain(self.channels.iter().copied());
        if positive.into_iter().any(|count| count < 1) {
            return error("in_channels, out_channels and channels must be at least 1".to_owned());
        }
        if self.strides.iter().any(|stride| stride.dims().into_iter().any(|step| step < 1)) {
            return error("strides must be at least 1".to_owned());
        }
        Ok(())
    }

    /// The strides that are used: one less than levels.
    fn used_strides(&self) -> impl Iterator<Item = [i64; 2]> + '_ {
        self.strides.iter().take(self.channels.len() - 1).map(|stride| stride.dims())
    }
}

/// `monai.networks.nets.UNet`
#[derive(Debug)]
pub struct UNet {
    model: Level,
    in_channels: i64,
    out_channels: i64,
    size_divisor: [i64; 2],
}

/// One level: down, what lies below and a way around it, up.
#[derive(Debug)]
struct Level {
    down: Box<dyn Block>,
    below: Below,
    up: Up,
}

#[derive(Debug)]
enum Below {
    Level(Box<Level>),
    Bottom(Box<dyn Block>),
}

#[derive(Debug)]
struct Up {
    convolution: Convolution,
    residual: Option<ResidualUnit>,
}

impl UNet {
    /// Registers under `path/model`.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn new(path: &Path<'_>, arguments: &UNetArguments) -> Result<Self, Error> {
        arguments.check()?;
        let builder = Builder {
            arguments,
            adn: AdnSpec {
                ordering: arguments.adn_ordering.clone(),
                act: arguments.act.clone(),
                norm: arguments.norm.clone(),
                dropout: Dropout::parse(&arguments.dropout)?,
            },
        };
        let (in_channels, out_channels) = (arguments.in_channels, arguments.out_channels);
        Ok(Self {
            model: builder.level(&(path / "model"), in_channels, out_channels, 0)?,
            in_channels,
            out_channels,
            size_divisor: arguments.used_strides().fold([1, 1], |[h, w], [sh, sw]| [h * sh, w * sw]),
        })
    }
}

struct Builder<'a> {
    arguments: &'a UNetArguments,
    adn: AdnSpec,
}

impl Builder<'_> {
    /// The level of this depth. What lies below is made first, as in MONAI, so that the same seed gives the
    /// same parameters.
    fn level(&self, path: &Path<'_>, inputs: i64, outputs: i64, depth: usize) -> Result<Level, Error> {
        let channels = &self.arguments.channels[depth..];
        let stride = self.arguments.strides[depth].dims();
        let below_path = path / 1 / "submodule";
        let (below, upper_inputs) = if channels.len() > 2 {
            let level = self.level(&below_path, channels[0], channels[0], depth + 1)?;
            (Below::Level(Box::new(level)), 2 * channels[0])
        } else {
            let bottom = self.down(&below_path, channels[0], channels[1], [1, 1])?;
            (Below::Bottom(bottom), channels[0] + channels[1])
        };
        let down = self.down(&(path / 0), inputs, channels[0], stride)?;
        let up = self.up(&(path / 2), upper_inputs, outputs, stride, depth == 0)?;
        Ok(Level { down, below, up })
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
        let below = match &self.below {
            Below::Level(level) => level.forward(&x, train)?,
            Below::Bottom(bottom) => bottom.forward(&x, train)?,
        };
        let joined = Tensor::f_cat(&[x, below], 1)?;
        let output = self.up.convolution.forward(&joined, train)?;
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

impl Architecture for UNet {
    fn in_channels(&self) -> i64 {
        self.in_channels
    }

    fn out_channels(&self) -> i64 {
        self.out_channels
    }

    fn size_divisor(&self) -> [i64; 2] {
        self.size_divisor
    }
}
