//! Differences given the composition of the images. With more tumour among the tiles of a window, they are darker, and the
//! model is less certain, without any change of stain or scanner. Here what the composition of a case explains is
//! subtracted before the cases are compared: by a ridge regression of the case means, fitted on the reference.
//!
//! The p-value is that of Student's t for the mean of the current cases beyond the regression. Its variance includes the
//! uncertainty of the slopes, which grows with the distance of the current composition from that of the reference.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::columns::Column;
use super::effect::{Effect, deviation, mean};
use super::finding::{FamilyVerdict, GivenComposition, Quantity};
use super::{Family, student};

/// Number of reference cases beyond the number of composition features that a regression needs.
const SPARE_CASES: usize = 3;

/// Penalty of a coefficient, in reference cases: small, so that the slopes are hardly shrunk, but enough for shares that add up
/// to 1.
const PENALTY: f64 = 0.1;

/// Adds to each family, other than the case mix, its judgement given the composition, where the columns of a group have
/// what is needed. `groups` is the number of groups that share the level.
pub(super) fn judge(families: &mut [FamilyVerdict], columns: &[Column], groups: f64) {
    let Some(composition) = Composition::new(columns) else { return };
    let compared = columns.iter().filter(|column| {
        column.quantity == Quantity::Mean
            && !matches!(Family::of(&column.feature), Family::CaseMix | Family::Other)
    });
    let found: Vec<(&str, f64, Effect)> = compared
        .filter_map(|column| {
            let (p_value, effect) = composition.compare(column)?;
            Some((column.feature.as_str(), p_value, effect))
        })
        .collect();
    for family in families {
        let own = found.iter().filter(|(feature, ..)| Family::of(feature) == family.family);
        if let Some((feature, p_value, effect)) = own.min_by(|(_, a, _), (_, b, _)| a.total_cmp(b)) {
            family.given_composition = Some(GivenComposition {
                composition: composition.names.clone(),
                p_value: (student::adjusted(*p_value, found.len()) * groups).min(1.0),
                effect: *effect,
                feature: (*feature).to_owned(),
            });
        }
    }
}

/// Composition of each case, in standard deviations from the mean of the reference cases.
struct Composition {
    names: Vec<String>,
    reference: Vec<Option<Vec<f64>>>,
    current: Vec<Option<Vec<f64>>>,
}

impl Composition {
    /// Takes the composition from the columns; `None` if they have none, or too few reference cases for a regression.
    fn new(columns: &[Column]) -> Option<Self> {
        let scaled: Vec<(&Column, f64, f64)> = columns
            .iter()
            .filter(|column| {
                column.quantity == Quantity::Mean && Family::of(&column.feature) == Family::CaseMix
            })
            .filter_map(|column| {
                let values: Vec<f64> = column.reference.iter().flatten().copied().collect();
                let deviation = deviation(&values);
                (deviation > 0.0).then_some((column, mean(&values), deviation))
            })
            .collect();
        let (first, _, _) = scaled.first()?;
        let side = |values: fn(&Column) -> &[Option<f64>]| -> Vec<Option<Vec<f64>>> {
            let unit = |at: usize| {
                scaled
                    .iter()
                    .map(|(column, mean, deviation)| Some((values(column)[at]? - mean) / deviation))
                    .collect()
            };
            (0..values(first).len()).map(unit).collect()
        };
        let (reference, current) = (side(|column| &column.reference), side(|column| &column.current));
        let names = scaled.iter().map(|(column, _, _)| column.feature.clone()).collect();
        Some(Self { names, reference, current })
    }

    /// Returns the p-value and the effect of a column beyond what the composition explains; `None` with too few cases.
    fn compare(&self, column: &Column) -> Option<(f64, Effect)> {
        let (reference, current) =
            (known(&self.reference, &column.reference), known(&self.current, &column.current));
        let [before, now] = [reference.len(), current.len()];
        if before < self.names.len() + SPARE_CASES || now == 0 {
            return None;
        }
        let regression = Regression::fit(&reference);
        let rests = |side: &[(&[f64], f64)]| -> Vec<f64> {
            side.iter().map(|(composition, value)| value - regression.at(composition)).collect()
        };
        let (rests_before, rests_now) = (rests(&reference), rests(&current));
        let difference = mean(&rests_now);
        let squares = rests_before.iter().map(|rest| rest.powi(2)).sum::<f64>()
            + rests_now.iter().map(|rest| (rest - difference).powi(2)).sum::<f64>();
        let freedom = (before + now - self.names.len() - 2) as f64;
        let distance = regression.distance(&current);
        let error = (squares / freedom * (1.0 / before as f64 + 1.0 / now as f64 + distance)).sqrt();
        let scale = deviation(&reference.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
        if !(error > 0.0 && scale > 0.0) {
            return None;
        }
        let margin = student.inverse_cdf(0.975) * error / scale;
        let value = difference / scale;
        let effect = Effect { value, interval: [value - margin, value + margin] };
        Some((2.0 * student.cdf(-(difference / error).abs()), effect))
    }
}

/// Composition and value of the cases of which both are known.
fn known<'a>(composition: &'a [Option<Vec<f64>>], values: &[Option<f64>]) -> Vec<(&'a [f64], f64)> {
    let both = composition.iter().zip(values);
    both.filter_map(|(composition, value)| Some((composition.as_deref()?, (*value)?))).collect()
}

/// A ridge regression on the composition.
struct Regression {
    mean: f64,
    slopes: Vec<f64>,
    /// Products of the composition features, with the penalty.
    products: Vec<Vec<f64>>,
}

