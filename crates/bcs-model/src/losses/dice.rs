//! `monai.losses.DiceLoss` (Milletari et al., V-Net, 2016) with softmax and one-hot targets.

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::Loss;
use super::target::{check, counted_channels, counted_weights, one_hot, valid_mask};
use crate::arguments::at_least;
use crate::error::{Error, argument};

/// Arguments of `monai.losses.DiceLoss`, with its names and defaults.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiceOptions {
    /// Whether class 0 is included.
    pub include_background: bool,
    /// Whether predictions and targets are squared in the denominator.
    pub squared_pred: bool,
    /// Whether to compute the Jaccard index (soft intersection over union) instead of Dice.
    pub jaccard: bool,
    /// Added to the numerator.
    pub smooth_nr: f64,
    /// Added to the denominator, above 0.
    pub smooth_dr: f64,
    /// Whether to sum over the batch before dividing, instead of image by image.
    pub batch: bool,
}

impl Default for DiceOptions {
    fn default() -> Self {
        Self {
            include_background: true,
            squared_pred: false,
            jaccard: false,
            smooth_nr: 1e-5,
            smooth_dr: 1e-5,
            batch: false,
        }
    }
}

impl DiceOptions {
    /// Returns an error for values out of range.
    pub(super) fn check(&self) -> Result<(), Error> {
        at_least("smooth_nr", self.smooth_nr, 0.0)?;
        at_least("smooth_dr", self.smooth_dr, 0.0)?;
        if self.smooth_dr == 0.0 {
            let reason = "is 0; it must be above 0, as the loss of an absent class would be NaN";
            return Err(argument("smooth_dr", reason));
        }
        Ok(())
    }
}

/// `monai.losses.DiceLoss(to_onehot_y=True, softmax=True, weight, ignore_index=255)`: the mean over images and classes.
///
/// One case differs: the loss of a batch without a valid pixel is 0, not 1 − `smooth_nr` / `smooth_dr`.
#[derive(Debug, Clone, Default)]
pub struct DiceLoss {
    /// MONAI's arguments.
    pub options: DiceOptions,
    /// Factor of each class, background included.
    pub weight: Option<Vec<f64>>,
}

impl Loss for DiceLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        check(logits, target, self.weight.as_deref())?;
        let options = &self.options;
        let valid = valid_mask(target, logits)?;
        let truth = counted_channels(&one_hot(target, logits, &valid)?, options.include_background)?;
        let probability = logits.f_softmax(1, None::<Kind>)?.f_mul(&valid)?;
        let prediction = counted_channels(&probability, options.include_background)?;

        let mut loss = options.overlap(&prediction, &truth)?.f_neg()?.f_add_scalar(1.0)?;
        let weight = counted_weights(self.weight.as_deref(), options.include_background, logits)?;
        // MONAI does not weight a single class.
        if let Some(weight) = weight.filter(|weight| weight.numel() > 1) {
            loss = loss.f_mul(&weight)?;
        }
        Ok(loss.f_mean(None::<Kind>)?.f_mul(&valid.f_max()?)?)
    }
}

impl DiceOptions {
    /// Soft Dice (or Jaccard index) per image and class, `[N, C]`; per class, `[C]`, with `batch`.
    fn overlap(&self, prediction: &Tensor, truth: &Tensor) -> Result<Tensor, Error> {
        let axes: &[i64] = if self.batch { &[0, 2, 3] } else { &[2, 3] };
        let sum = |values: &Tensor| values.f_sum_dim_intlist(axes, false, None::<Kind>);
        let both = sum(&prediction.f_mul(truth)?)?;
        let predicted = if self.squared_pred { sum(&prediction.f_square()?)? } else { sum(prediction)? };
        // The targets are 0 and 1, so that their squares are themselves.
        let sizes = predicted.f_add(&sum(truth)?)?;
        // MONAI's 2 (tp + fp + fn): twice the union; with fp and fn halved, the sum of the sizes.
        let denominator = if self.jaccard { sizes.f_sub(&both)?.f_mul_scalar(2.0)? } else { sizes };
        let numerator = both.f_mul_scalar(2.0)?.f_add_scalar(self.smooth_nr)?;
        Ok(numerator.f_div(&denominator.f_add_scalar(self.smooth_dr)?)?)
    }
}
