//! MONAI's `ResNetEncoder` in two dimensions. He et al., Deep Residual Learning for Image Recognition (2016).

use tch::Tensor;
use tch::nn::Path;

use super::{Encoder, LEVELS, Rounding};
use crate::blocks::{Block, Conv2d, ConvOptions, Norm};
use crate::error::Error;

/// Blocks of a ResNet.
#[derive(Debug, Clone, Copy)]
pub(in crate::nets) struct Layout {
    /// Number of blocks of each of the four layers.
    blocks: [usize; 4],
    /// Whether a block has three convolutions, of which the outer ones change the number of channels, instead of two.
    is_bottleneck: bool,
    /// How a block's input is brought to the size of its output.
    shortcut: ShortcutType,
}

/// MONAI's `shortcut_type`.
#[derive(Debug, Clone, Copy)]
enum ShortcutType {
    /// `A`: every second pixel, and channels of zeros.
    Padding,
    /// `B`: a 1×1 convolution.
    Projection,
}

/// MONAI's `resnet_params`.
const LAYOUTS: [(&str, Layout); 7] = [
    ("resnet10", Layout::basic([1, 1, 1, 1], ShortcutType::Projection)),
    ("resnet18", Layout::basic([2, 2, 2, 2], ShortcutType::Padding)),
    ("resnet34", Layout::basic([3, 4, 6, 3], ShortcutType::Padding)),
    ("resnet50", Layout::bottleneck([3, 4, 6, 3])),
    ("resnet101", Layout::bottleneck([3, 4, 23, 3])),
    ("resnet152", Layout::bottleneck([3, 8, 36, 3])),
    ("resnet200", Layout::bottleneck([3, 24, 36, 3])),
];

/// Channels of the blocks' inner convolutions, by layer.
const PLANES: [i64; 4] = [64, 128, 256, 512];

/// Returns the names of the architectures.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LAYOUTS.iter().map(|(name, _)| *name)
}

/// Finds an architecture by name.
pub(super) fn named(name: &str) -> Option<Layout> {
    LAYOUTS.iter().find(|(known, _)| *known == name).map(|(_, layout)| *layout)
}

impl Layout {
    const fn basic(blocks: [usize; 4], shortcut: ShortcutType) -> Self {
        Self { blocks, is_bottleneck: false, shortcut }
    }

    const fn bottleneck(blocks: [usize; 4]) -> Self {
        Self { blocks, is_bottleneck: true, shortcut: ShortcutType::Projection }
    }

    /// Ratio of a block's output channels to those of its inner convolutions.
    fn expansion(self) -> i64 {
        if self.is_bottleneck { 4 } else { 1 }
    }
}

/// `monai.networks.nets.resnet.ResNetEncoder`.
#[derive(Debug)]
pub(super) struct ResNetEncoder {
    stem: NormalizedConv,
    layers: Vec<Vec<ResBlock>>,
    channels: [i64; LEVELS],
}

impl ResNetEncoder {
    pub(super) fn new(path: &Path<'_>, in_channels: i64, layout: Layout) -> Result<Self, Error> {
        // In MONAI's order, the same seed gives the same parameters.
        let stem = NormalizedConv::new(path, 1, in_channels, PLANES[0], conv(7, 2))?;
        let mut inputs = PLANES[0];
        let mut layers = Vec::with_capacity(PLANES.len());
        for (index, planes) in PLANES.into_iter().enumerate() {
            let mut stride = if index == 0 { 1 } else { 2 };
            let layer = path / format!("layer{}", index + 1);
            let mut blocks = Vec::new();
            for block in 0..layout.blocks[index] {
                let shape = BlockShape { inputs, planes, outputs: planes * layout.expansion(), stride };
                blocks.push(ResBlock::new(&(&layer / block), layout, shape)?);
                (inputs, stride) = (shape.outputs, 1);
            }
            layers.push(blocks);
        }
        tch::no_grad(|| {
            let blocks = layers.iter().flatten().flat_map(ResBlock::weights);
            [stem.conv.weight()].into_iter().chain(blocks).try_for_each(initialize)
        })?;
        let [first, second, third, fourth] = PLANES.map(|planes| planes * layout.expansion());
        Ok(Self { stem, layers, channels: [PLANES[0], first, second, third, fourth] })
    }
}

/// Draws a weight from PyTorch's `kaiming_normal_(mode="fan_out")`.
fn initialize(weight: &Tensor) -> Result<(), Error> {
    let (outputs, _, height, width) = weight.size4()?;
    let deviation = 2.0_f64.sqrt() / ((outputs * height * width) as f64).sqrt();
    let _ = weight.shallow_clone().f_normal_(0.0, deviation)?;
    Ok(())
}

/// A convolution without bias that keeps the size before the stride.
fn conv(kernel: i64, stride: i64) -> ConvOptions {
    ConvOptions { kernel: [kernel; 2], stride: [stride; 2], padding: [kernel / 2; 2], groups: 1, bias: false }
}

