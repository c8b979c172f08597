//! How well a classifier tells reference and current images apart by all features together.

use std::collections::BTreeMap;

use bcs_contracts::FeatureTable;
use nalgebra::{DMatrix, DVector};

use super::ranks::ranks;
use crate::error::Error;
use crate::sample::Sample;

/// Name of the method, as in errors.
const NAME: &str = "domain_classifier";

/// Number of folds of the cross-validation.
const FOLDS: usize = 5;

/// Change of the coefficients below which the fit has converged.
const CONVERGED: f64 = 1e-10;

/// Maximum number of Newton steps, of which a fit takes about 10.
const MAX_STEPS: usize = 100;

/// Returns the area under the ROC curve of a logistic regression (standardized features, L2 penalty of 1) that tells current from
/// reference rows, by 5-fold cross-validation: about 0.5 without drift, 1 if the sides are told apart without error. Folds divide
/// cases, so that the classifier cannot recognise a slide; a row without case is a case of its own. Features that are missing in a
/// row are left out.
///
/// # Errors
/// [`Error::Unsuitable`] if a side has less than 2 cases, or if no feature has a value in every row.
pub fn auc(reference: &FeatureTable, current: &FeatureTable) -> Result<f64, Error> {
    let unsuitable = |reason| Error::Unsuitable { test: NAME, reason };
    let names: Vec<&String> = reference
        .features
        .keys()
        .filter(|name| complete(reference, name) && complete(current, name))
        .collect();
    if names.is_empty() {
        return Err(unsuitable("no feature has a value in every row of both sides"));
    }
    let folds = [folds(reference), folds(current)];
    if folds.iter().any(|folds| folds.iter().all(|fold| *fold == folds[0])) {
        return Err(unsuitable("it needs at least 2 cases on each side"));
    }
    let rows = [reference, current].map(|table| rows(table, &names));
    let mut scores = [vec![0.0; rows[0].len()], vec![0.0; rows[1].len()]];
    for fold in 0..FOLDS {
        let training = [0, 1].map(|side| {
            let rows = rows[side].iter().zip(&folds[side]);
            rows.filter(|(_, of_row)| **of_row != fold).map(|(row, _)| row).collect::<Vec<_>>()
        });
        let classifier = Classifier::fit(&training).ok_or_else(|| unsuitable("the fit did not converge"))?;
        for side in [0, 1] {
            for (at, row) in rows[side].iter().enumerate().filter(|(at, _)| folds[side][*at] == fold) {
                scores[side][at] = classifier.score(row);
            }
        }
    }
    let [reference, current] = scores.map(|scores| Sample::new(NAME, scores));
    let (reference, current) = (reference?, current?);
    let (m, n) = (reference.values().len() as f64, current.values().len() as f64);
    let sum: f64 = ranks(&reference, &current).sides[1].iter().sum();
    Ok((sum - n * (n + 1.0) / 2.0) / (m * n))
}

fn complete(table: &FeatureTable, name: &str) -> bool {
    table.features.get(name).is_some_and(|values| !values.is_empty() && values.iter().all(Option::is_some))
}

fn rows(table: &FeatureTable, names: &[&String]) -> Vec<Vec<f64>> {
    let value = |name: &String, row: usize| table.features[name][row].unwrap_or_default();
    (0..table.rows()).map(|row| names.iter().map(|name| value(name, row)).collect()).collect()
}

/// Fold of each row. Cases are dealt out in turn.
fn folds(table: &FeatureTable) -> Vec<usize> {
    let (mut known, mut next) = (BTreeMap::new(), 0);
    let mut deal = || {
        next += 1;
        (next - 1) % FOLDS
    };
    let fold = |case: &Option<String>| match case {
        Some(case) => *known.entry(case.clone()).or_insert_with(&mut deal),
        None => deal(),
    };
    table.cases.iter().map(fold).collect()
}

/// Logistic regression on standardized features.
struct Classifier {
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// The intercept, then one coefficient per feature.
    coefficients: DVector<f64>,
}

