//! `monai.losses.DiceFocalLoss`: Dice and focal loss together.

use tch::Tensor;

use super::{DiceLoss, FocalLoss, Loss};
use crate::error::Error;

/// `monai.losses.DiceFocalLoss(to_onehot_y=True, softmax=True, use_softmax=True, weight=…)`
#[derive(Debug, Clone)]
pub struct DiceFocalLoss {
    dice: DiceLoss,
    focal: FocalLoss,
}

impl DiceFocalLoss {
    /// Both terms with the same class weights.
    pub fn new(weight: Option<Vec<f64>>) -> Self {
        let dice = DiceLoss { weight: weight.clone(), ..DiceLoss::default() };
        Self { dice, focal: FocalLoss { weight, ..FocalLoss::default() } }
    }
}

impl Loss for DiceFocalLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        Ok(self.dice.forward(logits, target)?.f_add(&self.focal.forward(logits, target)?)?)
    }
}
