//! Sums from which the scores of any set of images follow, so that a resample needs no pixels.

use super::rows::Row;

/// Names of the scores of a class: over all pixels, and means over the images in which they are defined.
pub(crate) const METRICS: [&str; 10] = [
    "dice",
    "iou",
    "precision",
    "recall",
    "dice_per_image",
    "iou_per_image",
    "precision_per_image",
    "recall_per_image",
    "hd95_per_image",
    "surface_dice_per_image",
];

/// Number of scores that are means over images.
const PER_IMAGE: usize = 6;

/// Sums of a class over images.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    true_positives: f64,
    truth: f64,
    prediction: f64,
    per_image: [Mean; PER_IMAGE],
}

/// Sum and number of the values that are finite.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Sums {
    /// Adds an image.
    pub(super) fn add(&mut self, row: &Row) {
        self.true_positives += row.true_positives as f64;
        self.truth += row.pixels as f64;
        self.prediction += row.predicted as f64;
        let scores = [row.dice, row.iou, row.precision, row.recall, row.hd95, row.surface_dice];
        for (mean, score) in self.per_image.iter_mut().zip(scores) {
            if score.is_finite() {
                mean.sum += score;
                mean.count += 1.0;
            }
        }
    }

    /// Adds the images of other sums `times` times.
    pub(super) fn add_times(&mut self, other: &Self, times: f64) {
        self.true_positives += times * other.true_positives;
        self.truth += times * other.truth;
        self.prediction += times * other.prediction;
        for (mean, more) in self.per_image.iter_mut().zip(&other.per_image) {
            mean.sum += times * more.sum;
            mean.count += times * more.count;
        }
    }

    /// Returns the pooled Dice score; NaN if the truth does not have the class.
    pub(super) fn dice(&self) -> f64 {
        if self.truth == 0.0 { f64::NAN } else { 2.0 * self.true_positives / (self.truth + self.prediction) }
    }

    /// Returns the scores in the order of [`METRICS`], NaN where they are undefined.
    pub(super) fn scores(&self) -> [f64; METRICS.len()] {
        let union = self.truth + self.prediction - self.true_positives;
        let iou = if self.truth == 0.0 { f64::NAN } else { self.true_positives / union };
        let [dice, iou_mean, precision, recall, hd95, surface] =
            self.per_image.map(|mean| mean.sum / mean.count);
        [
            self.dice(),
            iou,
            self.true_positives / self.prediction,
            self.true_positives / self.truth,
            dice,
            iou_mean,
            precision,
            recall,
            hd95,
            surface,
        ]
    }
}
