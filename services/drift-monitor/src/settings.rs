//! The configuration: the defaults of `config/drift-monitor.yaml`, a file over them, the environment over both.

mod environment;

use std::path::{Path, PathBuf};

use bcs_drift::stattests::{self, StatTest};
use bcs_service::Environment;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The file with every setting, its default and what it means.
const DEFAULTS: &str = include_str!("../../../config/drift-monitor.yaml");

/// Where a file is looked for that was not named.
const FILE: &str = "config/drift-monitor.yaml";

/// The whole configuration. What each setting means stands in `config/drift-monitor.yaml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it listens.
    pub server: Server,
    /// What drift is measured against.
    pub model: Model,
    /// Where records and reports lie.
    pub storage: Storage,
    /// Which predictions are compared.
    pub window: DefaultWindow,
    /// When it is drift.
    pub drift: Drift,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address.
    pub host: String,
    /// Port; 0 for any.
    pub port: u16,
    /// Audience of ID tokens.
    pub oidc_audience: Option<String>,
}

/// What drift is measured against.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A model package.
    pub path: Option<PathBuf>,
}

/// Where records and reports lie.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Which kind of store.
    pub mode: StorageMode,
    /// Folder of the records.
    pub predictions_bucket: String,
    /// Folder of the reports.
    pub reports_bucket: String,
}

/// Which kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageMode {
    /// A folder.
    Local,
    /// Google Cloud Storage.
    Gcp,
}

/// Which predictions are compared where a run does not say.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultWindow {
    /// Full days before today.
    pub days: u32,
}

/// When it is drift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// The test of each feature.
    pub test: String,
    /// Where drift of a feature begins.
    pub threshold: Option<f64>,
    /// Where drift of the whole begins.
    pub share: f64,
    /// Fewer records are not judged.
    pub min_records: usize,
}

impl Drift {
    /// How to compare, under this heading.
    ///
    /// # Errors
    /// [`bcs_drift::Error::UnknownTest`].
    pub fn options(&self, about: bcs_drift::About) -> Result<bcs_drift::Options, bcs_drift::Error> {
        let test: &'static dyn StatTest = stattests::by_name(&self.test)?;
        Ok(bcs_drift::Options { about, test, threshold: self.threshold, drift_share: self.share })
    }
}

impl Settings {
    /// Reads the file that was named, or that lies where one is looked for, and the environment.
    ///
    /// # Errors
    /// [`Failure::Usage`], naming what can't be read and what is allowed.
    pub fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let found = Some(Path::new(FILE)).filter(|path| path.is_file());
        Self::layer(named.or(found), |name| std::env::var(name).ok())
    }

    fn layer(file: Option<&Path>, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut settings: Self = bcs_config::layer(DEFAULTS, file).map_err(Failure::usage)?;
        environment::apply(&mut settings, &Environment::new(&lookup)).map_err(Failure::usage)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Failure> {
        let Drift { test, threshold, share, min_records } = &self.drift;
        stattests::by_name(test).map_err(|error| Failure::usage(format!("drift.test: {error}")))?;
        if threshold.is_some_and(|threshold| !(threshold.is_finite() && threshold > 0.0)) {
            return Err(Failure::usage("drift.threshold must be a number above 0, such as 0.05, or null"));
        }
        if !(*share > 0.0 && *share <= 1.0) {
            return Err(Failure::usage(format!(
                "drift.share is {share}; give a share above 0 and at most 1"
            )));
        }
        if *min_records < 2 {
            return Err(Failure::usage(format!("drift.min_records is {min_records}; give at least 2")));
        }
        if !(1..=396).contains(&self.window.days) {
            return Err(Failure::usage(format!("window.days is {}; give 1 to 396", self.window.days)));
        }
        Ok(())
    }

    /// Refuses to serve under a belief that is not true.
    ///
    /// # Errors
    /// [`Failure::Usage`], where ID tokens are to be checked.
    pub fn check_protection(&self) -> Result<(), Failure> {
        match &self.server.oidc_audience {
            None => Ok(()),
            Some(audience) => Err(Failure::usage(format!(
                "OIDC_AUDIENCE is {audience}, but ID tokens are not checked in this version, so POST /run would be \
                 open to all; protect it in front of this server (on Cloud Run: --no-allow-unauthenticated) and unset \
                 OIDC_AUDIENCE"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.yaml");
        std::fs::write(&path, file).unwrap();
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::layer(Some(&path), lookup)
    }

    fn refused(file: &str, variables: &[(&str, &str)]) -> String {
        let failure = with(file, variables).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        failure.to_string()
    }

    #[test]
    fn the_documented_defaults_are_whole() {
        let settings = with("", &[]).unwrap();
        assert_eq!((settings.server.port, settings.window.days), (8080, 1));
        assert_eq!(settings.storage.predictions_bucket, "./data/predictions");
        assert_eq!(settings.storage.reports_bucket, "./data/reports");
        assert_eq!((settings.drift.share, settings.drift.min_records), (0.5, 2));
        assert!(settings.check_protection().is_ok());
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = "server: {port: 1}\ndrift: {share: 0.2}\nmodel: {path: here}";
        let settings = with(file, &[("PORT", "2"), ("REPORTS_BUCKET", "r"), ("HOST", "")]).unwrap();
        assert_eq!((settings.server.port, settings.drift.share), (2, 0.2));
        assert_eq!(settings.server.host, "0.0.0.0");
        assert_eq!(settings.storage.reports_bucket, "r");
        assert_eq!(settings.model.path.as_deref(), Some(Path::new("here")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused("drift: {shares: 1}", &[]).contains("shares"));
        assert!(refused("drift: {share: 0}", &[]).contains("drift.share"));
        assert!(refused("drift: {threshold: -1}", &[]).contains("drift.threshold"));
        assert!(refused("drift: {test: psi}", &[]).contains("ks"));
        assert!(refused("drift: {min_records: 1}", &[]).contains("drift.min_records"));
        assert!(refused("window: {days: 0}", &[]).contains("window.days"));
        assert!(refused("", &[("PORT", "eighty")]).contains("PORT=eighty"));
        assert!(refused("", &[("STORAGE_MODE", "s3")]).contains("STORAGE_MODE=s3"));
    }

    #[test]
    fn a_protection_that_is_not_there_is_not_promised() {
        let settings = with("", &[("OIDC_AUDIENCE", "https://monitor")]).unwrap();
        assert!(settings.check_protection().unwrap_err().to_string().contains("OIDC_AUDIENCE"));
    }
}
