//! Settings: the defaults of `config/drift-monitor.yaml`, overridden by a file, overridden by environment variables.

use std::fmt;
use std::path::PathBuf;

use bcs_drift::Preset;
use bcs_drift::sequential;
use bcs_drift::stattests::{self, StatTest};
use bcs_service::environment::InvalidVariable;
use bcs_service::guard::tokens::TokenSettings;
use bcs_service::settings::{ServerSettings, StorageMode};
use bcs_service::{Environment, Failure};
use jiff::tz::TimeZone;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::webhook::Webhook;

/// Settings. `config/drift-monitor.yaml` documents each of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and protection.
    pub server: Server,
    /// Model package with the drift reference.
    pub model: Model,
    /// Buckets of records and reports.
    pub storage: Storage,
    /// Default time window.
    pub window: DefaultWindow,
    /// Predictor that made the predictions.
    pub predictor: Predictor,
    /// Server that is told of reports.
    pub webhook: WebhookSettings,
    /// Test and thresholds.
    pub drift: Drift,
}

/// Address and protection.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; 0 selects a free port.
    pub port: u16,
    /// ID tokens that requests which change something need.
    pub oidc: TokenSettings,
}

/// Model package with the drift reference.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Path or `gs://` URI of the model package, or its key in the repository.
    pub path: Option<PathBuf>,
    /// Bucket of the models, with [`StorageMode::Gcp`].
    pub repository: Option<String>,
}

/// Buckets of records and reports.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Kind of store.
    pub mode: StorageMode,
    /// Folder or bucket of the records.
    pub predictions_bucket: String,
    /// Folder or bucket of the reports.
    pub reports_bucket: String,
}

/// Default time window of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultWindow {
    /// Number of full days before today.
    pub days: u32,
    /// Time zone of the days, by its IANA name.
    pub time_zone: String,
}

impl DefaultWindow {
    /// Returns the time zone.
    ///
    /// # Errors
    /// [`Failure::Usage`] for an unknown name.
    pub fn zone(&self) -> Result<TimeZone, Failure> {
        TimeZone::get(&self.time_zone).map_err(|_| {
            Failure::usage(format!(
                "window.time_zone (TIME_ZONE) is {}; it must be a name of the IANA database, such as Europe/Amsterdam",
                self.time_zone
            ))
        })
    }
}

/// Predictor that made the predictions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictor {
    /// Address, for links in reports; `None` for reports without links.
    pub url: Option<String>,
}

impl Predictor {
    fn check(&self) -> Result<(), Failure> {
        let is_address = |text: &str| Url::parse(text).is_ok_and(|url| url.scheme().starts_with("http"));
        match self.url.as_deref().filter(|text| !is_address(text)) {
            None => Ok(()),
            Some(url) => Err(Failure::usage(format!(
                "predictor.url (PREDICTOR_URL) is '{url}'; it must be an http(s) URL, such as https://predictor.example.org"
            ))),
        }
    }
}

/// Server that is told of reports.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// URL that messages are sent to; `None` for none.
    pub url: Option<String>,
    /// What it is told of.
    pub events: WebhookEvents,
    /// Secret by which the messages are signed, from the environment alone.
    #[serde(skip)]
    pub secret: Option<Secret>,
}

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvents {
    /// Each new report.
    Reports,
    /// New reports with an alarm over time.
    Alarms,
}

impl WebhookSettings {
    /// Returns the webhook; `None` if there is none.
    ///
    /// # Errors
    /// [`Failure::Usage`] for an invalid URL or secret.
    pub fn open(&self) -> Result<Option<Webhook>, Failure> {
        let secret = self.secret.as_ref().map_or("", |Secret(secret)| secret);
        self.url.as_ref().map(|url| Webhook::new(url, secret, self.events)).transpose()
    }
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Test and thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// What decides about drift.
    pub preset: Preset,
    /// Probability of an alarm without drift, for [`Preset::Clustered`]; in (0, 1).
    pub alpha: f64,
    /// Statistical test of each feature, for [`Preset::Evidently`]; `None` for Evidently's choice.
    pub test: Option<String>,
    /// Threshold of the test, for [`Preset::Evidently`]; `None` for its default.
    pub threshold: Option<f64>,
    /// Minimum fraction of drifted features at which the dataset counts as drifted, for [`Preset::Evidently`]; in (0, 1].
    pub share: f64,
    /// Minimum number of records of a comparison.
    pub min_records: usize,
    /// Alarms over time, for [`Preset::Clustered`]; `None` for none.
    pub over_time: Option<OverTime>,
}

