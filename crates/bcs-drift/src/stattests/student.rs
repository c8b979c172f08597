//! Student's t-test.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Student's two-sided t-test of the means, with pooled variance (`scipy.stats.ttest_ind`). If neither side varies, the p-value
/// is 1 for equal and 0 for different means.
#[derive(Debug, Clone, Copy)]
pub struct StudentT;

impl StatTest for StudentT {
    fn name(&self) -> &'static str {
        "t_test"
    }

    fn title(&self) -> &'static str {
        "t statistic"
    }

    fn explanation(&self) -> &'static str {
        "The t statistic is the difference between the means, in standard errors."
    }

    fn default_threshold(&self) -> f64 {
        0.05
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let [(m, mean_a, squares_a), (n, mean_b, squares_b)] = [reference, current].map(|sample| {
            let values = sample.values();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            (count, mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>())
        });
        let freedom = m + n - 2.0;
        let Ok(distribution) = StudentsT::new(0.0, 1.0, freedom) else {
            return Err(self.unsuitable("it needs at least 3 values in all"));
        };
        let error = ((squares_a + squares_b) / freedom * (1.0 / m + 1.0 / n)).sqrt();
        let statistic = match (mean_a - mean_b).abs() {
            0.0 => 0.0,
            difference => (difference / error).min(f64::MAX),
        };
        Ok(Outcome { statistic, p_value: Some(2.0 * distribution.sf(statistic)) })
    }
}
