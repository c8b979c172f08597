//! `monai.metrics.HausdorffDistanceMetric`.

use std::ops::Range;

use serde::Deserialize;

use super::confusion::counted_classes;
use super::reduction::Table;
use super::surface::{Boundaries, boundaries};
use super::{Reduced, Reduction};
use crate::error::{Error, argument};

/// Arguments of `monai.metrics.HausdorffDistanceMetric`, with MONAI's names and defaults.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HausdorffOptions {
    /// Whether class 0 is included.
    pub include_background: bool,
    /// Percentile of the distances, in [0, 100], instead of their maximum. As in MONAI, 0 is the maximum, too.
    pub percentile: Option<f64>,
    /// Whether only the distances from prediction to truth count.
    pub directed: bool,
}

/// Hausdorff distance between the boundaries of truth and prediction, in pixels:
/// `monai.metrics.HausdorffDistanceMetric` with Euclidean distances. Masks are those of
/// [`DiceMetric`](super::DiceMetric).
///
/// A class that neither mask has is NaN. One that a single mask has is infinite; with a percentile it is NaN, because
/// `torch.quantile` interpolates between infinities. There is no pooled distance: the maximum over a data set is that of
/// its worst image.
///
/// ```
/// use bcs_model::metrics::{HausdorffDistanceMetric, HausdorffOptions, Reduction};
///
/// let mut metric = HausdorffDistanceMetric::new(2, HausdorffOptions::default())?;
/// // One row of six pixels.
/// metric.add(&[0, 1, 1, 0, 0, 0], &[0, 1, 1, 0, 0, 1], [1, 6])?;
/// assert_eq!(metric.aggregate(Reduction::Mean).values, [3.0]);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HausdorffDistanceMetric {
    classes: Range<usize>,
    options: HausdorffOptions,
    values: Table,
}

impl HausdorffDistanceMetric {
    /// Creates the metric for this number of classes, background included.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255] or the percentile not in [0, 100].
    pub fn new(classes: usize, options: HausdorffOptions) -> Result<Self, Error> {
        if let Some(percentile) = options.percentile.filter(|percentile| !(0.0..=100.0).contains(percentile))
        {
            return Err(argument("percentile", format!("is {percentile}; it must be in [0, 100]")));
        }
        let classes = counted_classes(classes, options.include_background)?;
        Ok(Self { values: Table::new(classes.len()), classes, options })
    }

    /// Adds an image of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a mask does not have this size.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Result<(), Error> {
        let boundaries = boundaries(truth, prediction, size, self.classes.clone())?;
        self.values.push(boundaries.iter().map(|class| self.options.distance(class)));
        Ok(())
    }

    /// Returns the reduced distances of the images.
    pub fn aggregate(&self, reduction: Reduction) -> Reduced {
        self.values.reduce(reduction)
    }

    /// Removes all images.
    pub fn reset(&mut self) {
        self.values.clear();
    }
}

impl HausdorffOptions {
    fn distance(&self, class: &Boundaries) -> f64 {
        let to_truth = self.of_direction(class.to_truth());
        if self.directed {
            return f64::from(to_truth);
        }
        f64::from(to_truth.max(self.of_direction(class.to_prediction())))
    }

    fn of_direction(&self, mut distances: Vec<f32>) -> f32 {
        match self.percentile {
            Some(percentile) if percentile > 0.0 => quantile(&mut distances, (percentile / 100.0) as f32),
            _ => distances.into_iter().fold(f32::NAN, f32::max),
        }
    }
}

/// Returns the quantile as `torch.quantile` does: by linear interpolation, in single precision. NaN without values.
fn quantile(values: &mut [f32], fraction: f32) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f32::NAN };
    let rank = fraction * last as f32;
    // Single precision may round the rank past the end.
    let (below, above) = (values[(rank as usize).min(last)], values[(rank.ceil() as usize).min(last)]);
    let weight = rank.fract();
    if weight < 0.5 { below + weight * (above - below) } else { above - (above - below) * (1.0 - weight) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(options: HausdorffOptions) -> HausdorffDistanceMetric {
        let mut metric = HausdorffDistanceMetric::new(2, options).unwrap();
        // Truth: columns 0 and 1. Prediction: columns 0, 1 and 5.
        metric.add(&[1, 1, 0, 0, 0, 0], &[1, 1, 0, 0, 0, 1], [1, 6]).unwrap();
        metric
    }

    fn distance(options: HausdorffOptions) -> f64 {
        metric(options).aggregate(Reduction::None).values[0]
    }

    #[test]
    fn a_percentile_interpolates_linearly() {
        // Distances of the prediction 0, 0, 4; of the truth 0, 0.
        let percentile = |percentile| distance(HausdorffOptions { percentile, ..Default::default() });
        assert_eq!([None, Some(100.0), Some(50.0), Some(75.0)].map(percentile), [4.0, 4.0, 0.0, 2.0]);
        assert_eq!(percentile(Some(0.0)), 4.0, "MONAI takes 0 for no percentile");
    }

    #[test]
    fn a_directed_distance_starts_at_the_prediction() {
        let directed = HausdorffOptions { directed: true, ..Default::default() };
        assert_eq!(distance(directed), 4.0);
        let mut reversed = HausdorffDistanceMetric::new(2, directed).unwrap();
        reversed.add(&[1, 1, 0, 0, 0, 1], &[1, 1, 0, 0, 0, 0], [1, 6]).unwrap();
        assert_eq!(reversed.aggregate(Reduction::Mean).values, [0.0]);
    }

    #[test]
    fn percentiles_out_of_range_are_errors() {
        for percentile in [-1.0, 100.5, f64::NAN] {
            let options = HausdorffOptions { percentile: Some(percentile), ..Default::default() };
            let error = HausdorffDistanceMetric::new(2, options).unwrap_err().to_string();
            assert_eq!(error, format!("percentile is {percentile}; it must be in [0, 100]"));
        }
    }

    #[test]
    fn a_reset_metric_has_no_images() {
        let mut metric = metric(HausdorffOptions::default());
        metric.reset();
        assert_eq!(metric.aggregate(Reduction::Mean).not_nans, [0]);
    }
}
