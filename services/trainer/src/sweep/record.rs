//! The state of a sweep, `sweep.json`: its trials and what has become of them.

use std::path::{Path, PathBuf};

use bcs_config::Override;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plan::Planned;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::folders::write_whole;

/// Name of the file in the folder of the sweep.
pub(super) const FILE: &str = "sweep.json";

/// Version of the format.
const FORMAT_VERSION: u32 = 1;

/// The state of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Version of the format.
    pub format_version: u32,
    /// Program and version.
    pub created_by: String,
    /// Time of the start.
    pub created: jiff::Timestamp,
    /// Overrides of the command line, but for those of the group `sweep`.
    pub overrides: Vec<String>,
    /// Settings of the sweep.
    pub settings: Settings,
    /// Trials, by number.
    pub trials: Vec<Trial>,
}

/// A trial: a training run with values of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// Number, from 0.
    pub number: usize,
    /// Its folder in that of the sweep, `hydra.sweep.subdir`: its number, unless that is set.
    pub folder: PathBuf,
    /// Values of the swept keys.
    pub parameters: Map<String, Value>,
    /// All overrides.
    pub overrides: Vec<String>,
    /// What has become of it.
    pub state: TrialState,
    /// Best objective; `None` before the first epoch.
    pub objective: Option<f64>,
    /// Epoch of the best objective, from 0.
    pub best_epoch: Option<usize>,
    /// Number of epochs trained.
    pub epochs: usize,
    /// Number of epochs configured.
    pub max_epochs: usize,
    /// Seconds of running, all attempts together.
    pub seconds: f64,
    /// Number of threads, which a resumed trial keeps, so that it has the same result.
    pub threads: Option<usize>,
    /// Largest memory, in megabytes.
    pub peak_memory_mb: Option<u64>,
    /// Folder of its checkpoints in the model repository.
    pub run: Option<PathBuf>,
    /// Model package.
    pub package: Option<PathBuf>,
    /// Why it has failed.
    pub error: Option<String>,
}

/// What has become of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TrialState {
    /// It has not been started.
    Waiting,
    /// It is running, or was when the sweep was killed.
    Running,
    /// The sweep was ended before it; it has a checkpoint.
    Interrupted,
    /// It has trained all its epochs.
    Completed,
    /// The median rule has stopped it.
    Stopped,
    /// It has ended with an error.
    Failed,
}

impl TrialState {
    /// Word of the state in tables.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether a resumed sweep leaves the trial as it is.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped)
    }
}

impl Trial {
    /// Creates a trial that has not been started.
    pub(super) fn new(number: usize, folder: PathBuf, planned: &Planned, max_epochs: usize) -> Self {
        Self {
            number,
            folder,
            parameters: planned.parameters.iter().map(parameter).collect(),
            overrides: planned.overrides.iter().map(|parsed| parsed.text.clone()).collect(),
            state: TrialState::Waiting,
            objective: None,
            best_epoch: None,
            epochs: 0,
            max_epochs,
            seconds: 0.0,
            threads: None,
            peak_memory_mb: None,
            run: None,
            package: None,
            error: None,
        }
    }

    /// Takes over the objective of each epoch.
    pub(super) fn learn(&mut self, curve: &[f64], settings: &Settings) {
        let best = settings.direction.best(curve);
        self.epochs = curve.len();
        self.objective = best.map(|(_, value)| value);
        self.best_epoch = best.map(|(epoch, _)| epoch);
    }

    /// Returns the values of the swept keys in one line.
    pub(super) fn describe(&self) -> String {
        let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs = self.parameters.iter().map(|(key, one)| format!("{key}={}", value(one)));
        pairs.collect::<Vec<_>>().join(" ")
    }
}

fn parameter(parsed: &Override) -> (String, Value) {
    let value = parsed.value().unwrap_or_default();
    // Infinity and NaN are no JSON.
    let json = value.to_json().unwrap_or_else(|_| Value::from(parsed.text.clone()));
    (parsed.key_with_package(), json)
}

impl Record {
    /// Creates the state of a new sweep.
    pub(super) fn new(overrides: Vec<String>, settings: Settings, trials: Vec<Trial>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            created_by: format!("bcs-trainer {}", env!("CARGO_PKG_VERSION")),
            created: jiff::Timestamp::now(),
            overrides,
            settings,
            trials,
        }
    }

    /// Reads the state of the sweep in a folder.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Usage`] if it is damaged or has another format.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let record: Self = serde_json::from_slice(&fs::read(&path)?)
            .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
        if record.format_version != FORMAT_VERSION {
            let (path, version) = (path.display(), record.format_version);
            return Err(Error::Usage(format!(
                "{path} has format version {version}; this program reads version {FORMAT_VERSION}"
            )));
        }
        Ok(record)
    }

    /// Writes the state, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Json`].
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// Returns the number of trials in a state.
    pub(super) fn count(&self, state: TrialState) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }

    /// Whether there is nothing to go on with.
    pub(super) fn is_finished(&self) -> bool {
        self.trials.iter().all(|trial| trial.state.is_final())
    }
}
