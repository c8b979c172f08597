//! `monai.losses.DiceCELoss`: Dice and cross entropy together.

use tch::Tensor;

use super::{CrossEntropyLoss, DiceLoss, Loss};
use crate::error::Error;

/// `monai.losses.DiceCELoss(to_onehot_y=True, softmax=True, weight=…)`
#[derive(Debug, Clone)]
pub struct DiceCELoss {
    dice: DiceLoss,
    cross_entropy: CrossEntropyLoss,
}

impl DiceCELoss {
    /// Both terms with the same class weights.
    pub fn new(weight: Option<Vec<f64>>) -> Self {
        let dice = DiceLoss { weight: weight.clone(), ..DiceLoss::default() };
        Self { dice, cross_entropy: CrossEntropyLoss { weight } }
    }
}

impl Loss for DiceCELoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        Ok(self.dice.forward(logits, target)?.f_add(&self.cross_entropy.forward(logits, target)?)?)
    }
}
