//! A convolution with the zero padding that TensorFlow calls `SAME`, computed for one image size and then fixed.

use tch::Tensor;
use tch::nn::Path;

use super::Rounding;
use crate::blocks::{Block, Conv2d, ConvOptions};
use crate::error::Error;

/// Arguments of a [`SameConv`]. It has no bias.
#[derive(Debug, Clone, Copy)]
pub(super) struct SameConvOptions {
    /// Side of the kernel.
    pub kernel: i64,
    /// Stride.
    pub stride: i64,
    /// Number of groups of channels.
    pub groups: i64,
    /// Side of the image for which the output has ⌈side / stride⌉ pixels; images of other sizes get the same padding.
    pub image_size: i64,
}

/// A convolution after MONAI's `_make_same_padder`.
#[derive(Debug)]
pub(super) struct SameConv {
    conv: Conv2d,
    /// Padding left, right, above and below that the convolution does not add itself.
    padding: Option<[i64; 4]>,
}

impl SameConv {
    /// Creates the convolution, with its weight under `path`.
    pub(super) fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        options: SameConvOptions,
    ) -> Result<Self, Error> {
        let SameConvOptions { kernel, stride, groups, .. } = options;
        let total = options.padding();
        let (before, after) = (total / 2, total - total / 2);
        // A convolution pads both sides alike; it does so without a copy of the image.
        let (own, padding) =
            if before == after { (before, None) } else { (0, Some([before, after, before, after])) };
        let layer =
            ConvOptions { kernel: [kernel; 2], stride: [stride; 2], padding: [own; 2], groups, bias: false };
        Ok(Self { conv: Conv2d::new(path, inputs, outputs, layer)?, padding })
    }

    pub(super) fn weight(&self) -> &Tensor {
        self.conv.weight()
    }

    pub(super) fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        match self.padding {
            Some(padding) => self.conv.forward(&input.f_constant_pad_nd(padding)?, train),
            None => self.conv.forward(input, train),
        }
    }
}

impl SameConvOptions {
    /// Returns the side of the output for an image of `image_size`.
    pub(super) fn output_size(self) -> i64 {
        (self.image_size + self.stride - 1) / self.stride
    }

    /// Returns how the halving of an odd side rounds, for a stride of 2.
    pub(super) fn rounding(self) -> Rounding {
        // The output has ⌊(side + padding − kernel) / 2⌋ + 1 pixels.
        if self.kernel - self.padding() == 1 { Rounding::Up } else { Rounding::Down }
    }

    /// Returns the padding of both sides together.
    fn padding(self) -> i64 {
        ((self.output_size() - 1) * self.stride + self.kernel - self.image_size).max(0)
    }
}
