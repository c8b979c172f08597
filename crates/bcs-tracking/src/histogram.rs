//! Distribution of values.

/// Number of bins.
const BINS: usize = 64;

/// A histogram with bins of equal width between the smallest and the largest value.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of the values.
    pub sum: f64,
    /// Sum of the squares of the values.
    pub sum_squares: f64,
    /// Number of values in each bin.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts the finite ones of the values; `None` if there are none.
    pub fn of(values: &[f32]) -> Option<Self> {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value));
        let (mut min, mut max, mut sum, mut sum_squares) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0);
        for value in finite() {
            min = min.min(value);
            max = max.max(value);
            sum += value;
            sum_squares += value * value;
        }
        if min > max {
            return None;
        }
        if min == max {
            return Some(Self { min, max, sum, sum_squares, counts: vec![finite().count() as u64] });
        }
        let mut counts = vec![0; BINS];
        let scale = BINS as f64 / (max - min);
        for value in finite() {
            counts[(((value - min) * scale) as usize).min(BINS - 1)] += 1;
        }
        Some(Self { min, max, sum, sum_squares, counts })
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the edges of the bins, one more than there are bins.
    pub fn edges(&self) -> Vec<f64> {
        let bins = self.counts.len();
        let edge = |index: usize| {
            if index == bins {
                self.max
            } else {
                self.min + (self.max - self.min) * index as f64 / bins as f64
            }
        };
        (0..=bins).map(edge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_in_a_bin() {
        let values: Vec<f32> = (0..128).map(|value| value as f32).collect();
        let histogram = Histogram::of(&values).unwrap();
        assert_eq!(histogram.counts, [2; 64]);
        let edges = histogram.edges();
        assert_eq!((edges.len(), edges[0], edges[64]), (65, 0.0, 127.0));
        assert_eq!((histogram.sum, histogram.sum_squares), (8128.0, 690_880.0));

        let with_nan = Histogram::of(&[f32::NAN, 1.0, f32::INFINITY, 3.0]).unwrap();
        assert_eq!((with_nan.min, with_nan.max, with_nan.count()), (1.0, 3.0, 2));
    }

    #[test]
    fn equal_values_are_one_bin() {
        let histogram = Histogram::of(&[2.0, 2.0, 2.0]).unwrap();
        assert_eq!((histogram.counts.clone(), histogram.edges()), (vec![3], vec![2.0, 2.0]));
        assert_eq!(Histogram::of(&[f32::NAN]), None);
        assert_eq!(Histogram::of(&[]), None);
    }
}
