//! Mean and covariance of the features of a reference, with and without each case.

use super::cases::Cases;
use super::distance::Distance;
use super::standard::Standard;

/// Least share of the target in the covariance. In directions in which features hardly vary they are far from normally
/// distributed, and with less these directions would dominate the distance however many cases there are.
const LEAST_SHRINKAGE: f64 = 0.3;

/// Moments of the features of each case.
///
/// Missing values stand at the mean.
pub(super) struct Moments {
    standard: Standard,
    cases: Vec<Case>,
    /// Sums over the cases.
    total: Case,
    /// Sum over the cases of the squared norms of their mean squares.
    norms: f64,
}

/// Mean of the standardized features of a case, and the mean of the products of each two, row by row.
struct Case {
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Case {
    fn zero(features: usize) -> Self {
        Self { mean: vec![0.0; features], squares: vec![0.0; features * features] }
    }

    fn add(&mut self, row: &[f64], weight: f64) {
        let features = row.len();
        for (at, value) in row.iter().enumerate() {
            self.mean[at] += weight * value;
            for (sum, other) in self.squares[at * features..][..features].iter_mut().zip(row) {
                *sum += weight * value * other;
            }
        }
    }

    fn norm(&self) -> f64 {
        self.squares.iter().map(|value| value * value).sum()
    }
}

impl Moments {
    /// Computes the moments of at least one case.
    pub(super) fn new(names: &[String], cases: &Cases) -> Self {
        let mut moments = Self {
            standard: Standard::new(names, cases),
            cases: Vec::with_capacity(cases.len()),
            total: Case::zero(names.len()),
            norms: 0.0,
        };
        for rows in cases.iter() {
            let mut case = Case::zero(names.len());
            for row in rows {
                let row: Vec<f64> = moments.standard.apply(row).map(Option::unwrap_or_default).collect();
                case.add(&row, 1.0 / rows.len() as f64);
            }
            moments.norms += case.norm();
            moments.total.mean.iter_mut().zip(&case.mean).for_each(|(sum, value)| *sum += value);
            moments.total.squares.iter_mut().zip(&case.squares).for_each(|(sum, value)| *sum += value);
            moments.cases.push(case);
        }
        moments
    }

    /// Returns the distance from all cases, or from all but one.
    pub(super) fn distance(&self, left_out: Option<usize>) -> Distance {
        let left_out = left_out.map(|index| &self.cases[index]);
        let count = (self.cases.len() - usize::from(left_out.is_some())) as f64;
        let without = |sums: &[f64], of: fn(&Case) -> &[f64]| -> Vec<f64> {
            let less = |at: usize| left_out.map_or(0.0, |case| of(case)[at]);
            sums.iter().enumerate().map(|(at, sum)| (sum - less(at)) / count).collect()
        };
        let mean = without(&self.total.mean, |case| &case.mean);
        let squares = without(&self.total.squares, |case| &case.squares);
        let norms = (self.norms - left_out.map_or(0.0, Case::norm)) / count;
        let covariance = self.shrunken(&mean, squares, norms, count);
        Distance::new(self.standard.clone(), mean, covariance)
    }

    /// Shrinks the covariance towards a multiple of the identity, by the share that Ledoit and Wolf (2004) derive for
    /// independent observations, which are the cases here: the tiles of a case are not. `norms` is the mean over the cases
    /// of the squared norm of their mean squares.
    fn shrunken(&self, mean: &[f64], squares: Vec<f64>, norms: f64, count: f64) -> Vec<f64> {
        let features = mean.len();
        let norm: f64 = squares.iter().map(|value| value * value).sum();
        let mut covariance = squares;
        for (at, value) in covariance.iter_mut().enumerate() {
            *value -= mean[at / features] * mean[at % features];
        }
        let diagonal = |at: usize| at * features + at;
        let target = (0..features).map(|at| covariance[diagonal(at)]).sum::<f64>() / features as f64;
        let from_target: f64 = covariance
            .iter()
            .enumerate()
            .map(|(at, value)| if at % (features + 1) == 0 { value - target } else { *value }.powi(2))
            .sum();
        let error = (norms - norm).max(0.0) / count;
        let share = if from_target > 0.0 { error / from_target } else { 1.0 }.clamp(LEAST_SHRINKAGE, 1.0);
        covariance.iter_mut().for_each(|value| *value *= 1.0 - share);
        for (at, least) in self.standard.least.iter().enumerate() {
            covariance[diagonal(at)] += share * target.max(f64::MIN_POSITIVE) + least;
        }
        covariance
    }
}
