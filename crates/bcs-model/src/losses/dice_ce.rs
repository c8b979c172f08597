//! `monai.losses.DiceCELoss`: the weighted sum of Dice and cross entropy.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::{CrossEntropyLoss, DiceLoss, Loss};
use crate::arguments::{Parts, at_least, in_range};
use crate::error::Error;

/// `monai.losses.DiceCELoss(to_onehot_y=True, softmax=True, weight)`, over valid pixels. As in MONAI, the Dice term is of
/// the softmax (or sigmoid), and the cross entropy always of the softmax.
#[derive(Debug, Clone)]
pub struct DiceCELoss {
    dice: DiceLoss,
    cross_entropy: CrossEntropyLoss,
    options: Options,
}

/// Arguments beside those of the Dice loss.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Factor of the Dice loss.
    lambda_dice: f64,
    /// Factor of the cross entropy.
    lambda_ce: f64,
    /// Share of the target's probability that is spread over all classes, in [0, 1].
    label_smoothing: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { lambda_dice: 1.0, lambda_ce: 1.0, label_smoothing: 0.0 }
    }
}

/// Builds the loss from MONAI's arguments and one weight per class.
pub(super) fn build(
    arguments: &Map<String, Value>,
    weight: Option<Vec<f64>>,
) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let dice = DiceLoss::take(&mut parts, weight.clone())?;
    let options: Options = parts.take()?;
    parts.finish()?;
    at_least("lambda_dice", options.lambda_dice, 0.0)?;
    at_least("lambda_ce", options.lambda_ce, 0.0)?;
    in_range("label_smoothing", options.label_smoothing, 0.0, 1.0)?;
    let Options { label_smoothing, .. } = options;
    let cross_entropy = CrossEntropyLoss { weight, label_smoothing, reduction: dice.common().reduction() };
    Ok(Box::new(DiceCELoss { dice, cross_entropy, options }))
}

impl Loss for DiceCELoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let dice = self.dice.forward(logits, target)?.f_mul_scalar(self.options.lambda_dice)?;
        let cross_entropy = self.cross_entropy.forward(logits, target)?;
        Ok(dice.f_add(&cross_entropy.f_mul_scalar(self.options.lambda_ce)?)?)
    }
}
