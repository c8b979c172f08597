//! P(D < x) for large n as a series in 1/√n (W. Pelz and I. J. Good, "Approximating the Lower Tail-areas of the
//! Kolmogorov-Smirnov One-sample Statistic", Journal of the Royal Statistical Society B 38, 1976), transformed
//! by Jacobi's theta functions into a form that converges fast for small x.

use std::f64::consts::{PI, TAU};

/// Exponent below which the leading term underflows.
const LN_TINY: f64 = -708.0;

/// Approximates P(D < `x`) for a sample of `n` values with an error of O(1/n²). Rounding may take it out of [0, 1].
pub(super) fn cdf(n: u64, x: f64) -> f64 {
    let root_n = (n as f64).sqrt();
    let z = root_n * x;
    if -PI * PI / (8.0 * z * z) < LN_TINY {
        return 0.0;
    }
    let [k0, k1, k2, k3] = terms(z);
    k0 + (k1 + (k2 + k3 / root_n) / root_n) / root_n
}

/// Coefficients of 1, 1/√n, 1/n and 1/√n³.
fn terms(z: f64) -> [f64; 4] {
    let [odd0, odd1, odd2, odd3] = odd_sums(z);
    let [even2, even3] = even_sums(z);
    let root = TAU.sqrt();
    let pi2 = PI * PI;
    [
        root * odd0 / z,
        root * odd1 / (6.0 * z.powi(4)),
        root * odd2 / (72.0 * z.powi(7)) - pi2 * root * even2 / (36.0 * z.powi(3)),
        root * odd3 / (6480.0 * z.powi(10)) + pi2 * root * even3 / (216.0 * z.powi(6)),
    ]
}

/// Number of terms needed for double precision.
fn summands(z: f64) -> u32 {
    (16.0 * z / PI).ceil() as u32
}

/// Sums over odd m of exp(-m² π² / 8z²) times a polynomial in m², smallest terms first.
fn odd_sums(z: f64) -> [f64; 4] {
    let pi2 = PI * PI;
    let (pi4, pi6) = (pi2 * pi2, pi2 * pi2 * pi2);
    let (z2, z4, z6, z8) = (z * z, z.powi(4), z.powi(6), z.powi(8));
    let mut sums = [0.0; 4];
    for k in (1..=summands(z)).rev() {
        let m2 = f64::from(2 * k - 1).powi(2);
        let (m4, m6) = (m2 * m2, m2 * m2 * m2);
        let weight = (-m2 * pi2 / (8.0 * z2)).exp();
        let polynomials = [
            1.0,
            -z2 + m2 * pi2 / 4.0,
            6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * m2 * pi2 / 4.0 + (1.0 - 2.0 * z2) * m4 * pi4 / 16.0,
            -30.0 * z6 - 90.0 * z8
                + (135.0 * z4 - 96.0 * z6) * m2 * pi2 / 4.0
                + (212.0 * z4 - 60.0 * z2) * m4 * pi4 / 16.0
                + (5.0 - 30.0 * z2) * m6 * pi6 / 64.0,
        ];
        for (sum, polynomial) in sums.iter_mut().zip(polynomials) {
            *sum += weight * polynomial;
        }
    }
    sums
}

/// Sums over integers k of exp(-k² π² / 2z²) times k², and times k² (3z² - π² k²).
fn even_sums(z: f64) -> [f64; 2] {
    let pi2 = PI * PI;
    let mut sums = [0.0; 2];
    for k in (1..=summands(z)).rev() {
        let k2 = f64::from(k).powi(2);
        let weight = k2 * (-k2 * pi2 / (2.0 * z * z)).exp();
        sums[0] += weight;
        sums[1] += weight * (3.0 * z * z - pi2 * k2);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::durbin;
    use super::*;

    #[test]
    fn the_series_approximates_the_exact_value() {
        for (n, x) in [(500, 0.04), (1000, 0.03), (1000, 0.045)] {
            let (series, exact) = (cdf(n, x), durbin::cdf(n, x));
            assert!((series - exact).abs() < 1e-6, "n = {n}, x = {x}: {series} {exact}");
        }
    }
}
