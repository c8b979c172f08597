//! MONAI's `EfficientNetEncoder` in two dimensions. Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional
//! Neural Networks (2019).

use tch::Tensor;
use tch::nn::Path;

use super::same_conv::{SameConv, SameConvOptions};
use super::{Encoder, LEVELS, Rounding};
use crate::blocks::conv::{bound, uniform};
use crate::blocks::{Block, Conv2d, ConvOptions, LayerSpec, Norm};
use crate::error::Error;

/// Scaling of EfficientNet-B0.
#[derive(Debug, Clone, Copy)]
pub(in crate::nets) struct Scale {
    /// Factor of the numbers of channels.
    width: f64,
    /// Factor of the numbers of blocks.
    depth: f64,
    /// Side of the images that the padding is computed for.
    image_size: i64,
}

/// MONAI's `efficientnet_params`.
const SCALES: [(&str, Scale); 10] = [
    ("efficientnet-b0", Scale { width: 1.0, depth: 1.0, image_size: 224 }),
    ("efficientnet-b1", Scale { width: 1.0, depth: 1.1, image_size: 240 }),
    ("efficientnet-b2", Scale { width: 1.1, depth: 1.2, image_size: 260 }),
    ("efficientnet-b3", Scale { width: 1.2, depth: 1.4, image_size: 300 }),
    ("efficientnet-b4", Scale { width: 1.4, depth: 1.8, image_size: 380 }),
    ("efficientnet-b5", Scale { width: 1.6, depth: 2.2, image_size: 456 }),
    ("efficientnet-b6", Scale { width: 1.8, depth: 2.6, image_size: 528 }),
    ("efficientnet-b7", Scale { width: 2.0, depth: 3.1, image_size: 600 }),
    ("efficientnet-b8", Scale { width: 2.2, depth: 3.6, image_size: 672 }),
    ("efficientnet-l2", Scale { width: 4.3, depth: 5.3, image_size: 800 }),
];

/// Returns the names of the architectures.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SCALES.iter().map(|(name, _)| *name)
}

/// Finds an architecture by name.
pub(super) fn named(name: &str) -> Option<Scale> {
    SCALES.iter().find(|(known, _)| *known == name).map(|(_, scale)| *scale)
}

impl Scale {
    /// Scales a number of channels, to a multiple of 8 that is at least 90 % of the product.
    fn channels(self, channels: i64) -> i64 {
        let scaled = channels as f64 * self.width;
        let rounded = ((scaled + 4.0) as i64 / 8 * 8).max(8);
        if (rounded as f64) < 0.9 * scaled { rounded + 8 } else { rounded }
    }

    fn repeats(self, repeats: i64) -> i64 {
        (repeats as f64 * self.depth).ceil() as i64
    }
}

/// A sequence of blocks of B0: the first has the stride and changes the number of channels.
struct Stack {
    repeats: i64,
    kernel: i64,
    stride: i64,
    expansion: i64,
    inputs: i64,
    outputs: i64,
}

const STACKS: [Stack; 7] = [
    Stack { repeats: 1, kernel: 3, stride: 1, expansion: 1, inputs: 32, outputs: 16 },
    Stack { repeats: 2, kernel: 3, stride: 2, expansion: 6, inputs: 16, outputs: 24 },
    Stack { repeats: 2, kernel: 5, stride: 2, expansion: 6, inputs: 24, outputs: 40 },
    Stack { repeats: 3, kernel: 3, stride: 2, expansion: 6, inputs: 40, outputs: 80 },
    Stack { repeats: 3, kernel: 5, stride: 1, expansion: 6, inputs: 80, outputs: 112 },
    Stack { repeats: 4, kernel: 5, stride: 2, expansion: 6, inputs: 112, outputs: 192 },
    Stack { repeats: 1, kernel: 3, stride: 1, expansion: 6, inputs: 192, outputs: 320 },
];

/// Stacks whose outputs are feature maps: the last ones of each image size.
const FEATURE_STACKS: [usize; LEVELS] = [0, 1, 2, 4, 6];

/// Drop connect's ratio at the end of the network; it rises linearly with the block's index.
const DROP_CONNECT: f64 = 0.2;

/// Number of classes of the unused classifier.
const CLASSES: i64 = 1000;

/// `monai.networks.nets.EfficientNetEncoder`.
#[derive(Debug)]
pub(super) struct EfficientNetEncoder {
    stem: SameConv,
    norm: Norm,
    stacks: Vec<Vec<MBConvBlock>>,
    channels: [i64; LEVELS],
    rounding: [Rounding; LEVELS],
}

