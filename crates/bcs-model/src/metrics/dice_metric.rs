//! `monai.metrics.DiceMetric`.

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
    pub(super) fn value(self, counts: Confusion, score: Option<f64>) -> f64 {
        if self.ignore_empty && counts.truth() == 0 {
            return f64::NAN;
        }
        score.unwrap_or(1.0)
    }
}

/// Dice score of class masks: `monai.metrics.DiceMetric`, and pooled over the data set.
///
/// Masks are class indices, or [`bcs_contracts::IGNORE`] in the truth for pixels that take no part (MONAI's
/// `ignore_index`). Other codes that are not below `classes` are ignored in the truth, too, and are no class in the
/// prediction.
///
/// ```
/// use bcs_model::metrics::{DiceMetric, OverlapOptions, Reduction};
///
/// let mut metric = DiceMetric::new(3, OverlapOptions { include_background: false, ..Default::default() })?;
/// metric.add(&[0, 1, 1, 255], &[0, 1, 0, 1])?;
/// metric.add(&[1, 1, 2, 2], &[1, 1, 1, 2])?;
/// let means = metric.aggregate(Reduction::MeanBatch);
/// assert_eq!(means.values, [(2.0 / 3.0 + 4.0 / 5.0) / 2.0, 2.0 / 3.0]);
/// assert_eq!(means.not_nans, [2, 1], "the first image has no pixel of class 2");
/// assert_eq!(metric.pooled(), [6.0 / 8.0, 2.0 / 3.0]);
/// metric.reset();
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DiceMetric {
    counts: ConfusionTable,
    options: OverlapOptions,
}

impl DiceMetric {
    /// Creates the metric for this number of classes, background included.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255].
    pub fn new(classes: usize, options: OverlapOptions) -> Result<Self, Error> {
        Ok(Self { counts: ConfusionTable::new(classes, options.include_background)?, options })
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
        self.options.value(counts, counts.dice())
    }
}
