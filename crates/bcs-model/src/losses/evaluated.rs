//! Losses whose gradient is computed by hand.
//!
//! Autograd keeps the intermediate results of a loss until the backward pass: six tensors as large as the logits for
//! `DiceFocal`. Here a loss computes its value and its gradient in the forward pass, in place. The gradient is the only
//! tensor as large as the logits, but for the copy of it that the backward pass makes; all others are maps `[N, H, W]`.

use tch::Tensor;

use super::batch::Batch;
use crate::error::Error;

/// The value of a loss, and its gradient with respect to the logits where it was asked for.
#[derive(Debug)]
pub(super) struct Evaluated {
    /// The loss, a scalar.
    pub(super) value: Tensor,
    /// `[N, C, H, W]`.
    pub(super) gradient: Option<Tensor>,
}

impl Evaluated {
    /// A loss of 0, to which terms are added.
    pub(super) fn zero(batch: &Batch) -> Result<Self, Error> {
        let gradient = batch.differentiate.then(|| batch.logits.f_zeros_like()).transpose()?;
        Ok(Self { value: batch.tensor(&[0.0])?.f_squeeze()?, gradient })
    }
}

/// Evaluates a loss, and makes it a function of the logits for autograd. Its first derivative is that of the loss, also
/// after further operations on the result; second derivatives are zero.
pub(super) fn differentiable(
    logits: &Tensor,
    target: &Tensor,
    evaluate: impl FnOnce(&Batch) -> Result<Evaluated, Error>,
) -> Result<Tensor, Error> {
    let Evaluated { value, gradient } = tch::no_grad(|| evaluate(&Batch::new(logits, target)?))?;
    match gradient {
        Some(gradient) => attach(logits, &value, &gradient),
        None => Ok(value),
    }
}

/// Returns `value` with the gradient `gradient`: the inner product of logits and gradient has this gradient, and its value
/// is replaced. The product needs no memory.
fn attach(logits: &Tensor, value: &Tensor, gradient: &Tensor) -> Result<Tensor, Error> {
    let logits = logits.f_to_kind(gradient.kind())?.f_reshape([-1])?;
    let mut loss = logits.f_dot(&gradient.f_reshape([-1])?)?;
    tch::no_grad(|| loss.f_copy_(value))?;
    Ok(loss)
}

/// Computes a loss of small tensors, and its derivative with respect to each of them.
pub(super) fn with_derivatives<const COUNT: usize>(
    inputs: [Tensor; COUNT],
    loss: impl FnOnce([&Tensor; COUNT]) -> Result<Tensor, Error>,
) -> Result<(Tensor, [Tensor; COUNT]), Error> {
    tch::with_grad(|| {
        let mut leaves = inputs;
        for leaf in &mut leaves {
            *leaf = leaf.f_detach()?.f_set_requires_grad(true)?;
        }
        let value = loss(leaves.each_ref())?;
        let gradients = Tensor::f_run_backward(&[&value], leaves.each_ref().as_slice(), false, false)?;
        let derivatives = gradients.try_into().map_err(|_| {
            Error::Torch("the backward pass did not return one gradient per input".to_owned())
        })?;
        Ok((value.f_detach()?, derivatives))
    })
}
