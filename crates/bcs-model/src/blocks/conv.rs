//! `torch.nn.Conv2d` and `torch.nn.ConvTranspose2d` with PyTorch's parameter names, shapes and initialization.

use bcs_torch::ConvTransposeOptions;
use tch::Tensor;
use tch::nn::Path;

use super::{Block, record};
use crate::arguments::in_range;
use crate::error::{Error, argument};

/// Largest kernel side and stride.
pub(crate) const MAX_KERNEL: i64 = 1 << 10;

/// Largest number of channels.
pub(crate) const MAX_CHANNELS: i64 = 1 << 16;

/// Largest number of elements of a kernel's weight (4 GiB in float32); a larger one is a mistake in the arguments.
const MAX_WEIGHTS: i64 = 1 << 30;

/// Arguments of both convolutions; height before width.
#[derive(Debug, Clone, Copy)]
pub struct ConvOptions {
    /// Kernel size.
    pub kernel: [i64; 2],
    /// Stride.
    pub stride: [i64; 2],
    /// Zero padding on each side.
    pub padding: [i64; 2],
    /// Number of groups that input and output channels are divided into; each group of outputs sees its group of inputs.
    pub groups: i64,
    /// Whether the convolution has a bias.
    pub bias: bool,
}

impl ConvOptions {
    /// Returns the arguments of a 1×1 convolution.
    pub(crate) fn pointwise(bias: bool) -> Self {
        Self { kernel: [1, 1], stride: [1, 1], padding: [0, 0], groups: 1, bias }
    }

    fn check(&self, inputs: i64, outputs: i64) -> Result<(), Error> {
        for (name, values, least) in
            [("kernel_size", self.kernel, 1), ("strides", self.stride, 1), ("padding", self.padding, 0)]
        {
            values.iter().try_for_each(|value| in_range(name, *value, least, MAX_KERNEL))?;
        }
        in_range("in_channels", inputs, 1, MAX_CHANNELS)?;
        in_range("out_channels", outputs, 1, MAX_CHANNELS)?;
        let groups = self.groups;
        if groups < 1 || inputs % groups != 0 || outputs % groups != 0 {
            let reason =
                format!("is {groups}, which does not divide {inputs} input and {outputs} output channels");
            return Err(argument("groups", reason));
        }
        let weights = inputs * outputs / groups;
        if weights > MAX_WEIGHTS / (self.kernel[0] * self.kernel[1]) {
            let reason = format!(
                "is {:?}; with {inputs} input and {outputs} output channels the convolution has more than \
                 {MAX_WEIGHTS} weights",
                self.kernel
            );
            return Err(argument("kernel_size", reason));
        }
        Ok(())
    }
}

/// `torch.nn.Conv2d`.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
}

impl Conv2d {
    /// Creates the convolution, with parameters `weight` `[outputs, inputs / groups, height, width]` and `bias` under
    /// `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for sizes out of range; [`Error::Torch`] if memory runs out.
    pub fn new(path: &Path<'_>, inputs: i64, outputs: i64, options: ConvOptions) -> Result<Self, Error> {
        options.check(inputs, outputs)?;
        let [height, width] = options.kernel;
        let group = inputs / options.groups;
        let bound = bound(group * height * width);
        let weight = uniform(path, "weight", &[outputs, group, height, width], bound)?;
        let bias = options.bias.then(|| uniform(path, "bias", &[outputs], bound)).transpose()?;
        Ok(Self { weight, bias, options })
    }

    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight
    }

    pub(crate) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Draws the weight as `torch.nn.init.kaiming_normal_(a=slope)` does, and sets the bias to zero.
    pub(crate) fn kaiming_normal(&self, slope: f64) -> Result<(), Error> {
        kaiming_normal(&self.weight, self.bias.as_ref(), slope)
    }
}

impl Block for Conv2d {
    fn forward(&self, input: &Tensor, _train: bool) -> Result<Tensor, Error> {
        let ConvOptions { stride, padding, groups, .. } = self.options;
        let output = input.f_conv2d(&self.weight, self.bias.as_ref(), stride, padding, [1, 1], groups)?;
        record::called("Conv2d", &self.weight, &output, || count(&output) * per_channel(&self.weight));
        Ok(output)
    }
}

