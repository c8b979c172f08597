//! Evidently's choice of a test for a feature (0.7, `DataDriftPreset`).

use super::binning::counts;
use super::{StatTest, chi_square, jensen_shannon, ks, wasserstein, z};
use crate::sample::Sample;

/// Number of reference values up to which Evidently tests hypotheses; above, it measures distances.
const MAX_TESTED: usize = 1000;

/// Number of different values up to which Evidently treats numbers as categories.
const MAX_CATEGORIES: usize = 5;

/// Returns the test that Evidently chooses for a numerical feature.
pub fn choose(reference: &Sample, current: &Sample) -> &'static dyn StatTest {
    let different = counts(reference, current).len();
    match (reference.values().len() <= MAX_TESTED, different) {
        (true, ..=2) => &z::ZTest,
        (true, ..=MAX_CATEGORIES) => &chi_square::ChiSquare,
        (true, _) => &ks::KolmogorovSmirnov,
        (false, ..=MAX_CATEGORIES) => &jensen_shannon::JensenShannon,
        (false, _) => &wasserstein::Wasserstein,
    }
}
