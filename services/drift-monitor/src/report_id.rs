//! Id of a report: its days, and a digest of everything that determines its content. The same window with the same
//! records has the same id, so its report is made once, however often it is requested. A new record, another model,
//! other features or other thresholds make another report.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::baseline::Baseline;
use crate::records::Records;
use crate::settings::Drift;
use crate::window::Window;

/// Everything that determines the content of a report.
#[derive(Serialize)]
struct Content<'a> {
    /// Report format, because a newer one may state more about the same records.
    report_format: u32,
    window: Window,
    model_version: &'a str,
    features: Option<&'a BTreeSet<String>>,
    reference: &'a str,
    drift: &'a Drift,
    records: Vec<Uuid>,
    damaged: Vec<&'a String>,
    other_versions: &'a BTreeMap<String, usize>,
}

/// Returns `<first day>_<last day>-<8 hex digits>`, such as `2026-11-22_2026-11-23-0f1e2d3c`.
pub fn report_id(
    window: Window,
    model_version: &str,
    features: Option<&BTreeSet<String>>,
    baseline: &Baseline,
    drift: &Drift,
    records: &Records,
) -> String {
    let content = Content {
        report_format: bcs_drift::report::FORMAT_VERSION,
        window,
        model_version,
        features,
        reference: &baseline.sha256,
        drift,
        records: records.used.iter().map(|used| used.id).collect(),
        damaged: records.damaged.keys().collect(),
        other_versions: &records.other_versions,
    };
    let text = serde_json::to_vec(&content).expect("strings, numbers and times are valid JSON");
    let digest: String = Sha256::digest(&text)[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}_{}-{digest}", window.first_day(), window.last_day())
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use bcs_drift::{Preset, Table};

    use super::*;
    use crate::records::Used;

    #[test]
    fn whatever_changes_the_report_changes_its_id() {
        let now = "2026-11-23T14:30:00Z".parse().unwrap();
        let window = Window::latest(1, now).unwrap();
        let baseline = |sha256: &str| Baseline {
            version: "v1".into(),
            format_version: 2,
            shortcomings: None,
            table: Table::default(),
            sha256: sha256.into(),
        };
        let drift = |share| Drift {
            preset: Preset::Evidently,
            alpha: 0.05,
            test: None,
            threshold: None,
            share,
            min_records: 2,
        };
        let records = |count: u128| {
            let used = (0..count)
                .map(|i| Used { id: Uuid::from_u128(i), case: None, features: Features::new() })
                .collect();
            Records { used, ..Records::default() }
        };
        let features = BTreeSet::from(["grey_mean".to_owned()]);
        let some = Some(&features);
        let first = report_id(window, "v1", None, &baseline("a"), &drift(0.5), &records(3));
        assert!(first.starts_with("2026-11-22_2026-11-23-") && first.len() == 30, "{first}");
        assert_eq!(first, report_id(window, "v1", None, &baseline("a"), &drift(0.5), &records(3)));
        let others = [
            report_id(Window::latest(2, now).unwrap(), "v1", None, &baseline("a"), &drift(0.5), &records(3)),
            report_id(window, "v2", None, &baseline("a"), &drift(0.5), &records(3)),
            report_id(window, "v1", some, &baseline("a"), &drift(0.5), &records(3)),
            report_id(window, "v1", None, &baseline("b"), &drift(0.5), &records(3)),
            report_id(window, "v1", None, &baseline("a"), &drift(0.4), &records(3)),
            report_id(window, "v1", None, &baseline("a"), &drift(0.5), &records(4)),
        ];
        assert!(others.iter().all(|other| *other != first), "{others:?}");
    }
}
