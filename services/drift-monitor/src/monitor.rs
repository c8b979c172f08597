//! One run: compares the records of a window with the drift reference and stores the report.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_drift::{About, DriftReport, Options, Outcome, Table, detect};
use bcs_storage::{Bytes, Store};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout_at;
use tracing::{info, warn};

use crate::archive::Archive;
use crate::baseline::{Baseline, Package};
use crate::error::Error;
use crate::records::{self, Records};
use crate::report::{Sources, StoredReport};
use crate::report_id::report_id;
use crate::request::RunRequest;
use crate::settings::{Drift, Settings};
use crate::stores::Stores;

/// Time in which the buckets must answer for a run to count as possible: platforms wait for 10 s.
const CHECK_TIME: Duration = Duration::from_secs(5);

/// Compares predictions with the drift reference of their model.
pub struct Monitor {
    predictions: Arc<dyn Store>,
    /// Model package with the drift reference.
    pub package: Package,
    /// Stored reports.
    pub archive: Archive,
    days: u32,
    drift: Drift,
    /// Held during a run, so that of concurrent requests for the same report the first makes it.
    running: Mutex<()>,
}

/// Result of a run.
#[derive(Debug)]
pub struct Run {
    /// The report.
    pub report: StoredReport,
    /// The report as stored.
    pub json: Bytes,
    /// Whether this run made the report; otherwise it was already stored.
    pub created: bool,
}

impl Monitor {
    /// Creates a monitor.
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

    /// Compares the predictions of a window with the reference and stores the report, unless it is already stored.
    ///
    /// # Errors
    /// [`Error`]; then nothing is stored.
    pub async fn run(&self, request: &RunRequest, now: Timestamp) -> Result<Run, Error> {
        let _guard = self.running.lock().await;
        let window = request.window(self.days, now)?;
        let baseline = self.package.baseline().await?;
        let features = request.features.as_ref();
        check_features(features, &baseline.table)?;
        let version = request.model_version.as_ref().unwrap_or(&baseline.version);
        let records = records::collect(&self.predictions, window, version, &baseline).await?;

        let id = report_id(window, version, features, &baseline, &self.drift, &records);
        let sources = Sources::from(&records);
        let about = About {
            title: sources.title(),
            window: window.up_to(now),
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
        log(&run);
        Ok(run)
    }

    /// Returns the stored report with this id, if there is one.
    async fn stored(&self, id: &str) -> Result<Option<Run>, Error> {
        let json = match self.archive.json(id).await {
            Ok(json) => json,
            Err(Error::NoReport(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let report = serde_json::from_slice(&json)
            .map_err(|error| Error::Internal(format!("the stored report '{id}' cannot be read: {error}")))?;
        Ok(Some(Run { report, json, created: false }))
    }

    /// Stores a report, or returns the report that another process stored meanwhile.
    async fn store(&self, report: StoredReport) -> Result<Run, Error> {
        if let Some(json) = self.archive.put(&report).await? {
            return Ok(Run { report, json, created: true });
        }
        let id = report.drift.about.id;
        self.stored(&id).await?.ok_or(Error::NoReport(id))
    }

    /// Compares on a blocking thread, because large samples take seconds.
    async fn compare(
        &self,
        about: About,
        baseline: Arc<Baseline>,
        records: Records,
        features: Option<BTreeSet<String>>,
    ) -> Result<DriftReport, Error> {
        let drift = self.drift.clone();
        let compared = tokio::task::spawn_blocking(move || {
            compare(about, &baseline, &records, features.as_ref(), &drift)
        });
        compared.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Checks whether a run is possible now.
    ///
    /// # Errors
    /// [`Error::Baseline`] without a drift reference; [`Error::Store`] if a bucket cannot be used.
    pub async fn check(&self, now: Timestamp) -> Result<(), Error> {
        let end = Instant::now() + CHECK_TIME;
        let checked = timeout_at(end.into(), self.check_until(now, end)).await;
        checked.unwrap_or_else(|_| {
            let (store, key, reason) =
                (self.predictions.name(), String::new(), "no answer in time".to_owned());
            Err(bcs_storage::Error::Unavailable { store, key, reason }.into())
        })
    }

    async fn check_until(&self, now: Timestamp, end: Instant) -> Result<(), Error> {
        self.package.baseline().await?;
        let today = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let records = bcs_contracts::keys::records_of(today);
        self.predictions.until(end).list_page(&records, None, 1).await?;
        self.archive.store().until(end).check().await?;
        Ok(())
    }
}

/// Checks that the requested features are in the reference.
fn check_features(features: Option<&BTreeSet<String>>, reference: &Table) -> Result<(), Error> {
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

fn compare(
    about: About,
    baseline: &Baseline,
    records: &Records,
    features: Option<&BTreeSet<String>>,
    drift: &Drift,
) -> Result<DriftReport, Error> {
    let select = |mut table: Table| {
        if let Some(features) = features {
            table.select(features);
        }
        table
    };
    let reference = select(baseline.table.clone());
    let current =
        select(Table::from_features(records.used.iter().map(|used| (used.case.clone(), &used.features)))?);
    let options = drift.options(about)?;
    let mut report = if current.rows < drift.min_records {
        let (rows, needed) = (current.rows, drift.min_records);
        let records = if rows == 1 { "record" } else { "records" };
        let reason = format!("{rows} {records} in the window, at least {needed} are needed");
        not_compared(&reference, current.rows, options, &reason)?
    } else if current.names().is_empty() {
        not_compared(&reference, current.rows, options, "the records have no comparable value")?
    } else {
        detect(&reference, &current, options)?
    };
    report.notes.extend(baseline.shortcomings.map(str::to_owned));
    report.notes.extend(records.note());
    Ok(report)
}

/// Returns a report in which no feature is compared, for this reason.
fn not_compared(
    reference: &Table,
    current_rows: usize,
    options: Options,
    reason: &str,
) -> Result<DriftReport, Error> {
    let mut report = detect(reference, &Table::default(), options)?;
    report.current_rows = current_rows;
    if let Some(judgement) = &mut report.judgement {
        judgement.reason = Some(reason.to_owned());
    }
    for skipped in &mut report.skipped {
        reason.clone_into(&mut skipped.reason);
    }
    Ok(report)
}

/// Logs the result of a run; drift, runs without a comparison and notes as warnings.
fn log(run: &Run) {
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
    let consequence = bcs_drift::consequence(drift);
    match drift.outcome() {
        Outcome::Drift => warn!(report, drifted, features, "Drift: {consequence}"),
        Outcome::NotJudged => warn!(report, records = records.used, "Not judged: {consequence}"),
        Outcome::NoDrift => {}
    }
    for note in &drift.notes {
        warn!(report, note, "The report has a note.");
    }
}
