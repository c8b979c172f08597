//! What the Dice, generalized Dice and Tversky losses share: MONAI's common arguments, soft counts of pixels, and the
//! gradient of a loss of these counts.

use serde::Deserialize;
use serde_json::Value;
use tch::{Kind, Tensor};

use super::Reduction;
use super::arguments::{check_one_hot, take_ignore_index};
use super::batch::{Batch, per_image, sum_of_images};
use super::evaluated::{Evaluated, with_derivatives};
use super::own_class::PixelTerm;
use crate::arguments::{Parts, at_least};
use crate::error::{Error, argument};

/// Bound of derivatives by counts. Without `smooth_dr`, those of a class that is absent and hardly predicted overflow, which
/// would make the gradient NaN.
const STEEPEST: f64 = 1e30;

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
    /// Added to the denominator. With 0, a class that is neither present nor predicted has loss 0, where MONAI has NaN.
    smooth_dr: f64,
    /// Whether to sum over the batch before dividing, instead of image by image.
    batch: bool,
}

/// MONAI's function in the place of softmax and sigmoid, which no configuration can name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OtherActivation {
    other_act: Option<Value>,
}

/// MONAI's formula for targets that are not 0 or 1. For class indices, both formulas are the same.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SoftLabel {
    soft_label: bool,
}

/// Soft counts of pixels per image and class, `[N, C]`; per class, `[C]`, with `batch`.
pub(super) struct Counts {
    /// Sum of the probabilities at the pixels of the class: true positives.
    pub(super) both: Tensor,
    /// Sum of all probabilities, or of their squares: true and false positives.
    pub(super) predicted: Tensor,
    /// Number of pixels of the class: true positives and false negatives.
    pub(super) actual: Tensor,
    /// 1 if the batch has a valid pixel, else 0.
    any_valid: Tensor,
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
    /// Takes the common arguments.
    ///
    /// # Errors
    /// [`Error::Argument`] for values out of range, and for those that do not fit logits and class indices.
    pub(super) fn take(parts: &mut Parts) -> Result<Self, Error> {
        let options: Self = parts.take()?;
        options.check()?;
        let OtherActivation { other_act } = parts.take()?;
        if let Some(value) = other_act {
            let reason = format!("is {value}; a configuration has no functions: choose sigmoid or softmax");
            return Err(argument("other_act", reason));
        }
        take_ignore_index(parts)?;
        Ok(options)
    }

    fn check(&self) -> Result<(), Error> {
        check_one_hot(self.to_onehot_y)?;
        if self.sigmoid && self.softmax == Some(true) {
            return Err(argument("sigmoid", "is true, and softmax too; choose one of them"));
        }
        if !self.sigmoid && self.softmax == Some(false) {
            let reason = "is false, and sigmoid too; networks give logits, which need one of them";
            return Err(argument("softmax", reason));
        }
        at_least("smooth_nr", self.smooth_nr, 0.0)?;
        at_least("smooth_dr", self.smooth_dr, 0.0)
    }

    /// The reduction of the arguments.
    pub(super) fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// Whether probabilities are a sigmoid per class.
    pub(super) fn sigmoid(&self) -> bool {
        self.sigmoid
    }

    /// Evaluates a loss of the soft counts. `squared` squares the probabilities of [`Counts::predicted`].
    pub(super) fn evaluate(
        &self,
        batch: &Batch,
        squared: bool,
        loss: impl FnOnce(&Counts) -> Result<Tensor, Error>,
    ) -> Result<Evaluated, Error> {
        if self.sigmoid {
            return self.add_sigmoid(Evaluated::zero(batch)?, batch, squared, loss);
        }
        if batch.channels() == 1 {
            return Err(argument("logits", "have 1 channel; a softmax needs at least 2, or choose sigmoid"));
        }
        let probability = batch.logits.f_softmax(1, None::<Kind>)?.f_mul_(&batch.valid.f_unsqueeze(1)?)?;
        let (value, derivatives) =
            self.count(batch, squared, |channel| Ok(probability.f_select(1, channel)?), loss)?;
        if !batch.differentiate {
            return Ok(Evaluated { value, gradient: None });
        }
        let sum = derivatives.sum(batch, &probability)?;
        derivatives.softmax_gradient(batch, &probability, &sum)?;
        Ok(Evaluated { value, gradient: Some(probability) })
    }

