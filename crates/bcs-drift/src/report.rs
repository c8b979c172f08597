//! What a comparison found, as it is stored and rendered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The layout of a report that this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// What a comparison of current images with a reference found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// The layout of the report.
    pub format_version: u32,
    /// Which comparison this was; its fields stand beside the report's own.
    #[serde(flatten)]
    pub about: About,
    /// Images behind the reference.
    pub reference_rows: usize,
    /// Images compared with it.
    pub current_rows: usize,
    /// Share of drifted features from which the data as a whole has drifted. In (0, 1].
    pub drift_share: f64,
    /// Number of features that drifted.
    pub drifted: usize,
    /// Share of the compared features that drifted, in [0, 1]; 0 where none could be compared.
    pub share: f64,
    /// Whether `share` is at least `drift_share`.
    pub dataset_drift: bool,
    /// The features compared: drifted ones first, then by p-value.
    pub features: Vec<FeatureDrift>,
    /// Features that could not be compared, in alphabetical order.
    pub skipped: Vec<Skipped>,
}

/// Which comparison a report is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The report's name in the bucket.
    pub id: String,
    /// When the comparison was made.
    pub created: Timestamp,
    /// The headline of the page.
    pub title: String,
    /// When the current images came in.
    pub window: Window,
    /// The version of the model that saw them; empty where no single one did.
    pub model_version: String,
}

impl About {
    /// A comparison with the usual title, of no particular window or model.
    pub fn new(id: impl Into<String>, created: Timestamp) -> Self {
        Self {
            id: id.into(),
            created,
            title: "Data drift".to_owned(),
            window: Window::default(),
            model_version: String::new(),
        }
    }
}

/// A stretch of time: from `from` until just before `to`; open where an end is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Option<Timestamp>,
}

/// How one feature compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureDrift {
    /// The feature.
    pub name: String,
    /// The test, as [`crate::stattests::by_name`] knows it.
    pub test: String,
    /// The distance by that test.
    pub statistic: f64,
    /// How likely such a distance is without drift, in [0, 1]; none from a test that measures distance alone.
    pub p_value: Option<f64>,
    /// A p-value below it, or without p-value a statistic of at least it, is drift.
    pub threshold: f64,
    /// Whether it drifted.
    pub drifted: bool,
    /// The reference in numbers.
    pub reference: Summary,
    /// The current values in numbers.
    pub current: Summary,
    /// Both over the same bins.
    pub histogram: Histogram,
}

/// The values of one feature on one side in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub count: usize,
    /// Their arithmetic mean.
    pub mean: f64,
    /// Their standard deviation, with n - 1.
    pub std: f64,
    /// The least.
    pub min: f64,
    /// The 5 % quantile.
    pub p05: f64,
    /// The 50 % quantile.
    pub median: f64,
    /// The 95 % quantile.
    pub p95: f64,
    /// The greatest.
    pub max: f64,
}

/// Counts of both sides over the same bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Ascending borders of the bins, one more than bins; a bin has its lower border, the last bin both.
    pub edges: Vec<f64>,
    /// Values of the reference in each bin.
    pub reference: Vec<u64>,
    /// Current values in each bin.
    pub current: Vec<u64>,
}

/// A feature that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The feature.
    pub name: String,
    /// Why, in words.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_when_stand_beside_the_verdict() {
        let about = About::new("r1", Timestamp::UNIX_EPOCH);
        let report = DriftReport {
            format_version: FORMAT_VERSION,
            about,
            reference_rows: 0,
            current_rows: 0,
            drift_share: 0.5,
            drifted: 0,
            share: 0.0,
            dataset_drift: false,
            features: Vec::new(),
            skipped: Vec::new(),
        };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["id"], "r1");
        assert_eq!(json["created"], "1970-01-01T00:00:00Z");
        assert_eq!(serde_json::from_value::<DriftReport>(json).unwrap(), report);
    }
}
