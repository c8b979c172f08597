//! Comparison of the records of a run with a drift reference.

use std::collections::BTreeSet;

use bcs_drift::table::Part;
use bcs_drift::{About, DriftReport, Table, detect, not_judged};

use crate::baseline::Baseline;
use crate::error::Error;
use crate::records::Records;
use crate::settings::Drift;

/// Checks that the requested features are in the reference.
///
/// # Errors
/// [`Error::UnknownFeatures`]; [`Error::Request`] for an empty list.
pub fn check_features(features: Option<&BTreeSet<String>>, reference: &Table) -> Result<(), Error> {
    let names = reference.names();
    let known = || names.iter().copied().collect::<Vec<_>>().join(", ");
    let named = features.into_iter().flatten();
    let unknown: Vec<String> =
        named.filter(|name| !names.contains(name.as_str())).map(|name| format!("'{name}'")).collect();
    if features.is_some_and(BTreeSet::is_empty) {
        return Err(Error::Request(format!("'features' is empty; omit it or choose from {}", known())));
    }
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::UnknownFeatures { unknown: unknown.join(", "), known: known() })
}

/// Compares records with a drift reference.
///
/// # Errors
/// [`Error::Drift`] if they cannot be compared.
pub fn compare(
    about: About,
    baseline: &Baseline,
    mut records: Records,
    features: Option<&BTreeSet<String>>,
    drift: &Drift,
) -> Result<DriftReport, Error> {
    let notes = records.notes();
    let select = |mut table: Table| {
        if let Some(features) = features {
            table.select(features);
        }
        table
    };
    let mut reference = select(baseline.table.clone());
    if records.summarized {
        reference.parts = reference.parts.iter().map(Part::by_case).collect();
    }
    let quality = records.quality.finish();
    let current = select(std::mem::take(&mut records.table).into());
    drop(records);
    let options = drift.options(about)?;
    let mut report = if current.rows < drift.min_records {
        let (rows, needed) = (current.rows, drift.min_records);
        let records = if rows == 1 { "record" } else { "records" };
        let reason = match rows {
            0 => "the window is empty".to_owned(),
            _ => format!("{rows} {records} in the window, at least {needed} are needed"),
        };
        not_judged(&reference, current.rows, options, &reason)?
    } else if current.names().is_empty() {
        not_judged(&reference, current.rows, options, "the records have no comparable value")?
    } else {
        detect(&reference, &current, options)?
    };
    report.notes.extend(baseline.notes.iter().cloned());
    report.notes.extend(notes);
    report.quality = quality;
    Ok(report)
}
