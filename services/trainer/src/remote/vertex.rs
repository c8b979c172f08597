//! Places that Vertex AI names in the environment of a training job with a `baseOutputDirectory`: `gs://` URIs.

use std::path::PathBuf;

/// Where Vertex AI wants the output of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Folder for the files of the best model, `AIP_MODEL_DIR`.
    pub model: Option<PathBuf>,
    /// Folder for checkpoints, `AIP_CHECKPOINT_DIR`.
    pub checkpoints: Option<PathBuf>,
}

impl Places {
    /// Reads the environment.
    pub(crate) fn from_environment() -> Self {
        let place = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { model: place("AIP_MODEL_DIR"), checkpoints: place("AIP_CHECKPOINT_DIR") }
    }
}
