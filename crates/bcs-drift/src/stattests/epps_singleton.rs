//! The Epps-Singleton test.

use nalgebra::{SMatrix, SVector};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::{Sample, quantile};

/// Points at which the characteristic functions are compared, in reciprocals of half the interquartile range.
const POINTS: [f64; 2] = [0.4, 0.8];

/// Real and imaginary part at each point.
const PARTS: usize = 2 * POINTS.len();

/// Minimum number of values on each side.
const MIN_VALUES: usize = 5;

/// Size of the larger sample below which the statistic is corrected for small samples.
const MAX_SMALL: f64 = 25.0;

/// Singular values below this share of the largest one count as 0 when a matrix is inverted.
const SINGULAR: f64 = 1e-15;

/// The Epps-Singleton test, which compares the empirical characteristic functions (`scipy.stats.epps_singleton_2samp`; T. W. Epps
/// and K. J. Singleton, "An omnibus test for the two-sample problem using the empirical characteristic function", Journal of
/// Statistical Computation and Simulation 26, 1986).
#[derive(Debug, Clone, Copy)]
pub struct EppsSingleton;

impl StatTest for EppsSingleton {
    fn name(&self) -> &'static str {
        "es"
    }

    fn title(&self) -> &'static str {
        "Epps-Singleton statistic"
    }

    fn explanation(&self) -> &'static str {
        "The Epps–Singleton statistic compares the characteristic functions of both sides at two points, so that differences of \
         any kind count."
    }

    fn default_threshold(&self) -> f64 {
        0.05
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let (a, b) = (reference.values(), current.values());
        if a.len().min(b.len()) < MIN_VALUES {
            return Err(self.unsuitable("it needs at least 5 values on each side"));
        }
        let scale = half_interquartile_range(a, b);
        if scale == 0.0 {
            return Err(self.unsuitable("its scale is the interquartile range, which is 0"));
        }
        let (m, n) = (a.len() as f64, b.len() as f64);
        let all = m + n;
        let ((mean_a, covariance_a), (mean_b, covariance_b)) = (moments(a, scale), moments(b, scale));
        let covariance = covariance_a * (all / m) + covariance_b * (all / n);
        let (inverse, rank) = pseudo_inverse(covariance);
        let difference = mean_a - mean_b;
        let mut statistic = all * difference.dot(&(inverse * difference));
        if m.max(n) < MAX_SMALL {
            statistic /= 1.0 + all.powf(-0.45) + 10.1 * (m.powf(-1.7) + n.powf(-1.7));
        }
        let statistic = statistic.max(0.0);
        let p_value = ChiSquared::new(rank as f64).map_or(1.0, |distribution| distribution.sf(statistic));
        Ok(Outcome { statistic, p_value: Some(p_value) })
    }
}

fn half_interquartile_range(a: &[f64], b: &[f64]) -> f64 {
    let mut all = [a, b].concat();
    all.sort_unstable_by(f64::total_cmp);
    let at = |share| quantile(&all, share).unwrap_or_default();
    (at(0.75) - at(0.25)) / 2.0
}

/// Mean and covariance (divided by the number of values) of the cosines and sines of the values at the points.
fn moments(values: &[f64], scale: f64) -> (SVector<f64, PARTS>, SMatrix<f64, PARTS, PARTS>) {
    let parts = |value: &f64| {
        let angles = POINTS.map(|point| point / scale * value);
        SVector::<f64, PARTS>::from_iterator(angles.map(f64::cos).into_iter().chain(angles.map(f64::sin)))
    };
    let count = values.len() as f64;
    let mean = values.iter().map(parts).sum::<SVector<f64, PARTS>>() / count;
    let squares = values.iter().map(parts).map(|part| (part - mean) * (part - mean).transpose());
    (mean, squares.sum::<SMatrix<f64, PARTS, PARTS>>() / count)
}

/// Moore-Penrose inverse of a symmetric matrix, and its rank.
fn pseudo_inverse(matrix: SMatrix<f64, PARTS, PARTS>) -> (SMatrix<f64, PARTS, PARTS>, usize) {
    let decomposed = matrix.symmetric_eigen();
    let largest = decomposed.eigenvalues.amax();
    let reciprocals =
        decomposed.eigenvalues.map(|value| if value.abs() > SINGULAR * largest { 1.0 / value } else { 0.0 });
    // The rank that numpy finds in the inverse.
    let limit = reciprocals.amax() * PARTS as f64 * f64::EPSILON;
    let rank = reciprocals.iter().filter(|value| value.abs() > limit).count();
    let vectors = decomposed.eigenvectors;
    (vectors * SMatrix::from_diagonal(&reciprocals) * vectors.transpose(), rank)
}
