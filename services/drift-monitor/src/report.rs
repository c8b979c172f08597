//! A report as it is stored, and what is listed of it.

use std::collections::BTreeMap;

use bcs_drift::DriftReport;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::records::Records;

/// `reports/<id>.json`: what the comparison found, and the records it is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredReport {
    /// What was found; its fields stand beside `records`.
    #[serde(flatten)]
    pub drift: DriftReport,
    /// Where it comes from.
    pub records: Sources,
}

/// The records behind a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sources {
    /// Records that were compared.
    pub used: usize,
    /// Keys of records that could not be read.
    pub damaged: Vec<String>,
    /// Records that other models made, which were not compared, by version.
    pub other_versions: BTreeMap<String, usize>,
}

impl From<&Records> for Sources {
    fn from(records: &Records) -> Self {
        Self {
            used: records.used.len(),
            damaged: records.damaged.keys().cloned().collect(),
            other_versions: records.other_versions.clone(),
        }
    }
}

impl Sources {
    /// The heading of their report, which names what was left out.
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

/// What is listed of a report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Its name: `GET /reports/{id}`.
    #[schema(example = "2026-11-22_2026-11-23-0f1e2d3c")]
    pub id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When the records came in: the beginning.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// When the records came in: the end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// The model that the records are of.
    pub model_version: String,
    /// Records that were compared.
    pub records: usize,
    /// Features that were compared; 0 where the records were too few.
    pub features: usize,
    /// Features that drifted.
    pub drifted: usize,
    /// Share of drifted features, in [0, 1].
    pub share: f64,
    /// Whether the data as a whole has drifted.
    pub dataset_drift: bool,
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_names_what_is_left_out() {
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
