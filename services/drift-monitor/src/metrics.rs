//! Prometheus metrics of runs, in addition to the HTTP metrics of every server.

use std::sync::{Mutex, PoisonError};

use bcs_drift::Outcome;
use bcs_service::Metrics;
use jiff::{SignedDuration, Timestamp};
use prometheus::{Error, Gauge, IntCounterVec, IntGauge, Opts};

use crate::gauges::Gauges;
use crate::monitor::Run;

/// Time after its end for which a window counts as recent, when no other has been seen.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// Metrics of runs. The gauges describe the last run of the newest window: a window of the past does not change them.
#[derive(Debug)]
pub struct RunMetrics {
    runs: IntCounterVec,
    time: Gauge,
    records: IntGauge,
    features: IntGauge,
    skipped: IntGauge,
    drifted: IntGauge,
    share: Gauge,
    drift: IntGauge,
    judged: IntGauge,
    gauges: Gauges,
    /// End of the newest window.
    newest: Mutex<Option<Timestamp>>,
}

impl RunMetrics {
    /// Creates the metrics and registers them with those of the server.
    ///
    /// # Errors
    /// [`Error`] if a name is already registered.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let registry = metrics.registry();
        let options = |name: &str, help: &str| Opts::new(format!("bcs_drift_monitor_{name}"), help);
        let integer = |name: &str, help: &str| {
            let gauge = IntGauge::with_opts(options(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, Error>(gauge)
        };
        let real = |name: &str, help: &str| {
            let gauge = Gauge::with_opts(options(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, Error>(gauge)
        };
        let registered = Self {
            runs: IntCounterVec::new(options("runs_total", "Number of runs by outcome"), &["outcome"])?,
            time: real("last_run_timestamp_seconds", "Unix time of the last successful run")?,
            records: integer("last_run_records", "Number of records compared by the last run")?,
            features: integer("last_run_features", "Number of features compared by the last run")?,
            skipped: integer(
                "last_run_skipped_features",
                "Number of features that the last run could not compare",
            )?,
            drifted: integer("last_run_drifted_features", "Number of drifted features in the last run")?,
            share: real("last_run_drift_share", "Fraction of drifted features in the last run")?,
            drift: integer(
                "last_run_dataset_drift",
                "1 if the data had drifted in the last run, otherwise 0",
            )?,
            gauges: Gauges::register(metrics)?,
            judged: integer("last_run_judged", "1 if the last run had enough to judge, otherwise 0")?,
            newest: Mutex::default(),
        };
        registry.register(Box::new(registered.runs.clone()))?;
        Ok(registered)
    }

    /// Counts a failed run.
    pub fn failed(&self) {
        self.runs.with_label_values(&["failed"]).inc();
    }

    /// Counts a successful run that ended at `now`.
    pub fn done(&self, run: &Run, now: Timestamp) {
        self.runs.with_label_values(&[if run.created { "created" } else { "existing" }]).inc();
        self.time.set(now.as_millisecond() as f64 / 1e3);
        if self.is_newest(run.report.drift.about.window.to.unwrap_or(now), now) {
            self.describe(run);
        }
    }

    /// Whether no newer window has been seen.
    fn is_newest(&self, end: Timestamp, now: Timestamp) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_newest = end >= newest.unwrap_or(now - RECENT);
        if is_newest {
            *newest = Some(end);
        }
        is_newest
    }

    fn describe(&self, run: &Run) {
        let drift = &run.report.drift;
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.records.set(count(run.report.records.used));
        self.features.set(count(drift.features.len()));
        self.skipped.set(count(drift.skipped.len()));
        self.drifted.set(count(drift.drifted));
        self.share.set(drift.share);
        self.drift.set(i64::from(drift.dataset_drift));
        self.gauges.show(drift);
        self.judged.set(i64::from(drift.outcome() != Outcome::NotJudged));
    }
}
