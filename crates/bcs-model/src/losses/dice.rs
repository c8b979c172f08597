//! `monai.losses.DiceLoss` (Milletari et al., V-Net, 2016) with softmax and one-hot targets.

use tch::{Kind, Tensor};

use super::{Loss, class_weights, one_hot, validity};
use crate::error::Error;

/// `monai.losses.DiceLoss(to_onehot_y=True, softmax=True)`, the mean over images and classes.
#[derive(Debug, Clone)]
pub struct DiceLoss {
    /// Whether class 0 counts.
    pub include_background: bool,
    /// Squares predictions and targets in the denominator.
    pub squared_pred: bool,
    /// Sums over the batch before dividing, instead of image by image.
    pub batch: bool,
    /// Added to the numerator.
    pub smooth_nr: f64,
    /// Added to the denominator.
    pub smooth_dr: f64,
    /// A factor for each class that counts.
    pub weight: Option<Vec<f64>>,
}

impl Default for DiceLoss {
    fn default() -> Self {
        Self {
            include_background: true,
            squared_pred: false,
            batch: false,
            smooth_nr: 1e-5,
            smooth_dr: 1e-5,
            weight: None,
        }
    }
}

impl Loss for DiceLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let valid = validity(target, logits.kind())?;
        let mut truth = one_hot(target, logits, &valid)?;
        let mut prediction = logits.f_softmax(1, None::<Kind>)?.f_mul(&valid)?;
        if !self.include_background {
            let classes = logits.size()[1] - 1;
            truth = truth.f_narrow(1, 1, classes)?;
            prediction = prediction.f_narrow(1, 1, classes)?;
        }
        let axes: &[i64] = if self.batch { &[0, 2, 3] } else { &[2, 3] };
        let sum = |values: &Tensor| values.f_sum_dim_intlist(axes, false, None::<Kind>);
        let overlap = sum(&prediction.f_mul(&truth)?)?;
        let sizes = if self.squared_pred {
            sum(&prediction.f_mul(&prediction)?)?.f_add(&sum(&truth)?)?
        } else {
            sum(&prediction)?.f_add(&sum(&truth)?)?
        };
        let numerator = overlap.f_mul_scalar(2.0)?.f_add_scalar(self.smooth_nr)?;
        let dice = numerator.f_div(&sizes.f_add_scalar(self.smooth_dr)?)?;
        let mut loss = dice.f_neg()?.f_add_scalar(1.0)?;
        if let Some(weight) = class_weights(self.weight.as_deref(), logits)? {
            loss = loss.f_mul(&weight)?;
        }
        Ok(loss.f_mean(None::<Kind>)?)
    }
}
