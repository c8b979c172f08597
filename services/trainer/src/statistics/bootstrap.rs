//! Percentile bootstrap of clusters: the patients of a data set are drawn with replacement, each with all its images,
//! because images of a patient resemble each other (A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their
//! Application", section 3.8, Cambridge 1997).

use bcs_drift::sample::quantile;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

/// How intervals are computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Bootstrap {
    /// Number of resamples.
    pub resamples: usize,
    /// Confidence level, in (0, 1).
    pub confidence: f64,
    /// Seed; equal seeds give equal intervals.
    pub seed: u64,
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of resamples in which the statistic is defined.
    pub resamples: usize,
}

impl Bootstrap {
    /// Returns an interval for each of `statistics`, which computes them from how often each cluster was drawn. Resamples in
    /// which a statistic is not finite are left out of its interval; a statistic that never is has none.
    pub(crate) fn intervals(
        &self,
        clusters: usize,
        statistics: impl Fn(&[u32]) -> Vec<f64> + Sync,
    ) -> Vec<Option<Interval>> {
        let resamples: Vec<Vec<f64>> = (0..self.resamples as u64)
            .into_par_iter()
            .map(|resample| statistics(&self.draw(clusters, resample)))
            .collect();
        let count = resamples.first().map_or(0, Vec::len);
        (0..count).map(|index| self.interval(resamples.iter().map(|values| values[index]))).collect()
    }

    /// Returns how often each cluster is drawn.
    fn draw(&self, clusters: usize, resample: u64) -> Vec<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(resample);
        let mut counts = vec![0; clusters];
        for _ in 0..clusters {
            counts[random.random_range(0..clusters)] += 1;
        }
        counts
    }

    fn interval(&self, values: impl Iterator<Item = f64>) -> Option<Interval> {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        let [low, high] = [tail, 1.0 - tail].map(|share| quantile(&values, share));
        Some(Interval { low: low?, high: high?, resamples: values.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{cases, numbers};
    use super::*;

    fn weighted_mean<'a>(values: &'a [f64]) -> impl Fn(&[u32]) -> Vec<f64> + Sync + 'a {
        move |counts| {
            let sum: f64 = counts.iter().zip(values).map(|(count, value)| f64::from(*count) * value).sum();
            vec![sum / counts.iter().sum::<u32>() as f64]
        }
    }

    #[test]
    fn intervals_agree_with_scipy() {
        for case in cases("bootstrap") {
            let (values, expected) = (numbers(&case["values"]), numbers(&case["interval"]));
            let confidence = case["confidence"].as_f64().unwrap();
            let bootstrap = Bootstrap { resamples: 100_000, confidence, seed: 0 };
            let interval = bootstrap.intervals(values.len(), weighted_mean(&values))[0].unwrap();
            // Both are random; an end varies by less than 1 % of the width.
            let tolerance = 0.02 * (expected[1] - expected[0]);
            let close = |a: f64, b: f64| (a - b).abs() < tolerance;
            assert!(
                close(interval.low, expected[0]) && close(interval.high, expected[1]),
                "{interval:?} {case}"
            );
        }
    }

    #[test]
    fn equal_seeds_give_equal_intervals() {
        let values = [0.1, 0.5, 0.9, 0.4, 0.3];
        let interval = |seed| {
            Bootstrap { resamples: 200, confidence: 0.95, seed }
                .intervals(values.len(), weighted_mean(&values))
        };
        assert_eq!(interval(3), interval(3));
        assert_ne!(interval(3), interval(4));
    }

    #[test]
    fn every_resample_has_as_many_clusters() {
        let bootstrap = Bootstrap { resamples: 1, confidence: 0.9, seed: 7 };
        assert!((0..50).all(|resample| bootstrap.draw(9, resample).iter().sum::<u32>() == 9));
    }

    #[test]
    fn undefined_resamples_are_left_out() {
        let bootstrap = Bootstrap { resamples: 500, confidence: 0.9, seed: 0 };
        let found =
            bootstrap.intervals(2, |counts| vec![if counts[0] == 0 { f64::NAN } else { 1.0 }, f64::NAN]);
        let interval = found[0].unwrap();
        assert_eq!((interval.low, interval.high, found[1]), (1.0, 1.0, None));
        assert!((300..450).contains(&interval.resamples), "{interval:?}");
    }
}
