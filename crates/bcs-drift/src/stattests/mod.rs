//! Statistical tests of whether two samples come from the same distribution.
//!
//! To add a test, implement [`StatTest`] in `stattests/<name>.rs` and list it in [`ALL`].
//!
//! # Layout
//! - `binning`: shares in common bins
//! - [`chi_square`]: chi-square test
//! - [`evidently`]: Evidently's choice of a test
//! - [`jensen_shannon`]: Jensen-Shannon distance
//! - [`ks`]: two-sample, two-sided Kolmogorov–Smirnov test
//! - [`kolmogorov`]: distribution of the one-sample Kolmogorov–Smirnov statistic for finite samples
//! - [`wasserstein`]: normed Wasserstein distance
//! - [`z`]: z-test of two proportions

mod binning;
pub mod chi_square;
pub mod evidently;
pub mod jensen_shannon;
pub mod kolmogorov;
pub mod ks;
pub mod wasserstein;
pub mod z;

use std::fmt::Debug;

use crate::error::Error;
use crate::sample::Sample;

/// All tests; the first is the default.
pub const ALL: &[&dyn StatTest] = &[
    &ks::KolmogorovSmirnov,
    &chi_square::ChiSquare,
    &jensen_shannon::JensenShannon,
    &wasserstein::Wasserstein,
    &z::ZTest,
];

/// A test of whether two samples come from the same distribution.
pub trait StatTest: Debug + Sync {
    /// Short lower-case name, for configurations and reports.
    fn name(&self) -> &'static str;

    /// Name of the statistic, for reports.
    fn title(&self) -> &'static str;

    /// Explanation of the statistic in one or two sentences, for readers of a report.
    fn explanation(&self) -> &'static str;

    /// Evidently's default drift threshold for this test.
    fn default_threshold(&self) -> f64;

    /// Compares the samples.
    fn run(&self, reference: &Sample, current: &Sample) -> Outcome;
}

/// Result of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Test statistic; larger values mean larger differences.
    pub statistic: f64,
    /// Probability of a statistic at least this large without drift, in [0, 1]; `None` for tests that only measure a
    /// distance.
    pub p_value: Option<f64>,
}

impl Outcome {
    /// Returns whether this is drift: a p-value below the threshold or, without p-value, a statistic of at least the
    /// threshold.
    pub fn drifted(&self, threshold: f64) -> bool {
        match self.p_value {
            Some(p_value) => p_value < threshold,
            None => self.statistic >= threshold,
        }
    }
}

/// Returns the test with this name.
///
/// # Errors
/// [`Error::UnknownTest`] lists the known names.
pub fn by_name(name: &str) -> Result<&'static dyn StatTest, Error> {
    ALL.iter().copied().find(|test| test.name() == name).ok_or_else(|| Error::UnknownTest {
        name: name.to_owned(),
        known: ALL.iter().map(|test| test.name()).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_is_found_by_its_own_name() {
        for test in ALL {
            assert_eq!(by_name(test.name()).unwrap().name(), test.name());
        }
        let error = by_name("nope").unwrap_err().to_string();
        assert!(error.contains("'nope'") && error.contains("ks"), "{error}");
    }

    #[test]
    fn small_p_values_and_large_distances_are_drift() {
        let by_p = |p| Outcome { statistic: 0.3, p_value: Some(p) }.drifted(0.05);
        assert!(by_p(0.049) && !by_p(0.05));
        let by_distance = |statistic| Outcome { statistic, p_value: None }.drifted(0.1);
        assert!(by_distance(0.1) && !by_distance(0.099));
    }
}
