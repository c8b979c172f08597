//! `monai.losses.GeneralizedDiceFocalLoss`: the weighted sum of generalized Dice and focal loss.

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::arguments::{Settings, Weight};
use super::evaluated::differentiable;
use super::{FocalLoss, GeneralizedDiceLoss, Loss};
use crate::arguments::{Parts, at_least};
use crate::error::Error;

/// `monai.losses.GeneralizedDiceFocalLoss(to_onehot_y=True, softmax=True, weight)`, over valid pixels. As in MONAI, the
/// focal term is of a sigmoid per class, and class weights are its alone.
#[derive(Debug, Clone)]
pub struct GeneralizedDiceFocalLoss {
    generalized_dice: GeneralizedDiceLoss,
    focal: FocalLoss,
    options: Options,
}

/// Arguments beside those of the generalized Dice loss.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Focusing parameter γ.
    gamma: f64,
    /// Factor of the generalized Dice loss.
    lambda_gdl: f64,
    /// Factor of the focal loss.
    lambda_focal: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { gamma: 2.0, lambda_gdl: 1.0, lambda_focal: 1.0 }
    }
}

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, settings: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let weight = Weight::take(&mut parts, settings)?;
    let generalized_dice = GeneralizedDiceLoss::take(&mut parts)?;
    let options: Options = parts.take()?;
    parts.finish()?;
    at_least("lambda_gdl", options.lambda_gdl, 0.0)?;
    at_least("lambda_focal", options.lambda_focal, 0.0)?;
    let focal = FocalLoss::of_sigmoid(generalized_dice.common(), options.gamma, None, weight)?;
    Ok(Box::new(GeneralizedDiceFocalLoss { generalized_dice, focal, options }))
}

impl Loss for GeneralizedDiceFocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| {
            let dice = self.generalized_dice.evaluate(batch, self.options.lambda_gdl)?;
            self.focal.add_to(dice, batch, self.options.lambda_focal)
        })
    }
}
