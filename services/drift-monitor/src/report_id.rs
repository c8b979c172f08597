//! Id of a report: its days, and a digest of everything that determines its content. The same window with the same
//! records has the same id, so its report is made once, however often it is requested. A new record, another model,
//! other features or other thresholds make another report.

use std::collections::{BTreeMap, BTreeSet};

use bcs_drift::quality::Areas;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::baseline::Baseline;
use crate::records::{Records, Wanted};
use crate::selection::Selection;
use crate::settings::Drift;
use crate::window::Window;

/// What determines the content of a report besides its records.
pub struct Content<'a> {
    /// Which predictions were selected.
    pub selection: Selection,
    /// Which of them are compared.
    pub wanted: &'a Wanted,
    /// Features that are compared; `None` for all.
    pub features: Option<&'a BTreeSet<String>>,
    /// What they are compared with.
    pub baseline: &'a Baseline,
    /// How they are compared.
    pub drift: &'a Drift,
}

/// Everything that determines the content of a report.
#[derive(Serialize)]
struct Everything<'a> {
    /// Report format, because a newer one may state more about the same records.
    report_format: u32,
    selection: Selection,
    model_version: &'a str,
    source: Option<&'a str>,
    features: Option<&'a BTreeSet<String>>,
    reference: &'a str,
    drift: &'a Drift,
    /// Digest of the ids.
    records: String,
    /// Areas in the corrected masks.
    labels: &'a BTreeMap<Uuid, Vec<Areas>>,
    damaged: Vec<&'a String>,
    other_versions: &'a BTreeMap<String, usize>,
}

/// Returns `<first day>_<last day>-<8 hex digits>`, such as `2026-11-22_2026-11-23-0f1e2d3c`.
pub fn report_id(window: Window, content: &Content<'_>, records: &Records) -> String {
    let everything = Everything {
        report_format: bcs_drift::report::FORMAT_VERSION,
        selection: content.selection,
        model_version: &content.wanted.version,
        source: content.wanted.source.as_deref(),
        features: content.features,
        reference: &content.baseline.sha256,
        drift: content.drift,
        records: records.ids(),
        labels: records.quality.counted(),
        damaged: records.damaged.keys().collect(),
        other_versions: &records.other_versions,
    };
    let text = serde_json::to_vec(&everything).expect("strings, numbers and times are valid JSON");
    let digest: String = Sha256::digest(&text)[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}_{}-{digest}", window.first_day(), window.last_day())
}

#[cfg(test)]
mod tests {
    use bcs_drift::{Preset, Table};
    use jiff::tz::TimeZone;

    use super::*;

    fn id(change: impl FnOnce(&mut Inputs)) -> String {
        let mut inputs = Inputs {
            days: 1,
            version: "v1".into(),
            source: None,
            features: None,
            sha256: "a".into(),
            share: 0.5,
            other: 3,
        };
        change(&mut inputs);
        let Inputs { days, version, source, features, sha256, share, other } = inputs;
        let now = "2026-11-23T14:30:00Z".parse().unwrap();
        let window = Window::latest(days, now, &TimeZone::UTC).unwrap();
        let baseline = Baseline {
            version: "v1".into(),
            format_version: 2,
            notes: Vec::new(),
            table: Table::default(),
            calibration: Vec::new(),
            sha256,
        };
        let drift = Drift {
            preset: Preset::Evidently,
            alpha: 0.05,
            test: None,
            threshold: None,
            share,
            min_records: 2,
            over_time: None,
        };
        let content = Content {
            selection: Selection::Window(window),
            wanted: &Wanted { version, format: 2, source },
            features: features.as_ref(),
            baseline: &baseline,
            drift: &drift,
        };
        let mut records = Records::default();
        records.other_versions.insert("v0".to_owned(), other);
        report_id(window, &content, &records)
    }

    struct Inputs {
        days: u32,
        version: String,
        source: Option<String>,
        features: Option<BTreeSet<String>>,
        sha256: String,
        share: f64,
        other: usize,
    }

    #[test]
    fn whatever_changes_the_report_changes_its_id() {
        let first = id(|_| ());
        assert!(first.starts_with("2026-11-22_2026-11-23-") && first.len() == 30, "{first}");
        assert_eq!(first, id(|_| ()));
        let others = [
            id(|inputs| inputs.days = 2),
            id(|inputs| inputs.version = "v2".into()),
            id(|inputs| inputs.source = Some("scanner 1".into())),
            id(|inputs| inputs.features = Some(BTreeSet::from(["grey_mean".to_owned()]))),
            id(|inputs| inputs.sha256 = "b".into()),
            id(|inputs| inputs.share = 0.4),
            id(|inputs| inputs.other = 4),
        ];
        assert!(others.iter().all(|other| *other != first), "{others:?}");
    }
}
