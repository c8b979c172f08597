//! Distribution of the one-sample, two-sided Kolmogorov–Smirnov statistic D for finite samples: the largest difference
//! between the empirical distribution function of n values and the distribution they were drawn from. Agrees with
//! `scipy.stats.kstwo`.
//!
//! No single method is both accurate and fast everywhere. The choice follows R. Simard and P. L'Ecuyer, "Computing the
//! Two-Sided Kolmogorov-Smirnov Distribution", Journal of Statistical Software 39 (2011), with scipy's thresholds.
//!
//! # Layout
//! - `durbin`: exact, by a matrix power; fast for small D
//! - `pelz_good`: asymptotic series for large n
//! - `pomeranz`: exact, by a recursion; for small n and intermediate D
//! - `smirnov`: exact one-sided distribution; twice its value for large D
//! - `stirling`: error of Stirling's approximation

mod durbin;
mod pelz_good;
mod pomeranz;
mod smirnov;
mod stirling;

use stirling::stirling_error;

/// Returns P(D ≥ `distance`) for a sample of `n` values, in [0, 1].
///
/// The result is 1 for a `distance` up to 1/(2n), 0 for 1 or more, and NaN if `distance` is NaN or `n` is 0.
pub fn survival(n: u64, distance: f64) -> f64 {
    if n == 0 || distance.is_nan() {
        return f64::NAN;
    }
    if distance <= 0.0 {
        return 1.0;
    }
    if distance >= 1.0 {
        return 0.0;
    }
    survival_inside(n, distance).clamp(0.0, 1.0)
}

/// For `x` in (0, 1).
fn survival_inside(n: u64, x: f64) -> f64 {
    let size = n as f64;
    let t = size * x;
    if t <= 1.0 {
        return 1.0 - smallest_distances(n, t);
    }
    if t >= size - 1.0 {
        return 2.0 * (size * (-x).ln_1p()).exp();
    }
    if x >= 0.5 {
        return 2.0 * smirnov::survival(n, x);
    }
    if n <= 140 { survival_small(n, x) } else { survival_large(n, x) }
}

/// P(D < t/n) for t up to 1: (2t - 1)^n n!/n^n (H. Ruben and J. Gambino, 1982).
fn smallest_distances(n: u64, t: f64) -> f64 {
    if t <= 0.5 {
        return 0.0;
    }
    let size = n as f64;
    let log_factorial_over_power = 0.5 * (std::f64::consts::TAU * size).ln() - size + stirling_error(n);
    (log_factorial_over_power + size * (2.0 * t - 1.0).ln()).exp()
}

fn survival_small(n: u64, x: f64) -> f64 {
    let nx2 = n as f64 * x * x;
    if nx2 <= 0.754693 {
        1.0 - durbin::cdf(n, x)
    } else if nx2 <= 4.0 {
        1.0 - pomeranz::cdf(n as usize, x)
    } else {
        2.0 * smirnov::survival(n, x)
    }
}

fn survival_large(n: u64, x: f64) -> f64 {
    let nx2 = n as f64 * x * x;
    if nx2 >= 370.0 {
        0.0
    } else if nx2 >= 2.2 {
        2.0 * smirnov::survival(n, x)
    } else if n <= 100_000 && n as f64 * x.powf(1.5) <= 1.4 {
        1.0 - durbin::cdf(n, x)
    } else {
        1.0 - pelz_good::cdf(n, x)
    }
}

/// Factor by which intermediate results are rescaled to avoid overflow and underflow; the exponent is kept separately.
const RESCALE: f64 = (1_u128 << 127) as f64 * 2.0;
/// log2 of [`RESCALE`].
const RESCALE_LOG2: i32 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_for_one_value_is_exact() {
        // D of one value u is max(u, 1 - u).
        for distance in [0.5, 0.6, 0.75, 0.99] {
            assert!((survival(1, distance) - 2.0 * (1.0 - distance)).abs() < 1e-15, "at {distance}");
        }
    }

    #[test]
    fn the_limits_are_0_and_1() {
        for n in [1, 10, 1000, 1_000_000] {
            assert_eq!(survival(n, 0.0), 1.0);
            assert_eq!(survival(n, 0.49 / n as f64), 1.0);
            assert_eq!(survival(n, 1.0), 0.0);
        }
        assert!(survival(0, 0.5).is_nan());
        assert!(survival(3, f64::NAN).is_nan());
    }

    #[test]
    fn survival_is_monotonic_across_methods() {
        for n in [5, 20, 60, 140, 141, 500, 3000] {
            let at = |step: u32| survival(n, f64::from(step) / 2000.0);
            for step in 1..2000 {
                assert!(at(step) <= at(step - 1) + 1e-9, "n = {n}, step {step}");
            }
        }
    }
}
