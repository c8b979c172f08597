//! The Kullback-Leibler divergence, as Evidently computes it.

use super::binning::filled_shares;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// The Kullback-Leibler divergence of the reference from the current values, binned (`scipy.stats.entropy`), with natural
/// logarithms.
#[derive(Debug, Clone, Copy)]
pub struct KullbackLeibler;

impl StatTest for KullbackLeibler {
    fn name(&self) -> &'static str {
        "kl_div"
    }

    fn title(&self) -> &'static str {
        "Kullback-Leibler divergence"
    }

    fn explanation(&self) -> &'static str {
        "The Kullback-Leibler divergence compares the shares of the values in bins: 0 if they are equal. It is the information \
         that is lost if the current shares are taken for those of the reference."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let shares = filled_shares(reference, current);
        let sum = |side: usize| shares.iter().map(|share| share[side]).sum::<f64>();
        let sums = [sum(0), sum(1)];
        let divergence = shares.iter().map(|[a, b]| {
            let (a, b) = (a / sums[0], b / sums[1]);
            a * (a / b).ln()
        });
        Ok(Outcome::distance(divergence.sum()))
    }
}
