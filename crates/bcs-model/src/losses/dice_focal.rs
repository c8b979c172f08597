//! `monai.losses.DiceFocalLoss`: the weighted sum of Dice and focal loss.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::arguments::{Numbers, Settings, Weight};
use super::evaluated::differentiable;
use super::{DiceLoss, FocalLoss, Loss};
use crate::arguments::{Parts, at_least};
use crate::error::Error;

/// `monai.losses.DiceFocalLoss(to_onehot_y=True, softmax=True, weight)`, over valid pixels. As in MONAI, the Dice term is
/// of the softmax (or sigmoid), and the focal term always of a sigmoid per class.
#[derive(Debug, Clone)]
pub struct DiceFocalLoss {
    dice: DiceLoss,
    focal: FocalLoss,
    options: Options,
}

/// Arguments beside those of the Dice loss.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Focusing parameter γ.
    gamma: f64,
    /// Factor of the Dice loss.
    lambda_dice: f64,
    /// Factor of the focal loss.
    lambda_focal: f64,
    /// Balancing factor α of the focal loss.
    alpha: Option<Numbers>,
}

impl Default for Options {
    fn default() -> Self {
        Self { gamma: 2.0, lambda_dice: 1.0, lambda_focal: 1.0, alpha: None }
    }
}

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, settings: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let weight = Weight::take(&mut parts, settings)?;
    let dice = DiceLoss::take(&mut parts, weight.clone())?;
    let options: Options = parts.take()?;
    parts.finish()?;
    at_least("lambda_dice", options.lambda_dice, 0.0)?;
    at_least("lambda_focal", options.lambda_focal, 0.0)?;
    let focal = FocalLoss::of_sigmoid(dice.common(), options.gamma, options.alpha.clone(), weight)?;
    Ok(Box::new(DiceFocalLoss { dice, focal, options }))
}

impl Loss for DiceFocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| {
            let dice = self.dice.evaluate(batch, self.options.lambda_dice)?;
            self.focal.add_to(dice, batch, self.options.lambda_focal)
        })
    }
}
