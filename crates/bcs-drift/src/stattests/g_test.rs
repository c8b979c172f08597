//! The G-test.

use super::binning::counts;
use super::{Outcome, StatTest, chi_square};
use crate::error::Error;
use crate::sample::Sample;

/// The G-test (likelihood ratio) of the current counts of each value against those expected from the reference
/// (`scipy.stats.power_divergence`). A value that the reference does not have makes the statistic infinite. Evidently takes
/// samples of equal size only.
#[derive(Debug, Clone, Copy)]
pub struct GTest;

impl StatTest for GTest {
    fn name(&self) -> &'static str {
        "g_test"
    }

    fn title(&self) -> &'static str {
        "G statistic"
    }

    fn explanation(&self) -> &'static str {
        "The G statistic is twice the logarithm of how much more likely the current counts of each value are with their own \
         shares than with those of the reference. The values must be categories."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let factor = current.values().len() as f64 / reference.values().len() as f64;
        let counts = counts(reference, current);
        let term = |[reference, current]: &[usize; 2]| match *current as f64 {
            0.0 => 0.0,
            current => current * (current / (*reference as f64 * factor)).ln(),
        };
        let statistic = 2.0 * counts.iter().map(term).sum::<f64>();
        Ok(chi_square::outcome(statistic.max(0.0), counts.len()))
    }
}
