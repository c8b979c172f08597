//! The drift report, as it is stored and rendered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::judgement::{Effect, Family, Judgement, Outcome};
use crate::quality::WindowQuality;
use crate::sequential::OverTime;

/// Report format that this version writes. Format 2 added [`DriftReport::outcome`], [`DriftReport::verdict`],
/// [`DriftReport::judgement`], [`DriftReport::trend`] and [`FeatureDrift::cases`]; format 1 is read too.
pub const FORMAT_VERSION: u32 = 2;

/// Result of a comparison of current images with a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Report format.
    pub format_version: u32,
    /// Identity of the comparison; in JSON its fields are on the level of the report's own.
    #[serde(flatten)]
    pub about: About,
    /// Outcome; `None` in reports of format 1: see [`DriftReport::outcome`].
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Verdict in one sentence, with what to do; empty in reports of format 1.
    #[serde(default)]
    pub verdict: String,
    /// Number of images in the reference.
    pub reference_rows: usize,
    /// Number of current images.
    pub current_rows: usize,
    /// Share of drifted features from which the dataset counts as drifted, in (0, 1].
    pub drift_share: f64,
    /// Number of drifted features.
    pub drifted: usize,
    /// Drifted share of the compared features, in [0, 1]; 0 if none could be compared.
    pub share: f64,
    /// Whether the outcome is drift.
    pub dataset_drift: bool,
    /// Judgement over cases; `None` with Evidently's preset, and in reports of format 1.
    #[serde(default)]
    pub judgement: Option<Judgement>,
    /// Compared features: drifted ones first, then by p-value.
    pub features: Vec<FeatureDrift>,
    /// Features that could not be compared, in alphabetical order.
    pub skipped: Vec<Skipped>,
    /// Limitations of the comparison, as plain text: what the reference or the records lack. Absent in reports of
    /// earlier versions.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Earlier reports of the same model, the oldest first.
    #[serde(default)]
    pub trend: Vec<Past>,
    /// Estimated and measured quality of the segmentations; `None` where the images are not predictions, or those of earlier
    /// versions.
    #[serde(default)]
    pub quality: Option<WindowQuality>,
    /// The most unusual images, those first that are most unusual.
    #[serde(default)]
    pub unusual: Vec<ShownImage>,
    /// Images whose corrected masks would tell most, those first that tell most.
    #[serde(default)]
    pub to_label: Vec<ShownImage>,
    /// Evidence of all windows so far; `None` where it is not gathered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_time: Option<OverTime>,
}

/// An image that the report shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownImage {
    /// Id of the prediction.
    pub id: String,
    /// Patient or slide.
    pub case: Option<String>,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// Share of images like those of the drift reference that are at least as unusual as this one, in (0, 1].
    pub drift_score: Option<f64>,
    /// Key of the predicted mask in the bucket of the predictions.
    pub mask: String,
    /// Key of the record in the same bucket.
    pub record: String,
    /// Address of the prediction, where that of the predictor is known; its corrected mask is put at `/label` below it.
    pub link: Option<String>,
    /// Small picture of the image, as a data URI; on the page only.
    #[serde(skip)]
    pub thumbnail: Option<String>,
}

impl DriftReport {
    /// Returns the outcome; that of a report of format 1 follows from its features.
    pub fn outcome(&self) -> Outcome {
        self.outcome.unwrap_or(match (self.dataset_drift, self.features.is_empty()) {
            (true, _) => Outcome::Drift,
            (false, true) => Outcome::NotJudged,
            (false, false) => Outcome::NoDrift,
        })
    }
}

/// What a trend shows of an earlier report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Name of the report in the bucket.
    pub id: String,
    /// End of its window, or its creation if the window is open.
    pub time: Timestamp,
    /// Its outcome.
    pub outcome: Outcome,
    /// Its families.
    pub families: Vec<PastFamily>,
}

/// A family in an earlier report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastFamily {
    /// The family.
    pub family: Family,
    /// Whether it had drifted.
    pub drifted: bool,
    /// Feature with the strongest evidence.
    pub feature: String,
    /// Its difference from the reference.
    pub effect: Effect,
}