impl Classifier {
    /// Fits to the rows of both sides; `None` if Newton's method does not converge.
    fn fit(sides: &[Vec<&Vec<f64>>; 2]) -> Option<Self> {
        let all = || sides.iter().flatten();
        let (count, width) = (all().count(), all().next()?.len());
        let mean = |column: usize| all().map(|row| row[column]).sum::<f64>() / count as f64;
        let means: Vec<f64> = (0..width).map(mean).collect();
        let deviation = |column: usize| {
            let squares = all().map(|row| (row[column] - means[column]).powi(2)).sum::<f64>();
            Some((squares / count as f64).sqrt()).filter(|deviation| *deviation > 0.0).unwrap_or(1.0)
        };
        let deviations = (0..width).map(deviation).collect();
        let mut classifier = Self { means, deviations, coefficients: DVector::zeros(width + 1) };
        let design: Vec<DVector<f64>> = all().map(|row| classifier.standardized(row)).collect();
        let design = DMatrix::from_columns(&design).transpose();
        let labels = DVector::from_fn(count, |row, _| if row < sides[0].len() { 0.0 } else { 1.0 });
        classifier.coefficients = newton(&design, &labels)?;
        Some(classifier)
    }

    /// The standardized features after a 1 for the intercept.
    fn standardized(&self, row: &[f64]) -> DVector<f64> {
        let scaled = row.iter().zip(&self.means).zip(&self.deviations);
        let scaled = scaled.map(|((value, mean), deviation)| (value - mean) / deviation);
        DVector::from_iterator(row.len() + 1, std::iter::once(1.0).chain(scaled))
    }

    /// Logarithm of the odds that a row is a current one.
    fn score(&self, row: &[f64]) -> f64 {
        self.standardized(row).dot(&self.coefficients)
    }
}

/// Minimizes the penalized negative log-likelihood by Newton's method with step halving.
fn newton(design: &DMatrix<f64>, labels: &DVector<f64>) -> Option<DVector<f64>> {
    let width = design.ncols();
    let mut penalty = DVector::from_element(width, 1.0);
    penalty[0] = 0.0;
    let loss = |coefficients: &DVector<f64>| {
        let scores = design * coefficients;
        // ln(1 + e^s) − y s, without overflow.
        let terms = scores.iter().zip(labels).map(|(s, y)| s.max(0.0) + (-s.abs()).exp().ln_1p() - y * s);
        terms.sum::<f64>() + coefficients.component_mul(coefficients).dot(&penalty) / 2.0
    };
    let mut coefficients = DVector::zeros(width);
    for _ in 0..MAX_STEPS {
        let probabilities = (design * &coefficients).map(|score| 1.0 / (1.0 + (-score).exp()));
        let gradient = design.tr_mul(&(&probabilities - labels)) + coefficients.component_mul(&penalty);
        let weights = probabilities.map(|p| p * (1.0 - p));
        let mut weighted = design.clone();
        weighted.row_iter_mut().zip(weights.iter()).for_each(|(mut row, weight)| row *= *weight);
        let hessian = design.tr_mul(&weighted) + DMatrix::from_diagonal(&penalty);
        let step = hessian.cholesky()?.solve(&gradient);
        let before = loss(&coefficients);
        let mut share = 1.0;
        while loss(&(&coefficients - &step * share)) > before + f64::EPSILON * before.abs() && share > 1e-6 {
            share /= 2.0;
        }
        coefficients -= &step * share;
        if step.amax() < CONVERGED {
            return Some(coefficients);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three cases of ten rows, with values that repeat.
    fn table(shift: f64) -> FeatureTable {
        let mut table = FeatureTable::default();
        for row in 0..30 {
            let value = f64::from(row * 7 % 11) + shift;
            table.push(Some(format!("{}", row / 10)), &[("x".to_owned(), value)].into());
        }
        table
    }

    #[test]
    fn distant_sides_are_told_apart_and_equal_ones_are_not() {
        assert_eq!(auc(&table(0.0), &table(100.0)).unwrap(), 1.0);
        assert!((auc(&table(0.0), &table(0.0)).unwrap() - 0.5).abs() < 0.1);
    }

    #[test]
    fn what_cannot_be_classified_is_said() {
        let other = table(0.0);
        let mut one_case = table(0.0);
        one_case.cases.fill(Some("a".to_owned()));
        let error = auc(&one_case, &other).unwrap_err().to_string();
        assert!(error.contains("2 cases"), "{error}");
        let mut gaps = table(0.0);
        gaps.features.values_mut().for_each(|values| values[3] = None);
        let error = auc(&gaps, &other).unwrap_err().to_string();
        assert!(error.contains("no feature"), "{error}");
    }
}
