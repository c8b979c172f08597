//! Permutation test of paired differences by patient, as `scipy.stats.permutation_test(permutation_type="samples")`: if two
//! models are equally good, either sign of each difference is equally likely (R. A. Fisher, "The Design of Experiments",
//! section 21, Edinburgh 1935).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Largest number of differences of which all sign flips are made.
const MAX_EXACT: usize = 14;

/// Number of random flips of more differences.
const RANDOM_FLIPS: usize = 99_999;

/// Result of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct SignFlip {
    /// Two-sided p-value; `None` without differences.
    pub p_value: Option<f64>,
    /// Number of differences.
    pub pairs: usize,
    /// Whether all sign flips were made.
    pub exact: bool,
}

/// Tests whether the mean of differences is 0, two-sided. Differences that are not finite are left out.
pub(crate) fn sign_flip(differences: &[f64], seed: u64) -> SignFlip {
    let differences: Vec<f64> = differences.iter().copied().filter(|value| value.is_finite()).collect();
    let pairs = differences.len();
    let exact = pairs <= MAX_EXACT;
    let p_value = match pairs {
        0 => None,
        _ if exact => Some(exact_p_value(&differences)),
        _ => Some(random_p_value(&differences, seed)),
    };
    SignFlip { p_value, pairs, exact }
}

/// Returns the smallest p-value that this many differences can have.
pub(crate) fn smallest_p_value(pairs: usize) -> f64 {
    match pairs {
        0 => 1.0,
        1..=MAX_EXACT => 2.0 / 2_f64.powi(pairs as i32),
        _ => 1.0 / (RANDOM_FLIPS + 1) as f64,
    }
}

/// Smallest absolute sum that counts as at least the observed one, in spite of rounding.
fn limit(differences: &[f64]) -> f64 {
    let size: f64 = differences.iter().map(|difference| difference.abs()).sum();
    differences.iter().sum::<f64>().abs() - 1e-12 * size
}

fn exact_p_value(differences: &[f64]) -> f64 {
    let limit = limit(differences);
    let flips = 1_u32 << differences.len();
    let sum = |flip: u32| -> f64 {
        let signed = |(bit, value): (usize, &f64)| if flip >> bit & 1 == 1 { -value } else { *value };
        differences.iter().enumerate().map(signed).sum()
    };
    let extreme = (0..flips).filter(|flip| sum(*flip).abs() >= limit).count();
    extreme as f64 / f64::from(flips)
}

fn random_p_value(differences: &[f64], seed: u64) -> f64 {
    let limit = limit(differences);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sum = || -> f64 {
        differences.iter().map(|value| if random.random::<bool>() { -value } else { *value }).sum()
    };
    let extreme = (0..RANDOM_FLIPS).filter(|_| sum().abs() >= limit).count();
    // The observed signs are a flip too.
    (extreme + 1) as f64 / (RANDOM_FLIPS + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::golden::{cases, numbers};
    use super::*;

    #[test]
    fn p_values_agree_with_scipy() {
        for case in cases("sign_flip") {
            let (differences, expected) = (numbers(&case["differences"]), case["p_value"].as_f64().unwrap());
            let found = sign_flip(&differences, 0);
            let tolerance = if found.exact { 1e-12 } else { 0.01 };
            assert!((found.p_value.unwrap() - expected).abs() < tolerance, "{found:?} {case}");
        }
    }

    #[test]
    fn the_smallest_p_value_is_that_of_equal_signs() {
        for pairs in 1..=MAX_EXACT {
            assert_eq!(sign_flip(&vec![1.0; pairs], 0).p_value, Some(smallest_p_value(pairs)));
        }
        assert_eq!(sign_flip(&vec![1.0; 40], 0).p_value, Some(smallest_p_value(40)));
        assert_eq!(sign_flip(&[f64::NAN], 0), SignFlip { p_value: None, pairs: 0, exact: true });
    }

    #[test]
    fn equal_models_have_a_p_value_of_one() {
        assert_eq!(sign_flip(&[0.0, 0.0, 0.0], 0).p_value, Some(1.0));
    }
}
