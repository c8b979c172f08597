//! Novelty of one image with respect to a drift reference.
//!
//! # Layout
//! - `calibration`: conformal p-values
//! - `cases`: rows of a reference by case
//! - `cholesky`: solution of positive definite systems
//! - `distance`: Mahalanobis distance
//! - `moments`: mean and shrunken covariance, with and without each case
//! - `scale`: which features are counted, on which scale
//! - `standard`: standardization of features

mod calibration;
mod cases;
mod cholesky;
mod distance;
mod moments;
mod scale;
mod standard;

use bcs_contracts::{FeatureTable, Features};

use self::calibration::Calibration;
use self::cases::Cases;
use self::distance::Distance;
use self::moments::Moments;
use self::scale::{is_counted, on_scale};

/// Largest number of windows of an image that are told apart: the mean over more hardly varies less.
const MAX_WINDOWS: usize = 64;

/// Scores how unusual an image is compared with the images of a drift reference.
///
/// The score is the Mahalanobis distance of the image's features from the mean of the reference, turned into a conformal
/// p-value: it is compared with the distances that the cases of the reference have from each other, each case from a
/// reference without it. Of images of new cases that do not differ from the reference, a share of at most p has a p-value
/// up to p, whatever the distribution of the features (Lee, Barber and Willett, *Distribution-free inference with
/// hierarchical data*, 2023). The smallest possible value is 1 / (cases + 1).
///
/// Standard deviations of colours, outer percentiles and entropy are left out: they depend on what a tile happens to show, and
/// would hide a change of focus, stain or magnification.
///
/// Distances are computed once, in [`Novelty::new`]. Images of several windows are compared with the means of as many
/// neighbouring tiles of the reference, so that scores do not depend on the size of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Novelty {
    names: Vec<String>,
    distance: Distance,
    /// Calibrations for images of 1, 2, 4, … windows.
    calibrations: Vec<Calibration>,
}

impl Novelty {
    /// Computes distances and calibration from the image features of a reference; `None` if they are of fewer than two cases.
    /// Rows without a case are grouped in blocks of neighbours.
    pub fn new(reference: &FeatureTable) -> Option<Self> {
        let names: Vec<String> = reference.features.keys().filter(|name| is_counted(name)).cloned().collect();
        let cases = Cases::new(reference, &names);
        if cases.len() < 2 || names.is_empty() {
            return None;
        }
        let moments = Moments::new(&names, &cases);
        let calibrations = calibrate(&moments, &cases);
        Some(Self { names, distance: moments.distance(None), calibrations })
    }

    /// Returns the p-value of an image: about the share of images like those of the reference that are at least as unusual.
    /// In (0, 1]; small for unusual images. `windows` is the number of model windows that its features are the means of.
    ///
    /// Only features that the reference has too are counted; `None` if there are none.
    pub fn score(&self, features: &Features, windows: usize) -> Option<f64> {
        let value = |name: &String| features.get(name).map(|value| on_scale(name, *value));
        let values: Vec<Option<f64>> = self.names.iter().map(value).collect();
        let size = windows.max(1).ilog2() as usize;
        let calibration = self.calibrations.get(size).or(self.calibrations.last())?;
        Some(calibration.p_value(self.distance.of(&values)?))
    }

    /// Returns the smallest p-value that an image can have: 1 / (cases + 1).
    pub fn smallest(&self) -> f64 {
        self.calibrations.first().map_or(1.0, |calibration| calibration.p_value(f64::INFINITY))
    }
}

/// Computes the distances of the images of each case from all other cases.
fn calibrate(moments: &Moments, cases: &Cases) -> Vec<Calibration> {
    let mut calibrations = vec![Calibration::default(); MAX_WINDOWS.ilog2() as usize + 1];
    for (index, rows) in cases.iter().enumerate() {
        let distance = moments.distance(Some(index));
        for (size, calibration) in calibrations.iter_mut().enumerate() {
            // A case with fewer tiles counts as one image, whose mean varies more than that of the size: the cautious side.
            let images = rows.chunks_exact((1 << size).min(rows.len()));
            let distances: Vec<f64> = images.filter_map(|image| distance.of(&cases::mean(image))).collect();
            if !distances.is_empty() {
                calibration.add_case(&distances);
            }
        }
    }
    calibrations.iter_mut().for_each(Calibration::finish);
    calibrations
}

#[cfg(test)]
mod tests;
