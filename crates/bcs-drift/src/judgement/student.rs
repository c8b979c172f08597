//! P-values from Student's t distribution, for too few units to permute.

use std::collections::BTreeMap;
use std::f64::consts::FRAC_PI_2;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Family;
use super::max_t::{Data, Statistic};

/// Returns the signed t statistic and the p-value of each column, adjusted for all columns. `families` has the family of each.
///
/// The p-values of a family are combined to one, which correlated features do not weaken, and adjusted for the number of
/// families; that of a column is the larger one of its family and its own, adjusted for the columns of the family. Both
/// adjustments are Šidák's (1967).
pub(super) fn p_values(data: &Data, families: &[Family]) -> Vec<(Option<f64>, f64)> {
    let observed = data.observed();
    let known: Vec<Option<f64>> = observed.iter().map(two_sided).collect();
    let members = |family: Family| -> Vec<f64> {
        let of_family = known.iter().zip(families).filter(|(_, other)| **other == family);
        of_family.filter_map(|(p_value, _)| *p_value).collect()
    };
    let of_families: BTreeMap<Family, Vec<f64>> = families
        .iter()
        .map(|family| (*family, members(*family)))
        .filter(|(_, p_values)| !p_values.is_empty())
        .collect();
    let adjusted = |p_value: f64, family: &Family| {
        let members = &of_families[family];
        adjusted(p_value, members.len()).max(adjusted(combined(members), of_families.len()))
    };
    let p_value = |(p_value, family): (&Option<f64>, &Family)| p_value.map_or(1.0, |p| adjusted(p, family));
    observed.iter().map(Statistic::signed).zip(known.iter().zip(families).map(p_value)).collect()
}

/// Combines p-values that may depend on each other in any way, by the mean of as many half-Cauchy variables (Gui, Jiang and
/// Wang, *Aggregating dependent signals with heavy-tailed combination tests*, 2025): its tail is that of a single one.
fn combined(p_values: &[f64]) -> f64 {
    let quantile = |p_value: &f64| (FRAC_PI_2 * p_value).tan().recip();
    let mean = p_values.iter().map(quantile).sum::<f64>() / p_values.len() as f64;
    (1.0 / mean).atan() / FRAC_PI_2
}

/// Adjusts a p-value for the number of tests (Šidák).
pub(super) fn adjusted(p_value: f64, tests: usize) -> f64 {
    -(tests as f64 * (-p_value).ln_1p()).exp_m1()
}

/// Two-sided p-value of a t statistic; `None` for values without any variance within the sides, which give no scale to judge by.
fn two_sided(statistic: &Statistic) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, statistic.freedom).ok()?;
    Some(2.0 * distribution.cdf(-statistic.signed()?.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_scipy() {
        let (reference, current) = ([1.0, 2.0, 3.0, 5.0].map(Some), [4.0, 7.0, 9.0].map(Some));
        let p = |families: &[Family]| {
            p_values(&Data::new(families.iter().map(|_| (&reference[..], &current[..]))), families)[0].1
        };
        // scipy.stats.ttest_ind([4.0, 7.0, 9.0], [1.0, 2.0, 3.0, 5.0])
        let one = 0.055_991_505_2_f64;
        assert!((p(&[Family::Focus]) - one).abs() < 1e-9);
        let among = |count: i32| 1.0 - (1.0 - one).powi(count);
        assert!((p(&[Family::Focus, Family::Model, Family::CaseMix]) - among(3)).abs() < 1e-9);
        // Equal columns of a family count once, but the one that differs is not known.
        assert!((p(&[Family::Focus; 3]) - among(3)).abs() < 1e-9);
    }

    #[test]
    fn a_family_of_equal_p_values_has_this_p_value() {
        for p_value in [1e-12, 0.003, 0.5, 1.0] {
            assert!((combined(&[p_value; 5]) - p_value).abs() < 1e-9 * p_value, "{p_value}");
        }
    }

    #[test]
    fn a_p_value_among_large_ones_counts_as_if_alone() {
        let found = combined(&[1e-6, 1.0, 1.0, 1.0]);
        assert!((found / 4e-6 - 1.0).abs() < 1e-3, "{found}");
    }
}
