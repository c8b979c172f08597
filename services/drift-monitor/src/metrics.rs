//! What Prometheus sees of the runs, beside what every server shows.

use bcs_service::Metrics;
use prometheus::{Error, Gauge, IntCounterVec, IntGauge, Opts};

use crate::monitor::Run;

/// The metrics of the runs. The gauges are of the last one.
#[derive(Debug)]
pub struct RunMetrics {
    runs: IntCounterVec,
    time: Gauge,
    records: IntGauge,
    features: IntGauge,
    drifted: IntGauge,
    share: Gauge,
    drift: IntGauge,
}

impl RunMetrics {
    /// Registers the metrics where the server's own are.
    ///
    /// # Errors
    /// [`Error`], where one of the names is taken.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let registry = metrics.registry();
        let integer = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("bcs_drift_monitor_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, Error>(gauge)
        };
        let real = |name: &str, help: &str| {
            let gauge = Gauge::new(format!("bcs_drift_monitor_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, Error>(gauge)
        };
        let runs = Opts::new("bcs_drift_monitor_runs_total", "Runs, by what became of them");
        let registered = Self {
            runs: IntCounterVec::new(runs, &["outcome"])?,
            time: real("last_run_timestamp_seconds", "When the last run ended well, in Unix time")?,
            records: integer("last_run_records", "Records that the last run compared")?,
            features: integer("last_run_features", "Features that the last run compared")?,
            drifted: integer("last_run_drifted_features", "Features that had drifted at the last run")?,
            share: real("last_run_drift_share", "Share of drifted features at the last run")?,
            drift: integer("last_run_dataset_drift", "1 where the data as a whole had drifted, else 0")?,
        };
        registry.register(Box::new(registered.runs.clone()))?;
        Ok(registered)
    }

    /// Counts a run that failed.
    pub fn failed(&self) {
        self.runs.with_label_values(&["failed"]).inc();
    }

    /// Counts a run that ended well at this time.
    pub fn done(&self, run: &Run, now: jiff::Timestamp) {
        let drift = &run.report.drift;
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.runs.with_label_values(&[if run.created { "created" } else { "existing" }]).inc();
        self.time.set(now.as_millisecond() as f64 / 1e3);
        self.records.set(count(run.report.records.used));
        self.features.set(count(drift.features.len()));
        self.drifted.set(count(drift.drifted));
        self.share.set(drift.share);
        self.drift.set(i64::from(drift.dataset_drift));
    }
}
