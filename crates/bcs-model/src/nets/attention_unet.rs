//! MONAI's `AttentionUnet` in two dimensions: a U-Net whose skip connections are weighted by attention gates. Oktay et
//! al., Attention U-Net: Learning Where to Look for the Pancreas (2018).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;
use tch::nn::Path;

use super::activations::Activations;
use super::checks::{self, Levels};
use super::defaults;
use super::registry::{NetworkArguments, SegmentationNet};
use super::shapes::Shapes;
use crate::blocks::adn::Dropout;
use crate::blocks::{AdnSpec, Block, Conv2d, ConvOptions, Convolution, ConvolutionOptions, Norm, Pair};
use crate::error::{Error, argument};

/// Arguments of `monai.networks.nets.AttentionUnet`, with its names and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttentionUnetArguments {
    /// Number of spatial dimensions: 2.
    pub spatial_dims: i64,
    /// Number of input channels.
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    pub out_channels: i64,
    /// Number of channels of each level, top level first; at least two levels, and at least 2 channels in all but the
    /// last.
    pub channels: Vec<i64>,
    /// Stride of each level but the last; more are ignored.
    pub strides: Vec<Pair>,
    /// Kernel size of the encoder's convolutions, odd.
    #[serde(default = "defaults::three")]
    pub kernel_size: Pair,
    /// Kernel size of the transposed convolutions, odd.
    #[serde(default = "defaults::three")]
    pub up_kernel_size: Pair,
    /// Dropout ratio, or dropout type and arguments, of the encoder and of the convolution that merges skip connection
    /// and decoder.
    #[serde(default = "defaults::no_dropout")]
    pub dropout: Value,
}

impl NetworkArguments for AttentionUnetArguments {
    const NAME: &'static str = "AttentionUnet";
    const RENAMED: &'static [(&'static str, &'static str)] = &[];

    fn check(&self) -> Result<(), Error> {
        checks::dimensions(self.spatial_dims, self.in_channels, self.out_channels)?;
        self.levels().check()?;
        let with_gates = &self.channels[..self.channels.len() - 1];
        if let Some(level) = with_gates.iter().position(|channels| *channels < 2) {
            let reason = "is 1; it must be at least 2, as the attention gate has half as many channels";
            return Err(argument(&format!("channels[{level}]"), reason));
        }
        checks::kernel("kernel_size", self.kernel_size)?;
        checks::kernel("up_kernel_size", self.up_kernel_size)?;
        Dropout::parse(&self.dropout).map(|_| ())
    }

    fn build(&self, path: &Path<'_>) -> Result<Box<dyn SegmentationNet>, Error> {
        Ok(Box::new(AttentionUnet::new(path, self)?))
    }
}

impl AttentionUnetArguments {
    fn levels(&self) -> Levels<'_> {
        Levels { channels: &self.channels, strides: &self.strides }
    }

    /// Least height and width. The batch normalization of the last level needs two pixels in training; the instance
    /// normalization of the merging convolution above it needs them always.
    fn min_size(&self, train: bool) -> [i64; 2] {
        let refuses = train || self.levels().used_strides().last() == Some(&[1, 1]);
        self.levels().size_divisor().map(|divisor| if refuses { 2 * divisor } else { divisor })
    }
}

/// `monai.networks.nets.AttentionUnet`.
#[derive(Debug)]
pub struct AttentionUnet {
    head: ConvBlock,
    levels: AttentionLayer,
    reduce_channels: Conv2d,
    shapes: Shapes,
}

impl AttentionUnet {
    /// Creates the network, with parameters under `path/model`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an argument that MONAI or PyTorch refuses.
    pub fn new(path: &Path<'_>, arguments: &AttentionUnetArguments) -> Result<Self, Error> {
        arguments.check()?;
        let builder = Builder { arguments, dropout: Dropout::parse(&arguments.dropout)? };
        let (in_channels, out_channels) = (arguments.in_channels, arguments.out_channels);
        let (path, top) = (path / "model", arguments.channels[0]);
        // In MONAI's order, the same seed gives the same parameters.
        let head = builder.conv_block(&(&path / 0), in_channels, top, [1, 1])?;
        let reduce_channels =
            Conv2d::new(&(&path / 2 / "conv"), top, out_channels, ConvOptions::pointwise(true))?;
        Ok(Self {
            head,
            levels: builder.level(&(&path / 1), 0)?,
            reduce_channels,
            shapes: Shapes {
                in_channels,
                out_channels,
                size_divisor: arguments.levels().size_divisor(),
                min_size: arguments.min_size(false),
                min_training_size: arguments.min_size(true),
                output_stride: [1, 1],
            },
        })
    }
}

struct Builder<'a> {
    arguments: &'a AttentionUnetArguments,
    dropout: Dropout,
}

