//! Ranks of two samples in the pooled one.

use super::binning::counts;
use crate::sample::Sample;

/// Mid-ranks of the values of both sides in ascending order, and the numbers of values that are tied.
pub(super) struct Ranks {
    /// Ranks of reference and current values.
    pub sides: [Vec<f64>; 2],
    /// Size of each group of equal values.
    pub ties: Vec<usize>,
}

/// Ranks the pooled values from 1; equal values share the mean of their ranks.
pub(super) fn ranks(reference: &Sample, current: &Sample) -> Ranks {
    let mut ranks = Ranks { sides: [Vec::new(), Vec::new()], ties: Vec::new() };
    let mut before = 0;
    for [a, b] in counts(reference, current) {
        let rank = before as f64 + (a + b + 1) as f64 / 2.0;
        ranks.sides[0].extend(std::iter::repeat_n(rank, a));
        ranks.sides[1].extend(std::iter::repeat_n(rank, b));
        ranks.ties.push(a + b);
        before += a + b;
    }
    ranks
}
