//! Moments, percentiles and entropy.

/// Count, sum and sum of squares of values.
#[derive(Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// Moments of the values of a histogram.
    pub(super) fn of(histogram: &[u64; 256]) -> Self {
        let (mut count, mut sum, mut squares) = (0, 0, 0);
        for (number, value) in histogram.iter().zip(0_u64..) {
            count += number;
            sum += number * value;
            squares += number * value * value;
        }
        Self { count: count as f64, sum: sum as f64, squares: squares as f64 }
    }

    /// Mean and variance (of the population) of at least one value.
    pub(super) fn mean_and_variance(self) -> (f64, f64) {
        let mean = self.sum / self.count;
        (mean, (self.squares / self.count - mean * mean).max(0.0))
    }

    /// Mean and standard deviation (of the population) of at least one value.
    pub(super) fn mean_and_std(self) -> (f64, f64) {
        let (mean, variance) = self.mean_and_variance();
        (mean, variance.sqrt())
    }
}

/// Smallest value that at least `percent` percent of the counted values do not exceed.
pub(super) fn percentile(histogram: &[u64; 256], percent: u64) -> f64 {
    let total: u64 = histogram.iter().sum();
    let wanted = (total * percent).div_ceil(100).max(1);
    let mut seen = 0;
    let value = histogram.iter().position(|count| {
        seen += count;
        seen >= wanted
    });
    value.unwrap_or(255) as f64
}

/// Entropy of a histogram in bits, in [0, 8].
pub(super) fn entropy(histogram: &[u64; 256]) -> f64 {
    let total: u64 = histogram.iter().sum();
    let entropy: f64 = histogram
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let fraction = *count as f64 / total as f64;
            -fraction * fraction.log2()
        })
        .sum();
    entropy.max(0.0)
}