/// Alarms over time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverTime {
    /// Mean number of false alarms a month, over all families; above 0.
    pub alarms_per_month: f64,
    /// Number of cases a month; above 0.
    pub cases_per_month: f64,
    /// Number of consecutive windows in which the evidence must suffice; at least 1.
    pub persistence: u32,
}

impl From<OverTime> for sequential::Settings {
    fn from(settings: OverTime) -> Self {
        let OverTime { alarms_per_month, cases_per_month, persistence } = settings;
        Self { alarms_per_month, cases_per_month, persistence, ..Self::default() }
    }
}

impl Drift {
    /// Returns the options of a comparison.
    ///
    /// # Errors
    /// [`bcs_drift::Error::UnknownTest`].
    pub fn options(&self, about: bcs_drift::About) -> Result<bcs_drift::Options, bcs_drift::Error> {
        let test: Option<&'static dyn StatTest> = self.test.as_deref().map(stattests::by_name).transpose()?;
        let Self { preset, alpha, threshold, share, .. } = *self;
        Ok(bcs_drift::Options { about, preset, alpha, test, threshold, drift_share: share })
    }
}

impl ServerSettings for Settings {
    const DEFAULTS: &'static str = include_str!("../../../config/drift-monitor.yaml");
    const DEFAULT_FILE: &'static str = "config/drift-monitor.yaml";

    fn apply(&mut self, environment: &Environment<'_>) -> Result<(), InvalidVariable> {
        let Self { server, model, storage, window, predictor, webhook, .. } = self;
        environment.set_text(&mut server.host, "HOST");
        environment.set(&mut server.port, "PORT", "a number from 0 to 65535")?;
        server.oidc.apply(environment);
        environment.set_optional(&mut model.path, "MODEL_PATH");
        environment.set_optional(&mut model.repository, "MODEL_REPOSITORY");
        environment.set_text(&mut storage.predictions_bucket, "PREDICTIONS_BUCKET");
        environment.set_text(&mut storage.reports_bucket, "REPORTS_BUCKET");
        environment.set_text(&mut window.time_zone, "TIME_ZONE");
        environment.set_optional(&mut predictor.url, "PREDICTOR_URL");
        environment.set_optional(&mut webhook.url, "WEBHOOK_URL");
        environment.set_optional(&mut webhook.secret, "WEBHOOK_SECRET");
        environment.set(&mut storage.mode, "STORAGE_MODE", "local or gcp")
    }

    fn check(&self) -> Result<(), Failure> {
        let Drift { alpha, test, threshold, share, min_records, .. } = &self.drift;
        if let Some(test) = test {
            stattests::by_name(test).map_err(|error| Failure::usage(format!("drift.test: {error}")))?;
        }
        if !(*alpha > 0.0 && *alpha < 1.0) {
            return Err(Failure::usage(format!("drift.alpha is {alpha}; it must be above 0 and below 1")));
        }
        if threshold.is_some_and(|threshold| !(threshold.is_finite() && threshold > 0.0)) {
            return Err(Failure::usage(
                "drift.threshold must be a number greater than 0, such as 0.05, or null",
            ));
        }
        if !(*share > 0.0 && *share <= 1.0) {
            return Err(Failure::usage(format!(
                "drift.share is {share}; it must be greater than 0 and at most 1"
            )));
        }
        if *min_records < 2 {
            return Err(Failure::usage(format!("drift.min_records is {min_records}; it must be at least 2")));
        }
        if let Some(OverTime { alarms_per_month, cases_per_month, persistence }) = self.drift.over_time {
            let positive = |value: f64| value.is_finite() && value > 0.0;
            if !positive(alarms_per_month) || !positive(cases_per_month) || persistence == 0 {
                return Err(Failure::usage(format!(
                    "drift.over_time has alarms_per_month {alarms_per_month}, cases_per_month {cases_per_month} and persistence \
                     {persistence}; all must be above 0"
                )));
            }
        }
        if !(1..=396).contains(&self.window.days) {
            return Err(Failure::usage(format!("window.days is {}; it must be 1 to 396", self.window.days)));
        }
        self.window.zone()?;
        self.predictor.check()?;
        self.webhook.open()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.yaml");
        std::fs::write(&path, file).unwrap();
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::read(Some(&path), &lookup)
    }

