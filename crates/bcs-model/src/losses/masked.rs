//! `monai.losses.MaskedLoss`: any loss with pixels masked out.

use tch::{Kind, Tensor};

use super::Loss;
use crate::error::{Error, argument};

/// `monai.losses.MaskedLoss(loss)`: multiplies logits and labels by a mask before another loss.
///
/// A masked pixel is therefore one of class 0 whose logits are all 0. It takes part in the loss and its means, and has no
/// gradient, whereas an ignored pixel takes no part. [`super::MaskedDiceLoss`] masks probabilities instead of logits.
#[derive(Debug)]
pub struct MaskedLoss {
    loss: Box<dyn Loss>,
}

impl MaskedLoss {
    /// Wraps a loss.
    pub fn new(loss: Box<dyn Loss>) -> Self {
        Self { loss }
    }

    /// Returns the loss of logits `[N, C, H, W]` against targets `[N, H, W]`, as a scalar. `mask` has a factor for each
    /// pixel, 0 or 1 for most uses: `[N, 1, H, W]`, or `[1, 1, H, W]` for all images. Products of labels are rounded down, and
    /// those with 0 are class 0, ignored pixels too.
    ///
    /// # Errors
    /// [`Error::Argument`] if the shapes do not fit each other; the errors of the loss.
    pub fn forward(&self, logits: &Tensor, target: &Tensor, mask: &Tensor) -> Result<Tensor, Error> {
        check_mask(logits, mask)?;
        let target = target.f_mul(&mask.f_squeeze_dim(1)?)?.f_to_kind(Kind::Int64)?;
        self.loss.forward(&logits.f_mul(&mask.f_to_kind(logits.kind())?)?, &target)
    }
}

/// Returns an error unless a mask is `[N, 1, H, W]` or `[1, 1, H, W]` for these logits.
pub(super) fn check_mask(logits: &Tensor, mask: &Tensor) -> Result<(), Error> {
    let (shape, mask) = (logits.size(), mask.size());
    let fits = match (&shape[..], &mask[..]) {
        ([images, _, height, width], [count, 1, mask_height, mask_width]) => {
            [1, *images].contains(count) && [height, width] == [mask_height, mask_width]
        }
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(argument(
        "mask",
        format!("has the shape {mask:?}; the logits are {shape:?}, so it must be [N, 1, H, W]"),
    ))
}
