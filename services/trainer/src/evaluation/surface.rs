//! Metrics of the boundaries of truth and prediction.

use bcs_model::metrics::{
    HausdorffDistanceMetric, HausdorffOptions, Reduced, Reduction, SurfaceDiceMetric, SurfaceDistanceMetric,
    SurfaceDistanceOptions,
};

use crate::error::Result;

/// Percentile of the Hausdorff distance. The maximum would be that of a single outlying pixel.
pub(super) const PERCENTILE: f64 = 95.0;

/// Metrics of the boundaries of truth and prediction, background included.
pub(super) struct Surface {
    pub(super) hausdorff: HausdorffDistanceMetric,
    pub(super) distance: SurfaceDistanceMetric,
    pub(super) dice: SurfaceDiceMetric,
    /// Distance in pixels within which boundaries count as equal.
    pub(super) tolerance: f64,
    /// Resolution in µm/px, where known.
    pub(super) mpp: Option<f64>,
    classes: usize,
}

/// Mean of a distance over the images in which both masks have the class. MONAI's mean is infinite or NaN if a single
/// image has the class in one mask only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finite {
    /// Mean in pixels; NaN without images.
    pub(super) mean: f64,
    /// Number of images.
    pub(super) images: usize,
}

impl Surface {
    pub(super) fn new(classes: usize, tolerance: f64, mpp: Option<f64>) -> Result<Self> {
        let include_background = true;
        let hausdorff =
            HausdorffOptions { include_background, percentile: Some(PERCENTILE), ..Default::default() };
        let distance = SurfaceDistanceOptions { include_background, symmetric: true };
        Ok(Self {
            hausdorff: HausdorffDistanceMetric::new(classes, hausdorff)?,
            distance: SurfaceDistanceMetric::new(classes, distance)?,
            dice: SurfaceDiceMetric::new(classes, &vec![tolerance; classes], include_background)?,
            tolerance,
            mpp,
            classes,
        })
    }

    pub(super) fn add(&mut self, truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Result<()> {
        let (hausdorff, (distance, dice)) = rayon::join(
            || self.hausdorff.add(truth, prediction, size),
            || {
                rayon::join(
                    || self.distance.add(truth, prediction, size),
                    || self.dice.add(truth, prediction, size),
                )
            },
        );
        Ok(hausdorff.and(distance).and(dice)?)
    }

    /// Returns the finite Hausdorff distances of each class.
    pub(super) fn finite_hausdorff(&self) -> Vec<Finite> {
        self.finite(&self.hausdorff.aggregate(Reduction::None))
    }

    /// Returns the finite average surface distances of each class.
    pub(super) fn finite_distance(&self) -> Vec<Finite> {
        self.finite(&self.distance.aggregate(Reduction::None))
    }

    fn finite(&self, distances: &Reduced) -> Vec<Finite> {
        let of_class = |class: usize| {
            let column = distances.values.iter().skip(class).step_by(self.classes);
            let finite: Vec<f64> = column.copied().filter(|distance| distance.is_finite()).collect();
            Finite { mean: finite.iter().sum::<f64>() / finite.len() as f64, images: finite.len() }
        };
        (0..self.classes).map(of_class).collect()
    }
}
