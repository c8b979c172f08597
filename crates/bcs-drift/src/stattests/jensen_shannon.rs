//! The Jensen-Shannon distance, as Evidently computes it.

use super::binning::shares;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// The Jensen-Shannon distance of binned values (`scipy.spatial.distance.jensenshannon`), with natural logarithms: in
/// [0, √ln 2].
#[derive(Debug, Clone, Copy)]
pub struct JensenShannon;

impl StatTest for JensenShannon {
    fn name(&self) -> &'static str {
        "jensenshannon"
    }

    fn title(&self) -> &'static str {
        "Jensen-Shannon distance"
    }

    fn explanation(&self) -> &'static str {
        "The Jensen-Shannon distance compares the shares of the values in bins: 0 if they are equal, 0.83 if no bin has values \
         of both sides."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        // Relative entropy to the mean of both; an empty bin adds nothing.
        let entropy = |share: f64, mean: f64| if share > 0.0 { share * (share / mean).ln() } else { 0.0 };
        let divergence: f64 = shares(reference, current)
            .into_iter()
            .map(|[a, b]| entropy(a, (a + b) / 2.0) + entropy(b, (a + b) / 2.0))
            .sum();
        Ok(Outcome::distance((divergence.max(0.0) / 2.0).sqrt()))
    }
}
