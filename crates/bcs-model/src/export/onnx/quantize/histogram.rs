//! Distribution of a tensor's values, of which its scale is made.

/// Number of bins.
const BINS: usize = 2048;
/// Number of ranges among which the one with the least error is sought.
const RANGES: usize = 64;

/// How the range of a tensor is chosen. Values outside of it become its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Calibration {
    /// All values.
    MinMax,
    /// This share of the values, in (0, 1], those of the least magnitude.
    Percentile(f64),
    /// The range with the least mean square error.
    LeastError,
}

/// How numbers become whole: divided by `step` and rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Difference of the numbers that neighbouring whole numbers stand for.
    pub step: f32,
    /// Whether whole numbers are in −127 … 127; otherwise they are in 0 … 255.
    pub is_signed: bool,
}

/// Distribution of the magnitudes of values.
#[derive(Debug, Clone)]
pub struct Histogram {
    bins: Vec<u64>,
    /// Upper end of the last bin; a power of two.
    end: f32,
    largest: f32,
    has_negative: bool,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![0; BINS], end: f32::MIN_POSITIVE, largest: 0.0, has_negative: false }
    }
}

impl Histogram {
    /// Adds values.
    pub fn add(&mut self, values: &[f32]) {
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        self.largest = self.largest.max(largest);
        self.has_negative |= values.iter().any(|value| *value < 0.0);
        while self.end < largest && self.end < f32::MAX / 2.0 {
            self.widen();
        }
        let factor = BINS as f32 / self.end;
        for value in values {
            self.bins[((value.abs() * factor) as usize).min(BINS - 1)] += 1;
        }
    }

    /// Doubles the range of each bin.
    fn widen(&mut self) {
        self.end *= 2.0;
        for bin in 0..BINS / 2 {
            self.bins[bin] = self.bins[2 * bin] + self.bins[2 * bin + 1];
        }
        self.bins[BINS / 2..].fill(0);
    }

    /// Returns the scale.
    pub fn scale(&self, calibration: Calibration) -> Scale {
        let levels = if self.has_negative { 127.0 } else { 255.0 };
        let range = match calibration {
            Calibration::MinMax => self.largest,
            Calibration::Percentile(share) => self.percentile(share),
            Calibration::LeastError => self.least_error(levels),
        };
        let step = if range > 0.0 { range / levels } else { 1.0 };
        Scale { step, is_signed: self.has_negative }
    }

    fn width(&self) -> f32 {
        self.end / BINS as f32
    }

    fn percentile(&self, share: f64) -> f32 {
        let total: u64 = self.bins.iter().sum();
        let wanted = total as f64 * share;
        let mut sum = 0;
        let covers = |count: &u64| {
            sum += count;
            sum as f64 >= wanted
        };
        let bin = self.bins.iter().position(covers).unwrap_or(BINS - 1);
        ((bin + 1) as f32 * self.width()).min(self.largest)
    }

    fn least_error(&self, levels: f32) -> f32 {
        let ranges = (1..=RANGES).map(|part| self.largest * part as f32 / RANGES as f32);
        let errors = ranges.map(|range| (self.error(range, levels), range));
        errors.min_by(|one, other| one.0.total_cmp(&other.0)).map_or(self.largest, |(_, range)| range)
    }

    /// Sum of the square errors: of rounding within the range, and of the distance to its end outside.
    fn error(&self, range: f32, levels: f32) -> f64 {
        let rounding = f64::from(range / levels).powi(2) / 12.0;
        let of_bin = |(bin, count): (usize, &u64)| {
            let outside = f64::from((bin as f32 + 0.5) * self.width() - range).max(0.0);
            *count as f64 * outside.mul_add(outside, rounding)
        };
        self.bins.iter().enumerate().map(of_bin).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        values.chunks(7).for_each(|values| histogram.add(values));
        histogram
    }

    #[test]
    fn the_range_is_that_of_all_values_or_of_most() {
        let mut values: Vec<f32> = (1..=1000).map(|value| value as f32 / 1000.0).collect();
        let unsigned = histogram(&values).scale(Calibration::MinMax);
        assert_eq!(unsigned, Scale { step: 1.0 / 255.0, is_signed: false });
        values.push(-64.0);
        let histogram = histogram(&values);
        assert_eq!(histogram.scale(Calibration::MinMax), Scale { step: 64.0 / 127.0, is_signed: true });
        let most = histogram.scale(Calibration::Percentile(0.9)).step * 127.0;
        // A bin is 1/32 wide.
        assert!((0.9..0.95).contains(&most), "{most}");
    }

    #[test]
    fn the_range_of_least_error_weighs_an_outlier_against_rounding() {
        let mut values: Vec<f32> = (0..100_000).map(|value| (value % 201) as f32 / 100.0 - 1.0).collect();
        values.push(4.0);
        let histogram = histogram(&values);
        let range = histogram.scale(Calibration::LeastError).step * 127.0;
        // The least of 100 001 (r / 127)² / 12 + (4 − r)², within a 64th of the largest value.
        assert!((range - 2.637).abs() < 4.0 / 64.0, "{range}");
    }

    #[test]
    fn zeros_have_a_scale() {
        assert_eq!(
            histogram(&[0.0; 9]).scale(Calibration::LeastError),
            Scale { step: 1.0, is_signed: false }
        );
    }
}
