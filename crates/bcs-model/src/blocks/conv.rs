//! `torch.nn.Conv2d` and `torch.nn.ConvTranspose2d`: names, shapes and initialisation.

use tch::Tensor;
use tch::nn::Path;

use super::Block;
use crate::error::Error;

/// Arguments of both convolutions; height before width.
#[derive(Debug, Clone, Copy)]
pub struct ConvOptions {
    /// Size of the kernel.
    pub kernel: [i64; 2],
    /// Step of the kernel.
    pub stride: [i64; 2],
    /// Zeros around the input.
    pub padding: [i64; 2],
    /// Whether a constant is learnt for each output channel.
    pub bias: bool,
}

/// `torch.nn.Conv2d`
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: ConvOptions,
}

impl Conv2d {
    /// Registers `weight` and `bias` under `path`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn new(path: &Path<'_>, inputs: i64, outputs: i64, options: ConvOptions) -> Result<Self, Error> {
        let [height, width] = options.kernel;
        let bound = bound(inputs * height * width);
        let weight = uniform(path, "weight", &[outputs, inputs, height, width], bound)?;
        let bias = options.bias.then(|| uniform(path, "bias", &[outputs], bound)).transpose()?;
        Ok(Self { weight, bias, options })
    }
}

impl Block for Conv2d {
    fn forward(&self, input: &Tensor, _train: bool) -> Result<Tensor, Error> {
        let ConvOptions { stride, padding, .. } = self.options;
        Ok(input.f_conv2d(&self.weight, self.bias.as_ref(), stride, padding, [1, 1], 1)?)
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
    /// Registers `weight` and `bias` under `path`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn new(path: &Path<'_>, inputs: i64, outputs: i64, options: ConvOptions) -> Result<Self, Error> {
        let [height, width] = options.kernel;
        // PyTorch counts the second dimension of the weight as inputs, here the outputs.
        let bound = bound(outputs * height * width);
        let weight = uniform(path, "weight", &[inputs, outputs, height, width], bound)?;
        let bias = options.bias.then(|| uniform(path, "bias", &[outputs], bound)).transpose()?;
        Ok(Self { weight, bias, options })
    }
}

impl Block for ConvTranspose2d {
    fn forward(&self, input: &Tensor, _train: bool) -> Result<Tensor, Error> {
        let ConvOptions { stride, padding, .. } = self.options;
        // MONAI's stride_minus_kernel_padding(1, stride).
        let output_padding = stride.map(|step| step - 1);
        let bias = self.bias.as_ref();
        Ok(input.f_conv_transpose2d(&self.weight, bias, stride, padding, output_padding, 1, [1, 1])?)
    }
}

/// The bound of PyTorch's `kaiming_uniform_(a=√5)`, computed in its order so that the same seed gives the same
/// bits.
fn bound(fan_in: i64) -> f64 {
    let a = 5.0_f64.sqrt();
    let gain = (2.0 / (1.0 + a.powi(2))).sqrt();
    3.0_f64.sqrt() * (gain / (fan_in as f64).sqrt())
}

/// A trainable tensor drawn uniformly from (−bound, bound), by libtorch's own generator.
fn uniform(path: &Path<'_>, name: &str, shape: &[i64], bound: f64) -> Result<Tensor, Error> {
    let mut values = Tensor::f_empty(shape, (tch::Kind::Float, path.device()))?;
    let _ = values.f_uniform_(-bound, bound)?;
    Ok(path.add(name, values, true))
}
