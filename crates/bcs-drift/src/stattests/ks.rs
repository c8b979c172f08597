//! The two-sample, two-sided Kolmogorov-Smirnov test, in agreement with `scipy.stats.ks_2samp(method="auto")`.
//!
//! Up to [`MAX_EXACT`] values per sample, the p-value is exact: the fraction of all interleavings of the two samples,
//! which are equally likely under the null hypothesis, whose statistic is at least the observed one. An interleaving is
//! a lattice path from (0, 0) to (m, n), with a step to the right for each value of one sample and a step up for each of
//! the other; its statistic is at least the observed one if it leaves a band around the diagonal. The fraction of paths
//! outside is computed directly, not as 1 minus the fraction inside, so that small p-values keep their precision.
//!
//! Sources: J. L. Hodges, "The Significance Probability of the Smirnov Two-Sample Test", Arkiv för Matematik 3
//! (1958); T. Viehmann, "Numerically more stable computation of the p-values for the two-sample
//! Kolmogorov-Smirnov test", arXiv:2102.08037.

use super::kolmogorov;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Maximum size of the larger sample for an exact p-value (scipy's `MAX_AUTO_N`).
pub const MAX_EXACT: usize = 10_000;

/// The two-sample, two-sided Kolmogorov-Smirnov test. Its statistic is the largest difference
/// between the two empirical distribution functions, in [0, 1]; it always has a p-value.
#[derive(Debug, Clone, Copy)]
pub struct KolmogorovSmirnov;

impl StatTest for KolmogorovSmirnov {
    fn name(&self) -> &'static str {
        "ks"
    }

    fn title(&self) -> &'static str {
        "KS statistic"
    }

    fn explanation(&self) -> &'static str {
        "The KS (Kolmogorov–Smirnov) statistic is the largest difference between the two cumulative distributions: 0 \
         if they are equal, 1 if they do not overlap."
    }

    fn default_threshold(&self) -> f64 {
        0.05
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let (a, b) = (reference.values(), current.values());
        let sizes = Sizes::new(a.len(), b.len());
        let steps = largest_gap(a, b, &sizes);
        Ok(Outcome { statistic: steps as f64 / sizes.lcm() as f64, p_value: Some(p_value(&sizes, steps)) })
    }
}

/// Sample sizes and their greatest common divisor.
struct Sizes {
    large: u64,
    small: u64,
    gcd: u64,
}

impl Sizes {
    fn new(a: usize, b: usize) -> Self {
        let (large, small) = (a.max(b) as u64, a.min(b) as u64);
        Self { large, small, gcd: gcd(large, small) }
    }

