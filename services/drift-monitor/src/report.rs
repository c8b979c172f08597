//! A report as stored and as listed.

use std::collections::BTreeMap;

use bcs_drift::judgement::Family;
use bcs_drift::report::Past;
use bcs_drift::sequential::OverTime;
use bcs_drift::{DriftReport, Outcome, verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::records::Records;

/// `reports/<id>.json`: the result of a comparison, and the records it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredReport {
    /// Result of the comparison; its fields are stored beside `records`.
    #[serde(flatten)]
    pub drift: DriftReport,
    /// The records behind the report.
    pub records: Sources,
}

/// The records behind a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sources {
    /// Number of records that were compared.
    pub used: usize,
    /// Source (site or scanner) of the records; `null` for all sources.
    #[serde(default)]
    pub source: Option<String>,
    /// Number of those whose image features were measured otherwise than those of the drift reference, so that only
    /// their model features (confidence, entropy, class fractions) were compared.
    #[serde(default)]
    pub model_features_only: usize,
    /// Number of records of images that a compared record has already.
    #[serde(default)]
    pub repeated: usize,
    /// Keys of damaged records.
    pub damaged: Vec<String>,
    /// Number of records of other models, which were not compared, by model version.
    pub other_versions: BTreeMap<String, usize>,
}

impl From<&Records> for Sources {
    fn from(records: &Records) -> Self {
        Self {
            used: records.used,
            source: None,
            model_features_only: records.model_features_only,
            repeated: records.repeated,
            damaged: records.damaged.keys().cloned().collect(),
            other_versions: records.other_versions.clone(),
        }
    }
}

impl Sources {
    /// Returns the heading of the report, which counts what was left out.
    pub fn title(&self) -> String {
        let mut title = "Data drift".to_owned();
        let mut leave_out = |count: usize, one: &str, many: &str| match count {
            0 => {}
            1 => title.push_str(&format!(" · 1 {one} left out")),
            count => title.push_str(&format!(" · {count} {many} left out")),
        };
        leave_out(self.damaged.len(), "damaged record", "damaged records");
        leave_out(self.other_versions.values().sum(), "record of another model", "records of other models");
        title
    }
}

/// Summary of a report, as listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Id of the report, for `GET /reports/{id}`.
    #[schema(example = "2026-11-22_2026-11-23-0f1e2d3c")]
    pub id: String,
    /// Time of the comparison.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Start of the time window.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// End of the time window, excluded.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// Version of the model that made the predictions.
    pub model_version: String,
    /// Number of records that were compared.
    pub records: usize,
    /// Number of features that were compared; 0 if there were too few records.
    pub features: usize,
    /// Number of features that drifted.
    pub drifted: usize,
    /// Fraction of the compared features that drifted, in [0, 1].
    pub share: f64,
    /// Whether the data has drifted.
    pub dataset_drift: bool,
    /// `no_drift`, `drift` or `not_judged`.
    #[schema(value_type = String, example = "no_drift")]
    pub outcome: Outcome,
    /// Verdict in one sentence, with what to do.
    pub verdict: String,
    /// Families of features with an alarm over time.
    #[schema(value_type = Vec<String>, example = json!(["stain_and_colour"]))]
    pub alarms: Vec<Family>,
    /// What the trends of later reports show of this one.
    #[serde(skip)]
    pub past: Past,
}

impl From<&StoredReport> for Summary {
    fn from(report: &StoredReport) -> Self {
        let StoredReport { drift, records } = report;
        Self {
            id: drift.about.id.clone(),
            created: drift.about.created,
            from: drift.about.window.from,
            to: drift.about.window.to,
            model_version: drift.about.model_version.clone(),
            records: records.used,
            features: drift.features.len(),
            drifted: drift.drifted,
            share: drift.share,
            dataset_drift: drift.dataset_drift,
            outcome: drift.outcome(),
            verdict: verdict::sentence(drift),
            alarms: drift.over_time.iter().flat_map(OverTime::alarms).map(|alarm| alarm.family).collect(),
            past: Past::from(drift),
        }
    }
}

/// Maximum number of earlier reports in a trend.
const MAX_TREND: usize = 30;

/// Returns the trend of a report: the reports of the same model whose windows end earlier, the oldest first. Of reports with
/// the same window, the last counts. `summaries` are ordered from the newest.
pub fn trend(report: &DriftReport, summaries: &[Summary]) -> Vec<Past> {
    let time = Past::from(report).time;
    let mut windows = BTreeMap::new();
    for summary in summaries {
        let is_earlier = summary.past.time < time && summary.id != report.about.id;
        if is_earlier && summary.model_version == report.about.model_version {
            windows.entry((summary.past.time, summary.from)).or_insert(&summary.past);
        }
    }
    let skipped = windows.len().saturating_sub(MAX_TREND);
    windows.into_values().skip(skipped).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_counts_what_was_left_out() {
        let mut sources = Sources::default();
        assert_eq!(sources.title(), "Data drift");
        sources.damaged.push("records/x.json".into());
        sources.other_versions.insert("v0".into(), 3);
        assert_eq!(
            sources.title(),
            "Data drift · 1 damaged record left out · 3 records of other models left out"
        );
    }
}
