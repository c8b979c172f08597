//! `monai.metrics.ConfusionMatrixMetric`.

use super::confusion::{Confusion, ConfusionTable};
use super::{ConfusionScore, Reduced, Reduction};
use crate::error::Error;

/// Order in which a reduction is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReductionOrder {
    /// Reduces the confusion counts and computes the score of the result: MONAI's `compute_sample=False`.
    #[default]
    CountsFirst,
    /// Computes the score of each image and class and reduces the scores: MONAI's `compute_sample=True`.
    ScoresFirst,
}

/// Scores computed from the confusion matrix of class masks: `monai.metrics.ConfusionMatrixMetric`, and pooled over the
/// data set. Masks are those of [`DiceMetric`](super::DiceMetric). The counts serve for every [`ConfusionScore`].
///
/// ```
/// use bcs_model::metrics::{ConfusionMatrixMetric, ConfusionScore, Reduction, ReductionOrder};
///
/// let mut metric = ConfusionMatrixMetric::new(2, false)?;
/// metric.add(&[1, 1, 1, 1, 255], &[1, 0, 0, 0, 1])?;
/// metric.add(&[1, 1, 0, 0], &[1, 1, 1, 0])?;
/// let recall: ConfusionScore = "recall".parse()?;
/// let of_counts = metric.aggregate(recall, ReductionOrder::CountsFirst, Reduction::Mean);
/// let of_scores = metric.aggregate(recall, ReductionOrder::ScoresFirst, Reduction::Mean);
/// assert_eq!((of_counts.values[0], of_scores.values[0]), (3.0 / 6.0, (0.25 + 1.0) / 2.0));
/// assert_eq!(metric.pooled(ConfusionScore::Specificity), [1.0 / 2.0]);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConfusionMatrixMetric {
    counts: ConfusionTable,
}

impl ConfusionMatrixMetric {
    /// Creates the metric for this number of classes, background included. `include_background` tells whether class 0
    /// has scores; MONAI's default is true.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255].
    pub fn new(classes: usize, include_background: bool) -> Result<Self, Error> {
        Ok(Self { counts: ConfusionTable::new(classes, include_background)? })
    }

    /// Adds an image.
    ///
    /// # Errors
    /// [`Error::Argument`] if the masks differ in length.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        self.counts.add(truth, prediction)
    }

    /// Returns the reduced score. A score of reduced counts is NaN where it is undefined, and `not_nans` then counts all
    /// images and classes, as counts are never NaN (MONAI repeats that number for each of its four counts).
    pub fn aggregate(&self, score: ConfusionScore, order: ReductionOrder, reduction: Reduction) -> Reduced {
        if order == ReductionOrder::ScoresFirst {
            return self.counts.table(|counts| score.of_image(counts)).reduce(reduction);
        }
        let reduce =
            |count: fn(Confusion) -> u64| self.counts.table(|counts| count(counts) as f64).reduce(reduction);
        let Reduced { values: tp, not_nans } = reduce(|counts| counts.true_positives);
        let fp = reduce(|counts| counts.false_positives).values;
        let tn = reduce(|counts| counts.true_negatives).values;
        let fn_ = reduce(|counts| counts.false_negatives).values;
        let values = (0..tp.len()).map(|index| score.value([tp[index], fp[index], tn[index], fn_[index]]));
        Reduced { values: values.collect(), not_nans }
    }

    /// Returns the score of each class over all pixels of the data set, NaN where it is undefined.
    pub fn pooled(&self, score: ConfusionScore) -> Vec<f64> {
        self.counts.pooled().into_iter().map(|counts| score.of_image(counts)).collect()
    }

    /// Removes all images.
    pub fn reset(&mut self) {
        self.counts.reset();
    }
}
