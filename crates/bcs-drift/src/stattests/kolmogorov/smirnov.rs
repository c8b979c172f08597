//! Distribution of the one-sided statistic D+ for finite samples.
//!
//! P(D+ ≥ x) = x Σ C(n, v) (x + v/n)^(v-1) (1 - x - v/n)^(n-v) over v up to n (1 - x) (N. V. Smirnov, 1944;
//! Z. W. Birnbaum and F. H. Tingey, 1951). All terms are positive, so that the sum is as accurate as they
//! are. Each is a binomial probability, computed by C. Loader's saddle-point expansion ("Fast and Accurate Computation
//! of Binomial Probabilities", 2000), which avoids cancellation of large logarithms.

use std::f64::consts::TAU;

use super::stirling::stirling_error;

/// Returns P(D+ ≥ `x`) for a sample of `n` ≥ 1 values and `x` in (0, 1), in O(n) time.
pub(super) fn survival(n: u64, x: f64) -> f64 {
    let size = n as f64;
    let shift = size * x;
    let none_below = (size * (-x).ln_1p()).exp();
    let error_n = stirling_error(n);
    let mut sum = none_below;
    for v in 1..n {
        let (below, above) = (v as f64, (n - v) as f64);
        if above <= shift {
            break;
        }
        let log_factor = 0.5 * (size / (TAU * below * above)).ln();
        let error = error_n - stirling_error(v) - stirling_error(n - v);
        let deviance = below * log_excess(shift / below) + above * log_excess(-shift / above);
        sum += shift / (below + shift) * (log_factor + error + deviance).exp();
    }
    sum
}

/// ln(1 + y) - y for y > -1, without cancellation near 0.
fn log_excess(y: f64) -> f64 {
    if y.abs() > 0.2 {
        return y.ln_1p() - y;
    }
    // ln(1 + y) = 2 artanh r with r = y / (2 + y), whose first term 2r is y - r y.
    let r = y / (2.0 + y);
    let square = r * r;
    let series = (1..10).rev().fold(0.0, |sum, k| (sum + 1.0 / f64::from(2 * k + 1)) * square);
    2.0 * r * series - r * y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_excess_is_continuous_and_accurate_near_0() {
        for y in [-0.2_f64, 0.2] {
            let (inside, outside) = (log_excess(y * (1.0 - 1e-12)), y.ln_1p() - y);
            assert!((inside / outside - 1.0).abs() < 1e-11, "{y}: {inside} {outside}");
        }
        let tiny = 1e-5_f64;
        assert!((log_excess(tiny) / (-0.5 * tiny * tiny + tiny.powi(3) / 3.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_distribution_for_two_values_is_exact() {
        // x [ (1/x)(1-x)² + 2 (1/2 - x) ] for x below 1/2.
        let x = 0.3_f64;
        let expected = (1.0 - x).powi(2) + 2.0 * x * (0.5 - x);
        assert!((survival(2, x) - expected).abs() < 1e-14);
    }
}
