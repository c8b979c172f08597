//! Histograms of two samples over the same bins.

use crate::report::Histogram;
use crate::sample::Sample;

/// Number of bins: enough to show the shape of a distribution, few enough for a plot in a table.
const BINS: usize = 30;

/// Counts both samples in bins of equal width, from the smallest to the largest value of both.
pub(crate) fn shared(reference: &Sample, current: &Sample) -> Histogram {
    let edges = edges(reference.values(), current.values());
    Histogram {
        reference: counts(reference.values(), &edges),
        current: counts(current.values(), &edges),
        edges,
    }
}

/// Bin edges for two non-empty, ascending samples. If all values are equal, the bins extend half a unit to either
/// side, as in numpy's `histogram`.
fn edges(a: &[f64], b: &[f64]) -> Vec<f64> {
    let (mut low, mut high) = (a[0].min(b[0]), a[a.len() - 1].max(b[b.len() - 1]));
    if low == high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    // A weighted mean, because high - low may overflow.
    let edge = |index: usize| {
        let weight = index as f64 / BINS as f64;
        low * (1.0 - weight) + high * weight
    };
    (0..=BINS).map(edge).collect()
}

/// Counts ascending values; values that rounding puts outside the edges go to the outermost bins.
fn counts(ascending: &[f64], edges: &[f64]) -> Vec<u64> {
    let below = |edge: &f64| ascending.partition_point(|value| value < edge);
    let mut starts: Vec<usize> = edges.iter().map(below).collect();
    let last = starts.len() - 1;
    (starts[0], starts[last]) = (0, ascending.len());
    starts.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(a: &[f64], b: &[f64]) -> Histogram {
        shared(&Sample::new("a", a).unwrap(), &Sample::new("b", b).unwrap())
    }

    #[test]
    fn every_value_is_counted_once() {
        for (a, b) in [
            (vec![0.0, 0.1, 0.2, 3.0], vec![-1.0, 2.0, 2.0]),
            (vec![5.0, 5.0], vec![5.0, 5.0, 5.0]),
            (vec![-1e308, 1e308], vec![0.0, 1.0]),
            (vec![1e300, 1e300], vec![1e300, 1e300]),
            (vec![1.0, 1.0 + f64::EPSILON], vec![1.0, 1.0]),
        ] {
            let histogram = histogram(&a, &b);
            assert_eq!(histogram.edges.len(), BINS + 1);
            assert!(histogram.edges.iter().all(|edge| edge.is_finite()));
            assert_eq!(histogram.reference.iter().sum::<u64>(), a.len() as u64, "{a:?}");
            assert_eq!(histogram.current.iter().sum::<u64>(), b.len() as u64, "{b:?}");
        }
    }

    #[test]
    fn a_bin_includes_its_lower_edge_and_the_last_bin_both() {
        let histogram = histogram(&[0.0, 1.0, 30.0], &[29.0, 29.5, 0.5]);
        assert_eq!((histogram.reference[0], histogram.reference[1], histogram.reference[29]), (1, 1, 1));
        assert_eq!((histogram.current[0], histogram.current[29]), (1, 2));
    }
}
