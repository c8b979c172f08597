//! `monai.losses.FocalLoss` (Lin et al., 2017) with softmax and one-hot targets.

use tch::{Kind, Tensor};

use super::{Loss, class_weights, one_hot, validity};
use crate::error::Error;

/// `monai.losses.FocalLoss(to_onehot_y=True, use_softmax=True)`: the mean over images, classes and valid pixels.
#[derive(Debug, Clone)]
pub struct FocalLoss {
    /// How much easy pixels are played down.
    pub gamma: f64,
    /// A factor for each class.
    pub weight: Option<Vec<f64>>,
}

impl Default for FocalLoss {
    fn default() -> Self {
        Self { gamma: 2.0, weight: None }
    }
}

impl Loss for FocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let valid = validity(target, logits.kind())?;
        let truth = one_hot(target, logits, &valid)?;
        let log_probability = logits.f_log_softmax(1, None::<Kind>)?;
        let doubt = log_probability.f_exp()?.f_neg()?.f_add_scalar(1.0)?.f_pow_tensor_scalar(self.gamma)?;
        let mut loss = doubt.f_mul(&log_probability)?.f_mul(&truth)?.f_neg()?;
        if let Some(weight) = class_weights(self.weight.as_deref(), logits)? {
            loss = loss.f_mul(&weight.f_view([1, -1, 1, 1])?)?;
        }
        let count = valid.f_sum(logits.kind())?.f_mul_scalar(logits.size()[1] as f64)?;
        Ok(loss.f_sum(logits.kind())?.f_div(&count.f_clamp_min(1.0)?)?)
    }
}
