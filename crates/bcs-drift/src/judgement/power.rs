//! Number of cases needed to find a shift.

use statrs::distribution::{ContinuousCDF, Normal};

/// Probability of finding the shift.
const POWER: f64 = 0.8;

/// Returns the number of current cases with which a shift of the mean of one feature, in standard deviations between cases,
/// is found with probability 0.8 beside `reference` cases, when `features` are tested together (normal approximation of the
/// two-sample test with Bonferroni's correction); `None` if no number suffices, since the reference has too few cases.
pub fn cases_needed(shift: f64, reference: usize, alpha: f64, features: usize) -> Option<usize> {
    let normal = Normal::standard();
    let quantiles =
        normal.inverse_cdf(1.0 - alpha / (2.0 * features.max(1) as f64)) + normal.inverse_cdf(POWER);
    // The variance of the difference of means, 1/current + 1/reference, that the shift allows.
    let allowed = (shift / quantiles).powi(2) - 1.0 / reference.max(1) as f64;
    (allowed > 0.0).then(|| (1.0 / allowed).ceil() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_reference_cases_need_fewer_current_ones() {
        // statsmodels: NormalIndPower().solve_power(0.5, power=0.8, alpha=0.05) = 62.79 per side.
        assert_eq!(cases_needed(0.5, 63, 0.05, 1), Some(63));
        assert!(cases_needed(0.5, 1000, 0.05, 1) < Some(40));
        assert!(cases_needed(0.5, 1000, 0.05, 20) > cases_needed(0.5, 1000, 0.05, 1));
        assert_eq!(cases_needed(0.5, 18, 0.05, 20), None);
    }
}
