//! The chi-square test, as Evidently applies it to few different values.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::binning::counts;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Pearson's chi-square test of the current counts of each value against those expected from the reference
/// (`scipy.stats.chisquare`). A value that the reference does not have makes the statistic infinite.
#[derive(Debug, Clone, Copy)]
pub struct ChiSquare;

impl StatTest for ChiSquare {
    fn name(&self) -> &'static str {
        "chisquare"
    }

    fn title(&self) -> &'static str {
        "Chi-square statistic"
    }

    fn explanation(&self) -> &'static str {
        "The chi-square statistic sums the squared differences between the current counts of each value and those expected \
         from the reference, relative to the expected ones."
    }

    fn default_threshold(&self) -> f64 {
        0.05
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let counts = counts(reference, current);
        let factor = current.values().len() as f64 / reference.values().len() as f64;
        let statistic: f64 = counts
            .iter()
            .map(|[reference, current]| {
                let expected = *reference as f64 * factor;
                (*current as f64 - expected).powi(2) / expected
            })
            .sum();
        Ok(outcome(statistic, counts.len()))
    }
}

/// The result for a statistic of this number of categories that has the chi-square distribution.
pub(super) fn outcome(statistic: f64, categories: usize) -> Outcome {
    let p_value = match ChiSquared::new(categories as f64 - 1.0) {
        Ok(distribution) if statistic.is_finite() => distribution.sf(statistic),
        // One value on both sides has no degree of freedom.
        Err(_) => 1.0,
        Ok(_) => 0.0,
    };
    Outcome { statistic: statistic.min(f64::MAX), p_value: Some(p_value) }
}
