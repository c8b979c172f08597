//! One run: the records of a window in, a report out. The server and the job call the same function.

use std::collections::BTreeSet;
use std::sync::Arc;

use bcs_drift::report::Skipped;
use bcs_drift::{About, Table, detect};
use bcs_storage::{Bytes, Store};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tracing::info;

use crate::archive::Archive;
use crate::baseline::{Baseline, Package};
use crate::error::Error;
use crate::records::{self, Records};
use crate::report::{Sources, StoredReport};
use crate::report_id::report_id;
use crate::request::RunRequest;
use crate::settings::{Drift, Settings};
use crate::stores::Stores;

/// Compares predictions with their reference.
pub struct Monitor {
    predictions: Arc<dyn Store>,
    /// What drift is measured against.
    pub package: Package,
    /// Where reports go.
    pub archive: Archive,
    days: u32,
    drift: Drift,
    /// Held by the one run at a time: of several that ask for the same report, the first makes it.
    running: Mutex<()>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// The report.
    pub report: StoredReport,
    /// The same as it is stored.
    pub json: Bytes,
    /// Whether this run made it; otherwise it was there already.
    pub created: bool,
}

impl Monitor {
    /// Over these stores, with the defaults that the settings give.
    pub fn new(stores: Stores, settings: &Settings) -> Self {
        Self {
            predictions: stores.predictions,
            package: stores.package,
            archive: Archive::new(stores.reports),
            days: settings.window.days,
            drift: settings.drift.clone(),
            running: Mutex::default(),
        }
    }

    /// Compares the predictions of a window with the reference and stores the report, unless it is there.
    ///
    /// # Errors
    /// [`Error`]; nothing is stored then.
    pub async fn run(&self, request: &RunRequest, now: Timestamp) -> Result<Run, Error> {
        let _alone = self.running.lock().await;
        let window = request.window(self.days, now)?;
        let baseline = self.package.baseline().await?;
        let features = request.features.as_ref();
        check_features(features, &baseline.table)?;
        let version = request.model_version.as_ref().unwrap_or(&baseline.version);
        let records = records::collect(&self.predictions, window, version).await?;

        let id = report_id(window, version, features, &baseline, &self.drift, &records);
        let sources = Sources::from(&records);
        let about = About {
            title: sources.title(),
            window: window.seen_at(now),
            model_version: version.clone(),
            ..About::new(id, now)
        };
        let run = match self.stored(&about.id).await? {
            Some(run) => run,
            None => {
                let drift = self.compare(about, baseline, records, features.cloned()).await?;
                self.store(StoredReport { drift, records: sources }).await?
            }
        };
        announce(&run);
        Ok(run)
    }

    /// The report of this id, where it is there already.
    async fn stored(&self, id: &str) -> Result<Option<Run>, Error> {
        let json = match self.archive.json(id).await {
            Ok(json) => json,
            Err(Error::NoReport(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let report = serde_json::from_slice(&json)
            .map_err(|error| Error::Internal(format!("the stored report '{id}' can't be read: {error}")))?;
        Ok(Some(Run { report, json, created: false }))
    }

    async fn store(&self, report: StoredReport) -> Result<Run, Error> {
        if let Some(json) = self.archive.put(&report).await? {
            return Ok(Run { report, json, created: true });
        }
        let id = report.drift.about.id;
        self.stored(&id).await?.ok_or(Error::NoReport(id))
    }

    /// Compares off the threads that answer: large samples take seconds.
    async fn compare(
        &self,
        about: About,
        baseline: Arc<Baseline>,
        records: Records,
        features: Option<BTreeSet<String>>,
    ) -> Result<bcs_drift::DriftReport, Error> {
        let drift = self.drift.clone();
        let compared = tokio::task::spawn_blocking(move || {
            compare(about, &baseline.table, &records, features.as_ref(), &drift)
        });
        compared.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Whether a run could be done now.
    ///
    /// # Errors
    /// [`Error::Baseline`] without reference; [`Error::Store`] for a bucket that can't be used.
    pub async fn check(&self, now: Timestamp) -> Result<(), Error> {
        self.package.baseline().await?;
        let today = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        self.predictions.list(&bcs_contracts::keys::records_of(today)).await?;
        self.archive.store().probe().await?;
        Ok(())
    }
}

fn check_features(features: Option<&BTreeSet<String>>, reference: &Table) -> Result<(), Error> {
    let known = || reference.columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let named = features.into_iter().flatten();
    let unknown: Vec<String> =
        named.filter(|name| !reference.columns.contains_key(*name)).map(|name| format!("'{name}'")).collect();
    if features.is_some_and(BTreeSet::is_empty) {
        return Err(Error::Request(format!("'features' is empty; leave it out or name some of {}", known())));
    }
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::UnknownFeatures { unknown: unknown.join(", "), known: known() })
}

fn compare(
    about: About,
    reference: &Table,
    records: &Records,
    features: Option<&BTreeSet<String>>,
    drift: &Drift,
) -> Result<bcs_drift::DriftReport, Error> {
    let keep = |mut table: Table| {
        table.columns.retain(|name, _| features.is_none_or(|features| features.contains(name)));
        table
    };
    let reference = keep(reference.clone());
    let options = drift.options(about)?;
    let count = records.used.len();
    if count >= drift.min_records {
        let current = Table::from_features(records.used.iter().map(|(_, features)| features))?;
        return Ok(detect(&reference, &keep(current), options)?);
    }
    let mut report = detect(&reference, &Table::default(), options)?;
    report.current_rows = count;
    let records = if count == 1 { "1 record".to_owned() } else { format!("{count} records") };
    let reason = format!("{records} in the window, at least {} are needed", drift.min_records);
    report.skipped = report
        .skipped
        .into_iter()
        .map(|Skipped { name, .. }| Skipped { name, reason: reason.clone() })
        .collect();
    Ok(report)
}

fn announce(run: &Run) {
    let StoredReport { drift, records } = &run.report;
    let (report, created, model_version) = (&drift.about.id, run.created, &drift.about.model_version);
    let (used, damaged) = (records.used, records.damaged.len());
    let other_versions = records.other_versions.values().sum::<usize>();
    let (drifted, features, share) = (drift.drifted, drift.features.len(), drift.share);
    if drift.dataset_drift {
        tracing::warn!(
            report,
            created,
            model_version,
            records = used,
            damaged,
            other_versions,
            drifted,
            features,
            share,
            "Drift: {drifted} of {features} features."
        );
    } else if drift.features.is_empty() {
        tracing::warn!(
            report,
            created,
            model_version,
            records = used,
            damaged,
            other_versions,
            "Nothing to compare: {used} records."
        );
    } else {
        info!(
            report,
            created,
            model_version,
            records = used,
            damaged,
            other_versions,
            drifted,
            features,
            share,
            "No drift of the whole: {drifted} of {features} features."
        );
    }
}
