//! `monai.metrics.SurfaceDiceMetric` (Nikolov et al., Clinically Applicable Segmentation of Head and Neck Anatomy, 2021).

use std::ops::Range;

use super::confusion::counted_classes;
use super::reduction::Table;
use super::surface::{Boundaries, boundaries};
use super::{Reduced, Reduction};
use crate::error::{Error, argument};

/// Normalized surface Dice: fraction of the boundary pixels of truth and prediction that lie within a threshold of the
/// other boundary. `monai.metrics.SurfaceDiceMetric` with Euclidean distances and without subvoxels, and pooled over
/// the data set. Masks are those of [`DiceMetric`](super::DiceMetric).
///
/// A class that neither mask has is NaN; one that a single mask has is 0.
///
/// ```
/// use bcs_model::metrics::{Reduction, SurfaceDiceMetric};
///
/// // Background and one class with a threshold of one pixel.
/// let mut metric = SurfaceDiceMetric::new(2, &[1.0], false)?;
/// // Rows of six pixels.
/// metric.add(&[0, 1, 1, 0, 0, 0], &[0, 1, 1, 1, 0, 1], [1, 6])?;
/// metric.add(&[0, 0, 1, 0, 0, 0], &[0, 1, 0, 0, 0, 0], [1, 6])?;
/// assert_eq!(metric.aggregate(Reduction::Mean).values, [(5.0 / 6.0 + 1.0) / 2.0]);
/// assert_eq!(metric.pooled(), [7.0 / 8.0]);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SurfaceDiceMetric {
    classes: Range<usize>,
    thresholds: Vec<f32>,
    values: Table,
    pooled: Vec<Score>,
}

/// Numbers of boundary pixels.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    within: usize,
    total: usize,
}

impl SurfaceDiceMetric {
    /// Creates the metric for this number of classes, background included. `class_thresholds` are in pixels, one for each
    /// class; without background (MONAI's default for `include_background`) one for each but class 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255], if there is another number of thresholds, or if one of them
    /// is negative or not finite.
    pub fn new(classes: usize, class_thresholds: &[f64], include_background: bool) -> Result<Self, Error> {
        let classes = counted_classes(classes, include_background)?;
        check_thresholds(class_thresholds, classes.len())?;
        Ok(Self {
            // Distances are compared in single precision, as in MONAI.
            thresholds: class_thresholds.iter().map(|threshold| *threshold as f32).collect(),
            values: Table::new(classes.len()),
            pooled: vec![Score::default(); classes.len()],
            classes,
        })
    }

    /// Adds an image of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a mask does not have this size.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Result<(), Error> {
        let boundaries = boundaries(truth, prediction, size, self.classes.clone())?;
        let scores =
            boundaries.iter().zip(&self.thresholds).map(|(class, threshold)| Score::of(class, *threshold));
        let scores: Vec<_> = scores.collect();
        self.values.push(scores.iter().map(|score| score.value()));
        for (pooled, score) in self.pooled.iter_mut().zip(scores) {
            pooled.within += score.within;
            pooled.total += score.total;
        }
        Ok(())
    }

    /// Returns the reduced scores of the images, in [0, 1] unless they are summed.
    pub fn aggregate(&self, reduction: Reduction) -> Reduced {
        self.values.reduce(reduction)
    }

    /// Returns the score of each class over the boundary pixels of all images.
    pub fn pooled(&self) -> Vec<f64> {
        self.pooled.iter().map(|score| score.value()).collect()
    }

    /// Removes all images.
    pub fn reset(&mut self) {
        self.values.clear();
        self.pooled.fill(Score::default());
    }
}

impl Score {
    fn of(class: &Boundaries, threshold: f32) -> Self {
        let distances = [class.to_truth(), class.to_prediction()].concat();
        let within = distances.iter().filter(|distance| **distance <= threshold).count();
        Self { within, total: distances.len() }
    }

    /// Returns the fraction; NaN without boundary pixels.
    fn value(self) -> f64 {
        self.within as f64 / self.total as f64
    }
}

fn check_thresholds(thresholds: &[f64], classes: usize) -> Result<(), Error> {
    if thresholds.len() != classes {
        let reason =
            format!("has {} entries; there must be one for each of {classes} classes", thresholds.len());
        return Err(argument("class_thresholds", reason));
    }
    if thresholds.iter().all(|threshold| threshold.is_finite() && *threshold >= 0.0) {
        return Ok(());
    }
    Err(argument("class_thresholds", format!("is {thresholds:?}; thresholds must be finite and at least 0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_that_do_not_fit_are_errors() {
        let error = |thresholds: &[f64], include_background| {
            SurfaceDiceMetric::new(3, thresholds, include_background).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[1.0], false),
            "class_thresholds has 1 entries; there must be one for each of 2 classes"
        );
        assert!(error(&[1.0; 2], true).contains("each of 3 classes"));
        for invalid in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(error(&[1.0, invalid], false).contains("finite and at least 0"));
        }
    }

    #[test]
    fn a_reset_metric_has_no_images() {
        let mut metric = SurfaceDiceMetric::new(2, &[0.0], false).unwrap();
        metric.add(&[0, 1, 1], &[1, 1, 1], [1, 3]).unwrap();
        assert_eq!(metric.pooled(), [4.0 / 5.0]);
        metric.reset();
        assert!(metric.pooled()[0].is_nan());
        assert_eq!(metric.aggregate(Reduction::Mean).not_nans, [0]);
    }
}
