//! Mahalanobis distance.

use super::cases::Row;
use super::cholesky::quadratic_form;
use super::standard::Standard;

/// Distance from the mean of some cases.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Distance {
    standard: Standard,
    mean: Vec<f64>,
    /// Row by row.
    covariance: Vec<f64>,
}

impl Distance {
    /// Creates the distance from the mean and the covariance of standardized features.
    pub(super) fn new(standard: Standard, mean: Vec<f64>, covariance: Vec<f64>) -> Self {
        Self { standard, mean, covariance }
    }

    /// Returns the distance of an image over the features that it has, comparable between images that lack different ones:
    /// the squared distance on the scale on which it would be standard normal if the features were normal (Wilson and
    /// Hilferty, 1931). `None` without any feature.
    pub(super) fn of(&self, row: &Row) -> Option<f64> {
        let standardized = self.standard.apply(row).zip(&self.mean).enumerate();
        let present: Vec<(usize, f64)> =
            standardized.filter_map(|(at, (value, mean))| Some((at, value? - mean))).collect();
        if present.is_empty() {
            return None;
        }
        let features = self.mean.len();
        let indices = || present.iter().map(|(at, _)| *at);
        let matrix =
            indices().flat_map(|row| indices().map(move |column| self.covariance[row * features + column]));
        let values: Vec<f64> = present.iter().map(|(_, value)| *value).collect();
        let square = quadratic_form(matrix.collect(), &values).unwrap_or(f64::INFINITY);
        let width = 2.0 / (9.0 * present.len() as f64);
        Some(((square / present.len() as f64).cbrt() - (1.0 - width)) / width.sqrt())
    }
}
