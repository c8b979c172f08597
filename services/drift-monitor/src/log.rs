//! Log of a run. The messages are fixed, because alerts match them.

use bcs_drift::Outcome;
use bcs_drift::sequential::OverTime;
use tracing::{info, warn};

use crate::monitor::Run;
use crate::report::StoredReport;

/// Logs the result of a run; drift, runs without a comparison and notes as warnings.
pub fn log(run: &Run) {
    let StoredReport { drift, records } = &run.report;
    let (report, drifted, features) = (&drift.about.id, drift.drifted, drift.features.len());
    info!(
        report,
        created = run.created,
        model_version = drift.about.model_version,
        records = records.used,
        model_features_only = records.model_features_only,
        damaged = records.damaged.len(),
        other_versions = records.other_versions.values().sum::<usize>(),
        drifted,
        features,
        share = drift.share,
        outcome = ?drift.outcome(),
        "The run is done."
    );
    let consequence = bcs_drift::verdict::consequence(drift);
    match drift.outcome() {
        Outcome::Drift => warn!(report, drifted, features, "Drift: {consequence}"),
        Outcome::NotJudged => warn!(report, records = records.used, "Not judged: {consequence}"),
        Outcome::NoDrift => {}
    }
    for alarm in drift.over_time.iter().flat_map(OverTime::alarms) {
        let (family, feature, cases) = (alarm.family.to_string(), &alarm.feature, alarm.cases);
        warn!(report, family, feature, cases, "Alarm over time.");
    }
    for note in &drift.notes {
        warn!(report, note, "The report has a note.");
    }
}
