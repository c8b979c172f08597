//! `monai.losses.DiceLoss` (Milletari et al., V-Net, 2016).

use serde::Deserialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::Loss;
use super::arguments::{Settings, Weight};
use super::batch::Batch;
use super::evaluated::{Evaluated, differentiable};
use super::overlap::{Counts, OverlapOptions, SoftLabel};
use super::own_class::PixelTerm;
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
    weight: Option<Weight>,
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

/// Builds the loss from MONAI's arguments.
pub(super) fn build(arguments: &Map<String, Value>, settings: Settings) -> Result<Box<dyn Loss>, Error> {
    let mut parts = Parts::of(arguments);
    let weight = Weight::take(&mut parts, settings)?;
    let loss = DiceLoss::take(&mut parts, weight)?;
    parts.take::<SoftLabel>()?;
    parts.finish()?;
    Ok(Box::new(loss))
}

impl DiceLoss {
    /// Takes the arguments of this loss, but for its weight.
    pub(super) fn take(parts: &mut Parts, weight: Option<Weight>) -> Result<Self, Error> {
        Ok(Self { common: OverlapOptions::take(parts)?, options: parts.take()?, weight })
    }

    /// The arguments that other losses have too.
    pub(super) fn common(&self) -> &OverlapOptions {
        &self.common
    }

    /// Computes `lambda` times the loss.
    pub(super) fn evaluate(&self, batch: &Batch, lambda: f64) -> Result<Evaluated, Error> {
        let loss = self.of_counts(batch, lambda)?;
        self.common.evaluate(batch, self.options.squared_pred, loss)
    }

    /// Adds `lambda` times the loss to a loss of log probabilities.
    pub(super) fn evaluate_with(
        &self,
        term: PixelTerm,
        batch: &Batch,
        lambda: f64,
    ) -> Result<Evaluated, Error> {
        let loss = self.of_counts(batch, lambda)?;
        if self.common.sigmoid() {
            return self.common.add_sigmoid(term.finish(batch)?, batch, self.options.squared_pred, loss);
        }
        self.common.evaluate_with(term, batch, self.options.squared_pred, loss)
    }

    /// The loss as a function of the soft counts.
    fn of_counts(
        &self,
        batch: &Batch,
        lambda: f64,
    ) -> Result<impl FnOnce(&Counts) -> Result<Tensor, Error>, Error> {
        let first = batch.first(self.common.include_background);
        // MONAI does not weight a single class.
        let weight = (self.weight.as_ref().map(|weight| weight.included(first, batch.channels())))
            .transpose()?
            .filter(|weight| weight.len() > 1)
            .map(|weight| batch.tensor(&weight))
            .transpose()?;
        Ok(move |counts: &Counts| {
            let Counts { both, predicted, actual, .. } = counts;
            // The targets are 0 and 1, so that their squares are themselves.
            let sizes = predicted.f_add(actual)?;
            // MONAI's 2 (tp + fp + fn): twice the union; with fp and fn halved, the sum of the sizes.
            let denominator =
                if self.options.jaccard { sizes.f_sub(both)?.f_mul_scalar(2.0)? } else { sizes };
            let mut losses = self.common.complement(&both.f_mul_scalar(2.0)?, &denominator)?;
            if let Some(weight) = &weight {
                losses = losses.f_mul(weight)?;
            }
            Ok(self.common.reduce(&losses, counts)?.f_mul_scalar(lambda)?)
        })
    }
}

impl Loss for DiceLoss {
    fn forward(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor, Error> {
        differentiable(logits, target, |batch| self.evaluate(batch, 1.0))
    }
}
