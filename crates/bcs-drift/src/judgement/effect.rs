//! Effect sizes with confidence intervals.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Number of bootstrap samples.
const SAMPLES: usize = 1_000;

/// Number of cases of each side from which a bootstrap of them is of use.
const MIN_RESAMPLED: usize = 5;

/// Number of cases of a side from which their mean is drawn from its normal distribution instead of from resampled cases: it differs
/// from that of the bootstrap by less than the error of the bootstrap.
const MAX_RESAMPLED: usize = 1_000;

/// Difference of the means of the cases of both sides, in standard deviations between the cases of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Difference, current minus reference; 0 where the reference cases do not vary.
    pub value: f64,
    /// 95 % interval by a bootstrap of the cases of both sides (percentiles); with less than 5 cases on a side, from Student's
    /// t distribution and the standard deviation between the cases of the reference.
    pub interval: [f64; 2],
}

impl Effect {
    /// Whether the reference cases vary. Where they do not, as pen marks that no training tile has, a difference has no size in
    /// standard deviations, however clear it is.
    pub fn has_scale(&self) -> bool {
        self.value != 0.0 || self.interval != [0.0; 2]
    }
}

/// Measures the effect between the values of reference and current cases.
pub(super) fn effect([reference, current]: [Vec<f64>; 2], seed: u64) -> Effect {
    let scale = deviation(&reference);
    // Below this, the deviation is that of rounding errors.
    if scale <= mean(&reference).abs() * 1e-12 || current.is_empty() {
        return Effect { value: 0.0, interval: [0.0; 2] };
    }
    let value = (mean(&current) - mean(&reference)) / scale;
    let [of_reference, of_current] = [&reference, &current].map(Vec::len);
    if of_reference.min(of_current) < MIN_RESAMPLED {
        let quantile =
            StudentsT::new(0.0, 1.0, of_reference as f64 - 1.0).map_or(f64::MAX, |t| t.inverse_cdf(0.975));
        let error = (1.0 / of_reference as f64 + 1.0 / of_current as f64).sqrt();
        return Effect { value, interval: [value - quantile * error, value + quantile * error] };
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut resampled = |values: &[f64], normal: Option<Normal>| {
        if let Some(normal) = normal {
            return normal.inverse_cdf(random.random_range(f64::EPSILON..1.0));
        }
        let sum: f64 = values.iter().map(|_| values[random.random_range(0..values.len())]).sum();
        sum / values.len() as f64
    };
    let [normal_reference, normal_current] = [&reference, &current].map(|values| normal_mean(values));
    let mut drawn: Vec<f64> = (0..SAMPLES)
        .map(|_| (resampled(&current, normal_current) - resampled(&reference, normal_reference)) / scale)
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let at = |share| crate::sample::quantile(&drawn, share).unwrap_or_default();
    Effect { value, interval: [at(0.025), at(0.975)] }
}

/// Distribution of the mean of many values; `None` for few.
fn normal_mean(values: &[f64]) -> Option<Normal> {
    let error = deviation(values) / (values.len() as f64).sqrt();
    (values.len() > MAX_RESAMPLED).then(|| Normal::new(mean(values), error).ok()).flatten()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Sample standard deviation; 0 for fewer than two values.
pub(super) fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let centre = mean(values);
    (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_in_standard_deviations_of_the_reference() {
        let reference: Vec<f64> = (0..20).map(f64::from).collect();
        let current: Vec<f64> = reference.iter().map(|value| value + 35.0_f64.sqrt()).collect();
        // The sample variance of 0, 1, …, 19 is 35.
        let effect = effect([reference, current], 0);
        assert!((effect.value - 1.0).abs() < 1e-12, "{effect:?}");
        let [low, high] = effect.interval;
        assert!(low > 0.3 && low < 0.7 && high > 1.3 && high < 1.7, "{effect:?}");
    }

    #[test]
    fn many_cases_have_the_interval_of_the_normal_distribution() {
        let side =
            |count: u32, offset: f64| (0..count).map(move |at| f64::from(at * 7919 % 997) / 997.0 + offset);
        let interval =
            |count: u32| effect([side(997, 0.0).collect(), side(count, 0.3).collect()], 0).interval;
        let ([few_low, few_high], [many_low, many_high]) = (interval(997), interval(1994));
        // The standard error of the difference is √(1/997 + 1/997) of a deviation, or √(1/997 + 1/1994).
        let narrower = (many_high - many_low) / (few_high - few_low);
        assert!((narrower - 0.75_f64.sqrt()).abs() < 0.06, "{narrower}");
        assert!((many_low + many_high - few_low - few_high).abs() < 0.03);
    }

    #[test]
    fn few_cases_have_wide_intervals() {
        let Effect { value, interval } = effect([vec![0.0, 2.0, 1.0], vec![3.0]], 0);
        assert_eq!(value, 2.0);
        assert!(effect([vec![0.0, 2.0, 1.0], vec![1.0]], 0).has_scale());
        // scipy.stats.t.ppf(0.975, 2) · √(1/3 + 1)
        assert!(
            (interval[1] - 2.0 - 4.968_275_7).abs() < 1e-6 && interval[0] + interval[1] == 4.0,
            "{interval:?}"
        );
    }

    #[test]
    fn sides_without_a_scale_have_no_effect() {
        for sides in [
            [vec![0.7, 0.7, 0.7 + 1e-16], vec![2.0; 3]],
            [vec![1.0; 3], vec![2.0; 3]],
            [vec![1.0], vec![2.0]],
            [vec![1.0, 2.0], vec![]],
        ] {
            assert!(!effect(sides, 0).has_scale());
        }
    }
}