impl EfficientNetEncoder {
    pub(super) fn new(path: &Path<'_>, in_channels: i64, scale: Scale) -> Result<Self, Error> {
        let filters = scale.channels(32);
        let stem_options = SameConvOptions { kernel: 3, stride: 2, groups: 1, image_size: scale.image_size };
        // In MONAI's order, the same seed gives the same parameters.
        let stem = SameConv::new(&(path / "_conv_stem"), in_channels, filters, stem_options)?;
        let norm = Norm::new(&(path / "_bn0"), &batch_norm(), filters)?;
        let mut builder = Builder::new(scale, &stem, stem_options);
        let stacks = STACKS.iter().enumerate();
        let stacks = stacks.map(|(index, stack)| builder.stack(&(path / "_blocks" / index), stack));
        let stacks = stacks.collect::<Result<_, _>>()?;
        let (weights, rounding) = (builder.weights, builder.rounding);
        add_classifier(path, scale, &weights)?;
        let channels = FEATURE_STACKS.map(|index| scale.channels(STACKS[index].outputs));
        Ok(Self { stem, norm, stacks, channels, rounding })
    }
}

/// Registers the head of the classifier, which MONAI's encoder has in its state dictionary but does not run, and draws
/// the parameters of all layers anew, as MONAI does in the end.
fn add_classifier(path: &Path<'_>, scale: Scale, encoder: &[Weight]) -> Result<(), Error> {
    let (inputs, outputs) = (scale.channels(320), scale.channels(1280));
    let head = Conv2d::new(&(path / "_conv_head"), inputs, outputs, ConvOptions::pointwise(false))?;
    Norm::new(&(path / "_bn1"), &batch_norm(), outputs)?;
    let linear = path / "_fc";
    let fc_weight = uniform(&linear, "weight", &[CLASSES, outputs], bound(outputs))?;
    let fc_bias = uniform(&linear, "bias", &[CLASSES], bound(outputs))?;
    tch::no_grad(|| {
        for weight in encoder {
            weight.initialize()?;
        }
        Weight::of(head.weight()).initialize()?;
        let range = 1.0 / (CLASSES as f64).sqrt();
        let _ = fc_weight.shallow_clone().f_uniform_(-range, range)?;
        let _ = fc_bias.shallow_clone().f_zero_()?;
        Ok(())
    })
}

fn batch_norm() -> LayerSpec {
    let arguments = [("eps".to_owned(), 1e-3.into()), ("momentum".to_owned(), 0.01.into())];
    LayerSpec::WithArguments("batch".to_owned(), arguments.into_iter().collect())
}

/// Parameters of a convolution, to be drawn anew.
struct Weight {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Weight {
    fn of(weight: &Tensor) -> Self {
        Self { weight: weight.shallow_clone(), bias: None }
    }

    /// Draws the weight from a normal distribution with variance 2 / (kernel size · outputs), whatever the groups.
    fn initialize(&self) -> Result<(), Error> {
        let (outputs, _, height, width) = self.weight.size4()?;
        let deviation = (2.0 / (height * width * outputs) as f64).sqrt();
        let _ = self.weight.shallow_clone().f_normal_(0.0, deviation)?;
        if let Some(bias) = &self.bias {
            let _ = bias.shallow_clone().f_zero_()?;
        }
        Ok(())
    }
}

/// Creates the blocks one after the other.
struct Builder {
    scale: Scale,
    image_size: i64,
    /// Index of the next block in the whole network.
    index: i64,
    /// Parameters of the convolutions so far.
    weights: Vec<Weight>,
    /// Rounding of the halvings; those to come are `Down`.
    rounding: [Rounding; LEVELS],
    halvings: usize,
}

impl Builder {
    fn new(scale: Scale, stem: &SameConv, options: SameConvOptions) -> Self {
        let mut rounding = [Rounding::Down; LEVELS];
        rounding[0] = options.rounding();
        let weights = vec![Weight::of(stem.weight())];
        Self { scale, image_size: options.output_size(), index: 0, weights, rounding, halvings: 1 }
    }

    fn stack(&mut self, path: &Path<'_>, stack: &Stack) -> Result<Vec<MBConvBlock>, Error> {
        let (mut inputs, outputs) = (self.scale.channels(stack.inputs), self.scale.channels(stack.outputs));
        let mut stride = stack.stride;
        let mut blocks = Vec::new();
        for _ in 0..self.scale.repeats(stack.repeats) {
            let options =
                SameConvOptions { kernel: stack.kernel, stride, groups: 1, image_size: self.image_size };
            let path = path / self.index;
            blocks.push(self.block(&path, inputs, outputs, stack.expansion, options)?);
            self.index += 1;
            (inputs, stride) = (outputs, 1);
        }
        Ok(blocks)
    }

