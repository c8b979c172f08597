//! `monai.losses.TverskyLoss` (Salehi et al., Tversky loss function for image segmentation, 2017).

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::Loss;
use super::arguments::Settings;
use super::evaluated::differentiable;
use super::overlap::{Counts, OverlapOptions, SoftLabel};
use crate::arguments::{Parts, at_least};
use crate::error::Error;

/// `monai.losses.TverskyLoss(to_onehot_y=True, softmax=True, ignore_index=255)`: the Dice loss with a weight each for false
/// positives and false negatives.
///
/// One case differs: the loss of a batch without a valid pixel is 0, not 1 − `smooth_nr` / `smooth_dr`.
#[derive(Debug, Clone)]
pub struct TverskyLoss {
    common: OverlapOptions,
    options: Options,
}

/// Arguments beside those of all overlap losses.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Factor of false positives.
    alpha: f64,
    /// Factor of false negatives.
    beta: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { alpha: 0.5, beta: 0.5 }
    }
}

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, _: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let loss = TverskyLoss { common: OverlapOptions::take(&mut parts)?, options: parts.take()? };
    parts.take::<SoftLabel>()?;
    parts.finish()?;
    at_least("alpha", loss.options.alpha, 0.0)?;
    at_least("beta", loss.options.beta, 0.0)?;
    Ok(Box::new(loss))
}

impl Loss for TverskyLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| {
            self.common.evaluate(batch, false, |counts| {
                let Counts { both, predicted, actual, .. } = counts;
                let false_positives = predicted.f_sub(both)?.f_mul_scalar(self.options.alpha)?;
                let false_negatives = actual.f_sub(both)?.f_mul_scalar(self.options.beta)?;
                let denominator = both.f_add(&false_positives)?.f_add(&false_negatives)?;
                self.common.reduce(&self.common.complement(both, &denominator)?, counts)
            })
        })
    }
}