impl Encoder for ResNetEncoder {
    fn features(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error> {
        let stem = relu(self.stem.forward(input, train)?)?;
        let mut x = stem.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        let mut features = vec![stem];
        for layer in &self.layers {
            for block in layer {
                x = block.forward(&x, train)?;
            }
            features.push(x.shallow_clone());
        }
        Ok(features)
    }

    fn channels(&self) -> [i64; LEVELS] {
        self.channels
    }

    fn rounding(&self) -> [Rounding; LEVELS] {
        [Rounding::Up; LEVELS]
    }
}

/// Computes ReLU in the memory of its input.
fn relu(mut input: Tensor) -> Result<Tensor, Error> {
    Ok(input.f_relu_()?)
}

/// A convolution and batch normalization.
#[derive(Debug)]
struct NormalizedConv {
    conv: Conv2d,
    norm: Norm,
}

impl NormalizedConv {
    /// Creates both under the names `conv` and `bn` with this number.
    fn new(
        path: &Path<'_>,
        number: usize,
        inputs: i64,
        outputs: i64,
        options: ConvOptions,
    ) -> Result<Self, Error> {
        let [conv, norm] = ["conv", "bn"].map(|layer| format!("{layer}{number}"));
        Self::named(path, [&conv, &norm], inputs, outputs, options)
    }

    fn named(
        path: &Path<'_>,
        [conv, norm]: [&str; 2],
        inputs: i64,
        outputs: i64,
        options: ConvOptions,
    ) -> Result<Self, Error> {
        Ok(Self {
            conv: Conv2d::new(&(path / conv), inputs, outputs, options)?,
            norm: Norm::new(&(path / norm), &"batch".into(), outputs)?,
        })
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.norm.forward(&self.conv.forward(input, train)?, train)
    }
}

/// Channels and stride of a block.
#[derive(Debug, Clone, Copy)]
struct BlockShape {
    inputs: i64,
    planes: i64,
    outputs: i64,
    stride: i64,
}

/// `ResNetBlock` and `ResNetBottleneck`: two or three convolutions, added to the input.
#[derive(Debug)]
struct ResBlock {
    convs: Vec<NormalizedConv>,
    shortcut: Shortcut,
}

/// From a block's input to its output without the convolutions.
#[derive(Debug)]
enum Shortcut {
    Identity,
    /// Every second pixel, or all, and channels of zeros.
    Padding {
        stride: i64,
        outputs: i64,
    },
    Projection(NormalizedConv),
}

impl ResBlock {
    fn new(path: &Path<'_>, layout: Layout, shape: BlockShape) -> Result<Self, Error> {
        let BlockShape { inputs, planes, outputs, stride } = shape;
        // MONAI creates the shortcut first.
        let shortcut = Shortcut::new(path, layout.shortcut, shape)?;
        let convs = if layout.is_bottleneck {
            vec![
                (inputs, planes, conv(1, 1)),
                (planes, planes, conv(3, stride)),
                (planes, outputs, conv(1, 1)),
            ]
        } else {
            vec![(inputs, planes, conv(3, stride)), (planes, outputs, conv(3, 1))]
        };
        let convs = convs.into_iter().zip(1..);
        let convs = convs.map(|((inputs, outputs, options), number)| {
            NormalizedConv::new(path, number, inputs, outputs, options)
        });
        Ok(Self { convs: convs.collect::<Result<_, _>>()?, shortcut })
    }

    /// Weights of the convolutions in the order of the state dictionary.
    fn weights(&self) -> impl Iterator<Item = &Tensor> {
        let projection = match &self.shortcut {
            Shortcut::Projection(projection) => Some(projection),
            Shortcut::Identity | Shortcut::Padding { .. } => None,
        };
        self.convs.iter().chain(projection).map(|layer| layer.conv.weight())
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let mut x = input.shallow_clone();
        for (index, conv) in self.convs.iter().enumerate() {
            x = conv.forward(&x, train)?;
            if index + 1 < self.convs.len() {
                x = relu(x)?;
            }
        }
        relu(x.f_add_(&self.shortcut.forward(input, train)?)?)
    }
}

impl Shortcut {
    fn new(path: &Path<'_>, kind: ShortcutType, shape: BlockShape) -> Result<Self, Error> {
        let BlockShape { inputs, outputs, stride, .. } = shape;
        Ok(match kind {
            _ if stride == 1 && inputs == outputs => Self::Identity,
            ShortcutType::Padding => Self::Padding { stride, outputs },
            ShortcutType::Projection => {
                let path = path / "downsample";
                Self::Projection(NormalizedConv::named(&path, ["0", "1"], inputs, outputs, conv(1, stride))?)
            }
        })
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        match self {
            Self::Identity => Ok(input.shallow_clone()),
            Self::Padding { stride, outputs } => {
                // MONAI takes the values without their history: no gradient passes here.
                let pixels =
                    input.f_slice(2, None, None, *stride)?.f_slice(3, None, None, *stride)?.f_detach()?;
                let channels = outputs - input.size4()?.1;
                Ok(pixels.f_constant_pad_nd([0, 0, 0, 0, 0, channels])?)
            }
            Self::Projection(projection) => projection.forward(input, train),
        }
    }
}
