//! `monai.losses.DiceCELoss`: the weighted sum of Dice and cross entropy.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::arguments::{Settings, Weight};
use super::cross_entropy::CrossEntropy;
use super::evaluated::differentiable;
use super::{DiceLoss, FocalLoss, Loss};
use crate::arguments::{Parts, at_least, in_range};
use crate::error::Error;

/// `monai.losses.DiceCELoss(to_onehot_y=True, softmax=True, weight)`, over valid pixels. As in MONAI, the Dice term is of
/// the softmax (or sigmoid), and the cross entropy always of the softmax. A single channel has the binary cross entropy, whose positive pixels have the
/// weight.
#[derive(Debug, Clone)]
pub struct DiceCELoss {
    dice: DiceLoss,
    cross_entropy: CrossEntropy,
    /// Cross entropy of a single channel.
    binary: FocalLoss,
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

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, settings: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    // MONAI leaves out the background's weight itself.
    let weight = Weight::take(&mut parts, settings)?.map(Weight::with_background);
    let dice = DiceLoss::take(&mut parts, weight.clone())?;
    let options: Options = parts.take()?;
    parts.finish()?;
    at_least("lambda_dice", options.lambda_dice, 0.0)?;
    at_least("lambda_ce", options.lambda_ce, 0.0)?;
    in_range("label_smoothing", options.label_smoothing, 0.0, 1.0)?;
    let Options { label_smoothing, .. } = options;
    let reduction = dice.common().reduction();
    let binary = FocalLoss::binary_cross_entropy(reduction, weight.clone());
    let cross_entropy = CrossEntropy { weight, label_smoothing, reduction };
    Ok(Box::new(DiceCELoss { dice, cross_entropy, binary, options }))
}

impl Loss for DiceCELoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        let Options { lambda_dice, lambda_ce, .. } = self.options;
        differentiable(logits, target, |batch| {
            if batch.channels() == 1 {
                return self.binary.add_to(self.dice.evaluate(batch, lambda_dice)?, batch, lambda_ce);
            }
            self.dice.evaluate_with(self.cross_entropy.evaluate(batch, lambda_ce)?, batch, lambda_dice)
        })
    }
}
