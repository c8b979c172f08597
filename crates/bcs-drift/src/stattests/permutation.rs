//! P-values by permutation.

use crate::arrangements::Arrangements;

/// Number of random arrangements where there are too many to enumerate.
const DRAWN: u64 = 999;

/// Relative difference below which two statistics count as equal, so that rounding breaks no ties.
const TIE: f64 = 1e-12;

/// Returns the share of all arrangements whose statistic is at least the observed one, as
/// `scipy.stats.permutation_test(alternative="greater")`. Of more than 20 000 arrangements, the observed and 999 random ones
/// stand for all, so that the p-value is never 0 (Phipson and Smyth, 2010); the draws are the same each time.
///
/// `statistic` is given the positions of the current side among all values, of which those of the reference come first.
pub(super) fn p_value(sizes: [usize; 2], observed: f64, statistic: impl Fn(&[usize]) -> f64) -> f64 {
    let limit = observed - TIE * observed.abs();
    let mut reached = 0_u64;
    let visits = Arrangements::new(sizes[0], sizes[1])
        .visit(DRAWN, 0, |current| reached += u64::from(statistic(current) >= limit));
    reached as f64 / visits as f64
}