impl Regression {
    fn fit(points: &[(&[f64], f64)]) -> Self {
        let features = points.first().map_or(0, |(composition, _)| composition.len());
        let mean = mean(&points.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        let sum =
            |of: &dyn Fn(&[f64], f64) -> f64| points.iter().map(|(c, value)| of(c, *value)).sum::<f64>();
        let product = |a: usize, b: usize| sum(&|c, _| c[a] * c[b]) + if a == b { PENALTY } else { 0.0 };
        let products: Vec<Vec<f64>> =
            (0..features).map(|a| (0..features).map(|b| product(a, b)).collect()).collect();
        let right: Vec<f64> = (0..features).map(|a| sum(&|c, value| c[a] * (value - mean))).collect();
        Self { mean, slopes: solve(&products, right), products }
    }

    /// Value at a composition.
    fn at(&self, composition: &[f64]) -> f64 {
        self.mean + product(&self.slopes, composition)
    }

    /// Variance of the value at the mean composition of cases that comes from the slopes, in variances of a case.
    fn distance(&self, cases: &[(&[f64], f64)]) -> f64 {
        let part =
            |at: usize| mean(&cases.iter().map(|(composition, _)| composition[at]).collect::<Vec<_>>());
        let centre: Vec<f64> = (0..self.slopes.len()).map(part).collect();
        product(&solve(&self.products, centre.clone()), &centre)
    }
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves a system with a positive definite matrix, by Cholesky's decomposition.
fn solve(matrix: &[Vec<f64>], mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    let mut lower = vec![vec![0.0; size]; size];
    for row in 0..size {
        for column in 0..=row {
            let rest = matrix[row][column] - product(&lower[row][..column], &lower[column][..column]);
            lower[row][column] = if row == column { rest.sqrt() } else { rest / lower[column][column] };
        }
        right[row] = (right[row] - product(&lower[row][..row], &right[..row])) / lower[row][row];
    }
    for row in (0..size).rev() {
        let above: f64 = (row + 1..size).map(|at| lower[at][row] * right[at]).sum();
        right[row] = (right[row] - above) / lower[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use bcs_contracts::{FeatureTable, Features};

    use super::super::{Judgement, Options, Outcome, judge};
    use super::*;
    use crate::table::Part;

    /// Cases whose tumour share grows with their number; `eosin` follows from it, and is paler by `paler`.
    fn cases(side: &str, count: u32, tumour: f64, paler: f64) -> Part {
        let mut table = FeatureTable::default();
        for at in 0..count * 4 {
            let case = at / 4;
            let unlike = |factor: u32| f64::from(case * factor % 17) / 17.0 - 0.5;
            let tumour = tumour + unlike(5) * 0.2;
            let eosin = 0.5 - 0.8 * tumour + unlike(case * 7) * 0.02 - paler;
            let values = [("fraction_tumour", tumour), ("eosin_mean", eosin)];
            let features: Features = values.map(|(name, value)| (name.to_owned(), value)).into();
            table.push(Some(format!("{side}{case:03}")), &features);
        }
        Part::from(&table)
    }

    fn stain(judgement: &Judgement) -> (bool, bool) {
        let drifted = |family| judgement.families.iter().any(|found| found.family == family && found.drifted);
        let stain = judgement.families.iter().find(|found| found.family == Family::StainAndColour).unwrap();
        (stain.drifted, stain.is_explained(drifted(Family::CaseMix), judgement.alpha))
    }

    #[test]
    fn another_case_mix_explains_what_follows_from_it() {
        let reference = cases("r", 30, 0.3, 0.0);
        let judged =
            |tumour, paler| judge(&[&reference], &cases("c", 16, tumour, paler), &Options::default());
        let other_mix = judged(0.5, 0.0);
        assert_eq!((other_mix.outcome, stain(&other_mix)), (Outcome::Drift, (true, true)));
        let paler = judged(0.3, 0.1);
        assert_eq!((paler.outcome, stain(&paler)), (Outcome::Drift, (true, false)));
        let given = paler.families[0].given_composition.as_ref().unwrap();
        assert_eq!(
            (given.composition.as_slice(), given.feature.as_str()),
            (&["fraction_tumour".to_owned()][..], "eosin_mean")
        );
        assert!(given.effect.value < -2.0, "{given:?}");
        assert_eq!(stain(&judged(0.5, 0.1)), (true, false));
    }

    #[test]
    fn too_few_reference_cases_give_no_regression() {
        let judgement = judge(&[&cases("r", 3, 0.3, 0.0)], &cases("c", 16, 0.3, 0.1), &Options::default());
        assert!(judgement.families.iter().all(|family| family.given_composition.is_none()));
    }

    #[test]
    fn the_regression_is_that_of_least_squares_with_a_penalty() {
        // With x = [-1, 0, 1] and y = [0, 1, 5], the slope is x·(y − 2) / (x·x + 0.1).
        let regression = Regression::fit(&[(&[-1.0], 0.0), (&[0.0], 1.0), (&[1.0], 5.0)]);
        assert!((regression.at(&[2.0]) - 2.0 - 10.0 / 2.1).abs() < 1e-12, "{}", regression.at(&[2.0]));
        assert!((regression.distance(&[(&[3.0], 0.0)]) - 9.0 / 2.1).abs() < 1e-12);
        let solved = solve(&[vec![4.0, 2.0], vec![2.0, 3.0]], vec![2.0, 5.0]);
        assert!((solved[0] + 0.5).abs() < 1e-12 && (solved[1] - 2.0).abs() < 1e-12, "{solved:?}");
    }
}
