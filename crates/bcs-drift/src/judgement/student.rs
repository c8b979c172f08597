//! P-values from Student's t distribution, for too few units to permute.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::max_t::{Data, Statistic};

/// Returns the signed t statistic and the p-value of each column, adjusted for the number of columns (Šidák, 1967).
pub(super) fn p_values(data: &Data) -> Vec<(Option<f64>, f64)> {
    let observed = data.observed();
    let count = observed.len();
    observed.iter().map(|statistic| (statistic.signed(), adjusted(two_sided(statistic), count))).collect()
}

/// Adjusts a p-value for the number of tests (Šidák).
pub(super) fn adjusted(p_value: f64, tests: usize) -> f64 {
    -(tests as f64 * (-p_value).ln_1p()).exp_m1()
}

/// Two-sided p-value of a t statistic. Values without any variance within the sides give no scale to judge by: 1.
fn two_sided(statistic: &Statistic) -> f64 {
    match (statistic.signed(), StudentsT::new(0.0, 1.0, statistic.freedom)) {
        (Some(t), Ok(distribution)) => 2.0 * distribution.cdf(-t.abs()),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_scipy() {
        let (reference, current) = ([1.0, 2.0, 3.0, 5.0].map(Some), [4.0, 7.0, 9.0].map(Some));
        let p =
            |columns: usize| p_values(&Data::new((0..columns).map(|_| (&reference[..], &current[..]))))[0].1;
        // scipy.stats.ttest_ind([4.0, 7.0, 9.0], [1.0, 2.0, 3.0, 5.0])
        assert!((p(1) - 0.0559915052).abs() < 1e-9, "{}", p(1));
        assert!((p(3) - (1.0 - (1.0 - 0.0559915052_f64).powi(3))).abs() < 1e-9);
    }
}
