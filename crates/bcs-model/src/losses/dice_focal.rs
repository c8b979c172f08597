//! `monai.losses.DiceFocalLoss`: the weighted sum of Dice and focal loss.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::target::{check, counted_channels, counted_weights, one_hot, valid_mask};
use super::{DiceLoss, DiceOptions, Loss};
use crate::arguments::{at_least, in_range, parse_both};
use crate::error::{Error, argument};

/// `monai.losses.DiceFocalLoss(to_onehot_y=True, softmax=True, weight)`, over valid pixels. As in MONAI, the Dice term is
/// of the softmax, and the focal term of a sigmoid per class.
#[derive(Debug, Clone)]
pub struct DiceFocalLoss {
    dice: DiceLoss,
    options: Options,
}

/// Arguments beside those of the Dice loss.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Focusing parameter γ.
    gamma: f64,
    /// Factor of the Dice loss.
    lambda_dice: f64,
    /// Factor of the focal loss.
    lambda_focal: f64,
    /// Balancing factor α, in [0, 1]: α for the class of a pixel, 1 − α for the others.
    alpha: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { gamma: 2.0, lambda_dice: 1.0, lambda_focal: 1.0, alpha: None }
    }
}

/// Builds the loss from MONAI's arguments and one weight per class.
pub(super) fn build(
    arguments: &Map<String, Value>,
    weight: Option<Vec<f64>>,
) -> Result<Box<dyn Loss>, Error> {
    let (dice, options): (DiceOptions, Options) = parse_both(arguments)?;
    dice.check()?;
    at_least("gamma", options.gamma, 0.0)?;
    at_least("lambda_dice", options.lambda_dice, 0.0)?;
    at_least("lambda_focal", options.lambda_focal, 0.0)?;
    if let Some(alpha) = options.alpha {
        in_range("alpha", alpha, 0.0, 1.0)?;
    }
    Ok(Box::new(DiceFocalLoss { dice: DiceLoss { options: dice, weight }, options }))
}

impl Loss for DiceFocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let dice = self.dice.forward(logits, target)?.f_mul_scalar(self.options.lambda_dice)?;
        let focal = self.focal(logits, target)?;
        Ok(dice.f_add(&focal.f_mul_scalar(self.options.lambda_focal)?)?)
    }
}

impl DiceFocalLoss {
    /// The mean of `monai.losses.focal_loss.sigmoid_focal_loss` over classes and valid pixels.
    fn focal(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let weight = self.dice.weight.as_deref();
        check(logits, target, weight)?;
        let include_background = self.dice.options.include_background;
        let valid = valid_mask(target, logits)?;
        let truth = counted_channels(&one_hot(target, logits, &valid)?, include_background)?;
        let logits = counted_channels(logits, include_background)?;
        if weight.is_some() && logits.size()[1] == 1 {
            let reason =
                "are given for a single class (two without background), as MONAI refuses; leave them out";
            return Err(argument("train_hyp.class_weights", reason));
        }

        let cross_entropy = logits.f_sub(&logits.f_mul(&truth)?)?.f_sub(&logits.f_log_sigmoid()?)?;
        // log(1 − p), where p is the probability given to the truth; exp(γ log(1 − p)) = (1 − p)^γ.
        let sign = truth.f_mul_scalar(2.0)?.f_add_scalar(-1.0)?;
        let log_complement = logits.f_mul(&sign)?.f_neg()?.f_log_sigmoid()?;
        let focus = log_complement.f_mul_scalar(self.options.gamma)?.f_exp()?;
        let mut loss = focus.f_mul(&cross_entropy)?;
        if let Some(alpha) = self.options.alpha {
            let factor = truth.f_mul_scalar(2.0 * alpha - 1.0)?.f_add_scalar(1.0 - alpha)?;
            loss = loss.f_mul(&factor)?;
        }
        if let Some(weight) = counted_weights(weight, include_background, &logits)? {
            loss = loss.f_mul(&weight.f_view([1, -1, 1, 1])?)?;
        }
        let values = valid.f_sum(logits.kind())?.f_mul_scalar(logits.size()[1] as f64)?;
        Ok(loss.f_mul(&valid)?.f_sum(logits.kind())?.f_div(&values.f_clamp_min(1.0)?)?)
    }
}