impl Builder<'_> {
    /// Creates the level of this depth; the levels below it, then its encoder, are initialized first.
    fn level(&self, path: &Path<'_>, depth: usize) -> Result<AttentionLayer, Error> {
        let (inputs, outputs) = (self.arguments.channels[depth], self.arguments.channels[depth + 1]);
        let strides = self.arguments.strides[depth].dims();
        let submodule = path / "submodule";
        let (down, below) = if depth + 2 < self.arguments.channels.len() {
            let below = self.level(&(&submodule / 1), depth + 1)?;
            (self.conv_block(&(&submodule / 0), inputs, outputs, strides)?, Some(Box::new(below)))
        } else {
            (self.conv_block(&submodule, inputs, outputs, strides)?, None)
        };
        Ok(AttentionLayer {
            down,
            below,
            attention: AttentionBlock::new(&(path / "attention"), inputs, inputs / 2)?,
            upconv: self.up_conv(&(path / "upconv" / "up"), outputs, inputs, strides)?,
            merge: self.merge(&(path / "merge"), inputs)?,
        })
    }

    fn conv_block(
        &self,
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        strides: [i64; 2],
    ) -> Result<ConvBlock, Error> {
        let options = ConvolutionOptions { strides, ..convolution(self.arguments.kernel_size) };
        let adn = normalized_relu(self.dropout);
        let first = Convolution::new(&(path / "conv" / 0), inputs, outputs, options, &adn)?;
        let options = ConvolutionOptions { strides: [1, 1], ..options };
        let second = Convolution::new(&(path / "conv" / 1), outputs, outputs, options, &adn)?;
        Ok(ConvBlock([first, second]))
    }

    fn up_conv(
        &self,
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        strides: [i64; 2],
    ) -> Result<Convolution, Error> {
        let kernel = convolution(self.arguments.up_kernel_size);
        let options = ConvolutionOptions { strides, is_transposed: true, ..kernel };
        Convolution::new(path, inputs, outputs, options, &normalized_relu(Dropout::Plain(0.0)))
    }

    /// Creates the convolution of skip connection and decoder, which has the defaults of MONAI's `Convolution`.
    fn merge(&self, path: &Path<'_>, channels: i64) -> Result<Convolution, Error> {
        let adn = adn("PRELU", "INSTANCE", self.dropout);
        Convolution::new(path, 2 * channels, channels, convolution(Pair::Both(3)), &adn)
    }
}

fn convolution(kernel: Pair) -> ConvolutionOptions {
    ConvolutionOptions {
        kernel: kernel.dims(),
        strides: [1, 1],
        bias: true,
        conv_only: false,
        is_transposed: false,
    }
}

fn normalized_relu(dropout: Dropout) -> AdnSpec {
    adn("RELU", "BATCH", dropout)
}

fn adn(act: &str, norm: &str, dropout: Dropout) -> AdnSpec {
    AdnSpec { ordering: "NDA".to_owned(), act: act.into(), norm: norm.into(), dropout }
}

/// Two convolutions.
#[derive(Debug)]
struct ConvBlock([Convolution; 2]);

impl ConvBlock {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let [first, second] = &self.0;
        second.forward(&first.forward(input, train)?, train)
    }
}

/// One encoder–decoder level with its gated skip connection.
#[derive(Debug)]
struct AttentionLayer {
    down: ConvBlock,
    below: Option<Box<AttentionLayer>>,
    attention: AttentionBlock,
    upconv: Convolution,
    merge: Convolution,
}

impl AttentionLayer {
    /// Returns the output of the level and that of the lowest encoder.
    fn forward(&self, input: &Tensor, train: bool) -> Result<[Tensor; 2], Error> {
        let down = self.down.forward(input, train)?;
        let [lower, bottom] = match &self.below {
            Some(below) => below.forward(&down, train)?,
            None => [down.shallow_clone(), down],
        };
        let upsampled = self.upconv.forward(&lower, train)?;
        let attended = self.attention.forward(&upsampled, input, train)?;
        let output = self.merge.forward(&Tensor::f_cat(&[attended, upsampled], 1)?, train)?;
        Ok([output, bottom])
    }
}

/// An attention gate: weighs each pixel of the skip connection by a factor in [0, 1].
#[derive(Debug)]
struct AttentionBlock {
    gate: Projection,
    skip: Projection,
    psi: Projection,
}

impl AttentionBlock {
    fn new(path: &Path<'_>, channels: i64, hidden: i64) -> Result<Self, Error> {
        Ok(Self {
            gate: Projection::new(&(path / "W_g"), channels, hidden)?,
            skip: Projection::new(&(path / "W_x"), channels, hidden)?,
            psi: Projection::new(&(path / "psi"), hidden, 1)?,
        })
    }

    fn forward(&self, gate: &Tensor, skip: &Tensor, train: bool) -> Result<Tensor, Error> {
        let sum = self.gate.forward(gate, train)?.f_add(&self.skip.forward(skip, train)?)?;
        let weights = self.psi.forward(&sum.f_relu()?, train)?.f_sigmoid()?;
        Ok(skip.f_mul(&weights)?)
    }
}

/// A 1×1 convolution followed by batch normalization.
#[derive(Debug)]
struct Projection {
    conv: Conv2d,
    norm: Norm,
}

impl Projection {
    fn new(path: &Path<'_>, inputs: i64, outputs: i64) -> Result<Self, Error> {
        Ok(Self {
            conv: Conv2d::new(&(path / 0 / "conv"), inputs, outputs, ConvOptions::pointwise(true))?,
            norm: Norm::new(&(path / 1), &"BATCH".into(), outputs)?,
        })
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.norm.forward(&self.conv.forward(input, train)?, train)
    }
}

impl SegmentationNet for AttentionUnet {
    fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    fn activations(&self, input: &Tensor, train: bool) -> Result<Activations, Error> {
        let [output, bottleneck] = self.levels.forward(&self.head.forward(input, train)?, train)?;
        Ok(Activations { logits: self.reduce_channels.forward(&output, train)?, bottleneck })
    }
}