    /// Evaluates a loss of the soft counts of the softmax, plus a loss of the same softmax's log probabilities.
    pub(super) fn evaluate_with(
        &self,
        term: PixelTerm,
        batch: &Batch,
        squared: bool,
        loss: impl FnOnce(&Counts) -> Result<Tensor, Error>,
    ) -> Result<Evaluated, Error> {
        let PixelTerm { value, log_softmax, slope } = term;
        let probability = log_softmax.into_probabilities()?.f_mul_(&batch.valid.f_unsqueeze(1)?)?;
        let (of_counts, derivatives) =
            self.count(batch, squared, |channel| Ok(probability.f_select(1, channel)?), loss)?;
        let value = value.f_add(&of_counts)?;
        if !batch.differentiate {
            return Ok(Evaluated { value, gradient: None });
        }
        let sum = derivatives.sum(batch, &probability)?.f_sub_(&slope.sum(batch)?)?;
        derivatives.softmax_gradient(batch, &probability, &sum)?;
        for channel in 0..batch.channels() {
            slope.subtract_from(&mut probability.f_select(1, channel)?, batch, channel, channel as usize)?;
        }
        Ok(Evaluated { value, gradient: Some(probability) })
    }

    /// Adds a loss of the soft counts of a sigmoid per class, which is computed twice rather than kept.
    pub(super) fn add_sigmoid(
        &self,
        sum: Evaluated,
        batch: &Batch,
        squared: bool,
        loss: impl FnOnce(&Counts) -> Result<Tensor, Error>,
    ) -> Result<Evaluated, Error> {
        let probability = |channel| -> Result<Tensor, Error> {
            Ok(batch.logits.f_select(1, channel)?.f_sigmoid()?.f_mul_(&batch.valid)?)
        };
        let (value, derivatives) = self.count(batch, squared, probability, loss)?;
        if let Some(gradient) = &sum.gradient {
            for channel in derivatives.first..batch.channels() {
                let probability = probability(channel)?;
                let slope = derivatives.by_probability(batch, channel, &probability)?.f_mul_(&probability)?;
                // p (1 − p) times the derivative by p.
                let opposite = probability.f_neg()?.f_add_scalar_(1.0)?;
                let _ = gradient.f_select(1, channel)?.f_addcmul_(&slope, &opposite)?;
            }
        }
        Ok(Evaluated { value: sum.value.f_add(&value)?, gradient: sum.gradient })
    }

    /// Computes a loss of the soft counts, and its derivatives. `probability` gives the probabilities of a channel,
    /// `[N, H, W]`, which are 0 at ignored pixels.
    fn count(
        &self,
        batch: &Batch,
        squared: bool,
        probability: impl Fn(i64) -> Result<Tensor, Error>,
        loss: impl FnOnce(&Counts) -> Result<Tensor, Error>,
    ) -> Result<(Tensor, Derivatives), Error> {
        let first = batch.first(self.include_background);
        let (mut both, mut predicted, mut actual) = (Vec::new(), Vec::new(), Vec::new());
        for channel in first..batch.channels() {
            let (probability, mut truth) = (probability(channel)?, batch.truth(channel)?);
            actual.push(sum_of_images(&truth)?);
            both.push(sum_of_images(&truth.f_mul_(&probability)?)?);
            predicted.push(sum_of_images(&if squared { probability.f_square()? } else { probability })?);
        }
        let stack = |counts: &[Tensor]| Tensor::f_stack(counts, 1);
        let actual = self.pooled(&stack(&actual)?)?;
        let any_valid = batch.valid.f_max()?;
        let (value, [both, predicted]) =
            with_derivatives([stack(&both)?, stack(&predicted)?], |[both, predicted]| {
                let (both, predicted) = (self.pooled(both)?, self.pooled(predicted)?);
                loss(&Counts { both, predicted, actual, any_valid })
            })?;
        let bounded = |derivative: Tensor| {
            derivative.f_nan_to_num(0.0, STEEPEST, -STEEPEST)?.f_clamp(-STEEPEST, STEEPEST)
        };
        let (both, predicted) = (bounded(both)?, bounded(predicted)?);
        Ok((value, Derivatives { first, squared, both, predicted }))
    }

