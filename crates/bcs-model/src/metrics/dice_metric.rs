//! `monai.metrics.DiceMetric`.

use super::confusion::Confusion;
use super::overlap_metric::{OverlapMetric, OverlapScore};

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
pub type DiceMetric = OverlapMetric<Dice>;

/// Score of [`DiceMetric`]: twice the intersection over the sum of both areas.
#[derive(Debug, Clone, Copy)]
pub struct Dice;

impl OverlapScore for Dice {
    fn of(counts: Confusion) -> Option<f64> {
        counts.dice()
    }
}