    fn usage_error(file: &str, variables: &[(&str, &str)]) -> String {
        let failure = with(file, variables).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        failure.to_string()
    }

    #[test]
    fn the_shipped_defaults_are_complete() {
        let settings = with("", &[]).unwrap();
        assert_eq!((settings.server.port, settings.window.days), (8080, 1));
        assert_eq!(settings.storage.predictions_bucket, "./data/predictions");
        assert_eq!(settings.storage.reports_bucket, "./data/reports");
        assert_eq!((settings.drift.share, settings.drift.min_records), (0.5, 2));
        assert!(settings.server.oidc.open().unwrap().is_none());
    }

    #[test]
    fn variables_override_the_file_and_the_file_overrides_defaults() {
        let file = "server: {port: 1}\ndrift: {share: 0.2}\nmodel: {path: here}";
        let settings = with(file, &[("PORT", "2"), ("REPORTS_BUCKET", "r"), ("HOST", "")]).unwrap();
        assert_eq!((settings.server.port, settings.drift.share), (2, 0.2));
        assert_eq!(settings.server.host, "0.0.0.0");
        assert_eq!(settings.storage.reports_bucket, "r");
        assert_eq!(settings.model.path.as_deref(), Some(Path::new("here")));
    }

    #[test]
    fn invalid_settings_are_named() {
        assert!(usage_error("drift: {shares: 1}", &[]).contains("shares"));
        assert!(usage_error("drift: {share: 0}", &[]).contains("drift.share"));
        assert!(usage_error("drift: {alpha: 1}", &[]).contains("drift.alpha"));
        assert!(usage_error("drift: {preset: tiles}", &[]).contains("clustered"));
        assert!(usage_error("drift: {threshold: -1}", &[]).contains("drift.threshold"));
        assert!(usage_error("drift: {test: nope}", &[]).contains("ks"));
        assert!(usage_error("drift: {min_records: 1}", &[]).contains("drift.min_records"));
        assert!(usage_error("drift: {over_time: {persistence: 0}}", &[]).contains("drift.over_time"));
        assert!(with("drift: {over_time: null}", &[]).unwrap().drift.over_time.is_none());
        assert!(usage_error("webhook: {events: never}", &[]).contains("alarms"));
        assert!(usage_error("window: {days: 0}", &[]).contains("window.days"));
        assert!(usage_error("", &[("TIME_ZONE", "Mars")]).contains("TIME_ZONE"));
        assert!(usage_error("", &[("WEBHOOK_URL", "https://a.example")]).contains("WEBHOOK_SECRET"));
        assert!(usage_error("", &[("PREDICTOR_URL", "predictor:8080")]).contains("PREDICTOR_URL"));
        assert!(usage_error("", &[("PORT", "eighty")]).contains("PORT=eighty"));
        assert!(usage_error("", &[("STORAGE_MODE", "s3")]).contains("STORAGE_MODE=s3"));
    }

    #[test]
    fn tokens_are_needed_if_an_audience_is_set() {
        let variables =
            [("OIDC_AUDIENCE", "https://monitor"), ("OIDC_EMAILS", "a@example.org, b@example.org")];
        let oidc = with("", &variables).unwrap().server.oidc;
        assert_eq!(oidc.emails, ["a@example.org", "b@example.org"]);
        assert!(oidc.open().unwrap().is_some());
    }
}
