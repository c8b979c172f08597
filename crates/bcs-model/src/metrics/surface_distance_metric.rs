//! `monai.metrics.SurfaceDistanceMetric`.

use std::ops::Range;

use serde::Deserialize;

use super::confusion::counted_classes;
use super::reduction::Table;
use super::surface::boundaries;
use super::{Reduced, Reduction};
use crate::error::Error;

/// Arguments of `monai.metrics.SurfaceDistanceMetric`, with MONAI's names and defaults.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SurfaceDistanceOptions {
    /// Whether class 0 is included.
    pub include_background: bool,
    /// Whether the distances from truth to prediction count, too.
    pub symmetric: bool,
}

/// Average distance between the boundaries of truth and prediction, in pixels: `monai.metrics.SurfaceDistanceMetric`
/// with Euclidean distances, and pooled over the data set. Masks are those of [`DiceMetric`](super::DiceMetric).
///
/// A class that neither mask has is NaN; one that a single mask has is infinite.
///
/// ```
/// use bcs_model::metrics::{Reduction, SurfaceDistanceMetric, SurfaceDistanceOptions};
///
/// let options = SurfaceDistanceOptions { symmetric: true, ..Default::default() };
/// let mut metric = SurfaceDistanceMetric::new(2, options)?;
/// // Rows of six pixels.
/// metric.add(&[0, 1, 1, 0, 0, 0], &[0, 1, 1, 0, 0, 1], [1, 6])?;
/// metric.add(&[0, 1, 0, 0, 0, 0], &[0, 1, 0, 0, 0, 0], [1, 6])?;
/// assert_eq!(metric.aggregate(Reduction::Mean).values, [(3.0 / 5.0 + 0.0) / 2.0]);
/// assert_eq!(metric.pooled(), [3.0 / 7.0]);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SurfaceDistanceMetric {
    classes: Range<usize>,
    symmetric: bool,
    values: Table,
    pooled: Vec<Mean>,
}

/// Sum and number of distances.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl SurfaceDistanceMetric {
    /// Creates the metric for this number of classes, background included.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255].
    pub fn new(classes: usize, options: SurfaceDistanceOptions) -> Result<Self, Error> {
        let classes = counted_classes(classes, options.include_background)?;
        Ok(Self {
            symmetric: options.symmetric,
            values: Table::new(classes.len()),
            pooled: vec![Mean::default(); classes.len()],
            classes,
        })
    }

    /// Adds an image of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a mask does not have this size.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Result<(), Error> {
        let mut means = vec![Mean::default(); self.classes.len()];
        for (mean, class) in means.iter_mut().zip(boundaries(truth, prediction, size, self.classes.clone())?)
        {
            mean.add(&class.to_truth());
            if self.symmetric {
                mean.add(&class.to_prediction());
            }
        }
        self.values.push(means.iter().map(|mean| mean.value()));
        for (pooled, mean) in self.pooled.iter_mut().zip(means) {
            pooled.sum += mean.sum;
            pooled.count += mean.count;
        }
        Ok(())
    }

    /// Returns the reduced average distances of the images.
    pub fn aggregate(&self, reduction: Reduction) -> Reduced {
        self.values.reduce(reduction)
    }

    /// Returns the average of the distances of all images for each class.
    pub fn pooled(&self) -> Vec<f64> {
        self.pooled.iter().map(|mean| mean.value()).collect()
    }

    /// Removes all images.
    pub fn reset(&mut self) {
        self.values.clear();
        self.pooled.fill(Mean::default());
    }
}

impl Mean {
    fn add(&mut self, distances: &[f32]) {
        self.sum += distances.iter().map(|distance| f64::from(*distance)).sum::<f64>();
        self.count += distances.len();
    }

    /// Returns the mean; NaN without distances.
    fn value(self) -> f64 {
        self.sum / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_metric_has_no_images() {
        let mut metric = SurfaceDistanceMetric::new(2, SurfaceDistanceOptions::default()).unwrap();
        metric.add(&[0, 1, 1], &[1, 1, 1], [1, 3]).unwrap();
        assert_eq!(metric.pooled(), [1.0 / 3.0]);
        metric.reset();
        assert!(metric.pooled()[0].is_nan());
        assert_eq!(metric.aggregate(Reduction::Mean).not_nans, [0]);
    }
}