impl From<&DriftReport> for Past {
    fn from(report: &DriftReport) -> Self {
        let about = &report.about;
        let judgement = report.judgement.as_ref();
        let families = judgement.into_iter().flat_map(|judgement| {
            judgement.families.iter().filter_map(|verdict| {
                let finding = judgement.findings.get(verdict.leading)?;
                let (feature, effect) = (finding.feature.clone(), finding.effect);
                Some(PastFamily { family: verdict.family, drifted: verdict.drifted, feature, effect })
            })
        });
        let time = about.window.to.unwrap_or(about.created);
        Self { id: about.id.clone(), time, outcome: report.outcome(), families: families.collect() }
    }
}

/// Identity of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Name of the report in the bucket.
    pub id: String,
    /// Time of the comparison.
    pub created: Timestamp,
    /// Title of the page.
    pub title: String,
    /// Time window of the current images.
    pub window: Window,
    /// Version of the model that predicted them; empty if there is none or more than one.
    pub model_version: String,
}

impl About {
    /// Creates the identity of a comparison with the default title, of an open window and no particular model.
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

/// Time window, including `from` and excluding `to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Start; unbounded if `None`.
    pub from: Option<Timestamp>,
    /// End; unbounded if `None`.
    pub to: Option<Timestamp>,
}

/// Comparison of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureDrift {
    /// Name of the feature.
    pub name: String,
    /// Name of the statistical test, for [`crate::stattests::by_name`].
    pub test: String,
    /// Test statistic.
    pub statistic: f64,
    /// P-value, in [0, 1]; `None` for tests without p-value.
    pub p_value: Option<f64>,
    /// Threshold: a p-value below it, or without p-value a statistic of at least it, is drift.
    pub threshold: f64,
    /// Whether the feature drifted.
    pub drifted: bool,
    /// Summary of the reference values.
    pub reference: Summary,
    /// Summary of the current values.
    pub current: Summary,
    /// Histogram of both samples.
    pub histogram: Histogram,
    /// Means of the cases; empty with Evidently's preset and in reports of format 1.
    #[serde(default)]
    pub cases: CaseMeans,
}

/// Means of the cases of both sides, in ascending order; of many cases, some at equal distances.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseMeans {
    /// Reference cases.
    pub reference: Vec<f64>,
    /// Current cases.
    pub current: Vec<f64>,
}

/// Summary statistics of the values of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (with n − 1).
    pub std: f64,
    /// Minimum.
    pub min: f64,
    /// 5 % quantile.
    pub p05: f64,
    /// Median.
    pub median: f64,
    /// 95 % quantile.
    pub p95: f64,
    /// Maximum.
    pub max: f64,
}

/// Histograms of both samples over the same bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Ascending bin edges, one more than there are bins. A bin includes its lower edge, the last one both edges.
    pub edges: Vec<f64>,
    /// Number of reference values in each bin.
    pub reference: Vec<u64>,
    /// Number of current values in each bin.
    pub current: Vec<u64>,
}

/// A feature that was not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Name of the feature.
    pub name: String,
    /// Reason, as plain text.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let about = About::new("r1", Timestamp::UNIX_EPOCH);
        let report = DriftReport {
            format_version: FORMAT_VERSION,
            about,
            outcome: Some(Outcome::NotJudged),
            verdict: "Not judged".to_owned(),
            reference_rows: 0,
            current_rows: 0,
            drift_share: 0.5,
            drifted: 0,
            share: 0.0,
            dataset_drift: false,
            judgement: None,
            features: Vec::new(),
            skipped: Vec::new(),
            notes: vec!["a note".to_owned()],
            trend: Vec::new(),
            quality: None,
            unusual: Vec::new(),
            to_label: Vec::new(),
            over_time: None,
        };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["id"], "r1");
        assert_eq!(json["created"], "1970-01-01T00:00:00Z");
        assert_eq!(json["notes"], serde_json::json!(["a note"]));
        assert_eq!(serde_json::from_value::<DriftReport>(json.clone()).unwrap(), report);

        let mut earlier = json;
        for field in ["notes", "outcome", "judgement", "verdict", "trend", "quality", "unusual", "to_label"] {
            earlier.as_object_mut().unwrap().remove(field);
        }
        let earlier = serde_json::from_value::<DriftReport>(earlier).unwrap();
        assert!(earlier.notes.is_empty());
        assert_eq!(earlier.outcome(), Outcome::NotJudged);
    }
}
