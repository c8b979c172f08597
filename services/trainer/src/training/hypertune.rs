//! Metrics of a trial for the hyperparameter tuning of Vertex AI, in the format of Google's `cloudml-hypertune`.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use bcs_config::python_float;
use fs_err as fs;
use jiff::Timestamp;
use serde_json::json;

use crate::error::Result;

/// Variable with the path of the file.
const FILE_VARIABLE: &str = "CLOUD_ML_HP_METRIC_FILE";

/// Variable with the number of the trial.
const TRIAL_VARIABLE: &str = "CLOUD_ML_TRIAL_ID";

/// Path of the file if [`FILE_VARIABLE`] is not set.
const DEFAULT_FILE: &str = "/tmp/hypertune/output.metrics";

/// Largest number of entries in the file.
const ENTRIES: usize = 100;

/// Name of the metric, which the study must have as its metric id.
const TAG: &str = "val_metric";

/// Reports the metric of a trial of Vertex AI.
#[derive(Debug)]
pub(super) struct Hypertune {
    file: PathBuf,
    trial: String,
    /// Lines of the file.
    entries: VecDeque<String>,
}

impl Hypertune {
    /// Reporter of this process; `None` outside a trial of Vertex AI.
    pub(super) fn from_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let (file, trial) = (variable(FILE_VARIABLE), variable(TRIAL_VARIABLE));
        (file.is_some() || trial.is_some()).then(|| {
            let file = file.unwrap_or_else(|| DEFAULT_FILE.to_owned());
            Self::new(Path::new(&file), &trial.unwrap_or_else(|| "0".to_owned()))
        })
    }

    fn new(file: &Path, trial: &str) -> Self {
        Self { file: file.to_owned(), trial: trial.to_owned(), entries: VecDeque::new() }
    }

    /// Reports the metric after an epoch.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] if the file cannot be written.
    pub(super) fn report(&mut self, value: f64, epoch: usize, time: Timestamp) -> Result<()> {
        if self.entries.len() == ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(self.entry(value, epoch, time));
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(&self.file, self.entries.iter().map(String::as_str).collect::<String>())?)
    }

    /// A line as Python's `json.dumps` writes it with sorted keys.
    fn entry(&self, value: f64, epoch: usize, time: Timestamp) -> String {
        let seconds = python_float(time.as_microsecond() as f64 / 1e6);
        format!(
            "{{\"checkpoint_path\": \"\", \"global_step\": \"{epoch}\", \"timestamp\": {seconds}, \"trial\": {}, \
             \"{TAG}\": \"{}\"}}\n",
            json!(self.trial),
            python_float(value),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_file_is_that_of_cloudml_hypertune_to_the_byte() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/hypertune.json")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metrics/output.metrics");
        let mut hypertune = Hypertune::new(&file, golden["trial"].as_str().unwrap());
        let mut compared = 0;
        for (at, report) in golden["reports"].as_array().unwrap().iter().enumerate() {
            let time = (report["time"].as_f64().unwrap() * 1e6).round() as i64;
            let value = report["value"].as_f64().unwrap_or(f64::NAN);
            let epoch = report["step"].as_u64().unwrap() as usize;
            hypertune.report(value, epoch, Timestamp::from_microsecond(time).unwrap()).unwrap();
            if let Some(expected) = golden["files"].get((at + 1).to_string()) {
                assert_eq!(std::fs::read_to_string(&file).unwrap(), expected.as_str().unwrap());
                compared += 1;
            }
        }
        assert_eq!(compared, 3);
    }
}
