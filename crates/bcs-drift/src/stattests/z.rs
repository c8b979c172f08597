//! The z-test of two proportions, as Evidently applies it to two different values.

use statrs::distribution::{ContinuousCDF, Normal};

use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// The two-sided z-test of the share of the larger of two values, with pooled variance. If all values are equal, there is no
/// difference; of more than two values, all but the smallest count as the larger one.
#[derive(Debug, Clone, Copy)]
pub struct ZTest;

impl StatTest for ZTest {
    fn name(&self) -> &'static str {
        "z"
    }

    fn title(&self) -> &'static str {
        "z statistic"
    }

    fn explanation(&self) -> &'static str {
        "The z statistic is the difference between the shares of the larger value, in standard errors."
    }

    fn default_threshold(&self) -> f64 {
        0.05
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let (a, b) = (reference.values(), current.values());
        let smallest = a[0].min(b[0]);
        let larger = |values: &[f64]| values.iter().filter(|value| **value > smallest).count() as f64;
        let (m, n) = (a.len() as f64, b.len() as f64);
        let (larger_a, larger_b) = (larger(a), larger(b));
        let pooled = (larger_a + larger_b) / (m + n);
        let error = (pooled * (1.0 - pooled) * (1.0 / m + 1.0 / n)).sqrt();
        if error == 0.0 {
            return Ok(Outcome { statistic: 0.0, p_value: Some(1.0) });
        }
        let statistic = (larger_a / m - larger_b / n).abs() / error;
        Ok(Outcome { statistic, p_value: Some(2.0 * Normal::standard().sf(statistic)) })
    }
}