    fn block(
        &mut self,
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        expansion: i64,
        options: SameConvOptions,
    ) -> Result<MBConvBlock, Error> {
        let expanded = inputs * expansion;
        let expand =
            (expansion != 1).then(|| self.pointwise(path, ["_expand_conv", "_bn0"], inputs, expanded));
        let expand = expand.transpose()?;
        let depthwise = SameConv::new(
            &(path / "_depthwise_conv"),
            expanded,
            expanded,
            SameConvOptions { groups: expanded, ..options },
        )?;
        self.weights.push(Weight::of(depthwise.weight()));
        let norm = Norm::new(&(path / "_bn1"), &batch_norm(), expanded)?;
        if options.stride == 2 {
            self.rounding[self.halvings] = options.rounding();
            self.halvings += 1;
        }
        self.image_size = options.output_size();
        // A quarter of the block's inputs, before the expansion.
        let squeezed = (inputs / 4).max(1);
        Ok(MBConvBlock {
            expand,
            depthwise,
            norm,
            squeeze: [
                self.squeeze(&(path / "_se_reduce"), expanded, squeezed)?,
                self.squeeze(&(path / "_se_expand"), squeezed, expanded)?,
            ],
            project: self.pointwise(path, ["_project_conv", "_bn2"], expanded, outputs)?,
            is_residual: options.stride == 1 && inputs == outputs,
            drop_connect: DROP_CONNECT * (self.index as f64 / self.blocks() as f64),
        })
    }

    /// Number of blocks of the whole network.
    fn blocks(&self) -> i64 {
        STACKS.iter().map(|stack| self.scale.repeats(stack.repeats)).sum()
    }

    fn pointwise(
        &mut self,
        path: &Path<'_>,
        [conv, norm]: [&str; 2],
        inputs: i64,
        outputs: i64,
    ) -> Result<Pointwise, Error> {
        let conv = Conv2d::new(&(path / conv), inputs, outputs, ConvOptions::pointwise(false))?;
        self.weights.push(Weight::of(conv.weight()));
        Ok(Pointwise { conv, norm: Norm::new(&(path / norm), &batch_norm(), outputs)? })
    }

    fn squeeze(&mut self, path: &Path<'_>, inputs: i64, outputs: i64) -> Result<Conv2d, Error> {
        let conv = Conv2d::new(path, inputs, outputs, ConvOptions::pointwise(true))?;
        let bias = conv.bias().map(Tensor::shallow_clone);
        self.weights.push(Weight { bias, ..Weight::of(conv.weight()) });
        Ok(conv)
    }
}

impl Encoder for EfficientNetEncoder {
    fn features(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>, Error> {
        let stem = self.stem.forward(input, train)?;
        let mut x = swish(self.norm.forward(&stem, train)?)?;
        let mut features = Vec::with_capacity(LEVELS);
        for (index, stack) in self.stacks.iter().enumerate() {
            for block in stack {
                x = block.forward(&x, train)?;
            }
            if FEATURE_STACKS.contains(&index) {
                features.push(x.shallow_clone());
            }
        }
        Ok(features)
    }

    fn channels(&self) -> [i64; LEVELS] {
        self.channels
    }

    fn rounding(&self) -> [Rounding; LEVELS] {
        self.rounding
    }
}

/// Returns x · sigmoid(x), computed in the memory of x.
fn swish(mut input: Tensor) -> Result<Tensor, Error> {
    Ok(input.f_silu_()?)
}

/// A 1×1 convolution and batch normalization.
#[derive(Debug)]
struct Pointwise {
    conv: Conv2d,
    norm: Norm,
}

impl Pointwise {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.norm.forward(&self.conv.forward(input, train)?, train)
    }
}

/// `MBConvBlock`: a mobile inverted residual bottleneck with squeeze and excitation.
#[derive(Debug)]
struct MBConvBlock {
    expand: Option<Pointwise>,
    depthwise: SameConv,
    norm: Norm,
    squeeze: [Conv2d; 2],
    project: Pointwise,
    /// Whether the input is added to the output.
    is_residual: bool,
    /// Ratio of the images whose output is the input alone, in training.
    drop_connect: f64,
}

impl MBConvBlock {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let expanded = match &self.expand {
            Some(expand) => swish(expand.forward(input, train)?)?,
            None => input.shallow_clone(),
        };
        let filtered = self.norm.forward(&self.depthwise.forward(&expanded, train)?, train)?;
        let x = self.excite(&swish(filtered)?, train)?;
        let x = self.project.forward(&x, train)?;
        if !self.is_residual {
            return Ok(x);
        }
        let kept = if train { drop_connect(&x, self.drop_connect)? } else { x };
        Ok(kept.f_add(input)?)
    }

    /// Scales each channel by a factor in (0, 1) that follows from the means of all channels.
    fn excite(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let [reduce, expand] = &self.squeeze;
        let squeezed = swish(reduce.forward(&input.f_adaptive_avg_pool2d([1, 1])?, train)?)?;
        Ok(expand.forward(&squeezed, train)?.f_sigmoid()?.f_mul(input)?)
    }
}

/// Zeroes each image with this probability and scales the others, so that the mean stays. Huang et al., Deep Networks
/// with Stochastic Depth (2016).
fn drop_connect(input: &Tensor, ratio: f64) -> Result<Tensor, Error> {
    let keep = 1.0 - ratio;
    let images = input.size4()?.0;
    let drawn = Tensor::f_rand([images, 1, 1, 1], (input.kind(), input.device()))?;
    let mask = drawn.f_add_scalar(keep)?.f_floor()?;
    Ok(input.f_div_scalar(keep)?.f_mul(&mask)?)
}
