//! The Hellinger distance, as Evidently computes it.

use super::binning::{counts, histogram, of_all};
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// The Hellinger distance of values in intervals of equal width, in [0, 1]. The number of intervals follows from the number of
/// different values (Sturges, 1926).
#[derive(Debug, Clone, Copy)]
pub struct Hellinger;

impl StatTest for Hellinger {
    fn name(&self) -> &'static str {
        "hellinger"
    }

    fn title(&self) -> &'static str {
        "Hellinger distance"
    }

    fn explanation(&self) -> &'static str {
        "The Hellinger distance compares the shares of the values in bins: 0 if they are equal, 1 if no bin has values of both \
         sides."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let different = counts(reference, current).len();
        let shares = of_all(reference, current, histogram(reference, current, different));
        let common: f64 = shares.into_iter().map(|[a, b]| (a * b).sqrt()).sum();
        Ok(Outcome::distance((1.0 - common.min(1.0)).sqrt()))
    }
}