    /// Least common multiple of the sizes: differences between the distribution functions are multiples of its
    /// reciprocal.
    fn lcm(&self) -> u64 {
        self.large / self.gcd * self.small
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Largest difference between the distribution functions of two ascending samples, in units of 1/[`Sizes::lcm`]: an
/// integer, so that it is exact.
fn largest_gap(a: &[f64], b: &[f64], sizes: &Sizes) -> u64 {
    let (step_a, step_b) = (sizes.lcm() / a.len() as u64, sizes.lcm() / b.len() as u64);
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        i += a[i..].iter().take_while(|x| **x <= value).count();
        j += b[j..].iter().take_while(|x| **x <= value).count();
        largest = largest.max((i as u64 * step_a).abs_diff(j as u64 * step_b));
    }
    largest
}

fn p_value(sizes: &Sizes, steps: u64) -> f64 {
    if steps == 0 {
        return 1.0;
    }
    let exact = if sizes.large as usize > MAX_EXACT {
        None
    } else if surely_underflows(sizes, steps) {
        Some(0.0)
    } else if sizes.large == sizes.small {
        // If rounding takes it above 1, scipy falls back to the asymptotic value.
        Some(outside_equal(sizes.large, steps)).filter(|p| *p <= 1.0)
    } else {
        Some(outside_unequal(sizes, steps).min(1.0))
    };
    exact.unwrap_or_else(|| asymptotic(sizes, steps))
}

/// P-value for large samples: that of the one-sample test with the effective sample size mn/(m + n).
fn asymptotic(sizes: &Sizes, steps: u64) -> f64 {
    let (m, n) = (sizes.large as f64, sizes.small as f64);
    let effective = (m * n / (m + n)).round_ties_even();
    kolmogorov::survival(effective as u64, steps as f64 / sizes.lcm() as f64)
}

/// Returns whether the p-value certainly underflows to 0. This avoids the longest computations, with slow subnormal
/// numbers.
///
/// At a fixed value, one distribution function is the mean of m draws without replacement from the m + n pooled
/// values, so Serfling's inequality bounds each tail by exp(-2 d² mn/(m+n) · n/(n+1)); there are m + n values and
/// two tails. (R. J. Serfling, "Probability inequalities for the sum in sampling without replacement", Annals of
/// Statistics 2, 1974.)
fn surely_underflows(sizes: &Sizes, steps: u64) -> bool {
    const LN_SMALLEST: f64 = -746.0;
    let (m, n) = (sizes.large as f64, sizes.small as f64);
    let distance = steps as f64 / sizes.lcm() as f64;
    let exponent = -2.0 * distance * distance * (m * n / (m + n)) * (m / (m + 1.0));
    exponent + (2.0 * (m + n)).ln() < LN_SMALLEST
}

/// Fraction of paths from (0, 0) to (n, n) that reach x - y = ±h, by the reflection principle:
/// 2 (C(2n, n-h) - C(2n, n-2h) + C(2n, n-3h) - …) / C(2n, n), evaluated in nested form to avoid cancellation.
fn outside_equal(n: u64, h: u64) -> f64 {
    let (size, height) = (n as f64, h as f64);
    let mut share = 0.0;
    for k in (0..=n / h).rev() {
        let shift = k as f64 * height;
        let ratio = (0..h).fold(1.0, |product, j| {
            let j = j as f64;
            (size - shift - j) * product / (size + shift + j + 1.0)
        });
        share = ratio * (1.0 - share);
    }
    2.0 * share
}

/// Fraction of paths from (0, 0) to (m, n) that reach or leave the edge of the band |x/m - y/n| < h / lcm(m, n).
///
/// Computed column by column: of the paths to (x, y), x/(x+y) arrive from the left and y/(x+y) from below, so the
/// fraction that has been outside is the mean of the two neighbours with these weights; outside the band it is 1.
fn outside_unequal(sizes: &Sizes, h: u64) -> f64 {
    let (m, n) = (sizes.large, sizes.small);
    let (rise, run, h) = ((n / sizes.gcd) as i64, (m / sizes.gcd) as i64, h as i64);
    let height = n as usize + 1;
    // Rows of the band in column x. Divisions happen once per column; the inner loop only multiplies and adds.
    let band = |x: u64| {
        let centre = rise * x as i64;
        let low = ((centre - h).div_euclid(run) + 1).max(0) as usize;
        let high = (centre + h + run - 1).div_euclid(run) as usize;
        low..high.min(height)
    };
    let reciprocals: Vec<f64> = (0..=m + n).map(|sum| 1.0 / sum as f64).collect();
    let mut column = vec![1.0; height];
    column[band(0)].fill(0.0);
    for x in 1..=m {
        let rows = band(x);
        if rows.is_empty() {
            return 1.0;
        }
        let start = rows.start;
        let mut below = if start == 0 { 0.0 } else { 1.0 };
        let per_sum = &reciprocals[x as usize + start..];
        let mut y = start as f64;
        for (share, reciprocal) in column[rows].iter_mut().zip(per_sum) {
            below = *share * (x as f64 * reciprocal) + below * (y * reciprocal);
            *share = below;
            y += 1.0;
        }
    }
    column[n as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(a: &[f64], b: &[f64]) -> (f64, f64) {
        let outcome =
            KolmogorovSmirnov.run(&Sample::new("x", a).unwrap(), &Sample::new("x", b).unwrap()).unwrap();
        (outcome.statistic, outcome.p_value.unwrap())
    }

    #[test]
    fn identical_samples_have_a_p_value_of_1() {
        let values = [0.3, 0.1, 0.1, 0.9];
        assert_eq!(run(&values, &values), (0.0, 1.0));
    }

    #[test]
    fn disjoint_samples_have_the_p_value_of_two_interleavings() {
        let (statistic, p) = run(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]);
        assert_eq!(statistic, 1.0);
        assert!((p - 2.0 / 20.0).abs() < 1e-15, "{p}");
        let (_, p) = run(&[1.0, 2.0, 3.0], &[4.0, 5.0]);
        assert!((p - 2.0 / 10.0).abs() < 1e-15, "{p}");
    }

    #[test]
    fn p_values_match_an_enumeration_of_all_interleavings() {
        // All 10 interleavings of sizes 3 and 2: the p-value is the fraction with at least this statistic.
        let mut statistics = Vec::new();
        for mask in 0_u32..32 {
            let (a, b): (Vec<u32>, Vec<u32>) = (0..5).partition(|bit| mask >> bit & 1 == 1);
            if a.len() == 3 {
                let values = |bits: Vec<u32>| bits.into_iter().map(f64::from).collect::<Vec<_>>();
                statistics.push(run(&values(a), &values(b)));
            }
        }
        for (statistic, p) in &statistics {
            let reached = statistics.iter().filter(|(other, _)| *other >= *statistic).count();
            assert!((p - reached as f64 / 10.0).abs() < 1e-15, "{statistic}: {p}");
        }
    }

    #[test]
    fn samples_of_one_value_have_a_p_value() {
        let (statistic, p) = run(&[0.5], &[1.0, 2.0, 3.0]);
        assert_eq!(statistic, 1.0);
        assert!((p - 0.5).abs() < 1e-15, "{p}");
    }

    #[test]
    fn certain_underflow_agrees_with_the_exact_computation() {
        let sizes = Sizes::new(3000, 2000);
        let steps = (0..=sizes.lcm()).find(|steps| surely_underflows(&sizes, *steps)).unwrap();
        // Averages of subnormal numbers round up, so the result is not exactly 0.
        assert!(outside_unequal(&sizes, steps) < 1e-320);
    }
}
