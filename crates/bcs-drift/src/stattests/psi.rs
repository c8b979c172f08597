//! The population stability index, as Evidently computes it.

use super::binning::filled_shares;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// The population stability index of binned values: the sum of (p − q) ln(p/q) over the shares of both sides.
#[derive(Debug, Clone, Copy)]
pub struct PopulationStability;

impl StatTest for PopulationStability {
    fn name(&self) -> &'static str {
        "psi"
    }

    fn title(&self) -> &'static str {
        "Population stability index"
    }

    fn explanation(&self) -> &'static str {
        "The population stability index compares the shares of the values in bins: 0 if they are equal. By convention, 0.1 is a \
         moderate and 0.25 a large change."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let shares = filled_shares(reference, current);
        Ok(Outcome::distance(shares.into_iter().map(|[a, b]| (a - b) * (a / b).ln()).sum()))
    }
}
