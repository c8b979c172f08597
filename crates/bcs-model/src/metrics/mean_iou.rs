//! `monai.metrics.MeanIoU`.

use super::confusion::Confusion;
use super::overlap_metric::{OverlapMetric, OverlapScore};

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
pub type MeanIoU = OverlapMetric<Iou>;

/// Score of [`MeanIoU`]: the intersection over the union of both areas.
#[derive(Debug, Clone, Copy)]
pub struct Iou;

impl OverlapScore for Iou {
    fn of(counts: Confusion) -> Option<f64> {
        counts.iou()
    }
}
