//! Evidently's choice of a test for a feature (0.7, `DataDriftPreset`).

use super::binning::different;
use super::{StatTest, chi_square, jensen_shannon, ks, wasserstein, z};
use crate::sample::Sample;

/// Number of reference values up to which Evidently tests hypotheses; above, it measures distances.
const MAX_TESTED: usize = 1000;

/// Number of different values up to which Evidently treats numbers as categories.
const MAX_CATEGORIES: usize = 5;

/// Number of different current values up to which Evidently treats whole numbers as categories.
const MAX_WHOLE_CATEGORIES: usize = 10;

/// Returns the test that Evidently chooses for a feature.
///
/// Evidently takes a column of integers for categories if it has up to 10 different values, and one of floating-point numbers for
/// numbers; here, a column of whole numbers is one of integers.
pub fn choose(reference: &Sample, current: &Sample) -> &'static dyn StatTest {
    let [before, now] = [reference, current].map(|sample| different(sample, MAX_WHOLE_CATEGORIES + 1));
    let mut both = [&before[..], &now[..]].concat();
    both.sort_unstable_by(f64::total_cmp);
    both.dedup();
    let few = now.len() <= MAX_WHOLE_CATEGORIES;
    let categories = both.len() <= MAX_CATEGORIES || (few && is_whole(reference) && is_whole(current));
    match (reference.values().len() <= MAX_TESTED, categories) {
        (true, true) if both.len() <= 2 => &z::ZTest,
        (true, true) => &chi_square::ChiSquare,
        (true, false) => &ks::KolmogorovSmirnov,
        (false, true) => &jensen_shannon::JensenShannon,
        (false, false) => &wasserstein::Wasserstein,
    }
}

fn is_whole(sample: &Sample) -> bool {
    sample.values().iter().all(|value| value.fract() == 0.0)
}