/// `torch.nn.ConvTranspose2d` with the output padding that makes the output `stride` times as large.
#[derive(Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
}

impl ConvTranspose2d {
    /// Creates the convolution, with parameters `weight` `[inputs, outputs / groups, height, width]` and `bias` under
    /// `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] for sizes out of range; [`Error::Torch`] if memory runs out.
    pub fn new(path: &Path<'_>, inputs: i64, outputs: i64, options: ConvOptions) -> Result<Self, Error> {
        options.check(inputs, outputs)?;
        let [height, width] = options.kernel;
        // PyTorch takes the second dimension of the weight as fan-in, which is the outputs here.
        let group = outputs / options.groups;
        let bound = bound(group * height * width);
        let weight = uniform(path, "weight", &[inputs, group, height, width], bound)?;
        let bias = options.bias.then(|| uniform(path, "bias", &[outputs], bound)).transpose()?;
        Ok(Self { weight, bias, options })
    }

    /// Draws the weight as `torch.nn.init.kaiming_normal_(a=slope)` does, and sets the bias to zero.
    pub(crate) fn kaiming_normal(&self, slope: f64) -> Result<(), Error> {
        kaiming_normal(&self.weight, self.bias.as_ref(), slope)
    }
}

impl Block for ConvTranspose2d {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let ConvOptions { kernel, stride, padding, groups, .. } = self.options;
        // For a padding that keeps the size, MONAI's stride_minus_kernel_padding(1, stride).
        let output_padding = [0, 1].map(|axis| stride[axis] + 2 * padding[axis] - kernel[axis]);
        let bias = self.bias.as_ref();
        if train {
            let options = ConvTransposeOptions { stride, padding, output_padding, groups };
            if let Some(output) = bcs_torch::conv_transpose2d(input, &self.weight, bias, options)? {
                return Ok(output);
            }
        }
        let output =
            input.f_conv_transpose2d(&self.weight, bias, stride, padding, output_padding, groups, [1, 1])?;
        record::called("ConvTranspose2d", &self.weight, &output, || count(input) * per_channel(&self.weight));
        Ok(output)
    }
}

fn count(tensor: &Tensor) -> i64 {
    tensor.size().iter().product()
}

/// Number of weights per output channel, or per input channel of a transposed convolution: the multiplications per element
/// of that side.
fn per_channel(weight: &Tensor) -> i64 {
    weight.size().iter().skip(1).product()
}

/// Returns the bound of PyTorch's `kaiming_uniform_(a=√5)`, computed in the same order so that the same seed gives the
/// same bits.
pub(crate) fn bound(fan_in: i64) -> f64 {
    let a = 5.0_f64.sqrt();
    let gain = (2.0 / (1.0 + a.powi(2))).sqrt();
    3.0_f64.sqrt() * (gain / (fan_in as f64).sqrt())
}

/// Registers a trainable tensor, drawn uniformly from (−bound, bound) by libtorch's generator.
pub(crate) fn uniform(path: &Path<'_>, name: &str, shape: &[i64], bound: f64) -> Result<Tensor, Error> {
    let mut values = Tensor::f_empty(shape, (tch::Kind::Float, path.device()))?;
    let _ = values.f_uniform_(-bound, bound)?;
    Ok(path.add(name, values, true))
}

/// PyTorch takes the second dimension of the weight as the channels of fan-in, for transposed convolutions too.
fn kaiming_normal(weight: &Tensor, bias: Option<&Tensor>, slope: f64) -> Result<(), Error> {
    let fan_in: i64 = weight.size()[1..].iter().product();
    let gain = (2.0 / (1.0 + slope.powi(2))).sqrt();
    tch::no_grad(|| {
        let _ = weight.shallow_clone().f_normal_(0.0, gain / (fan_in as f64).sqrt())?;
        if let Some(bias) = bias {
            let _ = bias.shallow_clone().f_zero_()?;
        }
        Ok(())
    })
}
