//! What libtorch can do and `tch` cannot: the work of several operations in one pass over memory, with gradients, and
//! training in several processes. It is done in C++, as autograd takes new operations only there; the folder `cpp` has it,
//! and [`ffi`] is the only unsafe code of the workspace.
//!
//! The operations are for training on a CPU. They give the numbers of the layers that they replace within the rounding of
//! their type, and the same bits in every run and on any number of threads.
//!
//! [`distributed`] is libtorch's engine for training in several processes.

pub mod distributed;
mod ffi;

use tch::{TchError, Tensor};

/// Arguments of [`conv_transpose2d`]; height before width.
#[derive(Debug, Clone, Copy)]
pub struct ConvTransposeOptions {
    /// Stride.
    pub stride: [i64; 2],
    /// Zero padding of the convolution that is transposed.
    pub padding: [i64; 2],
    /// Rows and columns that are added at the end.
    pub output_padding: [i64; 2],
    /// Number of groups that the channels are divided into.
    pub groups: i64,
}

/// Computes the PReLU of the instance normalization of images `[N, C, H, W]`, and adds `residual` if there is one.
/// `slope` has one element, or one per channel. `eps` is added to the variance.
///
/// Returns `None` for tensors that only the layers themselves can take: those on a GPU, in another order than channels
/// last, of another type than float32 and bfloat16, and some with very few pixels.
///
/// # Errors
/// [`TchError::Torch`] if memory runs out.
pub fn instance_norm_prelu(
    input: &Tensor,
    slope: &Tensor,
    residual: Option<&Tensor>,
    eps: f64,
) -> Result<Option<Tensor>, TchError> {
    ffi::instance_norm_prelu(input, slope, residual, eps)
}

/// Computes a transposed convolution of images `[N, C, H, W]`, whose gradient of the weight is faster on a CPU than that of
/// libtorch's own. `weight` is `[C, outputs / groups, height, width]`.
///
/// Returns `None` for images on a GPU or in another order than channels last.
///
/// # Errors
/// [`TchError::Torch`] if the shapes do not fit or memory runs out.
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: ConvTransposeOptions,
) -> Result<Option<Tensor>, TchError> {
    let ConvTransposeOptions { stride, padding, output_padding, groups } = options;
    let numbers =
        [stride[0], stride[1], padding[0], padding[1], output_padding[0], output_padding[1], groups];
    ffi::conv_transpose2d(input, weight, bias, &numbers)
}

/// Converts images `[N, C, H, W]` to float32 with a plane of memory per channel, as losses read them. The gradient has the
/// type and the order in memory of the images.
///
/// # Errors
/// [`TchError::Torch`] if memory runs out.
pub fn planes(images: &Tensor) -> Result<Tensor, TchError> {
    ffi::planes(images)
}

/// Constants of a step of Adam.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// Decay rates of the averages of the gradient and of its square.
    pub betas: [f64; 2],
    /// Added to the denominator.
    pub eps: f64,
    /// Factor of the parameters, 1 without decoupled weight decay.
    pub keep: f64,
    /// L2 penalty.
    pub penalty: f64,
    /// Learning rate over the bias correction of the average of the gradient.
    pub step_size: f64,
    /// Square root of the bias correction of the average of its square.
    pub correction: f64,
}

/// Takes a step of Adam on vectors of one length, in place: parameters, and the averages of the gradients and of their
/// squares. Returns whether it did: it takes contiguous vectors of float32 on a CPU.
///
/// # Errors
/// [`TchError::Torch`] if libtorch fails.
pub fn adam_step(
    parameters: &mut Tensor,
    gradients: &Tensor,
    averages: &mut Tensor,
    squares: &mut Tensor,
    step: &AdamStep,
) -> Result<bool, TchError> {
    let AdamStep { betas: [beta1, beta2], eps, keep, penalty, step_size, correction } = *step;
    // Differences from 1 in double precision, as PyTorch computes them.
    let constants = [1.0 - beta1, 1.0 - beta2, beta2, eps, keep, penalty, step_size, correction];
    let constants = constants.map(|constant| constant as f32);
    ffi::adam_step(parameters, gradients, averages, squares, &constants)
}
