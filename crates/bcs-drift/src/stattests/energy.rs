//! The energy distance.

use super::{Outcome, StatTest, steps};
use crate::error::Error;
use crate::sample::Sample;

/// The energy distance (`scipy.stats.energy_distance`), √2 times the L2 distance of the distribution functions. Its unit is the
/// square root of that of the values.
#[derive(Debug, Clone, Copy)]
pub struct Energy;

impl StatTest for Energy {
    fn name(&self) -> &'static str {
        "ed"
    }

    fn title(&self) -> &'static str {
        "Energy distance"
    }

    fn explanation(&self) -> &'static str {
        "The energy distance compares the cumulative distributions: 0 if they are equal. It grows with the square root of the \
         values, so that a threshold suits one feature only."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let area: f64 = steps::steps(reference, current).map(|step| step.gap.powi(2) * step.width).sum();
        Ok(Outcome::distance((2.0 * area).sqrt()))
    }
}
