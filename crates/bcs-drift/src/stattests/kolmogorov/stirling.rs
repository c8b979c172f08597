//! Error of Stirling's approximation.

use std::f64::consts::TAU;

/// ln n! - [(n + 1/2) ln n - n + ln √(2π)]: the error of Stirling's approximation, for n ≥ 1, with an
/// absolute error below 1e-13.
pub(super) fn stirling_error(n: u64) -> f64 {
    let size = n as f64;
    if n < 16 {
        let factorial = (2..=n).fold(1.0, |product, k| product * k as f64);
        return f64::ln(factorial) - (size + 0.5) * size.ln() + size - 0.5 * TAU.ln();
    }
    let inverse = 1.0 / size;
    let square = inverse * inverse;
    let series = [1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    series.iter().fold(0.0, |sum, coefficient| sum * square + coefficient) * inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_continuous_with_the_exact_values() {
        // 1/(12n) - 1/(360n³) is short by less than 1/(1260n⁵).
        for n in 1..40 {
            let size = n as f64;
            let short = 1.0 / (12.0 * size) - 1.0 / (360.0 * size.powi(3));
            let error = stirling_error(n) - short;
            assert!((-1e-13..=1.0 / (1260.0 * size.powi(5)) + 1e-13).contains(&error), "n = {n}: {error}");
        }
    }
}
