//! Statistical tests that tell whether two samples come from one distribution.
//!
//! To add one: write `stattests/<name>.rs` with a type that implements [`StatTest`], and put it into [`ALL`].
//!
//! # Layout
//! - [`ks`]: Kolmogorov-Smirnov, two samples, two-sided
//! - [`kolmogorov`]: the distribution of its statistic for one sample of finite size

pub mod kolmogorov;
pub mod ks;

use std::fmt::Debug;

use crate::error::Error;
use crate::sample::Sample;

/// Every test there is, the default first.
pub const ALL: &[&dyn StatTest] = &[&ks::KolmogorovSmirnov];

/// A test of whether two samples come from one distribution.
pub trait StatTest: Debug + Sync {
    /// Short and lower-case, as configurations and reports write it.
    fn name(&self) -> &'static str;

    /// What a reader calls the statistic.
    fn title(&self) -> &'static str;

    /// What the statistic means, in a sentence or two for whoever reads a report.
    fn explanation(&self) -> &'static str;

    /// The threshold at which Evidently calls drift by this test.
    fn default_threshold(&self) -> f64;

    /// Compares the samples.
    fn run(&self, reference: &Sample, current: &Sample) -> Outcome;
}

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The distance between the samples; the larger, the further apart.
    pub statistic: f64,
    /// How likely a distance of at least this is without drift, in [0, 1]. `None` from a test that measures
    /// distance alone.
    pub p_value: Option<f64>,
}

impl Outcome {
    /// Whether this is drift: a p-value below the threshold or, without one, a distance of at least the threshold.
    pub fn drifted(&self, threshold: f64) -> bool {
        match self.p_value {
            Some(p_value) => p_value < threshold,
            None => self.statistic >= threshold,
        }
    }
}

/// The test of this name.
///
/// # Errors
/// [`Error::UnknownTest`], which lists the names there are.
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
