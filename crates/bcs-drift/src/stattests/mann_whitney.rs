//! The Mann-Whitney U test.

use statrs::distribution::{ContinuousCDF, Normal};

use super::ranks::ranks;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Size of the smaller sample up to which the p-value is exact, if no values are equal.
const MAX_EXACT: usize = 8;

/// Size of the larger sample up to which the numbers of the exact distribution fit into 128 bits.
const MAX_LARGER: usize = 50_000;

/// The two-sided Mann-Whitney U test (`scipy.stats.mannwhitneyu`). Its statistic is U of the side with the larger ranks: the
/// number of pairs, one value of each side, in which that side has the larger one. Evidently 0.7 tests for an increase alone.
#[derive(Debug, Clone, Copy)]
pub struct MannWhitney;

impl StatTest for MannWhitney {
    fn name(&self) -> &'static str {
        "mannw"
    }

    fn title(&self) -> &'static str {
        "Mann-Whitney U"
    }

    fn explanation(&self) -> &'static str {
        "U counts the pairs of a reference and a current value in which the side with the larger values has the larger one: half \
         of all pairs if neither side tends to larger values."
    }

    fn default_threshold(&self) -> f64 {
        0.05
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let [m, n] = [reference, current].map(|sample| sample.values().len());
        let ranks = ranks(reference, current);
        let pairs = m as f64 * n as f64;
        let u = ranks.sides[0].iter().sum::<f64>() - m as f64 * (m as f64 + 1.0) / 2.0;
        let statistic = u.max(pairs - u);
        let tied = ranks.ties.iter().any(|tie| *tie > 1);
        let tail = if m.min(n) <= MAX_EXACT && m.max(n) <= MAX_LARGER && !tied {
            exact(m.min(n), m.max(n), (pairs - statistic) as usize)
        } else {
            asymptotic([m, n], &ranks.ties, statistic)
        };
        Ok(Outcome { statistic, p_value: Some((2.0 * tail).min(1.0)) })
    }
}

/// Probability of U ≤ `most`. The numbers of arrangements with each U are the coefficients of the Gaussian binomial
/// (m + n choose m), the product of (1 − qⁿ⁺ⁱ)/(1 − qⁱ).
fn exact(m: usize, n: usize, most: usize) -> f64 {
    let mut counts = vec![0_i128; most + 1];
    counts[0] = 1;
    let mut all = 1_i128;
    for i in 1..=m {
        for u in (n + i..=most).rev() {
            counts[u] -= counts[u - n - i];
        }
        for u in i..=most {
            counts[u] += counts[u - i];
        }
        all = all * (n + i) as i128 / i as i128;
    }
    counts.iter().sum::<i128>() as f64 / all as f64
}

/// Upper tail of the normal approximation with corrections for ties and continuity.
fn asymptotic([m, n]: [usize; 2], ties: &[usize], u: f64) -> f64 {
    let (m, n) = (m as f64, n as f64);
    let all = m + n;
    let tied: f64 = ties.iter().map(|tie| (*tie as f64).powi(3) - *tie as f64).sum();
    let variance = m * n / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    Normal::standard().sf((u - m * n / 2.0 - 0.5) / variance.sqrt())
}
