//! `torch.nn.CrossEntropyLoss`, but zero instead of NaN for a batch without a valid pixel.

use tch::Tensor;

use super::target::{IGNORE_INDEX, check, per_class};
use super::{Loss, Reduction};
use crate::error::Error;

/// `torch.nn.CrossEntropyLoss(weight, ignore_index=255, reduction, label_smoothing)`: the mean over valid pixels, weighted
/// by the weight of their class, or the sum.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropyLoss {
    /// Factor of each class.
    pub weight: Option<Vec<f64>>,
    /// Share of the target's probability that is spread over all classes, in [0, 1].
    pub label_smoothing: f64,
    /// How the losses of pixels become one number.
    pub reduction: Reduction,
}

impl Loss for CrossEntropyLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        check(logits, target, self.weight.as_deref())?;
        let weight = self.weight.as_deref().map(|weight| per_class(weight, logits)).transpose()?;
        let smoothing = self.label_smoothing;
        let sum = logits.f_cross_entropy_loss(
            target,
            weight.as_ref(),
            tch::Reduction::Sum,
            IGNORE_INDEX,
            smoothing,
        )?;
        if self.reduction == Reduction::Sum {
            return Ok(sum);
        }
        let valid = target.f_ne(IGNORE_INDEX)?;
        let total = match &weight {
            None => valid.f_sum(logits.kind())?,
            Some(weight) => {
                let index = target.f_clamp_max(logits.size()[1] - 1)?.f_reshape([-1])?;
                let of_pixels = weight.f_index_select(0, &index)?;
                of_pixels.f_mul(&valid.f_reshape([-1])?)?.f_sum(logits.kind())?
            }
        };
        // Without valid pixels both are zero, and so is their quotient by the smallest divisor.
        Ok(sum.f_div(&total.f_clamp_min(f64::from(f32::MIN_POSITIVE))?)?)
    }
}