    /// Counts of images `[N, C]`; their sums over the batch, `[C]`, with `batch`.
    fn pooled(&self, counts: &Tensor) -> Result<Tensor, Error> {
        if self.batch {
            return Ok(counts.f_sum_dim_intlist(0, false, None::<Kind>)?);
        }
        Ok(counts.shallow_clone())
    }

    /// Returns 1 − (`numerator` + `smooth_nr`) / (`denominator` + `smooth_dr`).
    pub(super) fn complement(&self, numerator: &Tensor, denominator: &Tensor) -> Result<Tensor, Error> {
        let numerator = numerator.f_add_scalar(self.smooth_nr)?;
        let denominator = denominator.f_add_scalar(self.smooth_dr)?;
        let zero = denominator.f_eq(0.0)?;
        let ratio = numerator.f_div(&denominator.f_masked_fill(&zero, 1.0)?)?.f_masked_fill(&zero, 1.0)?;
        Ok(ratio.f_neg()?.f_add_scalar(1.0)?)
    }

    /// Reduces losses to a scalar: 0 if no pixel is valid, where MONAI has 1 − `smooth_nr` / `smooth_dr`.
    pub(super) fn reduce(&self, losses: &Tensor, counts: &Counts) -> Result<Tensor, Error> {
        Ok(self.reduction.apply(losses)?.f_mul(&counts.any_valid)?)
    }
}

/// Derivatives of a loss by the soft counts of each image and included class, `[N, C]`.
struct Derivatives {
    /// The first included channel.
    first: i64,
    /// Whether probabilities are counted by their squares.
    squared: bool,
    /// By [`Counts::both`].
    both: Tensor,
    /// By [`Counts::predicted`].
    predicted: Tensor,
}

impl Derivatives {
    /// Derivative by the probabilities of a channel at valid pixels, `[N, H, W]`.
    fn by_probability(&self, batch: &Batch, channel: i64, probability: &Tensor) -> Result<Tensor, Error> {
        let of_channel = |counts: &Tensor| per_image(&counts.f_select(1, channel - self.first)?);
        let (both, predicted) = (of_channel(&self.both)?, of_channel(&self.predicted)?);
        let mut derivative = batch.truth(channel)?.f_mul_(&both)?;
        if self.squared {
            return Ok(derivative.f_addcmul_(&predicted.f_mul_scalar(2.0)?, probability)?);
        }
        Ok(derivative.f_add_(&predicted)?)
    }

    /// Sum over the classes of the derivatives times the probabilities, `[N, H, W]`.
    fn sum(&self, batch: &Batch, probability: &Tensor) -> Result<Tensor, Error> {
        let mut sum = batch.zeros()?;
        for channel in self.first..batch.channels() {
            let probability = probability.f_select(1, channel)?;
            sum = sum.f_addcmul_(&self.by_probability(batch, channel, &probability)?, &probability)?;
        }
        Ok(sum)
    }

    /// Turns the probabilities of a softmax into the gradient with respect to the logits, in place: p (d − Σ p d).
    fn softmax_gradient(&self, batch: &Batch, probability: &Tensor, sum: &Tensor) -> Result<(), Error> {
        for channel in 0..batch.channels() {
            let mut probability = probability.f_select(1, channel)?;
            let _ = if channel < self.first {
                probability.f_mul_(&sum.f_neg()?)?
            } else {
                let mut derivative = self.by_probability(batch, channel, &probability)?;
                probability.f_mul_(&derivative.f_sub_(sum)?)?
            };
        }
        Ok(())
    }
}
