//! What `monai.metrics.DiceMetric` and `monai.metrics.MeanIoU` have in common: all but the score of a class.

use std::marker::PhantomData;

use serde::Deserialize;

use super::confusion::{Confusion, ConfusionTable};
use super::{Reduced, Reduction};
use crate::error::Error;

/// Arguments of `monai.metrics.DiceMetric` and `monai.metrics.MeanIoU`, with MONAI's names and defaults.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverlapOptions {
    /// Whether class 0 is included.
    pub include_background: bool,
    /// Whether a class without truth pixels is NaN. Otherwise it is 1 if it is not predicted either, and 0 if it is.
    pub ignore_empty: bool,
}

impl Default for OverlapOptions {
    fn default() -> Self {
        Self { include_background: true, ignore_empty: true }
    }
}

impl OverlapOptions {
    /// Returns the value of a class from its score, which is `None` if neither truth nor prediction has the class.
    fn value(self, counts: Confusion, score: Option<f64>) -> f64 {
        if self.ignore_empty && counts.truth() == 0 {
            return f64::NAN;
        }
        score.unwrap_or(1.0)
    }
}

/// Score of the overlap of truth and prediction for one class.
pub trait OverlapScore {
    /// Returns the score, or `None` if neither truth nor prediction has the class.
    fn of(counts: Confusion) -> Option<f64>;
}

/// Metric that scores each class by the overlap of its pixels. See [`DiceMetric`](super::DiceMetric) and
/// [`MeanIoU`](super::MeanIoU).
#[derive(Debug, Clone)]
pub struct OverlapMetric<S> {
    counts: ConfusionTable,
    options: OverlapOptions,
    score: PhantomData<S>,
}

impl<S: OverlapScore> OverlapMetric<S> {
    /// Creates the metric for this number of classes, background included.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255].
    pub fn new(classes: usize, options: OverlapOptions) -> Result<Self, Error> {
        let counts = ConfusionTable::new(classes, options.include_background)?;
        Ok(Self { counts, options, score: PhantomData })
    }

    /// Adds an image.
    ///
    /// # Errors
    /// [`Error::Argument`] if the masks differ in length.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        self.counts.add(truth, prediction)
    }

    /// Returns the reduced scores of the images, in [0, 1] unless they are summed.
    pub fn aggregate(&self, reduction: Reduction) -> Reduced {
        self.counts.table(|counts| self.value(counts)).reduce(reduction)
    }

    /// Returns the score of each class over all pixels of the data set, as if it were one image.
    pub fn pooled(&self) -> Vec<f64> {
        self.counts.pooled().into_iter().map(|counts| self.value(counts)).collect()
    }

    /// Removes all images.
    pub fn reset(&mut self) {
        self.counts.reset();
    }

    fn value(&self, counts: Confusion) -> f64 {
        self.options.value(counts, S::of(counts))
    }
}
