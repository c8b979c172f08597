//! `monai.losses.MaskedDiceLoss`: the Dice loss with pixels masked out.

use serde_json::{Map, Value};
use tch::Tensor;

use super::arguments::{Settings, Weight};
use super::evaluated::differentiable;
use super::masked::check_mask;
use super::overlap::SoftLabel;
use super::{DiceLoss, Loss};
use crate::arguments::Parts;
use crate::error::Error;

/// `monai.losses.MaskedDiceLoss(to_onehot_y=True, softmax=True, weight)`: probabilities and labels are multiplied by a mask
/// before the Dice loss. As a [`Loss`], its mask is the valid pixels.
///
/// A masked pixel is therefore one of class 0 which no class predicts. It counts in the size of the background, unlike an
/// ignored pixel of [`DiceLoss`]; without background, both losses are the same.
///
/// One case differs: the loss of a batch whose pixels are all masked or ignored is 0.
#[derive(Debug, Clone)]
pub struct MaskedDiceLoss {
    dice: DiceLoss,
}

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, settings: Settings) -> Result<Box<dyn Loss>, Error> {
    Ok(Box::new(MaskedDiceLoss::with_settings(arguments, settings)?))
}

impl MaskedDiceLoss {
    /// Builds the loss from MONAI's arguments.
    ///
    /// # Errors
    /// [`Error::Argument`] for unknown arguments and values out of range.
    pub fn new(arguments: &Map<String, Value>) -> Result<Self, Error> {
        Self::with_settings(arguments, Settings { class_weights: None, ignore: true })
    }

    fn with_settings(arguments: &Map<String, Value>, settings: Settings) -> Result<Self, Error> {
        let mut parts = Parts::of(arguments);
        let weight = Weight::take(&mut parts, settings)?;
        let dice = DiceLoss::take(&mut parts, weight)?;
        parts.take::<SoftLabel>()?;
        parts.finish()?;
        Ok(Self { dice })
    }

    /// Returns the loss of logits `[N, C, H, W]` against targets `[N, H, W]`, as a scalar. `mask` is 1 at the pixels to keep
    /// and 0 at the others: `[N, 1, H, W]`, or `[1, 1, H, W]` for all images. Ignored pixels are masked out too.
    ///
    /// # Errors
    /// [`Error::Argument`] if the shapes do not fit each other or the class weights; [`Error::Torch`].
    pub fn forward_masked(&self, logits: &Tensor, target: &Tensor, mask: &Tensor) -> Result<Tensor, Error> {
        check_mask(logits, mask)?;
        differentiable(logits, target, |batch| {
            let kept = mask.f_ne(0.0)?.f_squeeze_dim(1)?.f_to_kind(batch.logits.kind())?;
            self.dice.evaluate(&batch.masked(&kept)?, 1.0)
        })
    }
}

impl Loss for MaskedDiceLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| self.dice.evaluate(&batch.masked(&batch.valid)?, 1.0))
    }
}
