//! `torch.nn.CrossEntropyLoss`, but zero and not NaN where no pixel is valid.

use tch::{Reduction, Tensor};

use super::{IGNORE, Loss, class_weights};
use crate::error::Error;

/// `torch.nn.CrossEntropyLoss(weight, ignore_index)`: the mean over valid pixels, weighted by their class.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropyLoss {
    /// A factor for each class.
    pub weight: Option<Vec<f64>>,
}

impl Loss for CrossEntropyLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let weight = class_weights(self.weight.as_deref(), logits)?;
        let sum = logits.f_cross_entropy_loss(target, weight.as_ref(), Reduction::Sum, IGNORE, 0.0)?;
        let valid = target.f_ne(IGNORE)?;
        let total = match &weight {
            None => valid.f_sum(logits.kind())?,
            Some(weight) => {
                let index = target.f_clamp_max(logits.size()[1] - 1)?.f_view([-1])?;
                let of_pixels = weight.f_index_select(0, &index)?;
                of_pixels.f_mul(&valid.f_view([-1])?)?.f_sum(logits.kind())?
            }
        };
        // Where nothing is valid both are zero, and the smallest divisor keeps it so.
        Ok(sum.f_div(&total.f_clamp_min(f64::from(f32::MIN_POSITIVE))?)?)
    }
}
