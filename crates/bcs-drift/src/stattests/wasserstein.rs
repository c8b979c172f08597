//! The normed Wasserstein distance, as Evidently computes it.

use super::{Outcome, StatTest, steps};
use crate::error::Error;
use crate::sample::Sample;

/// Smallest standard deviation that distances are divided by.
const MIN_SCALE: f64 = 0.001;

/// The first Wasserstein distance (`scipy.stats.wasserstein_distance`) in standard deviations of the reference.
#[derive(Debug, Clone, Copy)]
pub struct Wasserstein;

impl StatTest for Wasserstein {
    fn name(&self) -> &'static str {
        "wasserstein"
    }

    fn title(&self) -> &'static str {
        "Wasserstein distance"
    }

    fn explanation(&self) -> &'static str {
        "The normed Wasserstein distance is how far the values have to be moved on average to turn one distribution into the \
         other, in standard deviations of the reference."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let area: f64 = steps::steps(reference, current).map(|step| step.gap.abs() * step.width).sum();
        Ok(Outcome::distance(area / scale(reference.values())))
    }
}

/// Population standard deviation, but at least [`MIN_SCALE`].
fn scale(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt().max(MIN_SCALE)
}
