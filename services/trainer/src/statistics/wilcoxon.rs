//! Wilcoxon's signed-rank test of paired differences, as `scipy.stats.wilcoxon(zero_method="wilcox", correction=False)`.
//!
//! Up to [`MAX_EXACT`] differences, the p-value is exact: the probability of the rank sum if each sign is equally likely.
//! It is conditional on the ranks, and so is exact with ties too, where scipy counts all permutations. Otherwise the rank
//! sum is taken to be normally distributed, with its variance corrected for ties.

use serde::Serialize;

/// Largest number of differences with an exact p-value.
const MAX_EXACT: usize = 50;

/// Result of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Wilcoxon {
    /// The smaller sum of the ranks of positive or negative differences.
    pub statistic: f64,
    /// Two-sided p-value; `None` without differences other than 0.
    pub p_value: Option<f64>,
    /// Number of differences other than 0.
    pub pairs: usize,
    /// Whether the p-value is exact.
    pub exact: bool,
}

/// Tests whether differences are symmetric about 0, two-sided. Differences that are 0 or not finite are left out.
pub(crate) fn wilcoxon(differences: &[f64]) -> Wilcoxon {
    let mut ordered: Vec<f64> =
        differences.iter().copied().filter(|value| value.is_finite() && *value != 0.0).collect();
    ordered.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let pairs = ordered.len();
    let ties = ties(&ordered);
    let ranks = doubled_ranks(&ties);
    let all: u64 = ranks.iter().sum();
    let positive: u64 =
        ordered.iter().zip(&ranks).filter(|(value, _)| **value > 0.0).map(|(_, rank)| rank).sum();
    let smaller = positive.min(all - positive);
    let exact = pairs <= MAX_EXACT;
    let p_value = match pairs {
        0 => None,
        _ if exact => Some(exact_p_value(&ranks, smaller)),
        _ => Some(normal_p_value(pairs, &ties, smaller)),
    };
    Wilcoxon { statistic: smaller as f64 / 2.0, p_value, pairs, exact }
}

/// Sizes of the groups of differences of equal size, which are in ascending order.
fn ties(ordered: &[f64]) -> Vec<usize> {
    ordered.chunk_by(|a, b| a.abs() == b.abs()).map(<[f64]>::len).collect()
}

/// Ranks times two, which are whole numbers: differences of equal size share the mean of their ranks.
fn doubled_ranks(ties: &[usize]) -> Vec<u64> {
    let mut ranks = Vec::new();
    for size in ties {
        let before = ranks.len();
        ranks.extend(std::iter::repeat_n((2 * before + size + 1) as u64, *size));
    }
    ranks
}

fn exact_p_value(doubled_ranks: &[u64], doubled_sum: u64) -> f64 {
    let all: u64 = doubled_ranks.iter().sum();
    // Probability of each sum of ranks with a positive sign.
    let mut probability = vec![0.0; all as usize + 1];
    probability[0] = 1.0;
    for rank in doubled_ranks {
        let rank = *rank as usize;
        for sum in (0..probability.len()).rev() {
            let with_rank = if sum >= rank { probability[sum - rank] } else { 0.0 };
            probability[sum] = (probability[sum] + with_rank) / 2.0;
        }
    }
    let tail: f64 = probability[..=doubled_sum as usize].iter().sum();
    (2.0 * tail).min(1.0)
}

fn normal_p_value(pairs: usize, ties: &[usize], doubled_sum: u64) -> f64 {
    let count = pairs as f64;
    let mean = count * (count + 1.0) / 4.0;
    let tied: f64 = ties.iter().map(|size| (*size as f64).powi(3) - *size as f64).sum();
    let variance = (count * (count + 1.0) * (2.0 * count + 1.0) - tied / 2.0) / 24.0;
    let z = (mean - doubled_sum as f64 / 2.0) / variance.sqrt();
    libm::erfc(z / std::f64::consts::SQRT_2).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{cases, numbers};
    use super::*;

    #[test]
    fn statistics_and_p_values_agree_with_scipy() {
        for case in cases("wilcoxon") {
            let found = wilcoxon(&numbers(&case["differences"]));
            assert_eq!(found.statistic, case["statistic"].as_f64().unwrap(), "{case}");
            let expected = case["p_value"].as_f64().unwrap();
            assert!((found.p_value.unwrap() / expected - 1.0).abs() < 1e-9, "{found:?} {case}");
        }
    }

    #[test]
    fn equal_values_have_no_p_value() {
        assert_eq!(
            wilcoxon(&[0.0, f64::NAN]),
            Wilcoxon { statistic: 0.0, p_value: None, pairs: 0, exact: true }
        );
    }

    #[test]
    fn opposite_differences_have_the_same_p_value() {
        let differences: Vec<f64> = (0..70).map(|index| f64::from(index * 37 % 101) - 45.0).collect();
        let opposite: Vec<f64> = differences.iter().map(|difference| -difference).collect();
        assert_eq!(wilcoxon(&differences), wilcoxon(&opposite));
    }
}
