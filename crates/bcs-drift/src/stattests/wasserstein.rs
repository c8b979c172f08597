//! The normed Wasserstein distance, as Evidently computes it.

use super::{Outcome, StatTest};
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

    fn run(&self, reference: &Sample, current: &Sample) -> Outcome {
        let statistic = distance(reference.values(), current.values()) / scale(reference.values());
        Outcome { statistic, p_value: None }
    }
}

/// Area between the distribution functions of two ascending samples.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut area) = (0, 0, 0.0);
    let mut last = a[0].min(b[0]);
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => break,
        };
        let gap = (i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs();
        area += gap * (next - last);
        last = next;
        i += a[i..].iter().take_while(|value| **value == next).count();
        j += b[j..].iter().take_while(|value| **value == next).count();
    }
    area
}

/// Population standard deviation, but at least [`MIN_SCALE`].
fn scale(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt().max(MIN_SCALE)
}
