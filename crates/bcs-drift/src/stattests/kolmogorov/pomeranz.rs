//! P(D < x) by J. Pomeranz's recursion ("Exact Cumulative Distribution of the Kolmogorov-Smirnov Statistic for
//! Small Samples", Communications of the ACM 17, 1974), in the form of Simard and L'Ecuyer.
//!
//! The recursion passes from left to right through the 2n + 2 points where one of the lines i/n ± x crosses an integer.
//! A row holds the unnormalized probability of each count of values so far, given that the empirical distribution
//! function has been between the lines; from row to row, the count grows by a Poisson variate.

use super::{RESCALE, RESCALE_LOG2};

/// Returns P(D < `x`) for a sample of `n` values, in O(n (n x)²) time.
pub(super) fn cdf(n: usize, x: f64) -> f64 {
    let lines = Lines::new(n, x);
    let longest = 2 * (lines.whole as usize + 1);
    let steps = lines.step_lengths().map(|length| poisson(length / n as f64, longest));

    let mut start = lines.counts(0).0;
    let mut row = vec![1.0];
    let mut exponent = 0;
    for place in 1..=2 * n + 1 {
        let (low, high) = lines.counts(place);
        let step = &steps[lines.step_before(place)];
        row = (low..=high).map(|count| arrivals(&row, start, step, count)).collect();
        start = low;
        let largest = row.iter().copied().fold(0.0, f64::max);
        if largest > 0.0 && largest < 1.0 / RESCALE {
            row.iter_mut().for_each(|share| *share *= RESCALE);
            exponent -= RESCALE_LOG2;
        }
    }
    let at_end = row.get(n - start).copied().unwrap_or(0.0);
    times_factorial(at_end, n, exponent)
}

/// Probability mass that arrives at `count` from a row that starts at `start`.
fn arrivals(row: &[f64], start: usize, step: &[f64], count: usize) -> f64 {
    row.iter().enumerate().take((count + 1).saturating_sub(start)).fold(0.0, |sum, (index, share)| {
        step.get(count - start - index).map_or(sum, |weight| sum + share * weight)
    })
}

/// `mean`^k / k! for k below `length`: Poisson probabilities without the common factor.
fn poisson(mean: f64, length: usize) -> Vec<f64> {
    let mut terms = vec![1.0; length];
    for k in 1..length {
        terms[k] = terms[k - 1] * mean / k as f64;
    }
    terms
}

/// Returns `value` · n! · 2^`exponent`.
fn times_factorial(value: f64, n: usize, mut exponent: i32) -> f64 {
    let mut product = value;
    for k in 1..=n {
        if product > RESCALE {
            product /= RESCALE;
            exponent += RESCALE_LOG2;
        }
        product *= k as f64;
    }
    product * 2_f64.powi(exponent)
}

/// The two lines i/n ± x around the diagonal, in units of 1/n.
struct Lines {
    n: i64,
    /// Integer part of n x.
    whole: i64,
    /// Distance of n x from the nearest integer.
    gap: f64,
    /// 1 if n x is not an integer.
    above: i64,
    /// 1 if n x is closer to the next integer.
    nearer: i64,
}

impl Lines {
    fn new(n: usize, x: f64) -> Self {
        let t = n as f64 * x;
        let fraction = t - t.floor();
        Self {
            n: n as i64,
            whole: t.floor() as i64,
            gap: fraction.min(1.0 - fraction),
            above: i64::from(fraction > 0.0),
            nearer: i64::from(fraction > 0.5),
        }
    }

    /// The three distances between neighbouring points.
    fn step_lengths(&self) -> [f64; 3] {
        [self.gap, 2.0 * self.gap, 1.0 - 2.0 * self.gap]
    }

    /// Index in [`Self::step_lengths`] of the step to a point; the first and the last step are the short ones.
    fn step_before(&self, place: usize) -> usize {
        if place == 1 || place as i64 == 2 * self.n + 1 { 0 } else { 2 - place % 2 }
    }

    /// Minimum and maximum count of values between the lines at a point from 0 to 2n + 1.
    fn counts(&self, place: usize) -> (usize, usize) {
        let half = (place as i64 + 1) / 2;
        let (low, high) = if place == 0 {
            (1 - self.whole - self.above, self.whole + self.above - 1)
        } else if half == self.n + 1 {
            (self.n + 1 - self.whole - self.above, self.n)
        } else if place % 2 == 1 {
            (half - self.whole - self.nearer, half + self.whole + self.above - 2)
        } else {
            (half - self.whole, half + self.whole + self.nearer - 1)
        };
        (low.max(0) as usize, high.clamp(0, self.n) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::durbin;
    use super::*;

    #[test]
    fn the_recursion_agrees_with_the_matrix_power() {
        for (n, x) in [(3, 0.4), (10, 0.274), (17, 0.3), (50, 0.125), (50, 0.13), (100, 0.1), (139, 0.15)] {
            let (here, there) = (cdf(n, x), durbin::cdf(n as u64, x));
            assert!((here - there).abs() < 1e-12, "n = {n}, x = {x}: {here} {there}");
        }
    }
}
