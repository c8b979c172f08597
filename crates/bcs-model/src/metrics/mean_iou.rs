//! `monai.metrics.MeanIoU`.

use super::confusion::{Confusion, ConfusionTable};
use super::{OverlapOptions, Reduced, Reduction};
use crate::error::Error;

/// Intersection over union of class masks: `monai.metrics.MeanIoU`, and pooled over the data set. Masks are those of
/// [`DiceMetric`](super::DiceMetric).
///
/// ```
/// use bcs_model::metrics::{MeanIoU, OverlapOptions, Reduction};
///
/// let mut metric = MeanIoU::new(2, OverlapOptions::default())?;
/// metric.add(&[0, 1, 1, 255], &[0, 1, 0, 1])?;
/// metric.add(&[1, 1, 1, 1], &[1, 1, 1, 1])?;
/// assert_eq!(metric.aggregate(Reduction::Mean).values, [(0.5 + 1.0) / 2.0]);
/// assert_eq!(metric.pooled(), [1.0 / 2.0, 5.0 / 6.0]);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MeanIoU {
    counts: ConfusionTable,
    options: OverlapOptions,
}

impl MeanIoU {
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
        self.options.value(counts, counts.iou())
    }
}
