//! What the Dice, generalized Dice and Tversky losses share: MONAI's common arguments, and soft counts of pixels.

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::Reduction;
use super::target::{check_one_hot, counted_channels, one_hot};
use crate::arguments::at_least;
use crate::error::{Error, argument};

/// Arguments that MONAI's overlap losses have in common, with its names. The defaults are MONAI's, but for `softmax` and
/// `to_onehot_y`: networks give logits, and targets are class indices.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OverlapOptions {
    /// Whether class 0 is included.
    pub(super) include_background: bool,
    /// Whether targets are made one-hot: always.
    to_onehot_y: bool,
    /// Whether the probability of each class is the sigmoid of its logit.
    sigmoid: bool,
    /// Whether probabilities are the softmax over all classes. Default: unless `sigmoid`.
    softmax: Option<bool>,
    /// How the losses of images and classes become one number.
    reduction: Reduction,
    /// Added to the numerator.
    smooth_nr: f64,
    /// Added to the denominator, above 0.
    smooth_dr: f64,
    /// Whether to sum over the batch before dividing, instead of image by image.
    batch: bool,
}

/// Soft counts of pixels per image and class, `[N, C]`; per class, `[C]`, with `batch`.
pub(super) struct Counts {
    /// Sum of the probabilities at the pixels of the class: true positives.
    pub(super) both: Tensor,
    /// Sum of all probabilities, or of their squares: true and false positives.
    pub(super) predicted: Tensor,
    /// Number of pixels of the class: true positives and false negatives.
    pub(super) actual: Tensor,
}

impl Default for OverlapOptions {
    fn default() -> Self {
        Self {
            include_background: true,
            to_onehot_y: true,
            sigmoid: false,
            softmax: None,
            reduction: Reduction::Mean,
            smooth_nr: 1e-5,
            smooth_dr: 1e-5,
            batch: false,
        }
    }
}

impl OverlapOptions {
    /// Returns an error for values out of range, and for those that do not fit logits and class indices.
    pub(super) fn check(&self) -> Result<(), Error> {
        check_one_hot(self.to_onehot_y)?;
        if self.sigmoid && self.softmax == Some(true) {
            return Err(argument("sigmoid", "is true, and softmax too; choose one of them"));
        }
        if !self.sigmoid && self.softmax == Some(false) {
            let reason = "is false, and sigmoid too; networks give logits, which need one of them";
            return Err(argument("softmax", reason));
        }
        at_least("smooth_nr", self.smooth_nr, 0.0)?;
        at_least("smooth_dr", self.smooth_dr, 0.0)?;
        if self.smooth_dr == 0.0 {
            let reason = "is 0; it must be above 0, as the loss of an absent class would be NaN";
            return Err(argument("smooth_dr", reason));
        }
        Ok(())
    }

    /// The reduction of the arguments.
    pub(super) fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// Counts the valid pixels of the included classes. `squared` squares the probabilities of [`Counts::predicted`].
    ///
    /// Beside the one-hot target, only the probabilities and one product at a time are as large as the logits.
    pub(super) fn counts(
        &self,
        logits: &Tensor,
        target: &Tensor,
        valid: &Tensor,
        squared: bool,
    ) -> Result<Counts, Error> {
        let axes: &[i64] = if self.batch { &[0, 2, 3] } else { &[2, 3] };
        let sum = |values: &Tensor| values.f_sum_dim_intlist(axes, false, None::<Kind>);
        let truth = counted_channels(&one_hot(target, logits, valid)?, self.include_background)?;
        let activated = if self.sigmoid { logits.f_sigmoid()? } else { logits.f_softmax(1, None::<Kind>)? };
        let probability = counted_channels(&activated, self.include_background)?;
        let both = sum(&probability.f_mul(&truth)?)?;
        let predicted = if squared {
            sum(&probability.f_square()?.f_mul_(valid)?)?
        } else {
            sum(&probability.f_mul(valid)?)?
        };
        Ok(Counts { both, predicted, actual: sum(&truth)? })
    }

    /// Returns 1 − (`numerator` + `smooth_nr`) / (`denominator` + `smooth_dr`).
    pub(super) fn complement(&self, numerator: &Tensor, denominator: &Tensor) -> Result<Tensor, Error> {
        let ratio =
            numerator.f_add_scalar(self.smooth_nr)?.f_div(&denominator.f_add_scalar(self.smooth_dr)?)?;
        Ok(ratio.f_neg()?.f_add_scalar(1.0)?)
    }

    /// Reduces losses to a scalar: 0 if no pixel is valid, where MONAI has 1 − `smooth_nr` / `smooth_dr`.
    pub(super) fn reduce(&self, losses: &Tensor, valid: &Tensor) -> Result<Tensor, Error> {
        Ok(self.reduction.apply(losses)?.f_mul(&valid.f_max()?)?)
    }
}
