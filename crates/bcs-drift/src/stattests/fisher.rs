//! Fisher's exact test.

use super::binning::counts;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Relative difference below which two probabilities count as equal, so that rounding breaks no ties.
const TIE: f64 = 1e-9;

/// Fisher's exact, two-sided test of the counts of two values (`scipy.stats.fisher_exact`). Its statistic is the difference
/// between the shares of the larger value. Evidently takes samples of equal size only.
#[derive(Debug, Clone, Copy)]
pub struct FisherExact;

impl StatTest for FisherExact {
    fn name(&self) -> &'static str {
        "fisher_exact"
    }

    fn title(&self) -> &'static str {
        "Difference of shares"
    }

    fn explanation(&self) -> &'static str {
        "The difference between the shares of the larger of two values, with the p-value of Fisher's exact test."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let (smaller, larger) = match counts(reference, current)[..] {
            [_] => return Ok(Outcome { statistic: 0.0, p_value: Some(1.0) }),
            [smaller, larger] => (smaller, larger),
            _ => return Err(self.unsuitable("it compares two different values, and there are more")),
        };
        let [a, b] = [0, 1].map(|side| larger[side] as f64 / (smaller[side] + larger[side]) as f64);
        Ok(Outcome { statistic: (a - b).abs(), p_value: Some(p_value(smaller, larger)) })
    }
}

/// Sum of the probabilities of all tables with the same margins that are not more likely than this one. The weights are
/// relative to the most likely table, by the ratio of neighbours of the hypergeometric distribution.
fn p_value(smaller: [usize; 2], larger: [usize; 2]) -> f64 {
    let [all_smaller, all_larger] = [smaller, larger].map(|row| row[0] + row[1]);
    let size = smaller[0] + larger[0];
    let (low, high) = (size.saturating_sub(all_smaller), size.min(all_larger));
    // Weight of k + 1 larger values in the reference, relative to k.
    let ratio = |k: usize| {
        (all_larger - k) as f64 * (size - k) as f64 / ((k + 1) as f64 * (all_smaller + k + 1 - size) as f64)
    };
    let mode = ((size + 1) * (all_larger + 1) / (all_smaller + all_larger + 2)).clamp(low, high);
    let mut weights = vec![1.0; high - low + 1];
    for k in mode..high {
        weights[k + 1 - low] = weights[k - low] * ratio(k);
    }
    for k in (low..mode).rev() {
        weights[k - low] = weights[k + 1 - low] / ratio(k);
    }
    let limit = weights[larger[0] - low] * (1.0 + TIE);
    let total: f64 = weights.iter().sum();
    weights.iter().filter(|weight| **weight <= limit).sum::<f64>() / total
}
