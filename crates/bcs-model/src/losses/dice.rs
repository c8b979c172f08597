//! `monai.losses.DiceLoss` (Milletari et al., V-Net, 2016).

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::Loss;
use super::overlap::{Counts, OverlapOptions};
use super::target::{check, counted_weights, valid_mask};
use crate::arguments::Parts;
use crate::error::Error;

/// `monai.losses.DiceLoss(to_onehot_y=True, softmax=True, weight, ignore_index=255)`: one minus the soft Dice score (or
/// Jaccard index) of each image and class.
///
/// One case differs: the loss of a batch without a valid pixel is 0, not 1 − `smooth_nr` / `smooth_dr`.
#[derive(Debug, Clone)]
pub struct DiceLoss {
    common: OverlapOptions,
    options: Options,
    /// Factor of each class, background included.
    weight: Option<Vec<f64>>,
}

/// Arguments beside those of all overlap losses.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Whether predictions and targets are squared in the denominator.
    squared_pred: bool,
    /// Whether to compute the Jaccard index (soft intersection over union) instead of Dice.
    jaccard: bool,
}

/// Builds the loss from MONAI's arguments and one weight per class.
pub(super) fn build(
    arguments: &Map<String, Value>,
    weight: Option<Vec<f64>>,
) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let loss = DiceLoss::take(&mut parts, weight)?;
    parts.finish()?;
    Ok(Box::new(loss))
}

impl DiceLoss {
    /// Takes the arguments of this loss.
    pub(super) fn take(parts: &mut Parts, weight: Option<Vec<f64>>) -> Result<Self, Error> {
        let loss = Self { common: parts.take()?, options: parts.take()?, weight };
        loss.common.check()?;
        Ok(loss)
    }

    /// The arguments that other losses have too.
    pub(super) fn common(&self) -> &OverlapOptions {
        &self.common
    }
}

impl Loss for DiceLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        check(logits, target, self.weight.as_deref())?;
        let valid = valid_mask(target, logits)?;
        let Options { squared_pred, jaccard } = self.options;
        let Counts { both, predicted, actual } = self.common.counts(logits, target, &valid, squared_pred)?;
        // The targets are 0 and 1, so that their squares are themselves.
        let sizes = predicted.f_add(&actual)?;
        // MONAI's 2 (tp + fp + fn): twice the union; with fp and fn halved, the sum of the sizes.
        let denominator = if jaccard { sizes.f_sub(&both)?.f_mul_scalar(2.0)? } else { sizes };
        let mut losses = self.common.complement(&both.f_mul_scalar(2.0)?, &denominator)?;

        let weight = counted_weights(self.weight.as_deref(), self.common.include_background, logits)?;
        // MONAI does not weight a single class.
        if let Some(weight) = weight.filter(|weight| weight.numel() > 1) {
            losses = losses.f_mul(&weight)?;
        }
        self.common.reduce(&losses, &valid)
    }
}
